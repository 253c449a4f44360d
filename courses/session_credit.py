"""Credit and certificates of everybody who took part in a session, in one go."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from courses import completion
from courses.models import Enrollment, Session
from transcripts import certificates
from transcripts.models import Certificate


@dataclass(frozen=True)
class Given:
    """How many got their credit now; ``refused``: who met everything and may not have it, and
    why."""

    count: int
    refused: list[str]


def give(*, session: Session, at: datetime) -> Given:
    """Complete every enrollment of the session of which nothing is outstanding.

    There are such if no approval was in date when the last requirement was met, and one was
    entered since. Each by itself: one that is refused keeps nobody else back. Twice does no harm.
    """
    count, refused = 0, []
    waiting = Enrollment.objects.in_progress().filter(session=session)
    for enrollment in waiting.select_related("course", "learner", "session").order_by("pk"):
        try:
            count += completion.complete_if_ready(enrollment=enrollment, at=at) is not None
        except completion.CompletionError as error:
            refused.append(f"{enrollment.learner.legal_name}: {error}")
    return Given(count, refused)


def certificates_of(session: Session) -> list[Certificate]:
    """Those that stand now: of one that was issued anew, the last."""
    first = Certificate.objects.with_status().filter(entry__completion__enrollment__session=session)
    current = [certificates.current(certificate) for certificate in first]
    return [one for one in current if one.status == Certificate.Status.VALID]
