"""Which trace is left by whoever opens somebody else's credit, and what staff need for it."""

import pytest
from django.core.files.base import ContentFile
from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import RecordRead
from accounts.tests.factories import SupervisionFactory, UserFactory
from accounts.tests.security import give_app, prove_by_app
from transcripts.models import Certificate
from transcripts.tests.factories import CertificateFactory, OutsideCreditFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def priya():
    return UserFactory(legal_name="Priya Raman")


@pytest.fixture
def certificate(priya):
    certificate = CertificateFactory(entry__holder=priya)
    certificate.state, certificate.drawn_at = Certificate.State.ISSUED, timezone.now()
    certificate.pdf.save("certificate.pdf", ContentFile(b"%PDF-"))
    return certificate


@pytest.fixture
def helena(client, priya):
    supervision = SupervisionFactory(trainee=priya)
    client.force_login(supervision.supervisor)
    return supervision.supervisor


@pytest.fixture
def ingrid(client):
    ingrid = UserFactory(legal_name="Ingrid Solheim", is_staff=True, is_superuser=True)
    client.force_login(ingrid)
    return ingrid


def document(certificate):
    return reverse("transcripts:certificate_pdf", args=[certificate.code])


def got(client, address):
    """The status; a file is read to its end, which closes it."""
    answer = client.get(address)
    if answer.streaming:
        list(answer)
    return answer.status_code


def traces():
    return list(RecordRead.objects.order_by("pk").values_list("capacity", "what", "detail"))


def test_a_supervisor_leaves_a_trace_at_page_file_and_document(client, helena, priya, certificate):
    for name in ("trainee", "trainee_csv", "trainee_zip"):
        got(client, reverse(f"transcripts:{name}", args=[priya.pk]))
    got(client, document(certificate))

    assert traces() == [
        ("supervisor", "transcript", ""),
        ("supervisor", "transcript-csv", ""),
        ("supervisor", "certificates-zip", ""),
        ("supervisor", "certificate", certificate.code),
    ]
    assert set(RecordRead.objects.values_list("reader", "person")) == {(helena.pk, priya.pk)}


def test_staff_who_supervise_read_as_the_supervisor_and_else_as_staff(client, priya, certificate):
    curator = UserFactory(is_staff=True, is_superuser=True)
    SupervisionFactory(
        supervisor=curator, trainee=priya, shares_evidence=True, shares_practice=True
    )
    credit = OutsideCreditFactory(holder=priya)
    client.force_login(curator)

    for address in (
        document(certificate),
        credit.get_absolute_url(),
        reverse("transcripts:evidence", args=[credit.pk]),
        reverse("transcripts:trainee_practice", args=[priya.pk]),
        reverse("transcripts:trainee_practice_csv", args=[priya.pk]),
    ):
        assert got(client, address) == 200
    got(client, OutsideCreditFactory().get_absolute_url())

    assert [capacity for capacity, _, _ in traces()] == ["supervisor"] * 5 + ["staff"]


def test_the_holder_leaves_none(client, priya, certificate):
    client.force_login(priya)

    got(client, reverse("transcripts:transcript"))
    got(client, document(certificate))

    assert traces() == []


def test_who_may_not_read_leaves_none(client, priya, certificate):
    client.force_login(UserFactory())

    statuses = [
        client.get(reverse("transcripts:trainee", args=[priya.pk])).status_code,
        client.get(document(certificate)).status_code,
    ]

    assert (statuses, traces()) == ([404, 404], [])


def test_nothing_is_shown_if_no_trace_can_be_left(client, helena, certificate, monkeypatch):
    def refuse(self, **kwargs):
        raise IntegrityError("The disk is full.")

    monkeypatch.setattr(RecordRead, "save", refuse)

    with pytest.raises(IntegrityError):
        client.get(document(certificate))


def test_staff_leave_a_trace_at_lists_pages_and_their_history(client, ingrid, priya, certificate):
    entry = certificate.entry_id
    for address in (
        "/admin/transcripts/creditentry/",
        f"/admin/transcripts/creditentry/{entry}/change/",
        f"/admin/transcripts/creditentry/{entry}/history/",
        f"/admin/transcripts/creditentry/{entry}/reverse/",
        f"/admin/accounts/user/?q={priya.email}",
    ):
        assert client.get(address, follow=True).status_code == 200

    assert traces() == [
        ("staff", "admin-list", "Credit entry"),
        ("staff", "admin", "Credit entry"),
        ("staff", "admin", "Credit entry"),
        ("staff", "admin", "Credit entry"),
        ("staff", "admin-list", "User"),
    ]
    assert set(RecordRead.objects.values_list("person", flat=True)) == {priya.pk}


def test_staff_leave_a_trace_where_a_field_offers_people(client, ingrid, priya):
    asked = {
        "app_label": "accounts",
        "model_name": "supervisorconfirmation",
        "field_name": "person",
        "term": priya.email,
    }

    answer = client.get("/admin/autocomplete/", asked)

    assert [row["id"] for row in answer.json()["results"]] == [str(priya.pk)]
    assert traces() == [("staff", "admin-list", "User")]
    assert RecordRead.objects.get().person == priya


def test_a_field_that_offers_many_people_asks_as_much_as_of_one(
    client, ingrid, priya, django_assert_num_queries
):
    asked = {
        "app_label": "transcripts",
        "model_name": "outsideline",
        "field_name": "credit",
    }
    OutsideCreditFactory()
    client.get("/admin/autocomplete/", asked)
    with CaptureQueriesContext(connection) as one:
        client.get("/admin/autocomplete/", asked)
    OutsideCreditFactory.create_batch(15)

    with django_assert_num_queries(len(one.captured_queries)):
        assert len(client.get("/admin/autocomplete/", asked).json()["results"]) == 16


def test_a_list_of_many_asks_as_much_as_a_list_of_one(client, ingrid, django_assert_num_queries):
    CertificateFactory()
    address = "/admin/transcripts/certificate/"
    client.get(address)
    with CaptureQueriesContext(connection) as one:
        client.get(address)
    CertificateFactory.create_batch(30)

    with django_assert_num_queries(len(one.captured_queries)):
        client.get(address)


# --- The second factor of staff, outside the admin ---


@pytest.fixture
def _staff_need_two(settings):
    settings.STAFF_SECOND_FACTOR = True


@pytest.mark.usefixtures("_staff_need_two")
def test_staff_without_a_second_factor_are_sent_to_set_one_up(client, ingrid, certificate):
    answer = client.get(document(certificate))

    assert (answer.status_code, answer.url) == (302, reverse("mfa_index"))
    assert traces() == []


@pytest.mark.usefixtures("_staff_need_two")
def test_staff_prove_their_second_factor_and_come_back(client, ingrid, certificate):
    give_app(ingrid)

    asked = client.get(document(certificate))
    prove_by_app(client)
    shown = got(client, document(certificate))

    assert asked.url.startswith(reverse("mfa_reauthenticate") + "?next=%2Fcertificates%2F")
    assert shown == 200
    assert traces() == [("staff", "certificate", certificate.code)]


@pytest.mark.usefixtures("_staff_need_two")
def test_staff_read_their_own_and_their_trainees_without_it(client, ingrid, priya, certificate):
    own = CertificateFactory(entry__holder=ingrid)
    SupervisionFactory(supervisor=ingrid, trainee=priya)

    statuses = [
        got(client, reverse("transcripts:transcript")),
        got(client, reverse("transcripts:reflection", args=[own.code])),
        got(client, reverse("transcripts:trainee", args=[priya.pk])),
        got(client, document(certificate)),
    ]

    assert statuses == [200] * 4
    assert {capacity for capacity, *_ in traces()} == {"supervisor"}


@pytest.mark.usefixtures("_staff_need_two")
def test_what_is_nowhere_is_not_found_without_being_asked(client, ingrid):
    assert client.get("/no/such/page").status_code == 404
