"""Turn text into values."""

from courses.forms.assignments import AssignedFromForm, AssignForm
from courses.forms.attendance import (
    CheckInForm,
    ConfirmReportForm,
    PartialCreditForm,
    RecordForm,
    ReportForm,
    VoidForm,
)
from courses.forms.catalog import CatalogQuery
from courses.forms.closing import CloseAccountForm
from courses.forms.desk import DeskForm
from courses.forms.learning import (
    EnrollForm,
    EvaluationForm,
    PostTestForm,
    ProgressForm,
    question_name,
)
from courses.forms.outside import OutsideCreditForm
from courses.forms.plans import PlanForm

__all__ = [
    "AssignForm",
    "AssignedFromForm",
    "CatalogQuery",
    "CheckInForm",
    "CloseAccountForm",
    "ConfirmReportForm",
    "DeskForm",
    "EnrollForm",
    "EvaluationForm",
    "OutsideCreditForm",
    "PartialCreditForm",
    "PlanForm",
    "PostTestForm",
    "ProgressForm",
    "RecordForm",
    "ReportForm",
    "VoidForm",
    "question_name",
]
