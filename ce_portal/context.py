"""What every template may use."""

from django.conf import settings
from django.http import HttpRequest

THEMES = ("light", "dark")


def appearance(request: HttpRequest) -> dict[str, str | bool]:
    """The chosen theme ("" follows the system); what embedded mode must say of itself."""
    theme = request.COOKIES.get("theme", "")
    return {
        "theme": theme if theme in THEMES else "",
        "mail_folder": str(settings.EMAIL_FILE_PATH) if settings.EMBEDDED else "",
        "is_admin_open_by_password": not settings.STAFF_SECOND_FACTOR,
    }
