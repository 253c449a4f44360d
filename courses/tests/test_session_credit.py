"""Credit and certificates of a whole session, asked for once by a curator."""

from datetime import UTC, date, datetime

import pytest
from django.contrib.auth.models import Group
from django.urls import reverse

from accounts.tests.factories import UserFactory
from courses import session_credit
from courses.models import Approval, Completion
from courses.tests.factories import EnrollmentFactory, SessionFactory
from courses.tests.stories import attend, ready_to_complete
from courses.tests.test_admin import words
from transcripts import certificates, ledger
from transcripts.models import Job

pytestmark = pytest.mark.django_db


@pytest.fixture
def session():
    return SessionFactory(starts_at=datetime(2026, 2, 27, 15, 0, tzinfo=UTC))


@pytest.fixture
def curator(client):
    person = UserFactory(is_staff=True)
    person.groups.add(Group.objects.get(name="Curators"))
    client.force_login(person)
    return person


def met_everything(session, at, name):
    held = ready_to_complete(
        at, course=session.course, session=session, learner=UserFactory(legal_name=name)
    )
    attend(held, at)
    return held


def lapse():
    Approval.objects.update(valid_to=date(2026, 1, 31))


def renew():
    Approval.objects.update(valid_to=date(2028, 8, 31))


def issue(client, session):
    return client.post(reverse("admin:courses_session_issue", args=[session.pk]), follow=True)


def test_who_met_everything_before_the_approval_was_entered_gets_credit_and_all_are_drawn(
    client, noon, session, curator, sent_tasks
):
    done = met_everything(session, noon, "Maya Okafor")
    lapse()
    waiting = met_everything(session, noon, "Sam Lee")
    EnrollmentFactory(course=session.course, session=session)  # with everything to do
    renew()
    assert set(Completion.objects.values_list("enrollment", flat=True)) == {done.pk}

    page = client.get(reverse("admin:courses_session_issue", args=[session.pk]))
    assert "whoever met every requirement" in page.text
    assert Job.objects.count() == 0
    answer = issue(client, session)

    assert set(Completion.objects.values_list("enrollment", flat=True)) == {done.pk, waiting.pk}
    job = Job.objects.get()
    assert answer.redirect_chain[-1][0] == reverse("admin:transcripts_job_change", args=[job.pk])
    assert words(answer) == "Gave credit to 1."
    assert [item.certificate.entry.holder.legal_name for item in job.items.order_by("pk")] == [
        "Maya Okafor",
        "Sam Lee",
    ]


def test_asking_twice_gives_no_credit_twice(client, noon, session, curator, sent_tasks):
    held = met_everything(session, noon, "Maya Okafor")

    issue(client, session)
    issue(client, session)

    assert Completion.objects.get().enrollment == held
    assert Job.objects.count() == 2


def test_who_may_not_have_credit_is_named_with_the_reason_and_keeps_nobody_back(
    client, noon, session, curator
):
    lapse()
    met_everything(session, noon, "Sam Lee")

    answer = issue(client, session)

    assert "Sam Lee: No approval of this course was in date" in words(answer)
    assert "There is no certificate to draw." in words(answer)
    assert Completion.objects.count() == Job.objects.count() == 0


def test_of_one_that_was_issued_anew_the_last_is_drawn_and_of_a_reversed_one_none(noon, session):
    curator = UserFactory()
    renamed, reversed_ = (
        met_everything(session, noon, name).completion.credit_entry
        for name in ("Maya Okafor", "Sam Lee")
    )
    new = certificates.reissue(
        entry=renamed,
        correction=ledger.Correction(holder_name="Maya Brandt"),
        reason_class="name",
        reason="The license says Brandt.",
        by=curator,
        at=noon,
    )
    ledger.reverse(entry=reversed_, reason_class="error", reason="Left.", by=curator, at=noon)

    assert session_credit.certificates_of(session) == [new]


def test_staff_without_the_permission_issue_nothing(client, noon, session):
    lapse()
    met_everything(session, noon, "Sam Lee")
    renew()
    client.force_login(UserFactory(is_staff=True))

    assert issue(client, session).status_code == 403
    assert Completion.objects.count() == 0


@pytest.mark.parametrize("number", ["999999", "nobody"])
def test_a_session_that_is_not_there_is_not_found(client, curator, number):
    assert client.get(f"/admin/courses/session/{number}/issue/").status_code == 404
