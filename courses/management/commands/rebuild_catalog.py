"""Write the catalog's listings anew, for the day that they must be."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from tqdm import tqdm

from courses import listing
from courses.models import Course


class Command(BaseCommand):
    help = (
        "Write all listings of the catalog anew from the courses: facets, search words, cards. "
        "The portal goes on meanwhile. It keeps them true by itself; this is for the day after a "
        "change of how they are written."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        courses = Course.objects.filter(published_at__isnull=False).count()
        with tqdm(total=courses, unit=" courses", disable=None) as bar:
            written = listing.rebuild(on_progress=bar.update)
        self.stdout.write(f"Wrote {written} listing{'' if written == 1 else 's'}.")
