"""Turn text into values."""

from courses.forms.attendance import (
    CheckInForm,
    ConfirmReportForm,
    PartialCreditForm,
    RecordForm,
    ReportForm,
    VoidForm,
)
from courses.forms.catalog import CatalogQuery
from courses.forms.learning import (
    EnrollForm,
    EvaluationForm,
    PostTestForm,
    ProgressForm,
    question_name,
)

__all__ = [
    "CatalogQuery",
    "CheckInForm",
    "ConfirmReportForm",
    "EnrollForm",
    "EvaluationForm",
    "PartialCreditForm",
    "PostTestForm",
    "ProgressForm",
    "RecordForm",
    "ReportForm",
    "VoidForm",
    "question_name",
]
