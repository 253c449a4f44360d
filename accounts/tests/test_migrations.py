"""What migrations do with rows that are there already."""

from __future__ import annotations

import importlib
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from accounts.models import OutgoingMail, Scope, Supervision
from accounts.tests.factories import LicenseFactory, SupervisionFactory

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


def test_a_supervision_request_without_its_mail_becomes_a_promise_and_no_other(before, settings):
    settings.SITE_URL = "https://portal.example.org"
    unsent = SupervisionFactory(
        waiting=True,
        requested_at=ASKED_AT,
        supervisor__legal_name="Helena O'Brien",
        trainee__legal_name="Maya Okafor",
    )
    sent = SupervisionFactory(waiting=True)
    for answered in ("declined", "ended"):
        SupervisionFactory(**{answered: True})
    SupervisionFactory()
    apps = before()
    was = apps.get_model("accounts", "Supervision").objects.filter(pk=sent.pk)
    was.update(mailed_at=sent.requested_at + timedelta(minutes=1))

    migrate("0003_promise_unsent_supervision_mail")
    migrate("0004_remove_supervision_mailed_at")

    promise = OutgoingMail.objects.get()
    assert (promise.recipient_id, promise.kind, promise.state) == (
        unsent.trainee_id,
        "supervision-request",
        "Waiting",
    )
    assert promise.key == f"supervision-request:{unsent.pk}"
    assert promise.subject == "Helena O'Brien asks to read your continuing education record"
    assert promise.body.startswith("Hello Maya Okafor,\n\nHelena O'Brien (")
    assert "\nhttps://portal.example.org/supervision/\n" in promise.body
    assert (promise.created_at, promise.next_attempt_at) == (ASKED_AT, ASKED_AT)
    assert Supervision.objects.count() == 5


def test_who_reads_a_record_keeps_what_they_read_and_nobody_gets_more(before):
    active, waiting = SupervisionFactory(), SupervisionFactory(waiting=True)
    before("0007_append_only_history")

    migrate("0010_supervision_begins_with_consent")

    assert [
        (kept.begins_at, kept.ends_at, kept.scopes)
        for kept in [Supervision.objects.get(pk=active.pk), Supervision.objects.get(pk=waiting.pk)]
    ] == [
        (active.accepted_at, None, [Scope.CREDIT, Scope.REFLECTIONS]),
        (None, None, []),
    ]


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
