"""Many documents drawn again: each once, whatever is lost, and a page that says how far it is."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone
from kombu.exceptions import OperationalError as BrokerIsAway

from accounts.tests.factories import UserFactory
from transcripts import jobs, tasks
from transcripts.models import Certificate, Job, JobItem
from transcripts.tests.documents import draw
from transcripts.tests.factories import CertificateFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("unsigned")]


@pytest.fixture
def curator(client):
    person = UserFactory(is_staff=True)
    person.groups.add(Group.objects.get(name="Curators"))
    client.force_login(person)
    return person


@pytest.fixture(autouse=True)
def _quick_pdf(monkeypatch):
    """Each certificate has bytes of its own, and others each time that it is drawn."""
    monkeypatch.setattr(
        "transcripts.pdf.draw_certificate",
        lambda **facts: f"{facts['code']} {timezone.now()}".encode(),
    )


def progress(job):
    found = Job.objects.with_progress().get(pk=job.pk)
    return found.total, found.done, found.failed, found.waiting


def start(certificates, by=None):
    return jobs.start(
        title="All again", certificates=certificates, by=by or UserFactory(), at=timezone.now()
    )


def asked(sent_tasks):
    return [
        arguments["certificate_id"]
        for name, arguments in sent_tasks
        if name == "transcripts.draw_certificate_pdf"
    ]


def test_a_job_ends_although_the_clock_that_began_it_was_ahead(sent_tasks):
    ahead = timezone.now() + timedelta(minutes=5)
    certificate = CertificateFactory()
    job = jobs.start(title="All again", certificates=[certificate], by=UserFactory(), at=ahead)
    tasks.run_job(job_id=job.pk)
    draw(certificate)

    tasks.continue_jobs()

    job.refresh_from_db()
    assert job.finished_at == ahead


def test_a_job_says_how_far_it_is_and_ends(sent_tasks):
    drawn, failed, waiting = CertificateFactory.create_batch(3)
    draw(drawn)
    old = drawn.pdf.name
    Certificate.objects.filter(pk=failed.pk).update(state="failed", failure="No room.")

    job = start([drawn, failed, waiting])
    before = progress(job)
    tasks.run_job(job_id=job.pk)
    all_asked = progress(job)
    draw(drawn)
    draw(waiting)
    Certificate.objects.filter(pk=failed.pk).update(state="failed", failure="No room.")
    tasks.continue_jobs()

    job.refresh_from_db()
    assert (before, all_asked, progress(job)) == ((3, 0, 0, 3), (3, 0, 0, 3), (3, 2, 1, 0))
    assert asked(sent_tasks) == [drawn.pk, failed.pk, waiting.pk]
    assert drawn.pdf.name != old
    assert job.finished_at is not None


def test_a_job_runs_in_steps_and_asks_once_for_each(monkeypatch, sent_tasks):
    monkeypatch.setattr(tasks, "JOB_STEP", 2)
    certificates = CertificateFactory.create_batch(5)
    job = start(certificates)

    for _ in range(4):
        tasks.run_job(job_id=job.pk)

    assert asked(sent_tasks) == [certificate.pk for certificate in certificates]
    assert [name for name, _ in sent_tasks].count("transcripts.run_job") == 2


def test_a_job_whose_message_was_lost_goes_on(monkeypatch, sent_tasks):
    job = start(CertificateFactory.create_batch(3))
    with monkeypatch.context() as away:

        def refuse(*args, **kwargs):
            raise BrokerIsAway("connection refused")

        away.setattr("ce_portal.celery.PortalTask.apply_async", refuse)
        with pytest.raises(BrokerIsAway):
            tasks.run_job(job_id=job.pk)

    tasks.continue_jobs()
    tasks.run_job(job_id=job.pk)

    # The first was noted before the broker went away: the sweep of certificates asks for it.
    assert [name for name, _ in sent_tasks].count("transcripts.run_job") == 1
    assert len(asked(sent_tasks)) == 2
    assert not JobItem.objects.filter(asked_at__isnull=True).exists()
    assert Certificate.objects.filter(state="queued").count() == 3


def test_a_finished_job_is_left_alone(sent_tasks):
    certificate = CertificateFactory()
    job = start([certificate])
    tasks.run_job(job_id=job.pk)
    draw(certificate)
    tasks.continue_jobs()
    finished_at = Job.objects.get().finished_at

    sent_tasks.clear()
    tasks.run_job(job_id=job.pk)
    tasks.continue_jobs()

    assert (sent_tasks, Job.objects.get().finished_at) == ([], finished_at)


def test_a_job_of_nothing_is_refused():
    with pytest.raises(jobs.JobError, match="There is no certificate to draw."):
        start([])

    assert Job.objects.count() == 0


def test_the_database_refuses_a_certificate_twice_in_one_job():
    certificate = CertificateFactory()
    job = start([certificate, certificate])

    with pytest.raises(IntegrityError), transaction.atomic():
        JobItem.objects.create(job=job, certificate=certificate)


def test_the_database_refuses_a_job_that_ended_before_it_began(noon):
    job = start([CertificateFactory()])

    with pytest.raises(IntegrityError, match="job_finished"), transaction.atomic():
        Job.objects.filter(pk=job.pk).update(finished_at=noon)


def test_many_selected_certificates_become_a_job_with_a_page(client, curator):
    certificates = CertificateFactory.create_batch(3)
    Certificate.objects.filter(pk=certificates[0].pk).update(state="failed", failure="No <room>.")

    answer = client.post(
        reverse("admin:transcripts_certificate_changelist"),
        {"action": "draw_again", "_selected_action": [each.pk for each in certificates]},
    )

    job = Job.objects.get()
    assert answer.url == reverse("admin:transcripts_job_change", args=[job.pk])
    assert (job.asked_by, job.title) == (curator, "3 certificates drawn again")
    page = client.get(answer.url)
    assert page.status_code == 200
    assert "No &lt;room&gt;." in page.text
    assert client.get(reverse("admin:transcripts_job_changelist")).status_code == 200


def test_staff_without_the_permission_start_nothing(client):
    certificates = CertificateFactory.create_batch(2)
    client.force_login(UserFactory(is_staff=True))

    client.post(
        reverse("admin:transcripts_certificate_changelist"),
        {"action": "draw_again", "_selected_action": [each.pk for each in certificates]},
    )

    assert Job.objects.count() == 0


# --- The page ---


def page_of(client, job):
    return client.get(reverse("admin:transcripts_job_change", args=[job.pk]))


def retry(client, job):
    return client.post(reverse("admin:transcripts_job_retry_failed", args=[job.pk]))


def test_the_page_asks_for_itself_again_until_the_job_is_through(client, curator, sent_tasks):
    certificate = CertificateFactory()
    job = start([certificate])
    tasks.run_job(job_id=job.pk)

    running = page_of(client, job)
    draw(certificate)
    through = page_of(client, job)

    assert running.headers["Refresh"] == "5"
    assert "0 of 1 done." in running.text
    assert 'href="">refresh it</a>' in running.text
    assert "Refresh" not in through.headers
    assert "Through" in through.text


def test_what_failed_is_tried_again_as_a_job_of_its_own(client, curator, sent_tasks):
    good, bad = CertificateFactory.create_batch(2)
    job = start([good, bad])
    tasks.run_job(job_id=job.pk)
    draw(good)
    Certificate.objects.filter(pk=bad.pk).update(state="failed", failure="No <room>.")
    assert "No &lt;room&gt;." in page_of(client, job).text
    asks = client.get(reverse("admin:transcripts_job_retry_failed", args=[job.pk]))
    assert "1 of 2 failed." in asks.text

    answer = retry(client, job)

    again = Job.objects.exclude(pk=job.pk).get()
    assert answer.url == reverse("admin:transcripts_job_change", args=[again.pk])
    assert (again.title, again.asked_by) == ("Again: All again", curator)
    assert [item.certificate for item in again.items.all()] == [bad]
    tasks.run_job(job_id=again.pk)
    draw(bad)
    assert progress(again) == (1, 1, 0, 0)


def test_a_job_without_failures_is_not_tried_again(client, curator, sent_tasks):
    job = start([CertificateFactory()])

    page = client.get(retry(client, job).url)

    assert [str(message) for message in page.context["messages"]] == [
        "There is no certificate to draw."
    ]
    assert Job.objects.get() == job


def test_staff_without_the_permission_try_nothing_again(client, sent_tasks):
    certificate = CertificateFactory()
    job = start([certificate])
    Certificate.objects.filter(pk=certificate.pk).update(state="failed", failure="No room.")
    client.force_login(UserFactory(is_staff=True))

    assert retry(client, job).status_code == 403
    assert Job.objects.get() == job
