"""A supervisor reads a trainee's transcript, notes and signs; both read what was signed."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping
from datetime import datetime
from functools import cached_property
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts import trace
from accounts.models import RecordRead, Scope, Supervision
from accounts.requests import SignedInRequest, active_supervision
from ce_portal.formats import show_day
from transcripts import pdf, progress, readings, records, review_notes, reviews, signing
from transcripts import transcript as transcript_story
from transcripts.models import Review, ReviewNote, TrainingPlan
from transcripts.review_forms import (
    AnswerForm,
    NoteForm,
    ReviewDayForm,
    ReviewPeriodForm,
    SignOffForm,
)
from transcripts.transcript import Transcript

logger = logging.getLogger(__name__)


class TraineePage:
    """A trainee's transcript with the supervisor's forms, as read at one moment."""

    def __init__(
        self,
        request: SignedInRequest,
        supervision: Supervision,
        *,
        period: Mapping[str, Any] | None = None,
        at: datetime,
    ) -> None:
        self.request = request
        self.supervision = supervision
        self.trainee = supervision.trainee
        self.at = at
        self.today = timezone.localdate(at)
        self.period_form = ReviewPeriodForm(period, proposed=self.proposed)

    @cached_property
    def transcript(self) -> Transcript:
        return transcript_story.build(holder=self.trainee, reader=self.request.user, at=self.at)

    @cached_property
    def history(self) -> readings.History:
        return readings.history(reviewer=self.request.user, holder=self.trainee)

    @cached_property
    def proposed(self) -> tuple[Any, Any]:
        return readings.period_to_review(
            transcript=self.transcript, history=self.history, today=self.today
        )

    @cached_property
    def reading(self) -> readings.Reading:
        since, until = self.proposed
        if self.period_form.is_bound and self.period_form.is_valid():
            chosen = self.period_form.period
            since, until = chosen["since"], chosen["until"]
        return readings.read(
            supervision=self.supervision,
            history=self.history,
            since=since,
            until=until,
            at=self.at,
        )

    @property
    def cycles(self) -> list[progress.Progress]:
        """How far the trainee is in their current plans, if they share it."""
        visible = TrainingPlan.objects.visible_to(self.request.user, at=self.at)
        plans = list(visible.current().filter(holder=self.trainee).with_lines().by_end())
        return list(progress.of_plans(plans, on=self.today).values())

    def sign_off_form(self, data: Any = None) -> SignOffForm:
        return SignOffForm(data, reading=self.reading, trainee=self.trainee, today=self.today)

    def note_form(self, data: Any = None, *, about: str = "") -> NoteForm:
        lines = readings.lines_of(self.transcript)
        return NoteForm(data, lines=lines, trainee=self.trainee, about=about)

    def day_form(self, data: Any = None) -> ReviewDayForm:
        return ReviewDayForm(data, due_on=reviews.due_day(self.supervision))

    def response(
        self,
        *,
        sign_off_form: SignOffForm | None = None,
        note_form: NoteForm | None = None,
        day_form: ReviewDayForm | None = None,
        answer_form: AnswerForm | None = None,
    ) -> HttpResponse:
        threads = review_notes.threads(
            holder=self.trainee,
            reader=self.request.user,
            supervisor=self.request.user,
            at=self.at,
        )
        _give_forms(threads, answer_form)
        due_on = reviews.due_day(self.supervision)
        given = (sign_off_form, note_form, day_form, answer_form, self.period_form)
        context = {
            "supervision": self.supervision,
            "person": self.trainee,
            "transcript": self.transcript,
            "cycles": self.cycles,
            "history": self.history,
            "reading": self.reading,
            "rows": readings.rows(
                self.transcript,
                history=self.history,
                notes=review_notes.count_by_line(threads),
            ),
            "new": self.history.unsigned(readings.lines_of(self.transcript)),
            "threads": threads,
            "due_on": due_on,
            "is_due": due_on is not None and due_on <= self.today,
            "days_overdue": (self.today - due_on).days if due_on else 0,
            "signs_as": reviews.signs_as(self.request.user, on=self.today),
            "period_form": self.period_form,
            "sign_off_form": sign_off_form or self.sign_off_form(),
            "note_form": note_form or self.note_form(about=self.request.GET.get("about", "")),
            "day_form": day_form or self.day_form(),
            "section": "supervision",
        }
        trace.record(
            reader=self.request.user,
            person=self.trainee,
            what=RecordRead.What.TRANSCRIPT,
            at=self.at,
            capacity=RecordRead.Capacity.SUPERVISOR,
        )
        refused = any(form is not None and form.errors for form in given)
        return render(
            self.request, "transcripts/trainee.html", context, status=422 if refused else 200
        )


def _give_forms(threads: list[review_notes.Thread], sent: AnswerForm | None) -> None:
    """Each thread gets its form; the one that was sent stays with its words."""
    for thread in threads:
        if sent is not None and thread.note.pk == sent.note.pk:
            thread.form = sent
        else:
            thread.form = AnswerForm(note=thread.note)


@never_cache
@require_safe
def trainee(request: SignedInRequest, person_id: uuid.UUID) -> HttpResponse:
    """A trainee's transcript, for a supervisor whom they let read it, while they do."""
    supervision = active_supervision(request, person_id)
    if not supervision.shares_credit:
        return _without_credit(request, supervision)
    asked = request.GET if request.GET.keys() & {"since", "through"} else None
    return TraineePage(request, supervision, period=asked, at=timezone.now()).response()


def _without_credit(request: SignedInRequest, supervision: Supervision) -> HttpResponse:
    """Nothing to sign; what was taken elsewhere is listed to those who may read that."""
    now, trainee = timezone.now(), supervision.trainee
    shown = transcript_story.build(holder=trainee, reader=request.user, at=now)
    if shown.outside:
        trace.record(
            reader=request.user,
            person=trainee,
            what=RecordRead.What.TRANSCRIPT,
            at=now,
            capacity=RecordRead.Capacity.SUPERVISOR,
        )
    context = {
        "supervision": supervision,
        "person": trainee,
        "outside": shown.outside,
        "section": "supervision",
    }
    return render(request, "transcripts/trainee.html", context)


@never_cache
@require_POST
def sign_off(request: SignedInRequest, person_id: uuid.UUID) -> HttpResponse:
    """Sign what was decided about a period, if it still is what the page showed."""
    supervision = active_supervision(request, person_id, scope=Scope.CREDIT)
    now = timezone.now()
    page = TraineePage(request, supervision, period=request.POST, at=now)
    form = page.sign_off_form(request.POST)
    if page.period_form.is_valid() and form.is_valid():
        try:
            review = reviews.sign_off(
                supervision=supervision,
                since=page.reading.since,
                until=page.reading.until,
                **form.facts(),
                at=now,
            )
        except reviews.SupervisionEnded:
            raise Http404 from None
        except reviews.DayError as error:
            form.add_error("next_on", str(error))
        except reviews.ReviewError as error:
            form.add_error(None, str(error))
        else:
            messages.success(
                request, f"Signed. {supervision.trainee.get_short_name()} gets a mail about it."
            )
            return redirect(review)
    form.show_again()
    return page.response(sign_off_form=form)


@never_cache
@require_POST
def add_note(request: SignedInRequest, person_id: uuid.UUID) -> HttpResponse:
    """A note on one line or on the whole transcript, shared with the trainee or not."""
    supervision = active_supervision(request, person_id, scope=Scope.CREDIT)
    now = timezone.now()
    page = TraineePage(request, supervision, at=now)
    form = page.note_form(request.POST)
    if form.is_valid():
        try:
            note = review_notes.write(supervision=supervision, **form.facts(), at=now)
        except review_notes.NobodyReads:
            raise Http404 from None
        except review_notes.NoteError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, "Your note is kept.")
            return redirect(f"{reverse('transcripts:trainee', args=[person_id])}#note-{note.pk}")
    return page.response(note_form=form)


@never_cache
@require_POST
def choose_review_day(request: SignedInRequest, person_id: uuid.UUID) -> HttpResponse:
    """When the next review of this trainee is due."""
    supervision = active_supervision(request, person_id, scope=Scope.CREDIT)
    now = timezone.now()
    page = TraineePage(request, supervision, at=now)
    form = page.day_form(request.POST)
    if form.is_valid():
        try:
            reviews.choose_day(supervision=supervision, **form.cleaned_data, at=now)
        except reviews.SupervisionEnded:
            raise Http404 from None
        except reviews.ReviewError as error:
            form.add_error("due_on", str(error))
        else:
            messages.success(request, "The next review is noted.")
            return redirect("transcripts:trainee", person_id)
    return page.response(day_form=form)


@never_cache
@require_POST
def answer_note(request: SignedInRequest, pk: uuid.UUID) -> HttpResponse:
    """One of the two answers a note; where they read it, they go on."""
    now = timezone.now()
    visible = ReviewNote.objects.visible_to(request.user, at=now).filter(answers__isnull=True)
    note = get_object_or_404(visible, pk=pk)
    is_own = note.holder_id == request.user.pk
    form = AnswerForm(request.POST, note=note)
    if form.is_valid():
        try:
            review_notes.answer(
                note=note, by=request.user, words=form.cleaned_data["words"], at=now
            )
        except review_notes.NoteError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, "Your answer is kept.")
            page = (
                reverse("transcripts:reviews")
                if is_own
                else reverse("transcripts:trainee", args=[note.holder_id])
            )
            return redirect(f"{page}#note-{note.pk}")
    if is_own:
        return _own_page(request, at=now, answer_form=form)
    supervision = active_supervision(request, note.holder_id, scope=Scope.CREDIT)
    return TraineePage(request, supervision, at=now).response(answer_form=form)


@never_cache
@require_safe
def own_reviews(request: SignedInRequest) -> HttpResponse:
    """What supervisors signed and noted about one's own transcript."""
    return _own_page(request, at=timezone.now())


def _own_page(
    request: SignedInRequest, *, at: datetime, answer_form: AnswerForm | None = None
) -> HttpResponse:
    threads = review_notes.threads(holder=request.user, reader=request.user, at=at)
    _give_forms(threads, answer_form)
    received = Review.objects.filter(holder=request.user).defer("record").newest_first()
    return render(
        request,
        "transcripts/reviews.html",
        {"reviews": received, "threads": threads, "section": "transcript"},
        status=422 if answer_form else 200,
    )


@never_cache
@require_safe
def review(request: SignedInRequest, pk: uuid.UUID) -> HttpResponse:
    """One review as it was signed, and what came since; for its holder and its reviewer."""
    now = timezone.now()
    signed = _visible_review(request, pk, what=RecordRead.What.REVIEW, at=now)
    is_own = signed.holder_id == request.user.pk
    return render(
        request,
        "transcripts/review.html",
        {
            "review": signed,
            "record": signed.record,
            "since_then": readings.since_then(signed, reader=request.user, at=now),
            "is_own": is_own,
            "section": "transcript" if is_own else "supervision",
        },
    )


@never_cache
@require_safe
def review_pdf(request: SignedInRequest, pk: uuid.UUID) -> HttpResponse:
    """The review as a signed document, its record attached. Drawn here, as a transcript is."""
    signed = _visible_review(request, pk, what=RecordRead.What.REVIEW_PDF, at=timezone.now())
    try:
        drawn = pdf.draw_review(
            record=signed.record,
            attachment=records.canonical(signed.record),
            signed_as=signed.signed_as,
            decision=signed.get_decision_display(),
            at=signed.signed_at,
        )
    except pdf.DrawingError:
        logger.exception("The review %s could not be drawn.", signed.pk)
        messages.error(
            request,
            "The PDF could not be made: a name or title has a letter that our fonts lack. "
            "The people who run the portal can see it; the page prints.",
        )
        return redirect(signed)
    return HttpResponse(
        signing.sign(drawn, at=signed.signed_at),
        content_type="application/pdf",
        headers={
            "Content-Disposition": f'attachment; filename="review-{signed.since}-{signed.pk}.pdf"'
        },
    )


def _visible_review(
    request: SignedInRequest, pk: uuid.UUID, *, what: RecordRead.What, at: datetime
) -> Review:
    """The review, with the trace of reading it; else 404."""
    visible = Review.objects.visible_to(request.user, at=at).select_related("holder")
    signed = get_object_or_404(visible, pk=pk)
    is_reviewer = signed.reviewer_id == request.user.pk
    capacity = RecordRead.Capacity.SUPERVISOR if is_reviewer else RecordRead.Capacity.STAFF
    trace.record(
        reader=request.user,
        person=signed.holder,
        what=what,
        at=at,
        detail=f"Signed on {show_day(signed.signed_at.astimezone(signed.holder.tz))}",
        capacity=capacity,
    )
    return signed
