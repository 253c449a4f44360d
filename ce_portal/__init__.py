"""The wiring: settings, URLs, Celery, the web entry point. Imports no app."""

from ce_portal.celery import app as celery_app

__all__ = ["celery_app"]
