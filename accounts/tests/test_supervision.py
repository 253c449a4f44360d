"""A trainee consents to what is read, changes it, and either side ends it."""

from datetime import UTC, date, datetime, timedelta

import pytest

from accounts import supervision as story
from accounts.models import Consent, OutgoingMail, Scope, Supervision, User
from accounts.tests.factories import LicenseFactory, SupervisionFactory, UserFactory

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
CREDIT = [Scope.CREDIT]


@pytest.fixture
def pair():
    """Who supervises, and a trainee in Los Angeles."""
    return {
        "supervisor": UserFactory(legal_name="Helena Brandt"),
        "trainee": UserFactory(legal_name="Priya Raman", time_zone="America/Los_Angeles"),
    }


def history(link):
    rows = Consent.objects.filter(supervision=link).order_by("pk")
    return [(row.what, row.scopes, row.recorded_by, row.recorded_at) for row in rows]


def reads(link, moment, scope=Scope.CREDIT):
    return Supervision.objects.active(at=moment).sharing(scope).filter(pk=link.pk).exists()


# --- Begin ---


def test_begin_shares_what_is_consented_to_from_that_moment_and_nothing_else(pair, noon):
    link = story.begin(**pair, scopes=[Scope.CREDIT, Scope.PRACTICE], at=noon)

    assert {scope for scope in Scope if reads(link, noon, scope)} == {
        Scope.CREDIT,
        Scope.PRACTICE,
    }
    assert not reads(link, noon - SECOND)


def test_begin_keeps_who_consented_to_what_and_when(pair, noon):
    link = story.begin(**pair, scopes=CREDIT, at=noon)

    assert history(link) == [("given", CREDIT, pair["trainee"], noon)]


def test_days_are_whole_days_where_the_trainee_is(pair, noon):
    link = story.begin(
        **pair, scopes=CREDIT, begins_on=date(2026, 3, 7), ends_on=date(2026, 3, 8), at=noon
    )

    # The clocks in Los Angeles go forward on March 8.
    begin, end = datetime(2026, 3, 7, 8, tzinfo=UTC), datetime(2026, 3, 9, 7, tzinfo=UTC)
    assert (link.begins_at, link.ends_at) == (begin, end)
    assert [reads(link, at) for at in (noon, begin - SECOND, begin, end - SECOND, end)] == [
        False,
        False,
        True,
        True,
        False,
    ]
    assert (story.first_day(link), story.last_day(link)) == (date(2026, 3, 7), date(2026, 3, 8))


def test_a_first_day_that_is_past_reaches_back_to_the_consent_and_no_further(pair, noon):
    link = story.begin(**pair, scopes=CREDIT, begins_on=date(2020, 1, 1), at=noon)

    assert link.begins_at == noon


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"scopes": []}, "Choose at least one part of the record to share, or share nothing."),
        (
            {"ends_on": date(2026, 3, 1)},
            "The last day is over already. Choose today or a later day.",
        ),
        (
            {"begins_on": date(2026, 3, 5), "ends_on": date(2026, 3, 4)},
            "The last day is before the first day. Check the two days.",
        ),
        (
            {"ends_on": date.max},
            "This last day is too far away. Leave it empty for no last day.",
        ),
    ],
)
def test_begin_refuses(pair, noon, facts, words):
    with pytest.raises(story.SupervisionError) as refusal:
        story.begin(**pair, **{"scopes": CREDIT, "at": noon, **facts})

    assert str(refusal.value) == words
    assert Supervision.objects.count() == 0


def test_begin_refuses_that_somebody_supervises_themselves(noon):
    person = UserFactory()

    with pytest.raises(story.SupervisionError, match="Nobody supervises themselves"):
        story.begin(supervisor=person, trainee=person, scopes=CREDIT, at=noon)


@pytest.mark.parametrize("begins_on", [None, date(2026, 4, 1)])
def test_begin_refuses_a_second_one_of_the_same_pair(pair, noon, begins_on):
    story.begin(**pair, scopes=CREDIT, begins_on=begins_on, at=noon)

    with pytest.raises(story.SupervisionError, match="Helena Brandt supervises Priya Raman"):
        story.begin(**pair, scopes=list(Scope), at=noon)

    assert Supervision.objects.get().scopes == CREDIT


def test_what_ran_until_its_last_day_leaves_room_for_a_new_one(pair, noon):
    first = story.begin(**pair, scopes=CREDIT, ends_on=date(2026, 3, 2), at=noon)
    later = noon + timedelta(days=1)

    second = story.begin(**pair, scopes=CREDIT, at=later)

    first.refresh_from_db()
    assert (first.ended_at, first.ended_by) == (first.ends_at, None)
    assert [reads(link, later) for link in (first, second)] == [False, True]


def test_two_colleagues_may_supervise_each_other_each_by_a_consent_of_their_own(pair, noon):
    other_way = {"supervisor": pair["trainee"], "trainee": pair["supervisor"]}
    first = story.begin(**pair, scopes=CREDIT, at=noon)
    second = story.begin(**other_way, scopes=[Scope.PRACTICE], at=noon)

    story.end(supervision=first, by=pair["trainee"], at=noon + HOUR)

    assert reads(second, noon + HOUR, Scope.PRACTICE)
    assert not reads(second, noon + HOUR, Scope.CREDIT)


# --- Change ---


def test_what_is_taken_back_is_not_read_from_that_moment_on(noon):
    link = SupervisionFactory()

    story.change(supervision=link, scopes=[Scope.PRACTICE], ends_on=None, at=noon)

    assert [scope for scope in Scope if reads(link, noon, scope)] == [Scope.PRACTICE]


def test_a_change_is_kept_and_the_one_before_stays(pair, noon):
    link = story.begin(**pair, scopes=CREDIT, at=noon)

    story.change(supervision=link, scopes=list(Scope), ends_on=None, at=noon + HOUR)

    assert history(link) == [
        ("given", CREDIT, pair["trainee"], noon),
        ("changed", list(Scope), pair["trainee"], noon + HOUR),
    ]


def test_the_same_again_changes_nothing_and_mails_nobody(pair, noon):
    link = story.begin(**pair, scopes=CREDIT, ends_on=date(2026, 5, 1), at=noon)

    story.change(supervision=link, scopes=CREDIT, ends_on=date(2026, 5, 1), at=noon + HOUR)

    assert len(history(link)) == 1
    assert OutgoingMail.objects.count() == 0


def test_the_supervisor_is_told_what_changed(pair, noon):
    link = story.begin(**pair, scopes=list(Scope), at=noon)

    story.change(supervision=link, scopes=CREDIT, ends_on=date(2026, 5, 1), at=noon + HOUR)

    promise = OutgoingMail.objects.get()
    assert promise.recipient == pair["supervisor"]
    assert promise.subject == "Priya Raman changed what you read of their record"
    assert "From now on it is, to May 1, 2026:\n\n- Credit and certificates\n" in promise.body


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"scopes": []}, "Choose at least one part"),
        ({"ends_on": date(2026, 3, 1)}, "The last day is over already."),
    ],
)
def test_change_refuses(noon, facts, words):
    link = SupervisionFactory()

    with pytest.raises(story.SupervisionError, match=words):
        story.change(supervision=link, **{"scopes": CREDIT, "ends_on": None, "at": noon, **facts})

    assert Supervision.objects.get().scopes == [Scope.CREDIT, Scope.REFLECTIONS]


@pytest.mark.parametrize("over", [{"ended": True}, {"ends_at": datetime(2026, 2, 1, tzinfo=UTC)}])
def test_nothing_is_changed_once_it_is_over(noon, over):
    link = SupervisionFactory(**over)

    with pytest.raises(story.SupervisionError, match="This supervision has ended."):
        story.change(supervision=link, scopes=CREDIT, ends_on=None, at=noon)


# --- End ---


@pytest.mark.parametrize(("side", "other"), [("supervisor", "trainee"), ("trainee", "supervisor")])
def test_either_side_ends_it_at_once_and_the_other_is_told(pair, noon, side, other):
    link = story.begin(**pair, scopes=CREDIT, at=noon)

    story.end(supervision=link, by=pair[side], at=noon + HOUR)

    assert [reads(link, noon + HOUR - SECOND), reads(link, noon + HOUR)] == [True, False]
    assert history(link)[1:] == [("ended", CREDIT, pair[side], noon + HOUR)]
    promise = OutgoingMail.objects.get()
    assert promise.recipient == pair[other]
    assert promise.subject == f"{pair[side].legal_name} ended the supervision"


def test_end_twice_keeps_the_first_end_and_tells_once(noon):
    link = SupervisionFactory()
    story.end(supervision=link, by=link.trainee, at=noon)

    story.end(supervision=link, by=link.supervisor, at=noon + HOUR)

    link.refresh_from_db()
    assert (link.ended_at, link.ended_by) == (noon, link.trainee)
    assert (Consent.objects.count(), OutgoingMail.objects.count()) == (1, 1)


def test_who_ends_with_a_moment_before_the_consent_ends_it_with_the_consent(pair, noon):
    link = story.begin(**pair, scopes=CREDIT, at=noon)

    story.end(supervision=link, by=link.trainee, at=noon - SECOND)

    link.refresh_from_db()
    assert link.ended_at == noon
    assert not reads(link, noon)


def test_one_that_begins_later_can_be_ended_before(noon):
    link = SupervisionFactory(future=True)

    story.end(supervision=link, by=link.trainee, at=noon)

    assert not reads(link, link.begins_at)


# --- Who may supervise ---


@pytest.fixture
def _confirmed_only(settings):
    settings.SUPERVISORS_MUST_BE_CONFIRMED = True


@pytest.mark.usefixtures("_confirmed_only")
@pytest.mark.parametrize(
    ("held", "may"),
    [
        ({}, True),
        ({"expires_on": date(2026, 3, 2)}, True),
        ({"expires_on": date(2026, 3, 1)}, False),
        ({"issued_on": date(2026, 3, 3)}, False),
        ({"removed_at": datetime(2026, 2, 1, tzinfo=UTC)}, False),
        (None, False),
    ],
)
def test_a_license_in_force_confirms_a_supervisor(pair, noon, held, may):
    if held is not None:
        LicenseFactory(holder=pair["supervisor"], **held)

    assert story.may_supervise(pair["supervisor"], at=noon) is may
    if may:
        assert story.begin(**pair, scopes=CREDIT, at=noon)
    else:
        with pytest.raises(story.SupervisionError, match="Helena Brandt is not confirmed"):
            story.begin(**pair, scopes=CREDIT, at=noon)


@pytest.mark.usefixtures("_confirmed_only")
def test_the_license_of_the_trainee_confirms_nobody_and_a_trainee_needs_none(pair, noon):
    LicenseFactory(holder=pair["trainee"])

    assert not story.may_supervise(pair["supervisor"], at=noon)
    LicenseFactory(holder=pair["supervisor"])
    pair["trainee"].licenses.update(removed_at=noon)
    assert story.begin(**pair, scopes=CREDIT, at=noon)


@pytest.mark.usefixtures("_confirmed_only")
def test_staff_confirm_a_supervisor_and_take_it_back(pair, noon):
    staff, person = UserFactory(), pair["supervisor"]
    for _ in range(2):
        story.confirm(person=person, because="Known to the board.", by=staff, at=noon)
    link = story.begin(**pair, scopes=CREDIT, at=noon)

    story.withdraw_confirmation(person=person, by=staff, at=noon + HOUR)

    assert [reads(link, noon), reads(link, noon + HOUR)] == [True, False]
    assert person.supervisor_confirmations.count() == 1


@pytest.mark.usefixtures("_confirmed_only")
def test_reading_pauses_while_the_confirmation_has_lapsed_and_nothing_ends(pair, noon):
    held = LicenseFactory(holder=pair["supervisor"], expires_on=date(2026, 3, 10))
    link = story.begin(**pair, scopes=CREDIT, at=noon)
    # The day after the last one begins at midnight in the portal's own zone.
    midnight = datetime(2026, 3, 11, 4, tzinfo=UTC)
    lapsed = [reads(link, midnight - SECOND), reads(link, midnight)]

    held.expires_on = date(2028, 3, 10)
    held.save()

    assert lapsed == [True, False]
    assert reads(link, midnight)
    assert list(Supervision.objects.open(at=midnight)) == [link]


def test_nobody_needs_to_be_confirmed_unless_the_operator_says_so(pair, noon):
    assert story.begin(**pair, scopes=CREDIT, at=noon)


def test_a_supervisor_whose_account_is_closed_reads_nothing_at_once(noon):
    link = SupervisionFactory()

    User.objects.filter(pk=link.supervisor.pk).update(is_active=False)

    assert not reads(link, noon)
