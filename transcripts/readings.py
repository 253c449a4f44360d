"""What a supervisor reads before signing: a period of a transcript, and what is signed of it."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder

from accounts.models import Supervision, User
from transcripts import exports, records
from transcripts import transcript as transcript_story
from transcripts.models import CreditEntry, OutsideCredit, OutsideDecision, Review, ReviewLine
from transcripts.transcript import Transcript

Line = CreditEntry | OutsideCredit
A_DAY = timedelta(days=1)


def key_of(line: Line) -> str:
    """What names a line within its transcript."""
    return f"{'credit' if isinstance(line, CreditEntry) else 'outside'}-{line.pk}"


def lines_of(transcript: Transcript) -> list[Line]:
    """All lines of a transcript, newest first: what the portal gave and what others did."""
    return [row for year in transcript.years for row in year.rows]


def hours_of(lines: Iterable[Line]) -> Decimal:
    """Together, without what was refused or withdrawn."""
    counted = (line for line in lines if isinstance(line, CreditEntry) or line.counts)
    return sum((line.hours for line in counted), Decimal(0))


@dataclass(frozen=True)
class History:
    """One supervisor's reviews of one transcript, newest first, and the latest of each line."""

    reviews: list[Review]
    by_line: dict[str, Review]

    @property
    def last(self) -> Review | None:
        return self.reviews[0] if self.reviews else None

    def of(self, line: Line) -> Review | None:
        """The review that says the last word on the line, unless it was changed since."""
        review = self.by_line.get(key_of(line))
        return None if review is None or _changed_since(line, review.signed_at) else review

    def unsigned(self, lines: Iterable[Line]) -> list[Line]:
        """Those on which no review says anything, or the latest sent them back."""
        said = [(line, self.of(line)) for line in lines]
        return [line for line, review in said if review is None or not review.is_approved]


@dataclass(frozen=True)
class Row:
    """A line as its supervisor sees it: what the last review said of it, and how many notes."""

    line: Line
    key: str
    review: Review | None
    notes: int

    @property
    def is_outside(self) -> bool:
        return isinstance(self.line, OutsideCredit)


@dataclass(frozen=True)
class Reading:
    """A period of a trainee's transcript, as its supervisor reads it before signing.

    ``seen`` is its lines and totals as one document, and ``shown`` the SHA-256 of that.
    """

    transcript: Transcript
    since: date
    until: date
    seen: dict[str, Any]
    history: History

    @cached_property
    def shown(self) -> str:
        return records.digest(self.seen)

    @property
    def through(self) -> date:
        return self.until - A_DAY

    @property
    def lines(self) -> list[Line]:
        return lines_of(self.transcript)

    @property
    def new(self) -> list[Line]:
        return self.history.unsigned(self.lines)

    @property
    def new_hours(self) -> Decimal:
        return hours_of(self.new)


def read(
    *, supervision: Supervision, history: History, since: date, until: date, at: datetime
) -> Reading:
    """What the supervisor sees at that moment of the period from ``since`` to before ``until``."""
    seen = transcript_story.build(
        holder=supervision.trainee,
        reader=supervision.supervisor,
        at=at,
        since=since,
        until=until,
    )
    facts = {key: fact for key, fact in exports.as_json(seen, at=at).items() if key != "made_at"}
    plain = json.loads(json.dumps(facts, cls=DjangoJSONEncoder))
    return Reading(seen, since, until, plain, history)


def history(*, reviewer: User, holder: User) -> History:
    """All reviews by the one of the other's transcript; their records are left unread."""
    reviews = list(
        Review.objects.filter(reviewer=reviewer, holder=holder).defer("record").newest_first()
    )
    by_id: dict[uuid.UUID, Review] = {review.pk: review for review in reviews}
    ages = {key: age for age, key in enumerate(by_id)}
    lines = ReviewLine.objects.filter(review__reviewer=reviewer, review__holder=holder)
    oldest_first = sorted(
        lines.values_list("review", "entry", "outside"), key=lambda line: -ages.get(line[0], 0)
    )
    return History(
        reviews,
        {
            f"credit-{entry}" if entry else f"outside-{outside}": by_id[review]
            for review, entry, outside in oldest_first
            if review in by_id
        },
    )


def rows(transcript: Transcript, *, history: History, notes: Counter[str]) -> list[Row]:
    """All lines of the transcript; ``notes`` counts what was noted on each, by its key."""
    return [
        Row(line, key_of(line), history.of(line), notes[key_of(line)])
        for line in lines_of(transcript)
    ]


def period_to_review(*, transcript: Transcript, history: History, today: date) -> tuple[date, date]:
    """Since when and until when a review is proposed to be: nothing unsigned is left out."""
    lines = lines_of(transcript)
    open_days = [line.earned_on for line in history.unsigned(lines)]
    if history.last:
        open_days.append(history.last.until)
    through = max([today, *(line.earned_on for line in lines)])
    return min([through, *open_days]), through + A_DAY


def since_then(review: Review, *, reader: User, at: datetime) -> list[Line]:
    """Credit of the period that the review did not see so: recorded, reversed, changed later."""
    covered = ReviewLine.objects.filter(review=review)
    entries = (
        CreditEntry.objects.visible_to(reader, at=at)
        .filter(holder=review.holder_id)
        .earned_between(review.since, review.until)
        .exclude(pk__in=covered.filter(entry__isnull=False).values("entry"))
        .newest_first()
    )
    outside = (
        OutsideCredit.objects.visible_to(reader, at=at)
        .filter(holder=review.holder_id)
        .earned_between(review.since, review.until)
        .with_state()
        .newest_first()
    )
    known = set(covered.filter(outside__isnull=False).values_list("outside", flat=True))
    changed = [
        line
        for line in outside
        if (_changed_since(line, review.signed_at) if line.pk in known else not line.withdrawn_at)
    ]
    return [*entries, *changed]


def _changed_since(line: Line, moment: datetime) -> bool:
    """Credit of our issue never changes; what a holder recorded of others' may, or be refused."""
    if isinstance(line, CreditEntry):
        return False
    decision = getattr(line, "decision", None)
    refused_at = (
        decision.decided_at
        if decision and decision.verdict == OutsideDecision.Verdict.REFUSED
        else None
    )
    return any(then and then > moment for then in (line.changed_at, line.withdrawn_at, refused_at))
