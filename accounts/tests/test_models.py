"""What the database itself refuses about people, and which names are names."""

import unicodedata
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.db.models import ProtectedError

from accounts import names
from accounts.models import (
    Consent,
    License,
    MailOptOut,
    OutgoingMail,
    Scope,
    Supervision,
    SupervisorConfirmation,
    User,
    check_time_zone,
)
from accounts.tests.factories import (
    LONG_AGO,
    ConsentFactory,
    InvitationFactory,
    LicenseFactory,
    OutgoingMailFactory,
    SupervisionFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

LATER = LONG_AGO + timedelta(days=1)


@contextmanager
def refused(constraint, *, columns=""):
    """The database refuses by this constraint. SQLite names the columns of a plain unique one."""
    with pytest.raises(IntegrityError) as refusal, transaction.atomic():
        yield
    name = columns if columns and connection.vendor == "sqlite" else constraint
    assert name in str(refusal.value)


# --- Users ---


def test_the_database_refuses_an_email_with_a_capital():
    with refused("user_email_is_lower_case"):
        User.objects.create(email="Maya@example.com", legal_name="Maya Okafor")


def test_the_database_refuses_to_give_an_email_a_capital_later():
    user = UserFactory(email="maya@example.com")

    with refused("user_email_is_lower_case"):
        User.objects.filter(pk=user.pk).update(email="maya@Example.com")


def test_the_database_refuses_a_second_account_of_one_email():
    UserFactory(email="maya@example.com")

    with refused("accounts_user_email", columns="accounts_user.email"):
        User.objects.create(email="maya@example.com", legal_name="Somebody Else")


def test_the_database_refuses_a_user_without_a_name():
    with refused("user_has_a_legal_name"):
        User.objects.create(email="maya@example.com", legal_name="")


def test_a_new_user_has_the_email_in_lower_case_and_no_rights():
    user = User.objects.create_user(" Maya@Example.COM ", legal_name="Maya Okafor")

    assert user.email == "maya@example.com"
    assert (user.is_staff, user.is_superuser, user.has_usable_password()) == (False, False, False)


def test_a_user_is_not_made_without_an_email():
    with pytest.raises(ValueError, match="needs an e-mail address"):
        User.objects.create_user("", legal_name="Maya Okafor")


def test_sign_in_finds_the_user_whatever_the_case_of_the_email():
    user = UserFactory(email="maya@example.com")

    assert User.objects.get_by_natural_key("MAYA@Example.com") == user


@pytest.mark.parametrize(
    ("legal_name", "initials", "first_name"),
    [
        ("Maya Okafor", "MO", "Maya"),
        ("Maya Ijeoma Okafor", "MO", "Maya"),
        ("Sukarno", "S", "Sukarno"),
        ("李 小龍", "李小", "李"),
    ],
)
def test_a_name_gives_its_monogram_and_its_first_word(legal_name, initials, first_name):
    user = User(legal_name=legal_name)

    assert (user.initials, user.get_short_name()) == (initials, first_name)


@pytest.mark.parametrize("name", ["", "Nowhere/Land", "EST5", "../etc/passwd"])
def test_an_unknown_time_zone_is_refused(name):
    with pytest.raises(ValidationError, match="is not a time zone that we know"):
        check_time_zone(name)


# --- Licenses ---


@pytest.mark.parametrize(
    ("license_type", "number"), [("LCSW", "AB-1"), ("lcsw", "AB-1"), ("LCSW", "ab-1")]
)
def test_the_database_refuses_a_license_that_its_holder_has_whatever_its_case(license_type, number):
    first = LicenseFactory(license_type="LCSW", number="AB-1")

    with refused("license_once_per_holder"):
        LicenseFactory(holder=first.holder, license_type=license_type, number=number)


def test_two_people_may_hold_licenses_that_look_alike():
    first = LicenseFactory(license_type="LCSW", number="000000")

    second = LicenseFactory(license_type="LCSW", number="000000")

    assert set(License.objects.all()) == {first, second}


def test_one_person_may_hold_the_same_number_in_two_states_and_of_two_types():
    holder = UserFactory()
    for state, license_type in [("NY", "LCSW"), ("NJ", "LCSW"), ("NY", "LMSW")]:
        LicenseFactory(holder=holder, state=state, license_type=license_type, number="1")

    assert [str(license_) for license_ in holder.licenses.by_state()] == [
        "New Jersey LCSW 1",
        "New York LCSW 1",
        "New York LMSW 1",
    ]


@pytest.mark.parametrize("empty", ["license_type", "number"])
def test_the_database_refuses_a_license_without(empty):
    with refused("license_has_type_and_number"):
        LicenseFactory(**{empty: ""})


# --- Supervisions ---


@pytest.mark.parametrize(
    ("constraint", "facts"),
    [
        ("supervision_begins_with_consent", {"accepted_at": LATER, "begins_at": LONG_AGO}),
        ("supervision_ends_after_it_begins", {"ends_at": LONG_AGO}),
        (
            "supervision_ended_after_consent",
            {"accepted_at": LATER, "ended_at": LONG_AGO, "ended_by": "trainee"},
        ),
        ("supervision_ended_by_somebody", {"ended_at": LATER, "ended_by": None}),
        ("supervision_ended_by_somebody", {"ended_at": None, "ended_by": "trainee"}),
        (
            "supervision_shares_something",
            {f"shares_{scope}": False for scope in Scope},
        ),
    ],
)
def test_the_database_refuses_a_supervision_that_cannot_be(constraint, facts):
    trainee = UserFactory()
    if facts.get("ended_by"):
        facts = {**facts, "ended_by": trainee}

    with refused(constraint):
        SupervisionFactory(trainee=trainee, **facts)


def test_the_database_refuses_that_someone_supervises_themself():
    user = UserFactory()

    with refused("supervision_is_of_somebody_else"):
        SupervisionFactory(supervisor=user, trainee=user)


@pytest.mark.parametrize("first", [{}, {"future": True}])
def test_the_database_refuses_a_second_open_supervision_of_a_pair(first):
    open_one = SupervisionFactory(**first)

    with refused("supervision_one_open_per_pair", columns="accounts_supervision.supervisor_id"):
        SupervisionFactory(supervisor=open_one.supervisor, trainee=open_one.trainee)


def test_a_supervision_that_ended_leaves_room_for_a_new_one():
    first = SupervisionFactory(ended=True)

    second = SupervisionFactory(supervisor=first.supervisor, trainee=first.trainee)

    assert list(Supervision.objects.open(at=first.ended_at)) == [second]


def test_two_people_may_supervise_each_other():
    first = SupervisionFactory()

    second = SupervisionFactory(supervisor=first.trainee, trainee=first.supervisor)

    assert set(Supervision.objects.of(first.trainee)) == {first, second}


def test_the_database_refuses_to_change_or_remove_a_consent():
    given = Consent.objects.filter(pk=ConsentFactory().pk)

    with pytest.raises(IntegrityError, match="never changed"), transaction.atomic():
        given.update(shares_practice=True)
    with pytest.raises(IntegrityError, match="never changed"), transaction.atomic():
        given.delete()


@pytest.mark.parametrize(
    ("constraint", "facts"),
    [
        ("invitation_address_is_lower_case", {"email": "Priya@example.com"}),
        ("invitation_ends_in_one_way", {"declined_at": LATER, "withdrawn_at": LATER}),
        ("invitation_accepted_becomes_a_supervision", {"accepted_at": LATER}),
        (
            "invitation_ends_after_it_begins",
            {"begins_on": date(2026, 2, 2), "ends_on": date(2026, 2, 1)},
        ),
        (
            "invitation_of_a_trainee_consents_to_something",
            {"inviter_is": "trainee", "shares_credit": False},
        ),
    ],
)
def test_the_database_refuses_an_invitation_that_cannot_be(constraint, facts):
    with refused(constraint):
        InvitationFactory(**facts)


def test_the_database_refuses_an_invitation_accepted_after_it_expired():
    with refused("invitation_accepted_before_it_expires"):
        InvitationFactory(accepted_at=LATER, supervision=SupervisionFactory(), expires_at=LONG_AGO)


def test_the_database_refuses_a_second_open_invitation_to_one_address():
    first = InvitationFactory()

    with refused("invitation_one_open_per_address", columns="accounts_invitation.inviter_id"):
        InvitationFactory(inviter=first.inviter, email=first.email)


@pytest.mark.parametrize(
    ("constraint", "facts"),
    [
        ("supervisor_confirmation_has_a_reason", {"because": ""}),
        ("supervisor_confirmation_withdrawn_by_somebody", {"withdrawn_at": LATER}),
    ],
)
def test_the_database_refuses_a_confirmation_that_cannot_be(constraint, facts):
    person = UserFactory()
    row = {"because": "Known to us.", "confirmed_by": person, "confirmed_at": LONG_AGO, **facts}

    with refused(constraint):
        SupervisorConfirmation.objects.create(person=person, **row)


@pytest.mark.parametrize("to", ["nobody", "both"])
def test_the_database_refuses_a_mail_that_goes_to(to):
    facts = {
        "nobody": {"recipient": None},
        "both": {"recipient": UserFactory(), "address": "priya@example.com"},
    }

    with refused("outgoing_mail_goes_to_a_person_or_an_address"):
        OutgoingMailFactory(**facts[to])


def test_a_supervision_is_active_from_the_first_moment_until_the_last_and_at_no_other():
    consent, begin, end, last = (datetime(2026, 2, day, 9, 0, tzinfo=UTC) for day in (1, 2, 3, 4))
    second = timedelta(seconds=1)
    ended = SupervisionFactory(
        accepted_at=consent, begins_at=begin, ends_at=last, ended=True, ended_at=end
    )
    lasting = SupervisionFactory(accepted_at=consent, begins_at=begin, ends_at=last)
    SupervisionFactory(accepted_at=consent, future=True)

    seen = {
        moment: set(Supervision.objects.active(at=moment))
        for moment in (consent, begin - second, begin, end - second, end, last - second, last)
    }

    assert seen == {
        consent: set(),
        begin - second: set(),
        begin: {ended, lasting},
        end - second: {ended, lasting},
        end: {lasting},
        last - second: {lasting},
        last: set(),
    }


# --- Names ---


@pytest.mark.parametrize(
    "name",
    [
        "Maya Okafor",
        "O'Brien-D’Angelo",
        'Samuel "Sam" Lee, Jr.',
        "#set text(red)",
        "M" * names.MAX_LENGTH,
        "محمد رضا",
        "علی\u200cرضا",  # Persian writes a non-joiner here
        "क्\u200dष",  # and Hindi a joiner
        "Nguyễn Thị Ánh",
        "李小龍",
        "דוד לוי",
    ],
)
def test_a_name_that_a_board_could_print_is_accepted_unchanged(name):
    names.check_name(name)

    assert names.clean(name) == name


@pytest.mark.parametrize("name", ["", " ", "12345", "---", "\u200d", "…"])
def test_what_has_no_letter_is_no_name(name):
    with pytest.raises(ValidationError, match="Enter your name as it stands on your license"):
        names.check_name(name)


@pytest.mark.parametrize(
    "character",
    ["\x00", "\x07", "\x1b", "\u200b", "\u202e", "\u2028", "\ufeff", "\xad", "\ue000", "\ud800"],
)
def test_a_name_with_an_invisible_character_is_refused_and_the_character_is_named(character):
    with pytest.raises(ValidationError) as refusal:
        names.check_name(f"Maya{character}Okafor")

    assert refusal.value.messages == [
        f"The name holds an invisible character (U+{ord(character):04X}). Type it again without."
    ]


def test_composed_and_decomposed_spellings_become_the_same_name():
    composed = unicodedata.normalize("NFC", "Nguyễn Thị Ánh")
    decomposed = unicodedata.normalize("NFD", composed)
    assert composed != decomposed

    cleaned = [names.clean(composed), names.clean(decomposed)]

    assert cleaned == [composed, composed]


def test_space_around_and_between_words_becomes_one_space():
    assert names.clean(" \tMaya\u00a0 \n Okafor ") == "Maya Okafor"


def test_a_name_of_151_characters_is_too_long():
    user = User(email="maya@example.com", legal_name="M" * 151)

    with pytest.raises(ValidationError) as refusal:
        user.full_clean(exclude=["password"])

    assert list(refusal.value.message_dict) == ["legal_name"]


@pytest.mark.parametrize("name", ["สมชาย", "தமிழ்", "অনিতা", "Maya 😀", "\u3164", "𒀀"])
def test_a_name_that_no_certificate_could_show_is_refused(name):
    with pytest.raises(ValidationError):
        names.check_name(name)


@pytest.mark.parametrize(
    "name",
    ["Nguyễn Thị Mai", "محمد", "王小明", "김민수", "やまだ", "Ελένη", "Иван", "שלום", "प्रिया"],
)
def test_a_name_in_a_script_that_certificates_print_is_taken(name):
    names.check_name(name)


# --- Mail ---


@pytest.mark.parametrize(
    ("facts", "constraint"),
    [
        ({"key": ""}, "outgoing_mail_has_a_kind_and_a_key"),
        ({"kind": ""}, "outgoing_mail_has_a_kind_and_a_key"),
        ({"subject": ""}, "outgoing_mail_has_words_until_it_ends"),
        ({"body": ""}, "outgoing_mail_has_words_until_it_ends"),
        ({"dropped_at": LATER}, "outgoing_mail_dropped_for_a_reason"),
        ({"dropped_because": "Too late."}, "outgoing_mail_dropped_for_a_reason"),
        ({"sent_at": LATER, "given_up_at": LATER}, "outgoing_mail_ends_in_one_way"),
        (
            {"sent_at": LATER, "dropped_at": LATER, "dropped_because": "Too late."},
            "outgoing_mail_ends_in_one_way",
        ),
        (
            {"given_up_at": LATER, "dropped_at": LATER, "dropped_because": "Too late."},
            "outgoing_mail_ends_in_one_way",
        ),
    ],
)
def test_the_database_refuses_a_mail_that_cannot_be(facts, constraint):
    promise = OutgoingMailFactory()

    with refused(constraint):
        OutgoingMail.objects.filter(pk=promise.pk).update(**facts)


def test_the_database_refuses_a_second_mail_of_one_key():
    first = OutgoingMailFactory()

    with refused("outgoing_mail_once_per_key", columns="accounts_outgoingmail.key"):
        OutgoingMailFactory(key=first.key)


def test_the_database_keeps_a_person_to_whom_mail_is_promised():
    promise = OutgoingMailFactory()

    with pytest.raises(ProtectedError):
        promise.recipient.delete()


def test_the_database_refuses_to_stop_one_kind_twice():
    wish = MailOptOut.objects.create(
        owner=UserFactory(), kind="session-reminder", opted_out_at=LONG_AGO
    )

    with refused("mail_opt_out_once_per_kind", columns="accounts_mailoptout.owner_id"):
        MailOptOut.objects.create(owner=wish.owner, kind=wish.kind, opted_out_at=LATER)


def test_the_database_refuses_to_stop_mail_of_no_kind():
    with refused("mail_opt_out_has_a_kind"):
        MailOptOut.objects.create(owner=UserFactory(), kind="", opted_out_at=LONG_AGO)


@pytest.mark.parametrize(
    ("facts", "word"),
    [
        ({}, "Waiting"),
        ({"attempts": 2}, "Refused so far"),
        ({"attempts": 80, "given_up_at": LATER}, "Given up"),
        ({"attempts": 2, "sent_at": LATER}, "Sent"),
        ({"dropped_at": LATER, "dropped_because": "Too late."}, "Dropped: Too late."),
    ],
)
def test_a_mail_says_what_became_of_it(facts, word):
    assert OutgoingMailFactory(**facts).state == word
