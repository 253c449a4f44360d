"""Who has looked at whose record: what is kept of it, and who may see it."""

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts import trace
from accounts.models import RecordRead, User
from accounts.tests.factories import UserFactory

pytestmark = pytest.mark.django_db

What = RecordRead.What


@pytest.fixture
def maya():
    return UserFactory(legal_name="Maya Okafor")


@pytest.fixture
def helena():
    return UserFactory(legal_name="Helena Brandt")


def test_a_read_says_who_saw_what_of_whom_when_and_as_what(maya, helena, noon):
    trace.record(reader=helena, person=maya, what=What.CERTIFICATE, at=noon, detail="CEP-1")

    read = RecordRead.objects.get()
    assert (read.reader, read.person, read.reader_name) == (helena, maya, "Helena Brandt")
    assert (read.capacity, read.what, read.detail, read.read_at) == (
        "supervisor",
        "certificate",
        "CEP-1",
        noon,
    )


def test_reading_ones_own_record_leaves_no_trace(maya, noon):
    trace.record(reader=maya, person=maya, what=What.TRANSCRIPT, at=noon)
    trace.record_many(reader=maya, people=[maya], what=What.DESK, at=noon)

    assert not RecordRead.objects.exists()


def test_staff_read_as_staff_unless_the_door_knows_better(maya, noon):
    ingrid = UserFactory(is_staff=True)

    trace.record(reader=ingrid, person=maya, what=What.ADMIN, at=noon)
    trace.record(reader=ingrid, person=maya, what=What.TRANSCRIPT, at=noon, capacity="supervisor")

    read = RecordRead.objects.order_by("pk").values_list("capacity", flat=True)
    assert list(read) == ["staff", "supervisor"]


def test_a_read_costs_one_statement_and_so_do_those_of_a_whole_list(maya, helena, noon):
    people = UserFactory.create_batch(50)

    with CaptureQueriesContext(
        connection,
    ) as one:
        trace.record(reader=helena, person=maya, what=What.TRANSCRIPT, at=noon)
    with CaptureQueriesContext(connection) as many:
        trace.record_many(reader=helena, people=[helena, *people, *people], what=What.DESK, at=noon)

    assert [sql["sql"][:6] for sql in one.captured_queries] == ["INSERT"]
    assert [sql["sql"][:6] for sql in many.captured_queries] == ["INSERT"]
    assert RecordRead.objects.filter(what=What.DESK).count() == 50


def test_the_readers_name_stays_as_it_was(maya, helena, noon):
    trace.record(reader=helena, person=maya, what=What.TRANSCRIPT, at=noon)

    User.objects.filter(pk=helena.pk).update(legal_name="Helena Brandt-Weiss")

    assert RecordRead.objects.get().reader_name == "Helena Brandt"


def test_nobody_reads_without_an_account(maya, noon, rf):
    with pytest.raises(TypeError, match="without an account"):
        trace.record(reader=AnonymousUser(), person=maya, what=What.TRANSCRIPT, at=noon)


def test_what_was_read_is_one_of_the_known_things(maya, helena, noon):
    with pytest.raises(ValueError, match="diary"):
        trace.record(reader=helena, person=maya, what="diary", at=noon)


def test_a_detail_of_any_length_fits(maya, helena, noon):
    trace.record(reader=helena, person=maya, what=What.EVIDENCE, at=noon, detail="x" * 10_000)

    assert len(RecordRead.objects.get().detail) == 200


def test_the_database_refuses_to_change_a_read(maya, helena, noon):
    trace.record(reader=helena, person=maya, what=What.TRANSCRIPT, at=noon)

    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        RecordRead.objects.update(reader_name="Nobody")


def test_the_database_refuses_to_remove_a_read(maya, helena, noon):
    trace.record(reader=helena, person=maya, what=What.TRANSCRIPT, at=noon)

    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        RecordRead.objects.all().delete()


def test_the_database_refuses_a_read_of_ones_own_record(maya, noon):
    with pytest.raises(IntegrityError, match="record_read_by_somebody_else"):
        RecordRead.objects.create(
            reader=maya,
            person=maya,
            reader_name="Maya Okafor",
            capacity="staff",
            what="admin",
            read_at=noon,
        )


@pytest.mark.parametrize("missing", ["reader_name", "what", "capacity"])
def test_the_database_refuses_a_read_that_does_not_say_who_or_what(maya, helena, noon, missing):
    facts = {"reader_name": "Helena Brandt", "capacity": "supervisor", "what": "transcript"}

    with pytest.raises(IntegrityError, match="record_read_names_its_reader"):
        RecordRead.objects.create(
            reader=helena, person=maya, read_at=noon, **{**facts, missing: ""}
        )
