"""One's own data as a file: what stands in it, who may have it, and what a dead worker leaves."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from django.apps import apps
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.files.base import ContentFile
from django.db import IntegrityError
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import supervision, trace
from accounts.models import OutgoingMail, RecordRead, Supervision, User
from accounts.tests.factories import ConsentFactory, LicenseFactory, SupervisionFactory, UserFactory
from accounts.tests.security import prove_by_password
from courses import closing, data_requests, personal_data, tasks
from courses.models import DataExport, SavedSearch
from courses.tests.factories import AssignmentFactory, EnrollmentFactory
from courses.tests.stories import pass_post_test, read_lessons
from transcripts import practice, review_notes, reviews
from transcripts.models import Certificate, PracticeConfirmation, certificate_storage
from transcripts.tests.factories import CertificateFactory, OutsideCreditFactory
from transcripts.tests.test_reviews import sign

pytestmark = pytest.mark.django_db

PAGE = reverse("courses:personal_data")
ASK = reverse("courses:ask_for_data")


@pytest.fixture
def maya():
    return UserFactory(email="maya@example.com", legal_name="Maya Okafor")


@pytest.fixture
def proved(client, maya):
    """Maya's browser, with the password shown just now."""
    client.force_login(maya)
    prove_by_password(client)
    return client


def made(person, at):
    export = data_requests.ask(person=person, at=at)
    personal_data.make(export_id=str(export.pk), at=at)
    export.refresh_from_db()
    return export


def contents(export):
    with export.file.open("rb") as file:
        archive = zipfile.ZipFile(io.BytesIO(file.read()))
    return {name: archive.read(name) for name in archive.namelist()}


def rows(files, name):
    return json.loads(files[f"data/{name}.json"])


# --- What stands in it ---


def test_the_file_holds_ones_own_data_and_nobody_elses(maya, noon):
    other = UserFactory(legal_name="Somebody Else", email="else@example.com")
    LicenseFactory(holder=maya, number="AB-1")
    LicenseFactory(holder=other, number="ZZ-9")
    enrollment = EnrollmentFactory(learner=maya)
    read_lessons(enrollment, noon)
    pass_post_test(enrollment, noon)
    certificate = CertificateFactory(entry__holder=maya)
    certificate.state, certificate.drawn_at = Certificate.State.ISSUED, noon
    certificate.pdf.save("certificate.pdf", ContentFile(b"%PDF-mine"))
    CertificateFactory(entry__holder=other, entry__title="Not mine")
    SavedSearch.objects.create(
        owner=maya, name="Grief", query="q=grief", created_at=noon, seen_until=noon
    )
    trace.record(
        reader=UserFactory(legal_name="Helena Brandt"),
        person=maya,
        what=RecordRead.What.TRANSCRIPT,
        at=noon,
    )

    files = contents(made(maya, noon))

    assert [row["email"] for row in rows(files, "profile")] == ["maya@example.com"]
    assert [row["number"] for row in rows(files, "licenses")] == ["AB-1"]
    assert [row["course__title"] for row in rows(files, "enrollments")] == [enrollment.course.title]
    assert [row["right"] for row in rows(files, "post-tests")] != []
    assert len(rows(files, "lessons")) == enrollment.course.lessons.count()
    assert [row["code"] for row in rows(files, "certificates")] == [certificate.code]
    assert [row["name"] for row in rows(files, "saved-searches")] == ["Grief"]
    assert [row["reader_name"] for row in rows(files, "reads-of-my-record")] == ["Helena Brandt"]
    assert files[f"certificates/{certificate.entry.earned_on} {certificate.code}.pdf"] == (
        b"%PDF-mine"
    )
    assert certificate.entry.title in files["transcript.csv"].decode()
    assert "Maya Okafor" in files["README.txt"].decode()
    everything = b"".join(files.values()).decode()
    for foreign in ("Somebody Else", "else@example.com", "ZZ-9", "Not mine"):
        assert foreign not in everything


def test_a_supervisor_takes_along_what_is_shared_now_and_nothing_after_the_end(maya, noon):
    link = SupervisionFactory(
        supervisor=maya,
        trainee__legal_name="Priya Raman",
        shares_practice=True,
        shares_renewal=True,
    )
    ConsentFactory(supervision=link)
    AssignmentFactory(supervision=link)
    entry = CertificateFactory(entry__holder=link.trainee).entry
    review_notes.write(supervision=link, words="Well chosen.", is_shared=True, line=entry, at=noon)
    reviews.choose_day(supervision=link, due_on=date(2026, 6, 1), at=noon)
    sign(link, noon)
    logged = practice.log(
        trainee=link.trainee,
        worked_on=date(2026, 2, 23),
        kind="direct",
        hours=Decimal(1),
        note="",
        at=noon,
    )
    PracticeConfirmation.objects.create(
        trainee=link.trainee,
        supervisor=maya,
        supervisor_name=maya.legal_name,
        week=logged.week,
        last_entry=logged,
        confirmed_at=noon,
    )
    of_others = [
        "supervisions",
        "consents",
        "assignments",
        "review-notes",
        "review-days",
        "reviews-given",
        "practice-confirmations",
    ]

    during = contents(made(maya, noon))
    supervision.end(supervision=link, by=link.trainee, at=noon + timedelta(days=1))
    after = contents(made(maya, noon + timedelta(days=2)))
    of_trainee = contents(made(link.trainee, noon + timedelta(days=2)))

    assert [len(rows(during, name)) for name in of_others] == [1] * 7
    assert [rows(during, "supervisions")[0]["trainee__legal_name"]] == ["Priya Raman"]
    assert [len(rows(after, name)) for name in of_others] == [0] * 7
    del after["data/mail.json"]  # which came to her: that it ended says who ended it
    assert b"Priya Raman" not in b"".join(after.values())
    assert str(link.trainee.pk).encode() not in b"".join(after.values())
    assert [len(rows(of_trainee, name)) for name in of_others] == [1, 2, 1, 1, 1, 0, 1]


def test_what_a_trainee_does_not_share_is_not_taken_along_by_their_supervisor(maya, noon):
    link = SupervisionFactory(supervisor=maya, shares_practice=True)
    review_notes.write(supervision=link, words="Well chosen.", is_shared=False, at=noon)
    Supervision.objects.update(shares_credit=False)

    files = contents(made(maya, noon))

    assert len(rows(files, "supervisions")) == 1
    assert rows(files, "review-notes") == []


def test_staff_take_along_what_they_did_in_the_admin_and_not_to_whom(maya, noon):
    other = UserFactory(legal_name="Priya Raman", email="priya@example.com")
    LogEntry.objects.log_actions(maya.pk, [other], CHANGE, "Changed priya@example.com")

    files = contents(made(maya, noon))

    assert len(rows(files, "work-in-the-admin")) == 1
    for foreign in (b"Priya Raman", b"priya@example.com"):
        assert foreign not in b"".join(files.values())


def test_the_file_holds_no_secret_and_no_key_of_a_test(maya, noon):
    enrollment = EnrollmentFactory(learner=maya)
    read_lessons(enrollment, noon)
    pass_post_test(enrollment, noon)
    maya.set_password("an old password of mine")
    maya.save()

    everything = b"".join(contents(made(maya, noon)).values()).decode()

    assert maya.password not in everything
    assert "is_right" not in everything
    assert '"password"' not in everything
    assert '"token"' not in everything


def test_a_document_that_is_gone_is_named(maya, noon):
    certificate = CertificateFactory(entry__holder=maya)
    certificate.state, certificate.drawn_at = Certificate.State.ISSUED, noon
    certificate.pdf.save("certificate.pdf", ContentFile(b"%PDF-mine"))
    certificate_storage().delete(certificate.pdf.name)

    files = contents(made(maya, noon))

    assert f"{certificate.code}.pdf" in files["README.txt"].decode()


def test_proof_of_training_elsewhere_is_in_it_under_no_name_of_its_owners(maya, noon):
    credit = OutsideCreditFactory(holder=maya)

    files = contents(made(maya, noon))

    assert f"evidence/{credit.evidence.pk}{credit.evidence.suffix}" in files


def test_every_model_of_people_is_exported_or_left_out_for_a_reason():
    """Who adds a model that leads to a person says here whether its rows go along."""
    personal = {User}
    while True:
        more = {
            model
            for model in apps.get_models(include_auto_created=True)
            if model not in personal
            and any(field.related_model in personal for field in model._meta.concrete_fields)
        }
        if not more:
            break
        personal |= more
    exported = {table.model._meta.label for table in personal_data.TABLES}

    unsaid = {model._meta.label for model in personal} - exported - personal_data.LEFT_OUT.keys()

    assert unsaid == set(), (
        "Each of these leads to a person. Put it into TABLES of its app's personal_data.py, or into"
        f" LEFT_OUT with a reason that its person may read: {', '.join(sorted(unsaid))}"
    )
    assert all(reason.strip() for reason in personal_data.LEFT_OUT.values())
    names = [table.name for table in personal_data.TABLES]
    assert len(set(names)) == len(names)


def test_each_table_is_asked_for_once_however_many_rows_it_has(
    maya, noon, django_assert_max_num_queries
):
    LicenseFactory.create_batch(50, holder=maya)
    SupervisionFactory.create_batch(50, trainee=maya)

    with django_assert_max_num_queries(3 * len(personal_data.TABLES) + 25):
        made(maya, noon)


# --- The promise and the worker ---


def test_asking_twice_is_one_promise(maya, noon, sent_tasks, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        first = data_requests.ask(person=maya, at=noon)
        second = data_requests.ask(person=maya, at=noon)

    assert first == second
    assert [name for name, _ in sent_tasks] == ["courses.make_data_export"]


def test_the_database_refuses_two_that_are_being_made(maya, noon):
    data_requests.ask(person=maya, at=noon)

    with pytest.raises(IntegrityError):
        DataExport.objects.create(person=maya, asked_at=noon, leased_until=noon)


def test_asking_anew_takes_the_place_of_an_earlier_file(maya, noon):
    earlier = made(maya, noon)
    later = noon + timedelta(hours=1)

    data_requests.ask(person=maya, at=later)

    assert not DataExport.objects.to_be_had(at=later).filter(pk=earlier.pk).exists()


def test_a_message_that_comes_twice_makes_one_file_and_one_mail(maya, noon):
    export = made(maya, noon)
    name = export.file.name

    personal_data.make(export_id=str(export.pk), at=noon)

    export.refresh_from_db()
    assert (export.file.name, export.state, export.attempts) == (name, "ready", 1)
    assert export.done == export.parts > 0
    assert OutgoingMail.objects.filter(recipient=maya, kind="data-export").count() == 1


def test_a_worker_that_died_is_followed_by_the_sweep_and_leaves_no_file(maya, noon, sent_tasks):
    export = data_requests.ask(person=maya, at=noon)
    dead = personal_data._claim(str(export.pk), at=noon)
    certificate_storage().save(dead.file.name, ContentFile(b"half of it"))

    personal_data.make(export_id=str(export.pk), at=noon + timedelta(minutes=1))
    export.refresh_from_db()
    during = (export.state, export.file.name)
    personal_data.make(export_id=str(export.pk), at=noon + timedelta(minutes=11))

    export.refresh_from_db()
    assert during == ("queued", dead.file.name)
    assert export.state == "ready"
    assert not certificate_storage().exists(dead.file.name)


def test_a_storage_that_fails_is_tried_again_and_given_up_in_the_end(maya, noon, monkeypatch):
    def refuse(self, name, content, max_length=None):
        raise OSError("The disk is full.")

    monkeypatch.setattr("django.core.files.storage.FileSystemStorage.save", refuse)
    export = data_requests.ask(person=maya, at=noon)
    moment = noon
    for _ in range(DataExport.MOST_ATTEMPTS + 1):
        personal_data.make(export_id=str(export.pk), at=moment)
        moment += timedelta(hours=1)

    export.refresh_from_db()
    assert (export.state, export.attempts) == ("failed", DataExport.MOST_ATTEMPTS)
    assert "The disk is full." in export.failure
    assert data_requests.ask(person=maya, at=moment) != export


def in_storage():
    folder = Path(certificate_storage().path("personal-data"))
    return sorted(f"personal-data/{path.name}" for path in folder.glob("*"))


def kill_in(target):
    """The next worker dies when it comes to ``target``."""
    patch = pytest.MonkeyPatch()

    def die(*args, **facts):
        patch.undo()
        raise KeyboardInterrupt

    patch.setattr(target, die)


def make_and_die(export, at, *, before):
    kill_in(before)
    with pytest.raises(KeyboardInterrupt):
        personal_data.make(export_id=str(export.pk), at=at)


@pytest.mark.parametrize(
    "second",
    [
        "transcripts.drawing.remove_file",
        "courses.personal_data._finish",
        "courses.personal_data._write",
    ],
)
def test_when_two_workers_die_one_after_the_other_no_file_is_forgotten(maya, noon, second):
    export = data_requests.ask(person=maya, at=noon)
    make_and_die(export, noon, before="courses.personal_data._finish")
    later = noon + timedelta(minutes=11)
    make_and_die(export, later, before=second)

    personal_data.make(export_id=str(export.pk), at=later + timedelta(minutes=11))

    export.refresh_from_db()
    assert (export.state, in_storage()) == ("ready", [export.file.name])


@pytest.mark.parametrize(
    "step", ["transcripts.drawing.remove_file", "courses.personal_data._is_used"]
)
def test_half_a_file_is_not_forgotten_when_the_worker_that_failed_dies(
    maya, noon, monkeypatch, step
):
    export = data_requests.ask(person=maya, at=noon)
    with monkeypatch.context() as broken:
        broken.setattr("courses.personal_data._finish", lambda *args, **facts: 1 / 0)
        make_and_die(export, noon, before=step)
    left = in_storage()

    personal_data.make(export_id=str(export.pk), at=noon + timedelta(minutes=11))

    export.refresh_from_db()
    assert len(left) == 1
    assert (export.state, in_storage()) == ("ready", [export.file.name])


def test_a_file_that_the_storage_keeps_is_removed_when_it_lets_go(maya, noon, monkeypatch):
    export = data_requests.ask(person=maya, at=noon)
    moment = noon
    with monkeypatch.context() as read_only:
        read_only.setattr("django.core.files.storage.FileSystemStorage.delete", lambda *args: 1 / 0)
        read_only.setattr("courses.personal_data._finish", lambda *args, **facts: 1 / 0)
        for _ in range(DataExport.MOST_ATTEMPTS):
            personal_data.make(export_id=str(export.pk), at=moment)
            moment += timedelta(hours=1)
    left = in_storage()

    personal_data.remove_expired(at=moment, limit=10)

    export.refresh_from_db()
    assert len(left) == 1
    assert (export.state, export.file.name, in_storage()) == ("failed", "", [])


def test_every_worker_dies_and_the_sweep_leaves_nothing(maya, noon):
    export = data_requests.ask(person=maya, at=noon)
    moment = noon
    for _ in range(DataExport.MOST_ATTEMPTS):
        make_and_die(export, moment, before="courses.personal_data._finish")
        moment += timedelta(minutes=11)

    personal_data.give_up_stuck(at=moment)
    personal_data.remove_expired(at=moment, limit=10)

    export.refresh_from_db()
    assert (export.state, export.file.name, in_storage()) == ("failed", "", [])


def test_a_closed_accounts_file_goes_although_its_worker_wrote_it_later_and_died(maya, noon):
    export = data_requests.ask(person=maya, at=noon)
    running = personal_data._claim(str(export.pk), at=noon)
    closing.close(person=maya, at=noon)
    personal_data.remove_expired(at=noon + timedelta(minutes=1), limit=10)
    certificate_storage().save(running.file.name, ContentFile(b"all of it"))

    personal_data.remove_expired(at=noon + timedelta(minutes=11), limit=10)

    export.refresh_from_db()
    assert (export.state, export.file.name, in_storage()) == ("failed", "", [])


@pytest.mark.parametrize("ahead", [timedelta(minutes=1), timedelta(hours=1), timedelta(days=30)])
def test_a_worker_whose_clock_is_behind_makes_what_was_just_asked_for(maya, noon, ahead):
    export = data_requests.ask(person=maya, at=noon + ahead)

    personal_data.make(export_id=str(export.pk), at=noon)

    export.refresh_from_db()
    assert export.state == "ready"


@pytest.mark.parametrize("ahead", [timedelta(hours=1), timedelta(days=30)])
def test_what_a_clock_that_was_ahead_took_is_made(maya, noon, ahead):
    export = data_requests.ask(person=maya, at=noon)
    personal_data._claim(str(export.pk), at=noon + ahead)

    personal_data.make(export_id=str(export.pk), at=noon)

    export.refresh_from_db()
    assert (export.state, export.attempts) == ("ready", 2)


def test_what_a_clock_that_was_ahead_took_too_often_is_given_up(maya, noon):
    export = data_requests.ask(person=maya, at=noon)
    personal_data._claim(str(export.pk), at=noon + timedelta(days=30))
    DataExport.objects.update(attempts=DataExport.MOST_ATTEMPTS)

    assert personal_data.give_up_stuck(at=noon) == 1


def test_the_sweep_asks_for_what_a_clock_that_was_a_month_ahead_has_promised(maya, sent_tasks):
    export = data_requests.ask(person=maya, at=timezone.now() + timedelta(days=30))
    sent_tasks.clear()

    tasks.make_waiting_data_exports()

    assert sent_tasks == [("courses.make_data_export", {"export_id": str(export.pk)})]


def test_one_may_ask_anew_and_close_although_the_clock_that_made_the_file_was_ahead(maya, noon):
    for _ in range(2):
        export = data_requests.ask(person=maya, at=noon)
        personal_data.make(export_id=str(export.pk), at=noon + timedelta(days=30))

    closing.close(person=maya, at=noon)
    personal_data.remove_expired(at=noon, limit=10)

    assert [one.file.name for one in DataExport.objects.all()] == ["", ""]
    assert in_storage() == []


def test_a_lost_message_is_asked_for_again(maya, sent_tasks):
    export = data_requests.ask(person=maya, at=timezone.now() - timedelta(minutes=5))
    sent_tasks.clear()

    tasks.make_waiting_data_exports()

    assert sent_tasks == [("courses.make_data_export", {"export_id": str(export.pk)})]


def test_the_file_goes_after_a_week_and_the_row_stays(maya, noon):
    export = made(maya, noon)
    name = export.file.name

    personal_data.remove_expired(at=noon + timedelta(days=6, hours=23), limit=10)
    kept = certificate_storage().exists(name)
    personal_data.remove_expired(at=noon + timedelta(days=7), limit=10)

    export.refresh_from_db()
    assert (kept, certificate_storage().exists(name), export.file.name) == (True, False, "")


# --- The pages ---


def test_one_asks_waits_and_fetches_the_file(proved, maya):
    proved.post(ASK)
    waiting = proved.get(PAGE).text
    export = DataExport.objects.get(person=maya)
    personal_data.make(export_id=str(export.pk), at=timezone.now())
    ready = proved.get(PAGE).text
    answer = proved.get(reverse("courses:data_file", args=[export.pk]))

    assert "It is being put together" in waiting
    assert "Download my data" in ready
    assert answer.status_code == 200
    assert "attachment" in answer["Content-Disposition"]
    assert zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content))).testzip() is None


def test_asking_and_fetching_want_a_fresh_proof_of_who_it_is(client, maya):
    export = made(maya, timezone.now())
    client.force_login(maya)

    answers = [client.post(ASK), client.get(reverse("courses:data_file", args=[export.pk]))]

    assert [answer.status_code for answer in answers] == [302, 302]
    assert all("reauthenticate" in answer.url for answer in answers)
    assert DataExport.objects.count() == 1


def test_nobody_else_fetches_the_file_not_even_staff(maya):
    export = made(maya, timezone.now())
    address = reverse("courses:data_file", args=[export.pk])
    statuses = []
    for rights in ({}, {"is_staff": True, "is_superuser": True}):
        other = Client()
        other.force_login(UserFactory(**rights))
        prove_by_password(other)
        statuses.append(other.get(address).status_code)

    assert statuses == [404, 404]


def test_a_file_whose_week_is_over_is_not_to_be_had(proved, maya):
    export = made(maya, timezone.now() - timedelta(days=8))

    assert proved.get(reverse("courses:data_file", args=[export.pk])).status_code == 404
    assert "Download my data" not in proved.get(PAGE).text


def test_a_file_that_is_gone_is_said_to_be(proved, maya):
    export = made(maya, timezone.now())
    certificate_storage().delete(export.file.name)

    answer = proved.get(reverse("courses:data_file", args=[export.pk]), follow=True)

    assert "The file is gone. Ask for it anew." in answer.text
