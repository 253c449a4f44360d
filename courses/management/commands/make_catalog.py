"""manage.py make_catalog --courses N: a made-up catalog, for benchmarks."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from tqdm import tqdm

from courses import listing, made_catalog


class Command(BaseCommand):
    help = (
        "Fill an empty database with a made-up catalog, for benchmarks. The same number of "
        "courses, seed and day give the same catalog."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--courses", type=int, required=True, metavar="N")
        parser.add_argument("--seed", type=int, default=1, help="another gives another catalog")

    def handle(self, *args: Any, **options: Any) -> None:
        courses = options["courses"]
        if courses < 1:
            raise CommandError("Ask for one course at least.")
        try:
            with tqdm(
                total=courses, desc="Writing", unit=" courses", disable=None, leave=False
            ) as bar:
                made_catalog.fill(
                    courses,
                    seed=options["seed"],
                    today=timezone.localdate(),
                    at=timezone.now(),
                    on_progress=bar.update,
                )
        except made_catalog.NotEmptyError as error:
            raise CommandError(str(error)) from None
        with tqdm(total=courses, desc="Listing", unit=" courses", disable=None, leave=False) as bar:
            listed = listing.rebuild(on_progress=bar.update)
        self.stdout.write(f"Made {courses:,} courses; {listed:,} of them have been published.")
