"""Lessons in the course room: reading, how far one came, files, all on one page to print."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from typing import IO, Any

from django.db.models.fields.files import FieldFile
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    StreamingHttpResponse,
)
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from ce_portal.csp import allow_media
from courses import learning, markdown, material
from courses import lessons as lessons_story
from courses.forms import ProgressForm
from courses.models import Enrollment, Lesson
from courses.views.room import Room, own_enrollment, refused, render_in_room, room_of

BLOCK = 1 << 16  # bytes


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
    return _send(request, shown.file, {material.MP4, material.WEBM, material.PDF}, name=key)


@require_safe
def lesson_captions(request: HttpRequest, pk: uuid.UUID, key: str) -> HttpResponseBase:
    return _send(request, _lesson_of(request, pk, key).captions, {material.VTT}, name=key)


def _lesson_of(request: HttpRequest, pk: uuid.UUID, key: str) -> Lesson:
    enrollment = get_object_or_404(Enrollment.objects.visible_to(request.user), pk=pk)
    return get_object_or_404(Lesson, course=enrollment.course_id, key=key)


def _send(
    request: HttpRequest, file: FieldFile, allowed: set[str], *, name: str
) -> HttpResponseBase:
    """The file, or the part of it that the browser asks for (RFC 9110, section 14). Only what our
    allow-list knows leaves, as what it is."""
    if not file:
        raise Http404
    try:
        opened: IO[bytes] = file.open("rb")
    except FileNotFoundError as error:
        raise Http404 from error
    media_type, size = material.media_type_of(opened), file.size
    if media_type not in allowed:
        opened.close()
        raise Http404
    first, last = _range(request.headers.get("Range", ""), size)
    if first >= size:
        opened.close()
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
    opened.seek(first)
    response = StreamingHttpResponse(_blocks(opened, last - first + 1), content_type=media_type)
    response.headers["Content-Length"] = str(last - first + 1)
    response.headers["Accept-Ranges"] = "bytes"
    response.headers["Cache-Control"] = "private"
    suffix = material.SUFFIXES[media_type]
    response.headers["Content-Disposition"] = f'inline; filename="{name}{suffix}"'
    if (first, last) != (0, size - 1):
        response.status_code = 206
        response.headers["Content-Range"] = f"bytes {first}-{last}/{size}"
    return response


def _range(header: str, size: int) -> tuple[int, int]:
    """First and last byte that are asked for; all of them where the header is none that we know.
    The first is ``size`` or more if there is nothing to send."""
    asked = re.fullmatch(r"bytes=(\d{0,18})-(\d{0,18})", header.strip())
    if not asked or asked.groups() == ("", ""):
        return 0, size - 1
    first, last = asked.groups()
    if not first:
        return (max(0, size - int(last)), size - 1) if int(last) else (size, size)
    if last and int(last) < int(first):
        return 0, size - 1
    return int(first), min(int(last or size), size - 1)


def _blocks(file: IO[bytes], left: int) -> Iterator[bytes]:
    try:
        while left and (block := file.read(min(BLOCK, left))):
            left -= len(block)
            yield block
    finally:
        file.close()
