"""manage.py load_demo: the demonstration catalog and accounts, into an empty portal."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from courses import demo


class Command(BaseCommand):
    help = "Load the demonstration catalog and accounts. Embedded mode only, empty portal only."

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.EMBEDDED:
            raise CommandError("The demonstration accounts never exist in production.")
        if demo.load(at=timezone.now(), today=timezone.localdate()):
            self.stdout.write("Loaded the demonstration catalog and its four accounts.")
        else:
            self.stdout.write("This portal has people or courses already; nothing was loaded.")
