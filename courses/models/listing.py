"""The catalog as it is searched: rows derived from the courses, written where a course changes."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from courses.models.catalog import Course


class CatalogState(models.Model):
    """The one row that says how far the catalog has moved; every change of a listing moves it.

    Whoever changes listings locks this row first, so versions become visible in their order.
    """

    version = models.PositiveBigIntegerField(default=0, help_text="Moves when a course changes")
    labels_version = models.PositiveBigIntegerField(
        default=0, help_text="Moves when the name of a topic, board, instructor, ... changes"
    )
    rebuilt = models.PositiveBigIntegerField(
        default=0, help_text="Moves when all listings were written anew"
    )

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(pk=1), name="catalog_state_is_one_row"),
        ]

    def __str__(self) -> str:
        return f"Catalog, version {self.version}"


class CatalogEntry(models.Model):
    """What the catalog needs to know of one course that was ever published.

    It is derived: ``courses.listing`` writes it, in the transaction of the change.
    """

    course = models.OneToOneField(
        Course, models.CASCADE, primary_key=True, related_name="catalog_entry"
    )
    version = models.PositiveBigIntegerField(db_index=True)
    is_published = models.BooleanField()
    published_at = models.DateTimeField()
    title_key = models.CharField(max_length=250, help_text="The title as it is sorted")
    hours = models.DecimalField(max_digits=5, decimal_places=2)
    facts = models.JSONField(help_text="Facet values, credit lines with their dates, live sessions")
    card = models.JSONField(help_text="What the card in the catalog shows")

    class Meta:
        verbose_name_plural = "catalog entries"

    def __str__(self) -> str:
        return str(self.course)


class SearchWord(models.Model):
    """A word that stands in some course, for suggestions and for “did you mean”.

    Words stay until a rebuild; whether one still finds anything is asked of the search.
    """

    word = models.CharField(max_length=40, unique=True)
    lexeme = models.CharField(max_length=64, help_text="Its stem, as it is searched")

    def __str__(self) -> str:
        return self.word
