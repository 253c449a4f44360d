"""A supervisor signs what was decided about a period of a trainee's transcript, once it was read.

What was seen is frozen with the signature. When the next look is due is the supervisor's choice.
"""

from __future__ import annotations

import calendar
import uuid
from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import F, Q

from accounts import mail
from accounts import supervision as supervision_story
from accounts.models import License, Scope, Supervision, SupervisionQuerySet, User
from transcripts import readings, records
from transcripts.models import CreditEntry, Review, ReviewDay, ReviewLine
from transcripts.outside import EARLIEST
from transcripts.readings import Reading

VERSION = 1
EVERY = 3  # months from one review to the next, if the supervisor says nothing else
ATTESTATION = "I supervised this trainee in the period above and have read the transcript."


class ReviewError(Exception):
    """Why this cannot be signed or chosen, in a sentence for the supervisor."""


class DayError(ReviewError):
    """The next review cannot be due then."""


class SupervisionEnded(ReviewError):
    """The trainee's record is not the supervisor's to read any more."""


# --- Sign off ---------------------------------------------------------------


@transaction.atomic
def sign_off(
    *,
    supervision: Supervision,
    since: date,
    until: date,
    shown: str,
    after: uuid.UUID | None,
    decision: str,
    words: str,
    next_on: date | None,
    at: datetime,
) -> Review:
    """Sign what was decided about the period, with what was seen of it, for good.

    ``shown`` is the SHA-256 of what the page showed, and ``after`` the latest review it knew of.
    The same once more gives the first review.
    Locks the supervision, so two sign-offs, or one and an end, wait for each other.
    After commit, a mail tells the trainee.
    Raises SupervisionEnded if it has ended, and ReviewError if the page is out of date, words are
    missing or the period makes no sense.
    """
    supervision = locked(supervision, at=at)
    _check_period(since, until, today=at.astimezone(supervision.supervisor.tz).date())
    words = words.strip()
    if decision != Review.Decision.APPROVED and not words:
        raise ReviewError("Say what is missing, so that the trainee can act on it.")
    history = readings.history(reviewer=supervision.supervisor, holder=supervision.trainee)
    reading = readings.read(
        supervision=supervision, history=history, since=since, until=until, at=at
    )
    last = history.last
    same = (after, decision, words, shown)
    if last and (last.after_id, last.decision, last.words, last.record["seen_sha256"]) == same:
        return last
    if (last.pk if last else None) != after:
        raise ReviewError("This transcript was signed since you opened this page: look again.")
    if reading.shown != shown:
        raise ReviewError("The transcript changed since you opened this page: look again.")
    review = _write(supervision, reading, decision=decision, words=words, next_on=next_on, at=at)
    _choose_day(supervision, next_on, at=at)
    mail.post(
        recipient=review.holder,
        kind="review-signed",
        key=f"review-signed:{review.pk}",
        template="review_signed",
        context={"review": review, "path": review.get_absolute_url()},
        at=at,
    )
    return review


def _write(
    supervision: Supervision,
    reading: Reading,
    *,
    decision: str,
    words: str,
    next_on: date | None,
    at: datetime,
) -> Review:
    reviewer, holder = supervision.supervisor, supervision.trainee
    last = reading.history.last
    licenses = _licenses(reviewer, on=at.astimezone(reviewer.tz).date())
    record = {
        "version": VERSION,
        "kind": "review",
        "reviewer": {"name": reviewer.legal_name, "licenses": licenses},
        "holder": holder.legal_name,
        "since": reading.since.isoformat(),
        "through": reading.through.isoformat(),
        "decision": decision,
        "words": words,
        "attestation": ATTESTATION,
        "signed_at": at.isoformat(),
        "time_zone": str(reviewer.tz),
        "next_on": next_on.isoformat() if next_on else None,
        "after": last.record_sha256 if last else None,
        "seen": reading.seen,
        "seen_sha256": reading.shown,
    }
    review = Review.objects.create(
        reviewer=reviewer,
        reviewer_name=reviewer.legal_name,
        signed_as=signature(reviewer, licenses),
        holder=holder,
        holder_name=holder.legal_name,
        since=reading.since,
        until=reading.until,
        decision=decision,
        words=words,
        signed_at=at,
        after=last,
        record=record,
        record_sha256=records.digest(record),
    )
    ReviewLine.objects.bulk_create(
        ReviewLine(review=review, **{_column(line): line}) for line in reading.lines
    )
    return review


def _column(line: readings.Line) -> str:
    return "entry" if isinstance(line, CreditEntry) else "outside"


def signs_as(reviewer: User, *, on: date) -> str:
    """The name under a review of that day: Helena Brandt, LCSW-R."""
    return signature(reviewer, _licenses(reviewer, on=on))


def signature(reviewer: User, licenses: list[dict[str, str]]) -> str:
    types = dict.fromkeys(item["type"] for item in licenses)
    return ", ".join([reviewer.legal_name, *list(types)[:3]])


def _licenses(reviewer: User, *, on: date) -> list[dict[str, str]]:
    return [
        {
            "state": item.state,
            "state_name": item.get_state_display(),
            "type": item.license_type,
            "number": item.number,
        }
        for item in License.objects.in_force(on=on).filter(holder=reviewer).by_state()
    ]


def _check_period(since: date, until: date, *, today: date) -> None:
    if since >= until:
        raise ReviewError("The last day is before the first. Change one of them.")
    if since < EARLIEST:
        raise ReviewError(f"Begin the period in {EARLIEST.year} or later.")
    # Where the trainee lives it may be a day later than where the supervisor does.
    if until > today + timedelta(days=2):
        raise ReviewError("End the period today or earlier: a review is of what has happened.")


def _readable(*, at: datetime) -> SupervisionQuerySet:
    return Supervision.objects.active(at=at).sharing(Scope.CREDIT)


def locked(supervision: Supervision, *, at: datetime) -> Supervision:
    """The supervision, locked. Raises SupervisionEnded if nothing may be read by it."""
    active = _locked(supervision.pk, at=at)
    if active is None:
        raise SupervisionEnded("This supervision has ended.")
    return active


def _locked(supervision_id: uuid.UUID | str, *, at: datetime) -> Supervision | None:
    rows = Supervision.objects.filter(pk=supervision_id)
    return supervision_story.locked(rows, Scope.CREDIT, at=at)


# --- When the next one is due -----------------------------------------------


@transaction.atomic
def choose_day(*, supervision: Supervision, due_on: date | None, at: datetime) -> None:
    """The supervisor's next review is due on that day, or no review is planned.

    Raises SupervisionEnded if it has ended, and ReviewError if the day is past or years away.
    """
    _choose_day(locked(supervision, at=at), due_on, at=at)


def _choose_day(supervision: Supervision, due_on: date | None, *, at: datetime) -> None:
    today = at.astimezone(supervision.supervisor.tz).date()
    if due_on and due_on < today:
        raise DayError("This day is past. Choose today or a later day.")
    if due_on and due_on > add_months(today, 60):
        raise DayError("Choose a day within the next five years.")
    ReviewDay.objects.update_or_create(
        supervision=supervision, defaults={"due_on": due_on, "chosen_at": at}
    )


def due_days(*, supervisor: User, at: datetime) -> dict[uuid.UUID, date]:
    """When the review of each trainee is due, by the trainee's id; those without a day left out.

    One query for all of them.
    """
    rows = _readable(at=at).filter(supervisor=supervisor)
    days = {row.trainee_id: due_day(row) for row in rows.select_related("supervisor", "review_day")}
    return {trainee: day for trainee, day in days.items() if day}


def due_day(supervision: Supervision) -> date | None:
    """When its next review is due: as chosen, or some months after it began."""
    if hasattr(supervision, "review_day"):
        chosen: date | None = supervision.review_day.due_on
        return chosen
    return add_months(supervision.begins_at.astimezone(supervision.supervisor.tz).date(), EVERY)


def add_months(day: date, months: int) -> date:
    """The same day so many months later, or the last one of that month."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return date(year, month + 1, min(day.day, last))


def due_for_reminder(*, at: datetime, limit: int) -> list[uuid.UUID]:
    """Supervisions whose supervisor may have to be reminded of a review, and was not."""
    # The day in the first zone of the world; remind looks again at the supervisor's.
    day = (at + timedelta(hours=14)).date()
    never_chosen = Q(review_day__isnull=True, begins_at__lt=at - timedelta(days=28 * EVERY))
    chosen = Q(review_day__due_on__lte=day) & (
        Q(review_day__reminded_of__isnull=True)
        | ~Q(review_day__reminded_of=F("review_day__due_on"))
    )
    rows = _readable(at=at).filter(
        never_chosen | chosen, supervisor__is_active=True, trainee__is_active=True
    )
    return list(rows.order_by("?").values_list("pk", flat=True)[:limit])


@transaction.atomic
def remind(*, supervision_id: uuid.UUID | str, at: datetime) -> None:
    """Promise the supervisor the reminder of a review that is due, once for each day it is due on.

    Locks the supervision, so nobody is reminded of what is signed at that moment.
    """
    supervision = _locked(supervision_id, at=at)
    if supervision is None:
        return
    day = due_day(supervision)
    if day is None or day > at.astimezone(supervision.supervisor.tz).date():
        return
    row, _ = ReviewDay.objects.get_or_create(
        supervision=supervision, defaults={"due_on": day, "chosen_at": at}
    )
    if row.reminded_of == day:
        return
    row.reminded_of = day
    row.save(update_fields=["reminded_of"])
    mail.post(
        recipient=supervision.supervisor,
        kind="review-due",
        key=f"review-due:{supervision.pk}:{day}",
        template="review_due",
        context={"trainee": supervision.trainee, "due_on": day},
        at=at,
    )
