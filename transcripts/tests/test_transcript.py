"""A transcript shows one holder's credit to those who may read it then, and adds it up."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import AnonymousUser, Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from accounts.tests.factories import InvitationFactory, SupervisionFactory, UserFactory
from transcripts import ledger, transcript
from transcripts.models import Certificate, CreditEntry
from transcripts.tests.factories import CertificateFactory, CreditEntryFactory, make_line

pytestmark = pytest.mark.django_db


def own(holder, at, **period):
    return transcript.build(holder=holder, reader=holder, at=at, **period)


def test_years_come_newest_first_and_so_do_their_entries(noon):
    holder = UserFactory()
    days = [date(2025, 3, 1), date(2026, 2, 1), date(2024, 7, 1), date(2026, 2, 1)]
    spring, first, summer, second = [
        CreditEntryFactory(holder=holder, earned_on=day) for day in days
    ]

    built = own(holder, noon)

    assert [(year.year, year.entries) for year in built.years] == [
        (2026, [second, first]),
        (2025, [spring]),
        (2024, [summer]),
    ]
    assert built.entries == [second, first, spring, summer]


def test_totals_are_the_sums_of_the_entries_shown(noon):
    holder = UserFactory()
    for year, hours in [(2025, "1.25"), (2026, "0.75"), (2026, "0.1"), (2026, "3")]:
        CreditEntryFactory(holder=holder, earned_on=date(year, 3, 1), hours=hours)
    CreditEntryFactory(hours="50")

    built = own(holder, noon)

    assert {year.year: year.hours for year in built.years} == {
        2026: Decimal("3.85"),
        2025: Decimal("1.25"),
    }
    assert built.hours == sum(entry.hours for entry in built.entries) == Decimal("5.10")


def test_a_reversed_award_and_its_reversal_both_stand_there_and_give_nothing(noon):
    holder = UserFactory()
    undone = CertificateFactory(entry__holder=holder, entry__earned_on=date(2025, 12, 31)).entry
    kept = CertificateFactory(entry__holder=holder, entry__earned_on=date(2026, 1, 5)).entry
    reversal = ledger.reverse(
        entry=undone, reason_class="error", reason="Not there.", by=UserFactory(), at=noon
    )

    built = own(holder, noon)

    assert [(year.year, year.entries, year.hours, year.courses) for year in built.years] == [
        (2026, [kept], Decimal("1.5"), 1),
        (2025, [reversal, undone], Decimal(0), 0),
    ]
    assert built.hours == Decimal("1.5")
    # The reversal is written in March, and is of the day of its award: every period adds up.
    assert own(holder, noon, until=date(2026, 1, 1)).hours == 0


def test_hours_of_several_bodies_are_not_added_up(noon):
    entry = CreditEntryFactory(
        hours="1.5",
        lines=[
            make_line(hours=Decimal("1.5")),
            make_line(body="apa", body_name="APA", hours=Decimal("1.5")),
        ],
    )

    assert own(entry.holder, noon).hours == Decimal("1.5")


def test_a_transcript_without_credit_has_no_years_and_no_hours(noon):
    CreditEntryFactory()

    built = own(UserFactory(), noon)

    assert (built.years, built.entries, built.hours) == ([], [], 0)


def test_a_period_includes_its_first_day_and_not_its_last(noon):
    holder = UserFactory()
    for day in [date(2025, 12, 31), date(2026, 1, 1), date(2026, 12, 31), date(2027, 1, 1)]:
        CreditEntryFactory(holder=holder, earned_on=day)

    built = own(holder, noon, since=date(2026, 1, 1), until=date(2027, 1, 1))

    assert [entry.earned_on for entry in built.entries] == [date(2026, 12, 31), date(2026, 1, 1)]
    assert built.hours == Decimal(3)


def test_the_lines_of_an_entry_stand_in_the_order_of_the_award(noon):
    bodies = ["nysed", "aswb", "apa"]
    entry = CreditEntryFactory(lines=[make_line(body=body, body_name=body) for body in bodies])

    (shown,) = own(entry.holder, noon).entries

    assert [line.body for line in shown.lines.all()] == bodies


def test_who_reads_a_persons_credit(noon):
    entry = CertificateFactory().entry
    CertificateFactory()  # somebody else's, which nobody below but staff may read
    holder = entry.holder
    with_permission = UserFactory()
    with_permission.user_permissions.set(
        Permission.objects.filter(codename__in=["view_creditentry", "view_certificate"])
    )
    readers = {
        "holder": holder,
        "supervisor": SupervisionFactory(trainee=holder).supervisor,
        "past supervisor": SupervisionFactory(trainee=holder, ended=True).supervisor,
        "waiting supervisor": InvitationFactory(email=holder.email).inviter,
        "declined supervisor": InvitationFactory(email=holder.email, declined=True).inviter,
        "the holder's own trainee": SupervisionFactory(supervisor=holder).trainee,
        "supervisor of somebody else": SupervisionFactory().supervisor,
        "other clinician": UserFactory(),
        "staff without the permission": UserFactory(is_staff=True),
        "staff with the permission": with_permission,
        "stranger": AnonymousUser(),
    }

    shown = {
        who: (
            transcript.build(holder=holder, reader=reader, at=noon).entries,
            CreditEntry.objects.visible_to(reader, at=noon).count(),
            Certificate.objects.visible_to(reader, at=noon).count(),
        )
        for who, reader in readers.items()
    }

    assert shown == {
        "holder": ([entry], 1, 1),
        "supervisor": ([entry], 1, 1),
        "past supervisor": ([], 0, 0),
        "waiting supervisor": ([], 0, 0),
        "declined supervisor": ([], 0, 0),
        "the holder's own trainee": ([], 0, 0),
        "supervisor of somebody else": ([], 0, 0),
        "other clinician": ([], 0, 0),
        "staff without the permission": ([], 0, 0),
        "staff with the permission": ([entry], 2, 2),
        "stranger": ([], 0, 0),
    }


def test_a_supervisor_reads_from_the_consent_until_the_end_and_at_no_other_moment():
    before, consent, end = (datetime(2026, 2, day, 9, 0, tzinfo=UTC) for day in (1, 2, 3))
    instant = timedelta(microseconds=1)
    holder = CertificateFactory().entry.holder
    supervisor = SupervisionFactory(
        trainee=holder, accepted_at=consent, ended=True, ended_at=end
    ).supervisor

    readable = {
        moment: (
            len(transcript.build(holder=holder, reader=supervisor, at=moment).entries),
            Certificate.objects.visible_to(supervisor, at=moment).count(),
        )
        for moment in (before, consent - instant, consent, end - instant, end, end + instant)
    }

    assert readable == {
        before: (0, 0),
        consent - instant: (0, 0),
        consent: (1, 1),
        end - instant: (1, 1),
        end: (0, 0),
        end + instant: (0, 0),
    }


def test_a_supervisor_reads_from_the_first_day_until_the_last_whenever_the_trainee_consented():
    consent, begin, end = (datetime(2026, 2, day, 9, 0, tzinfo=UTC) for day in (1, 2, 3))
    second = timedelta(seconds=1)
    holder = CertificateFactory().entry.holder
    supervisor = SupervisionFactory(
        trainee=holder, accepted_at=consent, begins_at=begin, ends_at=end
    ).supervisor

    readable = {
        moment: CreditEntry.objects.visible_to(supervisor, at=moment).count()
        for moment in (consent, begin - second, begin, end - second, end)
    }

    assert readable == {consent: 0, begin - second: 0, begin: 1, end - second: 1, end: 0}


def test_a_supervisor_reads_credit_only_if_credit_is_shared(noon):
    holder = CertificateFactory().entry.holder
    supervisor = SupervisionFactory(trainee=holder, shares_credit=False).supervisor

    assert list(CreditEntry.objects.visible_to(supervisor, at=noon)) == []
    assert list(Certificate.objects.visible_to(supervisor, at=noon)) == []


@pytest.mark.parametrize("closed", ["supervisor", "trainee"])
def test_nothing_is_read_once_an_account_is_closed(noon, closed):
    link = SupervisionFactory(trainee=CreditEntryFactory().holder)
    User.objects.filter(pk=getattr(link, closed).pk).update(is_active=False)

    assert list(CreditEntry.objects.visible_to(link.supervisor, at=noon)) == []


def test_two_supervisions_of_one_trainee_do_not_double_an_entry(noon):
    holder = CreditEntryFactory().holder
    past = SupervisionFactory(trainee=holder, ended=True)
    SupervisionFactory(trainee=holder)
    SupervisionFactory(trainee=holder, supervisor=past.supervisor)

    built = transcript.build(holder=holder, reader=past.supervisor, at=noon)

    assert len(built.entries) == 1


def test_a_transcript_of_three_asks_the_database_as_often_as_one_of_one(noon):
    holder = CertificateFactory().entry.holder

    def count_queries():
        with CaptureQueriesContext(connection) as queries:
            for entry in own(holder, noon).entries:
                assert entry.certificate.code
                assert entry.lines.all()[0].hours
        return len(queries)

    count_queries()  # the person's permissions, read once and kept
    for_one = count_queries()
    for _ in range(2):
        CertificateFactory(entry__holder=holder)

    assert count_queries() == for_one
