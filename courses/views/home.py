"""The front page; signed in, what is next."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.models import Supervision
from courses.models import Course, Enrollment, Topic
from transcripts.models import CreditEntry

SHOWN = 6


@login_not_required
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    if not request.user.is_authenticated:
        newest = Course.objects.published().newest_first()
        context = {
            "topics": Topic.objects.tree(),
            "newest": newest.with_cards(at=timezone.now())[:SHOWN],
            "total": newest.count(),
        }
        return render(request, "courses/front.html", context)

    now = timezone.now()
    own = Enrollment.objects.visible_to(request.user)
    in_progress = (
        own.in_progress()
        .with_course()
        .annotate(
            lessons_read=Count("lesson_progress", distinct=True),
            lessons=Count("course__lessons", distinct=True),
        )
    )
    context = {
        "now": timezone.localtime(),
        "next_session": in_progress.filter(session__ends_at__gt=now)
        .order_by("session__starts_at")
        .first(),
        "in_progress": in_progress.newest_first(),
        "recent": CreditEntry.objects.filter(holder=request.user)
        .select_related("certificate")
        .newest_first()[:SHOWN],
        "requests": Supervision.objects.waiting()
        .filter(trainee=request.user)
        .select_related("supervisor")
        .newest_first(),
        "section": "home",
    }
    return render(request, "courses/home.html", context)
