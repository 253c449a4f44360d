"""A process of ``bench_documents`` that draws and signs, and nothing else."""

from __future__ import annotations

import json
import sys
from typing import Any

from django.core.management.base import BaseCommand

from courses.management.bare_drawing import draw_all
from transcripts.models import Certificate


class Command(BaseCommand):
    help = (
        "Read lines of certificate ids as JSON, draw and sign these certificates, and answer each "
        "line with the seconds that it took."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        for line in sys.stdin:
            wanted = Certificate.objects.filter(pk__in=json.loads(line)).select_related("entry")
            self.stdout.write(json.dumps(draw_all(list(wanted))))
            self.stdout.flush()
