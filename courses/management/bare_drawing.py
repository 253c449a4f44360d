"""The floor of what certificates cost, for benchmarks: drawing and signing, and nothing else."""

from __future__ import annotations

import time
from collections.abc import Iterable

from django.utils import timezone

from transcripts import drawing
from transcripts.models import Certificate

Taken = dict[str, float]  # "wall" and "cpu", in seconds


def draw_all(certificates: Iterable[Certificate]) -> Taken:
    """Draw and sign these, one after the other."""
    at = timezone.now()
    wall, cpu = time.perf_counter(), time.process_time()
    for certificate in certificates:
        drawing.signed_document(certificate, at=at)
    return {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
