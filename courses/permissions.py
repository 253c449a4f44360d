"""What a person may do with courses beyond reading them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.models import User


def can_curate(user: User | AnonymousUser) -> bool:
    """May edit, publish and retire courses."""
    return user.has_perm("courses.change_course")


def can_record_attendance(user: User | AnonymousUser) -> bool:
    """May show the check-in code, record and void presence, and apply a meeting tool's report."""
    return user.has_perm("courses.add_attendanceinterval")
