"""manage.py import_courses PATH...: course files into the catalog."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from tqdm import tqdm

from courses import importing
from courses.course_files import CourseFile, CourseFileError, find_files


class Command(BaseCommand):
    help = (
        "Write courses, providers and instructors from Markdown and YAML files. Everything is "
        "checked first; if one file is wrong, nothing is written."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="file or folder")
        parser.add_argument(
            "--dry-run", action="store_true", help="check everything, write nothing"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            total = sum(path.suffix == ".md" for path in find_files(options["paths"]))
            with tqdm(total=total, unit=" courses", disable=None, leave=False) as bar:

                def advance(course: CourseFile) -> None:
                    bar.update()

                report = importing.load(
                    paths=options["paths"],
                    at=timezone.now(),
                    today=timezone.localdate(),
                    dry_run=options["dry_run"],
                    on_course=advance,
                )
        except CourseFileError as error:
            count = len(error.problems)
            problems = "\n".join(f"  {problem}" for problem in error.problems)
            raise CommandError(
                f"Nothing was written. {count} problem{'' if count == 1 else 's'}:\n{problems}"
            ) from None
        would = "Would write" if options["dry_run"] else "Wrote"
        self.stdout.write(
            f"{would} {report.created} new and {report.updated} known courses, "
            f"{report.providers} providers, {report.instructors} instructors."
        )
