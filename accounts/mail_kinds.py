"""The kinds of mail that the portal sends of its own accord, from every app: plain data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """One kind of mail. ``when`` completes “This mail comes …”."""

    slug: str
    label: str
    when: str
    is_essential: bool = False
    is_forgotten_at_once: bool = False  # its words, and its address, once it has ended
    turned_off_at: str = ""  # the page, by its URL name, if it is not the page of preferences

    @property
    def is_optional(self) -> bool:
        """Turned on and off on the page of preferences."""
        return not self.is_essential and not self.turned_off_at


_ESSENTIAL = [
    (
        "supervision-request",
        "Supervision invitations",
        "when somebody invites you to supervise them, or to be supervised",
    ),
    (
        "plan-set",
        "Training plan set",
        "when a supervisor of yours states what you need in a cycle",
    ),
    (
        "assignment",
        "Assigned to you",
        "when a supervisor of yours assigns you a course or hours of a topic",
    ),
    (
        "supervision-answer",
        "Answers to supervision invitations",
        "when an invitation of yours to a supervision is accepted or declined",
    ),
    (
        "supervision-changed",
        "Supervision changed",
        "when a trainee of yours changes what you may read, or until when",
    ),
    ("supervision-ended", "Supervision ended", "when the other side ends a supervision of yours"),
    ("enrollment-confirmed", "Enrollment confirmed", "when you get a seat in a course"),
    ("enrollment-withdrawn", "Seat given back", "when you give a seat in a course back"),
    (
        "session-changed",
        "Session changed",
        "when the time, the place or the link of a session of yours changes",
    ),
    ("session-cancelled", "Session canceled", "when a session of yours is canceled"),
    (
        "session-moved",
        "Moved to another session",
        "when you move, or are moved, to another session of a course",
    ),
    ("waitlist-offer", "Seat offered", "when a seat that you wait for is free"),
    (
        "waitlist-closed",
        "Waitlist closed",
        "when a seat offered to you lapses, or a waitlist that you are on closes",
    ),
    (
        "enrollment-expired",
        "Enrollment ended",
        "when the time to finish a course of yours is over",
    ),
    ("certificate-ready", "Certificate ready", "when a certificate of yours is ready"),
    (
        "outside-credit",
        "Outside credit decided",
        "when training that you took elsewhere and recorded is confirmed or refused",
    ),
    (
        "credit-correction",
        "Credit corrected",
        "when your credit is corrected, or a correction that you asked for is declined",
    ),
    ("data-export", "Your data", "when the file of your data that you asked for is ready"),
    ("review-signed", "Review signed", "when a supervisor of yours signs a review"),
]

_OPTIONAL = [
    ("session-reminder", "Session tomorrow", "the day before a session of yours"),
    (
        "unfinished-course",
        "Unfinished course",
        "when a course that you began has waited for some time",
    ),
    (
        "evaluation-missing",
        "Evaluation missing",
        "when only the evaluation stands between you and your credit",
    ),
    (
        "license-expiring",
        "License expiring",
        "180, 90, 30 and 7 days before the last day of a license of yours",
    ),
    (
        "assignment-reminder",
        "Assignment due",
        "14 and 3 days before something assigned to you is due, and once when it is overdue",
    ),
    (
        "enrollment-expiring",
        "Enrollment ending soon",
        "when the time to finish a course of yours is nearly over",
    ),
    ("review-due", "Review due", "on the day on which a review of a trainee of yours is due"),
    (
        "review-notes",
        "Notes on a transcript",
        "when a supervisor comments on your transcript, or a trainee answers your comment",
    ),
]

KINDS: dict[str, Kind] = {
    kind.slug: kind
    for kind in [
        *(Kind(*facts, is_essential=True) for facts in _ESSENTIAL),
        *(Kind(*facts) for facts in _OPTIONAL),
        Kind(
            "account-closed",
            "Account closed",
            "when you have closed your account",
            is_essential=True,
            is_forgotten_at_once=True,
        ),
        Kind(
            "new-courses",
            "News of saved searches",
            "once a week, and only when there is something new in a search that you saved",
            turned_off_at="courses:saved_searches",
        ),
    ]
}


def choices() -> list[tuple[str, str]]:
    return [(kind.slug, kind.label) for kind in KINDS.values()]
