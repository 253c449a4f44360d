"""Lessons in the course room: reading, how far one came, files, all on one page to print."""

from __future__ import annotations

import uuid
from typing import Any

from django.db.models.fields.files import FieldFile
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from ce_portal import ranges
from ce_portal.csp import allow_media
from courses import learning, markdown, material
from courses import lessons as lessons_story
from courses.forms import ProgressForm
from courses.models import Enrollment, Lesson
from courses.views.room import Room, own_enrollment, refused, render_in_room, room_of


@require_safe
def lesson(request: HttpRequest, pk: uuid.UUID, key: str) -> HttpResponse:
    """A lesson. Opening it is noted, and no more: it is read when the learner says so."""
    enrollment = own_enrollment(request, pk)
    shown = get_object_or_404(Lesson, course=enrollment.course, key=key)
    if request.method == "GET" and not enrollment.is_over:
        lessons_story.open_lesson(enrollment=enrollment, lesson=shown, at=timezone.now())
    return _page(request, room_of(enrollment), shown)


def _page(
    request: HttpRequest, found: Room, shown: Lesson, *, status: int = 200, **context: Any
) -> HttpResponse:
    index = [row.lesson.pk for row in found.lessons].index(shown.pk)
    row, now = found.lessons[index], timezone.now()
    opens = lessons_story.may_be_read_from(row.progress, shown) if row.progress else None
    response = render_in_room(
        request,
        "courses/lesson.html",
        found,
        lesson=shown,
        progress=row.progress,
        is_read=row.is_read,
        opens=opens if opens and opens > now else None,
        body=markdown.render(shown.body),
        number=index + 1,
        previous=found.lessons[index - 1].lesson if index else None,
        following=found.lessons[index + 1].lesson if index + 1 < len(found.lessons) else None,
        status=status,
        now=now,
        **context,
    )
    if shown.kind == Lesson.Kind.VIDEO and shown.file:
        allow_media(response)
    return response


@require_POST
def read(request: HttpRequest, pk: uuid.UUID, key: str) -> HttpResponse:
    """Mark a lesson as read and go on to what is next."""
    enrollment = own_enrollment(request, pk)
    shown = get_object_or_404(Lesson, course=enrollment.course, key=key)
    try:
        lessons_story.mark_read(enrollment=enrollment, lesson=shown, at=timezone.now())
    except lessons_story.TooSoonError as error:
        return _page(request, room_of(enrollment), shown, too_soon=error, status=422)
    except learning.LearningError as error:
        return refused(request, pk, error)
    return redirect(room_of(enrollment).next_url)


@require_POST
def progress(request: HttpRequest, pk: uuid.UUID, key: str) -> HttpResponse:
    """What the page reports by itself while it is read."""
    own = Enrollment.objects.visible_to(request.user).in_progress()
    enrollment = get_object_or_404(own, pk=pk)
    shown = get_object_or_404(Lesson, course=enrollment.course_id, key=key)
    form = ProgressForm(request.POST)
    if not form.is_valid():
        return HttpResponse(status=422)
    lessons_story.note_progress(
        enrollment=enrollment,
        lesson=shown,
        position=form.cleaned_data["position"],
        seconds=form.cleaned_data["seconds"],
        at=timezone.now(),
    )
    return HttpResponse(status=204)


@require_safe
def print_lessons(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """All lessons of the course on one page, to print."""
    found = room_of(own_enrollment(request, pk))
    bodies = dict(found.course.lessons.values_list("pk", "body"))
    if not found.lessons:
        raise Http404
    return render_in_room(
        request,
        "courses/print_lessons.html",
        found,
        printed=[(row.lesson, markdown.render(bodies[row.lesson.pk])) for row in found.lessons],
    )


@require_safe
def lesson_file(request: HttpRequest, pk: uuid.UUID, key: str) -> HttpResponseBase:
    """The video or document of a lesson."""
    shown = _lesson_of(request, pk, key)
    return _send(request, shown.file, material.LESSONS, name=key)


@require_safe
def lesson_captions(request: HttpRequest, pk: uuid.UUID, key: str) -> HttpResponseBase:
    return _send(request, _lesson_of(request, pk, key).captions, {material.VTT}, name=key)


def _lesson_of(request: HttpRequest, pk: uuid.UUID, key: str) -> Lesson:
    enrollment = get_object_or_404(Enrollment.objects.visible_to(request.user), pk=pk)
    return get_object_or_404(Lesson, course=enrollment.course_id, key=key)


def _send(
    request: HttpRequest, file: FieldFile, allowed: set[str], *, name: str
) -> HttpResponseBase:
    """Only what our allow-list knows leaves, as what it is."""
    found = material.open_known(file, allowed)
    if found is None:
        raise Http404
    opened, media_type = found
    return ranges.send(
        request,
        opened,
        size=file.size,
        media_type=media_type,
        filename=f"{name}{material.SUFFIXES[media_type]}",
    )
