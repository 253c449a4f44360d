"""manage.py load_reference: topics, approving bodies, credit types, teaching methods."""

from typing import Any

from django.core.management.base import BaseCommand

from courses import listing, reference_data


class Command(BaseCommand):
    help = "Write the topics, approving bodies, credit types and teaching methods. Safe to repeat."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{reference_data.load()} rows of reference data.")
        # The first time after an update from before there were listings.
        if listed := listing.relist_missing():
            self.stdout.write(f"{listed} courses listed in the catalog.")
