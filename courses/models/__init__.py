"""What is true of courses: who offers, what is offered, how it is listed, who learns."""

from courses.models.assignments import Assignment
from courses.models.attempts import Attempt
from courses.models.attendance import AttendanceInterval, AttendanceUpload
from courses.models.calendar_feeds import CalendarFeed
from courses.models.catalog import (
    AgendaItem,
    Choice,
    Course,
    CourseCredit,
    CourseFocusArea,
    CourseInstructor,
    EvaluationQuestion,
    FocusArea,
    Lesson,
    Objective,
    Question,
    Session,
    TeachingMethod,
    Topic,
)
from courses.models.enrollment import Completion, Enrollment
from courses.models.evaluations import EvaluationAnswer, EvaluationResponse
from courses.models.listing import CatalogEntry, CatalogState, SearchWord
from courses.models.offering import (
    Approval,
    ApprovingBody,
    CreditType,
    DeliveryFormat,
    FormatWord,
    Instructor,
    Profession,
    Provider,
)
from courses.models.personal_data import DataExport
from courses.models.progress import LessonProgress
from courses.models.saved import SavedSearch, ShortlistItem
from courses.models.tallies import SearchTally
from courses.models.waitlist import WaitlistPlace

__all__ = [
    "DataExport",
    "AgendaItem",
    "Approval",
    "ApprovingBody",
    "Assignment",
    "Attempt",
    "AttendanceInterval",
    "AttendanceUpload",
    "CalendarFeed",
    "CatalogEntry",
    "CatalogState",
    "Choice",
    "Completion",
    "Course",
    "CourseCredit",
    "CourseFocusArea",
    "CourseInstructor",
    "CreditType",
    "DeliveryFormat",
    "Enrollment",
    "EvaluationAnswer",
    "EvaluationQuestion",
    "EvaluationResponse",
    "FocusArea",
    "FormatWord",
    "Instructor",
    "Lesson",
    "LessonProgress",
    "Objective",
    "Profession",
    "Provider",
    "Question",
    "SavedSearch",
    "SearchTally",
    "SearchWord",
    "Session",
    "ShortlistItem",
    "TeachingMethod",
    "Topic",
    "WaitlistPlace",
]
