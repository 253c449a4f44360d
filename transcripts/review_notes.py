"""What a supervisor notes about a trainee's transcript, and what the two say about it."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Max, Min, Prefetch, Q
from django.urls import reverse

from accounts import mail
from accounts import supervision as supervision_story
from accounts.models import Scope, Supervision, SupervisionQuerySet, User
from transcripts.models import CorrectionRequest, CreditEntry, OutsideCredit, ReviewNote
from transcripts.readings import key_of

QUIET = timedelta(minutes=10)  # after the last note, until a mail tells of all of them
LONGEST = timedelta(hours=1)  # that the first of them waits
AGAIN = timedelta(minutes=5)  # within which the same words are the same note, sent twice


class NoteError(Exception):
    """Why this cannot be noted, in a sentence for the one who wrote it."""


class NobodyReads(NoteError):
    """The supervision has ended: what is written now would reach nobody."""


@dataclass
class Thread:
    """A supervisor's note with its answers, oldest first; closed when nobody would read one."""

    note: ReviewNote
    is_closed: bool
    answers: list[ReviewNote] = field(default_factory=list)
    form: Any = None

    @property
    def correction(self) -> str:
        """What came of the flag: "" if there is none, else "unasked", "open" or how it ended."""
        note = self.note
        if not note.asks_correction:
            return ""
        if note.outside is not None:
            return _correction_of_outside(note.outside, since=note.written_at)
        entry = note.entry
        if entry is None:
            return ""
        asked = entry.correction_requests.all()
        later = [one for one in asked if one.asked_at >= self.note.written_at]
        if later:
            return later[0].decision or "open"
        return "reversed" if entry.is_reversed else "unasked"


def _correction_of_outside(credit: OutsideCredit, *, since: datetime) -> str:
    """Its holder changes it, or withdraws it and records it anew: no curator has to."""
    if credit.withdrawn_at is not None:
        return "withdrawn"
    return "changed" if credit.changed_at > since else "unasked"


def threads(
    *, holder: User, reader: User, at: datetime, supervisor: User | None = None
) -> list[Thread]:
    """What the reader may see of the notes on the holder's transcript, newest note first."""
    notes = ReviewNote.objects.visible_to(reader, at=at).filter(holder=holder)
    if supervisor is not None:
        notes = notes.filter(supervisor=supervisor)
    notes = notes.select_related(
        "entry__certificate", "entry__reversal", "outside__decision"
    ).prefetch_related(
        Prefetch("entry__correction_requests", CorrectionRequest.objects.newest_first())
    )
    readers = set(
        Supervision.objects.active(at=at)
        .sharing(Scope.CREDIT)
        .filter(trainee=holder)
        .values_list("supervisor", flat=True)
    )
    found: dict[uuid.UUID, Thread] = {}
    for note in notes.oldest_first():
        if note.answers_id is None:
            found[note.pk] = Thread(note, is_closed=note.supervisor_id not in readers)
        elif note.answers_id in found:
            found[note.answers_id].answers.append(note)
    return list(reversed(found.values()))


def count_by_line(threads: Iterable[Thread]) -> Counter[str]:
    """How many notes there are on each line, by its name within the transcript."""
    lines = (thread.note.line for thread in threads)
    return Counter(key_of(line) for line in lines if line is not None)


@transaction.atomic
def write(
    *,
    supervision: Supervision,
    words: str,
    is_shared: bool,
    at: datetime,
    line: CreditEntry | OutsideCredit | None = None,
    asks_correction: bool = False,
) -> ReviewNote:
    """The supervisor notes something about one line of the transcript, or about all of it.

    The same words at once again are the same note.
    Locks the supervision, so nothing is noted after its end; and of a line that shall be corrected
    the entry, so its reversal at that moment is not overlooked.
    Once it is quiet for some minutes, a mail tells the trainee of what is shared.
    Raises NobodyReads if the supervision has ended, and NoteError if a correction is asked of what
    cannot be corrected, or behind the trainee's back.
    """
    supervision = _locked(Supervision.objects.filter(pk=supervision.pk), at=at)
    if asks_correction:
        _check_correctable(line, is_shared=is_shared)
    return _keep(
        ReviewNote(
            supervisor=supervision.supervisor,
            holder=supervision.trainee,
            author=supervision.supervisor,
            author_name=supervision.supervisor.legal_name,
            entry=line if isinstance(line, CreditEntry) else None,
            outside=line if isinstance(line, OutsideCredit) else None,
            words=words,
            is_shared=is_shared,
            asks_correction=asks_correction,
            written_at=at,
        )
    )


@transaction.atomic
def answer(*, note: ReviewNote, by: User, words: str, at: datetime) -> ReviewNote:
    """One of the two answers a shared note.

    The same words at once again are the same answer.
    Locks the supervision, so nothing is answered after its end.
    Once it is quiet for some minutes, a mail tells the other.
    Raises NobodyReads if no supervision is active, and NoteError if the note is private.
    """
    between = Supervision.objects.filter(supervisor=note.supervisor_id, trainee=note.holder_id)
    _locked(between, at=at)
    if not note.is_shared:
        raise NoteError("Only a shared note can be answered.")
    return _keep(
        ReviewNote(
            supervisor_id=note.supervisor_id,
            holder_id=note.holder_id,
            author=by,
            author_name=by.legal_name,
            answers_id=note.answers_id or note.pk,
            words=words,
            is_shared=True,
            written_at=at,
        )
    )


def _keep(note: ReviewNote) -> ReviewNote:
    same = ReviewNote.objects.filter(
        supervisor=note.supervisor_id,
        holder=note.holder_id,
        author=note.author_id,
        entry=note.entry_id,
        outside=note.outside_id,
        answers=note.answers_id,
        words=note.words,
        is_shared=note.is_shared,
        asks_correction=note.asks_correction,
        written_at__gt=note.written_at - AGAIN,
    ).first()
    if same is not None:
        return same
    note.save(force_insert=True)
    return note


def _check_correctable(line: CreditEntry | OutsideCredit | None, *, is_shared: bool) -> None:
    if line is None:
        raise NoteError("Choose the line that shall be corrected.")
    if not is_shared:
        raise NoteError("Share the note, so that the trainee can ask for the correction.")
    if isinstance(line, OutsideCredit):
        outside = OutsideCredit.objects.select_for_update(of=["self"], no_key=True).get(pk=line.pk)
        if outside.withdrawn_at is not None:
            raise NoteError("This credit was withdrawn by now. Look at the transcript again.")
    else:
        entry = CreditEntry.objects.select_for_update(of=["self"], no_key=True).get(pk=line.pk)
        if entry.is_reversal or entry.is_reversed:
            raise NoteError("This credit was reversed by now. Look at what stands in its place.")


def _locked(rows: SupervisionQuerySet, *, at: datetime) -> Supervision:
    active = supervision_story.locked(rows, Scope.CREDIT, at=at)
    if active is None:
        raise NobodyReads("The supervision has ended: nobody would read what you write.")
    return active


# --- Mail -------------------------------------------------------------------


def untold(*, at: datetime, limit: int) -> list[dict[str, uuid.UUID]]:
    """Whose shared notes on whose transcript wait for a mail, and have been left to rest."""
    waiting = (
        ReviewNote.objects.filter(told_at__isnull=True, is_shared=True)
        .values("supervisor_id", "holder_id", "author_id")
        .annotate(first=Min("written_at"), last=Max("written_at"))
        .filter(Q(last__lte=at - QUIET) | Q(first__lte=at - LONGEST))
        .order_by("first")
    )
    return [
        {
            "supervisor_id": row["supervisor_id"],
            "holder_id": row["holder_id"],
            "author_id": row["author_id"],
        }
        for row in waiting[:limit]
    ]


@transaction.atomic
def tell(
    *, supervisor_id: uuid.UUID, holder_id: uuid.UUID, author_id: uuid.UUID, at: datetime
) -> None:
    """Promise one mail to the other side, of all that waits. Again promises nothing more.

    A supervisor who may not read the record any more is told of nothing.
    Locks the notes, so two workers do not tell of the same.
    """
    notes = list(
        ReviewNote.objects.filter(
            supervisor=supervisor_id,
            holder=holder_id,
            author=author_id,
            told_at__isnull=True,
            is_shared=True,
        )
        .select_for_update(of=["self"])
        .select_related(
            "supervisor",
            "holder",
            "author",
            "entry",
            "outside",
            "answers__entry",
            "answers__outside",
        )
        .order_by("written_at", "id")
    )
    if not notes:
        return
    ReviewNote.objects.filter(pk__in=[note.pk for note in notes]).update(told_at=at)
    first = notes[0]
    by_supervisor = first.is_by_supervisor
    if not by_supervisor:
        visible = ReviewNote.objects.visible_to(first.supervisor, at=at)
        read = set(visible.filter(holder=holder_id).values_list("pk", flat=True))
        notes = [note for note in notes if note.pk in read]
    if not notes:
        return
    about = [(note.answers or note).line for note in notes]
    page = (
        reverse("transcripts:reviews")
        if by_supervisor
        else reverse("transcripts:trainee", args=[holder_id])
    )
    mail.post(
        recipient=first.holder if by_supervisor else first.supervisor,
        kind="review-notes",
        key=f"review-notes:{first.pk}",
        template="review_notes",
        context={
            "author": first.author,
            "count": len(notes),
            "are_answers": not by_supervisor,
            "titles": list(dict.fromkeys(line.title for line in about if line)),
            "path": f"{page}#notes",
        },
        at=at,
    )
