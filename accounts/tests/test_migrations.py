"""What migrations do with rows that are there already."""

from __future__ import annotations

import importlib
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from accounts.models import Consent, Invitation, Scope, Supervision
from accounts.tests.factories import LicenseFactory, UserFactory

pytestmark = pytest.mark.django_db(transaction=True)

ASKED_AT = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def migrate(name):
    """To this migration of accounts; the models as they were then."""
    executor = MigrationExecutor(connection)
    executor.migrate([("accounts", name)])
    return MigrationExecutor(connection).loader.project_state([("accounts", name)]).apps


@pytest.fixture
def before():
    """The database at an earlier migration, when asked; afterwards as it is today."""
    latest = MigrationExecutor(connection).loader.graph.leaf_nodes()
    yield lambda name="0002_outgoing_mail": migrate(name)
    MigrationExecutor(connection).migrate(latest)


def request(apps, supervisor, trainee, **facts):
    """A supervision as it was while it could wait and be declined."""
    return apps.get_model("accounts", "Supervision").objects.create(
        supervisor_id=supervisor.pk,
        trainee_id=trainee.pk,
        **{"requested_at": ASKED_AT, **facts},
    )


def test_a_supervision_request_without_its_mail_becomes_a_promise_and_no_other(before, settings):
    settings.SITE_URL = "https://portal.example.org"
    supervisor = UserFactory(legal_name="Helena O'Brien")
    trainees = UserFactory.create_batch(4, legal_name="Maya Okafor")
    later = ASKED_AT + timedelta(minutes=1)
    apps = before()
    unsent = request(apps, supervisor, trainees[0])
    request(apps, supervisor, trainees[1], mailed_at=later)
    request(apps, supervisor, trainees[2], declined_at=later)
    request(apps, supervisor, trainees[3], accepted_at=later)

    migrate("0003_promise_unsent_supervision_mail")
    migrate("0004_remove_supervision_mailed_at")

    promise = migrate("0012_append_only_reads").get_model("accounts", "OutgoingMail").objects.get()
    assert (promise.recipient_id, promise.kind, promise.sent_at) == (
        unsent.trainee_id,
        "supervision-request",
        None,
    )
    assert promise.key == f"supervision-request:{unsent.pk}"
    assert promise.subject == "Helena O'Brien asks to read your continuing education record"
    assert promise.body.startswith("Hello Maya Okafor,\n\nHelena O'Brien (")
    assert "\nhttps://portal.example.org/supervision/\n" in promise.body
    assert (promise.created_at, promise.next_attempt_at) == (ASKED_AT, ASKED_AT)


def test_who_reads_a_record_keeps_what_they_read_and_nobody_gets_more(before):
    people = UserFactory.create_batch(5)
    later = ASKED_AT + timedelta(minutes=1)
    apps = before("0007_append_only_history")
    active = request(apps, people[0], people[1], accepted_at=later)
    over = request(
        apps, people[0], people[2], accepted_at=later, ended_at=later, ended_by_id=people[0].pk
    )
    waiting = request(apps, people[0], people[3])
    declined = request(apps, people[0], people[4], declined_at=later)

    migrate("0016_append_only_consent")

    assert {
        kept.pk: (kept.begins_at, kept.ends_at, kept.scopes) for kept in Supervision.objects.all()
    } == {
        active.pk: (later, None, [Scope.CREDIT, Scope.REFLECTIONS]),
        over.pk: (later, None, [Scope.CREDIT, Scope.REFLECTIONS]),
    }
    assert sorted(Consent.objects.values_list("supervision", "what", "recorded_by")) == sorted(
        [
            (active.pk, "given", people[1].pk),
            (over.pk, "given", people[2].pk),
            (over.pk, "ended", people[0].pk),
        ]
    )
    kept = {row.pk: row for row in Invitation.objects.all()}
    assert kept.keys() == {waiting.pk, declined.pk}
    assert list(Invitation.objects.open()) == [kept[waiting.pk]]
    assert (kept[waiting.pk].email, kept[waiting.pk].scopes) == (people[3].email, [Scope.CREDIT])
    assert kept[declined.pk].declined_at == later


def test_a_license_of_before_has_its_first_version_once(before):
    kept = LicenseFactory()
    apps = before("0005_names_and_license_history")
    first_versions = importlib.import_module("accounts.migrations.0006_first_license_versions")

    for _ in range(2):
        first_versions.keep_first_versions(apps, None)

    found = apps.get_model("accounts", "LicenseVersion").objects.get()
    assert (found.license_id, found.number, found.recorded_by_id, found.recorded_at) == (
        kept.pk,
        kept.number,
        kept.holder_id,
        kept.added_at,
    )
