"""Turn text into values."""

from courses.forms.attendance import CheckInForm, RecordForm, VoidForm
from courses.forms.catalog import CatalogQuery
from courses.forms.learning import EnrollForm, EvaluationForm, PostTestForm

__all__ = [
    "CatalogQuery",
    "CheckInForm",
    "EnrollForm",
    "EvaluationForm",
    "PostTestForm",
    "RecordForm",
    "VoidForm",
]
