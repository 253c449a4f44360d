"""A supervisor reads a period of a trainee's transcript, and signs what was decided about it.

What was seen is frozen with the signature. When the next look is due is the supervisor's choice.
"""

from __future__ import annotations

import calendar
import json
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.db.models import F, Q

from accounts import mail
from accounts.models import License, Supervision, User
from transcripts import exports, records
from transcripts import transcript as transcript_story
from transcripts.models import CreditEntry, Review, ReviewDay, ReviewLine
from transcripts.transcript import Transcript

VERSION = 1
EVERY = 3  # months from one review to the next, if the supervisor says nothing else
EARLIEST = date(1990, 1, 1)
ATTESTATION = "I supervised this trainee in the period above and have read the transcript."


class ReviewError(Exception):
    """Why this cannot be signed or chosen, in a sentence for the supervisor."""


class SupervisionEnded(ReviewError):
    """The trainee's record is not the supervisor's to read any more."""


# --- What is read -----------------------------------------------------------


@dataclass(frozen=True)
class Reading:
    """A period of a trainee's transcript, as its supervisor reads it before signing.

    ``seen`` is its lines and totals as one document, and ``shown`` the SHA-256 of it. ``signed`` is
    the latest review of each line that has one, by this supervisor, ``earlier`` all of them.
    """

    transcript: Transcript
    since: date
    until: date
    seen: dict[str, Any]
    earlier: list[Review]
    signed: dict[int, Review]

    @cached_property
    def shown(self) -> str:
        return records.digest(self.seen)

    @property
    def last(self) -> Review | None:
        return self.earlier[0] if self.earlier else None

    @property
    def through(self) -> date:
        return self.until - timedelta(days=1)

    @property
    def new(self) -> list[CreditEntry]:
        """The lines of the period that no review approved."""
        return unsigned(self.transcript.entries, self.signed)

    @property
    def new_hours(self) -> Decimal:
        return sum((entry.hours for entry in self.new), Decimal(0))


def read(*, supervision: Supervision, since: date, until: date, at: datetime) -> Reading:
    """What the supervisor sees at that moment of the period from ``since`` to before ``until``."""
    reviewer, holder = supervision.supervisor, supervision.trainee
    seen = transcript_story.build(holder=holder, reader=reviewer, at=at, since=since, until=until)
    earlier = given(reviewer=reviewer, holder=holder)
    signed = signed_lines(earlier)
    return Reading(seen, since, until, _frozen(seen, at=at), earlier, signed)


def given(*, reviewer: User, holder: User) -> list[Review]:
    """All reviews by the one of the other's transcript, newest first, without their records."""
    return list(
        Review.objects.filter(reviewer=reviewer, holder=holder).defer("record").newest_first()
    )


def signed_lines(reviews: Iterable[Review]) -> dict[int, Review]:
    """The latest of these reviews (newest first) that covers a line, by the id of its entry."""
    by_id = {review.pk: review for review in reviews}
    ages = {key: age for age, key in enumerate(by_id)}
    lines = ReviewLine.objects.filter(review__in=list(by_id)).values_list("entry", "review")
    oldest_first = sorted(lines, key=lambda line: -ages[line[1]])
    return {entry: by_id[review] for entry, review in oldest_first}


def unsigned(entries: Iterable[CreditEntry], signed: dict[int, Review]) -> list[CreditEntry]:
    """Those that no review covers, or that the latest one sent back."""
    return [
        entry for entry in entries if entry.pk not in signed or not signed[entry.pk].is_approved
    ]


def period_to_review(
    *, transcript: Transcript, earlier: list[Review], signed: dict[int, Review], today: date
) -> tuple[date, date]:
    """Since when and until when the next review is proposed to be: nothing unsigned is left out."""
    entries = transcript.entries
    open_days = [entry.earned_on for entry in unsigned(entries, signed)]
    if earlier:
        open_days.append(earlier[0].until)
    through = max([today, *(entry.earned_on for entry in entries)])
    since = min(open_days, default=through)
    return min(since, through), through + timedelta(days=1)


def since_then(review: Review, *, reader: User, at: datetime) -> list[CreditEntry]:
    """Credit of the period that the review does not cover: it was recorded, or reversed, later."""
    covered = ReviewLine.objects.filter(review=review).values("entry")
    return list(
        CreditEntry.objects.visible_to(reader, at=at)
        .filter(holder=review.holder_id)
        .earned_between(review.since, review.until)
        .exclude(pk__in=covered)
        .newest_first()
    )


def _frozen(seen: Transcript, *, at: datetime) -> dict[str, Any]:
    """Lines and totals as plain JSON. The moment of reading is no part of what was seen."""
    facts = {key: fact for key, fact in exports.as_json(seen, at=at).items() if key != "made_at"}
    plain: dict[str, Any] = json.loads(json.dumps(facts, cls=DjangoJSONEncoder))
    return plain


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
    reading = read(supervision=supervision, since=since, until=until, at=at)
    last = reading.last
    same = (after, decision, words, shown)
    if last and (last.after_id, last.decision, last.words, last.record["seen_sha256"]) == same:
        return last
    if (last.pk if last else None) != after:
        raise ReviewError("This transcript was signed since you opened this page: look again.")
    if reading.shown != shown:
        raise ReviewError("The transcript changed since you opened this page: look again.")
    review = _write(supervision, reading, decision=decision, words=words, next_on=next_on, at=at)
    ReviewDay.objects.update_or_create(
        supervision=supervision, defaults={"due_on": next_on, "chosen_at": at}
    )
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
        "after": reading.last.record_sha256 if reading.last else None,
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
        after=reading.last,
        record=record,
        record_sha256=records.digest(record),
    )
    ReviewLine.objects.bulk_create(
        ReviewLine(review=review, entry=entry) for entry in reading.transcript.entries
    )
    return review


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


def locked(supervision: Supervision, *, at: datetime) -> Supervision:
    """The supervision, locked. Raises SupervisionEnded if nothing may be read by it."""
    active = (
        Supervision.objects.active(at=at)
        .select_for_update(of=["self"])
        .select_related("supervisor", "trainee")
        .filter(pk=supervision.pk)
        .first()
    )
    if active is None:
        raise SupervisionEnded("This supervision has ended.")
    return active


# --- When the next one is due -----------------------------------------------


@transaction.atomic
def choose_day(*, supervision: Supervision, due_on: date | None, at: datetime) -> None:
    """The supervisor's next review is due on that day, or no review is planned.

    Raises SupervisionEnded if it has ended, and ReviewError if the day is past or years away.
    """
    supervision = locked(supervision, at=at)
    today = at.astimezone(supervision.supervisor.tz).date()
    if due_on and due_on < today:
        raise ReviewError("This day is past. Choose today or a later day.")
    if due_on and due_on > add_months(today, 60):
        raise ReviewError("Choose a day within the next five years.")
    ReviewDay.objects.update_or_create(
        supervision=supervision, defaults={"due_on": due_on, "chosen_at": at}
    )


def due_days(*, supervisor: User, at: datetime) -> dict[uuid.UUID, date]:
    """When the review of each trainee is due, by the trainee's id; those without a day left out.

    One query for all of them.
    """
    rows = Supervision.objects.active(at=at).filter(supervisor=supervisor)
    days = {row.trainee_id: due_day(row) for row in rows.select_related("review_day")}
    return {trainee: day for trainee, day in days.items() if day}


def due_day(supervision: Supervision) -> date | None:
    """When its next review is due: as chosen, or some months after it began."""
    if hasattr(supervision, "review_day"):
        chosen: date | None = supervision.review_day.due_on
        return chosen
    begun_at = supervision.accepted_at
    return add_months(begun_at.date(), EVERY) if begun_at else None


def add_months(day: date, months: int) -> date:
    """The same day so many months later, or the last one of that month."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return date(year, month + 1, min(day.day, last))


def due_for_reminder(*, at: datetime, limit: int) -> list[uuid.UUID]:
    """Supervisions whose supervisor may have to be reminded of a review, and was not."""
    # The day in the first zone of the world; remind looks again at the supervisor's.
    day = (at + timedelta(hours=14)).date()
    never_chosen = Q(review_day__isnull=True, accepted_at__lt=at - timedelta(days=28 * EVERY))
    chosen = Q(review_day__due_on__lte=day) & (
        Q(review_day__reminded_of__isnull=True)
        | ~Q(review_day__reminded_of=F("review_day__due_on"))
    )
    rows = Supervision.objects.active(at=at).filter(
        never_chosen | chosen, supervisor__is_active=True, trainee__is_active=True
    )
    return list(rows.order_by("?").values_list("pk", flat=True)[:limit])


@transaction.atomic
def remind(*, supervision_id: uuid.UUID | str, at: datetime) -> None:
    """Promise the supervisor the reminder of a review that is due, once for each day it is due on.

    Locks the supervision, so nobody is reminded of what is signed at that moment.
    """
    supervision = (
        Supervision.objects.active(at=at)
        .select_for_update(of=["self"])
        .select_related("supervisor", "trainee")
        .filter(pk=supervision_id)
        .first()
    )
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
