"""Outside credit and the practice log, touched by two at once, on both databases.

Each fails when its lock is removed.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from accounts import supervision
from accounts.tests.factories import SupervisionFactory, UserFactory
from courses.tests.test_races import at_the_same_time
from transcripts import outside, practice
from transcripts.models import (
    OutsideCredit,
    OutsideDecision,
    PracticeConfirmation,
    PracticeEntry,
)
from transcripts.tests.factories import EvidenceFactory, OutsideCreditFactory

pytestmark = pytest.mark.django_db(transaction=True)

MONDAY = date(2026, 2, 23)


def facts(**changes):
    said = {
        "title": "EMDR",
        "provider": "Tamarack",
        "provider_contact": "",
        "instructors": "",
        "format": "in-person",
        "location": "",
        "started_on": MONDAY,
        "earned_on": MONDAY,
        "hours": Decimal(2),
        "certificate_number": "",
    }
    return outside.Facts(**{**said, **changes})


LINE = outside.Line("apa", "APA", "", "", "ethics", "Ethics", Decimal(2))


def said(verb):
    """What a verb gives, or the words of its refusal."""

    def call():
        try:
            return verb()
        except (outside.OutsideError, practice.PracticeError) as error:
            return str(error)

    return call


def test_the_same_training_sent_twice_is_recorded_once_and_pointed_out(noon):
    holder = UserFactory()
    files = EvidenceFactory.create_batch(2, owner=holder)

    def record(file):
        return said(
            lambda: outside.record(
                holder=holder,
                facts=facts(),
                lines=[LINE],
                evidence=file,
                is_no_duplicate=False,
                at=noon,
            )
        )

    _, second = at_the_same_time(record(files[0]), record(files[1]))

    assert second == "This may be recorded already. Look at it, and say if it is not."
    assert OutsideCredit.objects.count() == 1


def test_two_decisions_at_once_are_one(noon):
    credit = OutsideCreditFactory()
    judges = UserFactory.create_batch(2, legal_name="Helena Brandt")

    def decide(by, verdict):
        return said(
            lambda: outside.decide(
                credit=credit,
                verdict=verdict,
                reason="Seen.",
                by=by,
                capacity="staff",
                as_of=credit.changed_at,
                at=noon,
            )
        )

    _, second = at_the_same_time(decide(judges[0], "confirmed"), decide(judges[1], "refused"))

    assert second == "Helena Brandt confirmed this on Mar 2, 2026. It does not change now."
    assert OutsideDecision.objects.get().verdict == "confirmed"


def test_a_change_and_a_decision_at_once_do_not_decide_what_nobody_saw(noon):
    credit = OutsideCreditFactory()
    judge = UserFactory()

    _, second = at_the_same_time(
        lambda: outside.change(
            credit=credit,
            facts=facts(hours=Decimal(200)),
            lines=[LINE],
            evidence=None,
            is_no_duplicate=True,
            at=noon,
        ),
        said(
            lambda: outside.decide(
                credit=credit,
                verdict="confirmed",
                reason="",
                by=judge,
                capacity="staff",
                as_of=credit.changed_at,
                at=noon,
            )
        ),
    )

    assert second == "It was changed since you opened this page. Look at it again."
    assert not OutsideDecision.objects.exists()


def test_nothing_is_decided_in_a_supervision_that_ends_at_that_moment(noon):
    link = SupervisionFactory(shares_evidence=True)
    credit = OutsideCreditFactory(holder=link.trainee)

    _, second = at_the_same_time(
        lambda: supervision.end(supervision=link, by=link.trainee, at=noon),
        said(
            lambda: outside.decide(
                credit=credit,
                verdict="confirmed",
                reason="",
                by=link.supervisor,
                capacity="supervisor",
                as_of=credit.changed_at,
                at=noon,
            )
        ),
    )

    assert second == "This evidence is not shared with you any more."
    assert not OutsideDecision.objects.exists()


def test_no_week_is_confirmed_in_a_supervision_that_ends_at_that_moment(noon):
    link = SupervisionFactory(shares_practice=True)
    last = log(link.trainee, 1, noon)()

    _, second = at_the_same_time(
        lambda: supervision.end(supervision=link, by=link.trainee, at=noon),
        said(
            lambda: practice.confirm(
                trainee=link.trainee,
                week=MONDAY,
                last_seen=str(last.key),
                by=link.supervisor,
                at=noon,
            )
        ),
    )

    assert second == "This log is not shared with you any more."
    assert not PracticeConfirmation.objects.exists()


def log(trainee, hours, at):
    return said(
        lambda: practice.log(
            trainee=trainee,
            worked_on=MONDAY,
            kind="direct",
            hours=Decimal(hours),
            note="",
            at=at,
        )
    )


def test_two_entries_at_once_do_not_overfill_a_day(noon):
    trainee = UserFactory()

    _, second = at_the_same_time(log(trainee, 20, noon), log(trainee, 20, noon))

    assert second == "Feb 23, 2026 has 20 h already. A day has 24 in all."
    assert PracticeEntry.objects.count() == 1


def test_two_confirmations_at_once_are_one(noon):
    link = SupervisionFactory(supervisor__legal_name="Helena Brandt", shares_practice=True)
    trainee = link.trainee
    last = log(trainee, 1, noon)()

    def confirm():
        return practice.confirm(
            trainee=trainee, week=MONDAY, last_seen=str(last.key), by=link.supervisor, at=noon
        )

    _, second = at_the_same_time(confirm, said(confirm))

    assert second == "Helena Brandt confirmed this week on Mar 2, 2026 already."
    assert PracticeConfirmation.objects.count() == 1


def test_an_entry_and_a_confirmation_at_once_do_not_confirm_what_nobody_saw(noon):
    link = SupervisionFactory(shares_practice=True)
    trainee = link.trainee
    last = log(trainee, 1, noon)()

    _, second = at_the_same_time(
        log(trainee, 2, noon),
        said(
            lambda: practice.confirm(
                trainee=trainee, week=MONDAY, last_seen=str(last.key), by=link.supervisor, at=noon
            )
        ),
    )

    assert second == "The log of this week changed since you opened it. Look at it again."
    assert not PracticeConfirmation.objects.exists()


def test_an_entry_is_taken_back_once_by_two_at_once(noon):
    entry = log(UserFactory(), 1, noon)()

    def take_back():
        return practice.reverse(entry=entry, note="", at=noon)

    _, second = at_the_same_time(take_back, said(take_back))

    assert second == "These hours were taken back already."
    assert PracticeEntry.objects.count() == 2
