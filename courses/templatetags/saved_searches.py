"""Whether the reader has saved what a page of the catalog was asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django import template

from courses import saved
from courses.forms import CatalogQuery
from courses.models import SavedSearch

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.models import User

register = template.Library()


@register.simple_tag
def held_search(user: User | AnonymousUser, asked: CatalogQuery) -> SavedSearch | None:
    """The reader's saved search that asks the same; one query, and none for a visitor."""
    return saved.held(owner=user, asked=asked) if user.is_authenticated else None
