"""What every template may use."""

from django.conf import settings
from django.http import HttpRequest

THEMES = ("light", "dark")


def appearance(request: HttpRequest) -> dict[str, str]:
    """The chosen theme ("" follows the system), and where embedded mode keeps its mail."""
    theme = request.COOKIES.get("theme", "")
    return {
        "theme": theme if theme in THEMES else "",
        "mail_folder": str(settings.EMAIL_FILE_PATH) if settings.EMBEDDED else "",
    }
