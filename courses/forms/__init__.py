"""Turn text into values."""

from courses.forms.catalog import CatalogQuery
from courses.forms.learning import EnrollForm, EvaluationForm, PostTestForm

__all__ = ["CatalogQuery", "EnrollForm", "EvaluationForm", "PostTestForm"]
