"""The attestation: the learner confirms in the course's words that the work is done."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from courses import completion, learning
from courses.models import Completion, Enrollment


@transaction.atomic
def attest(*, enrollment: Enrollment, at: datetime) -> Completion | None:
    """Keep the moment at which the learner confirmed, and complete the course. Confirming twice
    keeps the first moment.

    Locks the enrollment.
    Raises LearningError if the course asks for no confirmation, if the enrollment is over, or if
    anything else is still to be done.
    """
    enrollment = learning.locked_in_time(enrollment, at=at)
    if "attestation" not in enrollment.requirements:
        raise learning.LearningError("This course asks you to confirm nothing.")
    if enrollment.attested_at is None:
        learning.require(enrollment, *(set(completion.Step) - {completion.Step.ATTESTATION}))
        enrollment.attested_at = at
        enrollment.save(update_fields=["attested_at"])
    return learning.complete_if_possible(enrollment, at=at)
