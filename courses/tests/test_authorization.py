"""Who gets which answer, at every address of the portal: held against ``authorization.txt``.

Each row of the table is an address, whose row its id names, a verb, and the answer to each of
``PEOPLE``: a status, or where a redirect leads ("sign-in"; "factor", to set up a second factor;
"proof", to show once more who one is). A "-" is a question that makes no sense.

An address that the table lacks fails here, and so does an answer that differs; the message holds
the rows as the portal answers them now. To have the rows of all new addresses in one file:

    AUTHORIZATION_ROWS=rows.txt pytest -n 0 courses/tests/test_authorization.py

Read each cell of a new row before it goes into the table: it is what we promise.
"""

import logging
import os
import re
from decimal import Decimal
from http.cookies import SimpleCookie
from pathlib import Path

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.core.files.base import ContentFile
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import supervision
from accounts.models import RecordRead, User
from accounts.tests.factories import (
    InvitationFactory,
    LicenseFactory,
    SupervisionFactory,
    UserFactory,
)
from accounts.tests.security import give_app, give_passkey, prove_by_app
from accounts.traced import TracedAdmin
from courses.models import Course, DataExport, Enrollment, SavedSearch
from courses.tests.factories import (
    AssignmentFactory,
    CourseFactory,
    EnrollmentFactory,
    SessionFactory,
    WaitlistPlaceFactory,
)
from courses.tests.stories import list_in_catalog, pass_post_test, read_lessons
from courses.tests.walk import pages
from transcripts import practice
from transcripts.models import Certificate, CreditEntry
from transcripts.tests.factories import (
    LONG_AGO,
    CertificateFactory,
    OutsideCreditFactory,
    TrainingPlanFactory,
    make_review,
)

TABLE = Path(__file__).parent / "authorization.txt"
PEOPLE = [
    "stranger",
    "clinician",
    "trainee",
    "current",  # supervisor
    "past",  # supervisor: ended
    "future",  # supervisor: consented to, and begins later
    "curator-1",  # by a password alone
    "curator-2",  # with the second factor
    "superuser",  # the same
]
VERBS = ["GET", "POST"]
PARTS = 6  # so that several processes share the walk


# --- Whose id an address takes ---
# Each gives the values of its parts, from the things of the person that it is about.

OURS = {
    "room": lambda of: {"pk": of.enrollment.pk},
    "key": lambda of: {"pk": of.enrollment.pk, "key": of.enrollment.course.lessons.first().key},
    "number": lambda of: {"pk": of.enrollment.pk, "number": 1},
    "live": lambda of: {"pk": of.live.pk},
    "session": lambda of: {"pk": of.live.session_id},
    "place": lambda of: {"slug": of.place.session.course.slug, "pk": of.place.pk},
    "saved": lambda of: {"pk": of.saved_search.pk},
    "license": lambda of: {"pk": of.license.pk},
    "invited": lambda of: {"pk": of.invited.pk},
    "supervised": lambda of: {"pk": of.supervised.pk},
    "code": lambda of: {"code": of.certificate.code},
    "plan": lambda of: {"pk": of.plan.pk},
    "trainee_plan": lambda of: {"person_id": of.user.pk, "pk": of.plan.pk},
    "assigned": lambda of: {"pk": of.assigned.pk},
    "data": lambda of: {"pk": of.data_export.pk},
    "person": lambda of: {"person_id": of.user.pk},
    "passkey": lambda of: {"pk": of.passkey.pk},
    "review": lambda of: {"pk": of.review.pk},
    "note": lambda of: {"pk": of.note.pk},
    "outside": lambda of: {"pk": of.outside.pk},
    "practice": lambda of: {"key": of.practice.key},
}
IDS = {
    "courses:room": OURS["room"],
    "courses:lesson": OURS["key"],
    "courses:read": OURS["key"],
    "courses:post_test": OURS["room"],
    "courses:attempt": OURS["number"],
    "courses:evaluation": OURS["room"],
    "courses:complete": OURS["room"],
    "courses:progress": OURS["key"],
    "courses:lesson_file": OURS["key"],
    "courses:lesson_captions": OURS["key"],
    "courses:print_lessons": OURS["room"],
    "courses:save_answers": OURS["room"],
    "courses:attestation": OURS["live"],
    "courses:session": OURS["live"],
    "courses:check_in": OURS["live"],
    "courses:check_out": OURS["live"],
    "courses:session_file": OURS["live"],
    "courses:host_session": OURS["session"],
    "courses:change_plan": OURS["plan"],
    "courses:drop_plan": OURS["plan"],
    "courses:trainee_plan": OURS["person"],
    "courses:new_trainee_plan": OURS["person"],
    "courses:change_trainee_plan": OURS["trainee_plan"],
    "courses:assign": OURS["person"],
    "courses:withdraw_assignment": OURS["assigned"],
    "courses:data_file": OURS["data"],
    "courses:leave_waitlist": OURS["place"],
    "courses:accept_seat": OURS["place"],
    "courses:decline_seat": OURS["place"],
    "courses:change_saved_search": OURS["saved"],
    "courses:forget_saved_search": OURS["saved"],
    "transcripts:certificate_pdf": OURS["code"],
    "transcripts:certificate_link": OURS["code"],
    "transcripts:reflection": OURS["code"],
    "transcripts:correction_request": OURS["code"],
    "transcripts:outside": OURS["outside"],
    "transcripts:withdraw_outside": OURS["outside"],
    "transcripts:evidence": OURS["outside"],
    "transcripts:evidence_preview": OURS["outside"],
    "courses:change_outside": OURS["outside"],
    "transcripts:reverse_practice": OURS["practice"],
    "transcripts:trainee_practice": OURS["person"],
    "transcripts:trainee_practice_csv": OURS["person"],
    "transcripts:trainee": OURS["person"],
    "transcripts:sign_off": OURS["person"],
    "transcripts:add_note": OURS["person"],
    "transcripts:choose_review_day": OURS["person"],
    "transcripts:review": OURS["review"],
    "transcripts:review_pdf": OURS["review"],
    "transcripts:answer_note": OURS["note"],
    "transcripts:trainee_csv": OURS["person"],
    "transcripts:trainee_json": OURS["person"],
    "transcripts:trainee_pdf": OURS["person"],
    "transcripts:trainee_zip": OURS["person"],
    "accounts:license": OURS["license"],
    "accounts:remove_license": OURS["license"],
    "accounts:consent": OURS["supervised"],
    "accounts:end_supervision": OURS["supervised"],
    "accounts:withdraw_invitation": OURS["invited"],
    "accounts:send_invitation_again": OURS["invited"],
    "mfa_edit_webauthn": OURS["passkey"],
    "mfa_remove_webauthn": OURS["passkey"],
}
# An id or a token that is nobody's own. What verifies a certificate is for anyone who has its code.
NOBODYS = {
    "courses:stop_mail",
    "accounts:stop_mail_kind",
    # Its token came by mail; accounts/tests/test_supervision_views.py says who may do what.
    "accounts:invitation",
    "accounts:decline_invitation",
    "transcripts:verification",
    "transcripts:public_key",
}


# What answers 200 to somebody else than the one whose row its address names, or tells their name,
# and is no read of their record.
NO_READ = {
    "transcripts:certificate_link": "Whether the document is there yet; the page around it counts",
    "transcripts:verification": "What anybody may know of a certificate whose code they have",
    "courses:host_session": "The code of a session, and nobody's name",
    "accounts:supervision": "With whom one is linked, which both of them made so",
    "home": "With whom one is linked",
}
# What names people in the admin and is no read of a record.
UNTRACED_ADMINS = {
    "transcripts.Job": "Which curator asked for it",
}


class Things:
    """One person with one of everything that an address may name."""

    def __init__(self, user, course, session, at):
        self.user = user
        self.enrollment = EnrollmentFactory(learner=user, course=course)
        read_lessons(self.enrollment, at)
        pass_post_test(self.enrollment, at)
        self.certificate = CertificateFactory(entry__holder=user)
        self.live = EnrollmentFactory(learner=user, course=session.course, session=session)
        self.place = WaitlistPlaceFactory(learner=user)
        self.certificate.state = Certificate.State.ISSUED
        self.certificate.drawn_at = at
        self.certificate.pdf.save("certificate.pdf", ContentFile(b"%PDF-"))
        self.license = LicenseFactory(holder=user)
        self.invited = InvitationFactory(inviter=user)
        self.outside = OutsideCreditFactory(holder=user, evidence__media_type="image/png")
        self.practice = practice.log(
            trainee=user,
            worked_on=LONG_AGO.date(),
            kind="direct",
            hours=Decimal(1),
            note="",
            at=at,
        )
        self.supervised = SupervisionFactory(trainee=user)
        self.plan = TrainingPlanFactory(holder=user)
        self.assigned = AssignmentFactory(supervision=self.supervised, course=course)
        self.passkey = give_passkey(user)
        self.review, self.note = make_review(self.supervised, at)
        self.data_export = DataExport(
            person=user,
            asked_at=at,
            state=DataExport.State.READY,
            ready_at=at,
            expires_at=at + DataExport.KEPT,
            leased_until=at,
        )
        self.data_export.file.save("data.zip", ContentFile(b"PK"))
        self.saved_search = SavedSearch.objects.create(
            owner=user, name="Consent", query="q=consent", created_at=at, seen_until=at
        )


@pytest.fixture
def world(db, settings, caplog):
    """The people, their things and their cookies."""
    # A refusal is logged with its traceback; the rows are what the reader of a failure needs.
    caplog.set_level(logging.CRITICAL, "django.request")
    settings.STAFF_SECOND_FACTOR = True
    # Everybody here asks from one address.
    settings.VERIFY_RATE_LIMITS = {}
    at = timezone.now()
    course = CourseFactory(slug="consent")
    lesson = course.lessons.first()
    lesson.kind = "video"
    lesson.file = ContentFile(b"\x00\x00\x00\x20ftypisom", name="lesson.mp4")
    lesson.captions = ContentFile(b"WEBVTT\n", name="lesson.vtt")
    lesson.save()
    session = SessionFactory(course__attestation="I attended it myself.")
    list_in_catalog(course)
    curators = Group.objects.get(name="Curators")
    of = {
        name: Things(UserFactory(legal_name=f"Known As {name}"), course, session, at)
        for name in PEOPLE
        if name != "stranger"
    }
    for name in ("curator-1", "curator-2", "superuser"):
        staff = of[name].user
        staff.is_staff = True
        staff.is_superuser = name == "superuser"
        staff.save()
        if not staff.is_superuser:
            staff.groups.add(curators)
    trainee = of["trainee"]
    trainee.assigned.delete()
    trainee.supervised.delete()
    trainee.supervised = SupervisionFactory(
        trainee=trainee.user,
        supervisor=of["current"].user,
        shares_renewal=True,
        shares_evidence=True,
        shares_practice=True,
    )
    trainee.assigned = AssignmentFactory(supervision=trainee.supervised, course=course)
    SupervisionFactory(trainee=trainee.user, supervisor=of["past"].user, ended=True)
    trainee.review, trainee.note = make_review(trainee.supervised, at)
    SupervisionFactory(trainee=trainee.user, supervisor=of["future"].user, future=True)
    supervision.confirm(person=of["current"].user, because="Known.", by=of["superuser"].user, at=at)
    # The one without a second factor, in the strict sense of the portal.
    of["curator-1"].passkey.delete()
    of["curator-1"].passkey.pk = 0
    cookies = {"stranger": SimpleCookie()}
    for name, things in of.items():
        client = Client()
        client.force_login(things.user)
        if name in {"curator-2", "superuser"}:
            give_app(things.user)
            prove_by_app(client)
        cookies[name] = client.cookies
    return of, cookies


def rows_of(page, of, cookies):
    """The rows of one address, as the portal answers now."""
    if page.name in IDS:
        whose = {"own": IDS[page.name], "trainee's": IDS[page.name]}
    else:
        whose = {"-": lambda of: {}}
    for name, values in whose.items():
        for verb in VERBS:
            cells = []
            for person in PEOPLE:
                if name == "own" and person == "stranger":
                    cells.append("-")
                    continue
                owner = of["trainee" if name != "own" else person]
                path = page.path(**values(owner), **object_of_the_admin(page, of["trainee"]))
                cells.append(answer(cookies[person], verb, path))
            yield page.name, name, verb, *cells


def object_of_the_admin(page, trainee):
    """A row that is there, where the admin's address names one."""
    if page.name == "admin:view_on_site":
        kind = ContentType.objects.get_for_model(Course)
        return {"content_type_id": kind.pk, "object_id": trainee.enrollment.course.pk}
    if re.match(r"admin/courses/.*<int:pk>", page.route):
        return {"pk": trainee.enrollment.course.pk}
    if not page.name.startswith("admin:") or not re.search(r"/<path:object_id>/\w", page.route):
        return {"id": trainee.user.pk}
    app, model = page.route.removeprefix("admin/").split("/")[:2]
    if (app, model) == ("accounts", "user"):
        return {"object_id": trainee.user.pk}
    if (app, model) == ("courses", "enrollment"):
        return {"object_id": trainee.live.pk}
    first = apps.get_model(app, model).objects.order_by("pk").first()
    return {"object_id": first.pk} if first else {}


def answer(cookies, verb, path):
    """What one person is answered; nothing of it lasts."""
    client = Client()
    client.cookies = SimpleCookie(cookies.output(header="", sep=";"))
    with transaction.atomic():
        response = client.generic(verb, path, content_type="application/x-www-form-urlencoded")
        transaction.set_rollback(True)
    if response.streaming:
        list(response)  # to its end, which closes its file
    if response.status_code != 302:
        return str(response.status_code)
    to = response.url
    if to.startswith((reverse("account_login") + "?", reverse("admin:login") + "?")):
        return "sign-in"
    if "/reauthenticate/?" in to:
        return "proof"
    if to == reverse("mfa_index") and not path.startswith("/accounts/"):
        return "factor"
    return "302"


def table():
    """The rows of the file: name, whose and verb to the cells."""
    lines = TABLE.read_text().splitlines() if TABLE.exists() else []
    rows = [line.split() for line in lines if line and not line.startswith("#")]
    assert {len(row) for row in rows} <= {3 + len(PEOPLE)}, "A row has a cell for each person."
    assert len({tuple(row[:3]) for row in rows}) == len(rows), "A row stands there twice."
    return {tuple(row[:3]): tuple(row[3:]) for row in rows}


def written(row):
    name, whose, verb, *cells = row
    return f"{name:<46} {whose:<10}{verb:<6}" + "".join(f"{cell:<10}" for cell in cells).rstrip()


def walked():
    """Each address once; the resolver knows some by a second route."""
    return list({page.name: page for page in reversed(list(pages()))}.values())[::-1]


@pytest.mark.parametrize("part", range(PARTS))
def test_every_address_answers_everybody_as_the_table_says(world, part):
    promised = table()
    of, cookies = world

    found = [row for page in walked()[part::PARTS] for row in rows_of(page, of, cookies)]

    missing = [written(row) for row in found if row[:3] not in promised]
    if missing and (file := os.environ.get("AUTHORIZATION_ROWS")):
        with Path(file).open("a") as rows:
            rows.write("\n".join(missing) + "\n")
    assert missing == [], "Not in the table yet:\n" + "\n".join(missing)
    different = [
        f"{written(row)}\n{written((*row[:3], *promised[row[:3]]))}   <- the table"
        for row in found
        if promised[row[:3]] != row[3:]
    ]
    assert different == [], "Other than the table says:\n" + "\n".join(different)


def test_the_table_has_no_row_of_an_address_that_is_gone():
    names = {page.name for page in pages()}

    assert {name for name, *_ in table()} - names == set()


def test_every_address_with_an_id_says_whose_it_is():
    unsaid = {
        page.name
        for page in pages()
        if page.asks_for_an_id
        and not page.name.startswith("admin:")
        and page.name not in IDS.keys() | NOBODYS
    }

    assert unsaid == set(), "Say in IDS whose row their id names."


def test_the_table_gives_what_is_a_trainees_to_no_other_clinician():
    """What the reader of the table must not overlook: these columns never hold a page or a deed."""
    harmless = {"404", "403", "405", "sign-in", "proof"}
    others = [PEOPLE.index(name) for name in ("stranger", "clinician", "past", "future")]

    leaks = {
        key: {PEOPLE[n]: cells[n] for n in others}
        for key, cells in table().items()
        if key[1] == "trainee's" and {cells[n] for n in others} - harmless
    }

    assert leaks == {}


def test_the_table_opens_the_admin_to_staff_with_two_factors_alone():
    harmless = {"sign-in", "302", "403", "404", "factor"}
    others = [n for n, name in enumerate(PEOPLE) if name not in {"curator-2", "superuser"}]

    leaks = {
        key: cells
        for key, cells in table().items()
        if key[0].startswith("admin:") and {cells[n] for n in others} - harmless
    }

    assert leaks == {}


# --- The trace ---


@pytest.mark.parametrize("part", range(PARTS))
def test_whoever_is_shown_something_of_the_trainee_leaves_a_trace(world, part):
    """By the address, which names a row of theirs, or by the answer, which tells their name."""
    of, cookies = world
    trainee = of["trainee"]

    untraced = [
        f"{page.name}: {reader}, GET {path}"
        for page in walked()[part::PARTS]
        if page.name not in NO_READ
        for path in [path_to_the_trainees(page, trainee)]
        for reader in ("current", "curator-2", "superuser")
        if leaves_no_trace(page, path, cookies[reader], of[reader].user, trainee.user)
    ]

    assert untraced == [], (
        "Let its view call trace.record, or say in NO_READ why that is no read of a record:\n"
        + "\n".join(untraced)
    )


def path_to_the_trainees(page, trainee):
    values = IDS[page.name](trainee) if page.name in IDS else {}
    rows = object_of_the_admin(page, trainee)
    if named := re.match(r"admin/(\w+)/(\w+)/<path:object_id>/", page.route):
        app, model = named.groups()
        site = admin.site._registry[apps.get_model(app, model)]
        for way in getattr(site, "people", ())[-1:]:
            theirs = site.model.objects.filter(**{way: trainee.user}).order_by("pk").first()
            rows = {"object_id": theirs.pk} if theirs else rows
    return page.path(**values, **rows)


def leaves_no_trace(page, path, cookies, reader, person):
    """Whether the reader is shown something of the person there, and it is noted nowhere."""
    client = Client()
    client.cookies = SimpleCookie(cookies.output(header="", sep=";"))
    with transaction.atomic():
        response = client.get(path)
        body = b"".join(response) if response.streaming else response.content
        is_shown = response.status_code == 200 and (
            page.name in IDS or person.legal_name.encode() in body or person.email.encode() in body
        )
        is_traced = RecordRead.objects.filter(reader=reader, person=person).exists()
        transaction.set_rollback(True)
    return is_shown and not is_traced


def test_every_admin_of_what_is_somebodys_is_traced():
    of_people = {User, CreditEntry, Enrollment}

    untraced = {
        model._meta.label
        for model, site in admin.site._registry.items()
        if of_people & {model, *(field.related_model for field in model._meta.concrete_fields)}
        and not isinstance(site, TracedAdmin)
    }

    assert untraced - UNTRACED_ADMINS.keys() == set(), (
        "Make it a TracedAdmin, or say in UNTRACED_ADMINS why it shows nothing of people."
    )
