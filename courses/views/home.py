"""The front page; signed in, what is next."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.db.models import Count, OuterRef, Q, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.models import Invitation, User
from courses import assignments, cards, coming, shelf
from courses.assignments import Asked
from courses.models import Assignment, Enrollment, LessonProgress, WaitlistPlace
from transcripts.models import CreditEntry

SHOWN = 6


@login_not_required
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    if not request.user.is_authenticated:
        zone = timezone.get_current_timezone()
        found = shelf.find(shelf.Wanted(), at=now, zone=zone, limit=SHOWN, most=0)
        context = {
            "topics": shelf.vocabulary().topics,
            "newest": cards.render(found.course_ids, user=request.user, at=now, zone=zone),
            "total": found.total,
        }
        return render(request, "courses/front.html", context)

    own = Enrollment.objects.visible_to(request.user)
    # The lesson that the learner was in last and has not read to the end.
    left = LessonProgress.objects.filter(enrollment=OuterRef("pk"), read_at__isnull=True).order_by(
        "-seen_at", "-pk"
    )
    in_progress = (
        own.in_progress()
        .with_course()
        .annotate(
            lessons_read=Count(
                "lesson_progress", filter=Q(lesson_progress__read_at__isnull=False), distinct=True
            ),
            lessons=Count("course__lessons", distinct=True),
            left_key=Subquery(left.values("lesson__key")[:1]),
            left_title=Subquery(left.values("lesson__title")[:1]),
        )
    )
    context = {
        "now": timezone.localtime(),
        "offered": WaitlistPlace.objects.visible_to(request.user)
        .current_offers(at=now)
        .select_related("session__course")
        .order_by("offer_expires_at", "pk"),
        "next_session": in_progress.filter(
            session__ends_at__gt=now, session__cancelled_at__isnull=True
        )
        .order_by("session__starts_at")
        .first(),
        "in_progress": in_progress.newest_first(),
        "recent": CreditEntry.objects.standing()
        .filter(holder=request.user)
        .select_related("certificate")
        .newest_first()[:SHOWN],
        "cycles": coming.progress_of(request.user, at=now, on=timezone.localdate()),
        "assigned": _assigned(request.user),
        "requests": Invitation.objects.waiting(at=now)
        .to(request.user)
        .select_related("inviter")
        .newest_first(),
        "section": "home",
    }
    return render(request, "courses/home.html", context)


def _assigned(learner: User) -> list[Asked]:
    """What supervisors ask of the learner and is not earned yet."""
    now = timezone.now()
    received = Assignment.objects.received_by(learner).in_force(at=now)
    states = assignments.states(received.with_subject().by_due_day(), at=now)
    return [asked for asked in states if asked.is_open]
