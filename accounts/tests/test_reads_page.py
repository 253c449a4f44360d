"""The page of who has looked at one's record."""

from datetime import timedelta

import pytest
from django.urls import reverse

from accounts import trace
from accounts.models import RecordRead
from accounts.tests.factories import UserFactory

pytestmark = pytest.mark.django_db

What = RecordRead.What
PAGE = reverse("accounts:reads")


@pytest.fixture
def maya(client):
    maya = UserFactory(legal_name="Maya Okafor", time_zone="America/New_York")
    client.force_login(maya)
    return maya


@pytest.fixture
def helena():
    return UserFactory(legal_name="Helena Brandt")


def test_the_page_says_that_nobody_has_looked(client, maya):
    page = client.get(PAGE)

    assert page.status_code == 200
    assert "Nobody but you." in page.text


def test_the_page_says_who_looked_at_what_and_when_in_ones_own_zone(client, maya, helena, noon):
    ingrid = UserFactory(legal_name="Ingrid Solheim", is_staff=True)
    trace.record(reader=helena, person=maya, what=What.CERTIFICATE, at=noon, detail="CEP-1")
    trace.record(reader=ingrid, person=maya, what=What.ADMIN, at=noon + timedelta(minutes=5))

    page = client.get(PAGE).text

    assert "<b>Helena Brandt</b>, supervisor" in page
    assert "A certificate: CEP-1. At 7:00 AM." in page  # noon UTC
    assert "<b>Ingrid Solheim</b>, staff" in page
    assert "Mar 2, 2026" in page


def test_two_hundred_reads_of_a_day_are_one_line(client, maya, helena, noon):
    for minute in range(200):
        trace.record(
            reader=helena, person=maya, what=What.TRANSCRIPT, at=noon + timedelta(minutes=minute)
        )

    page = client.get(PAGE).text

    assert page.count("Helena Brandt") == 1
    assert "200 times, from 7:00 AM to 10:19 AM" in page


def test_a_read_at_night_is_of_the_day_it_was_in_ones_own_zone(client, maya, helena, noon):
    trace.record(reader=helena, person=maya, what=What.TRANSCRIPT, at=noon + timedelta(hours=15))

    assert "Mar 2, 2026" in client.get(PAGE).text  # it was March 3 in UTC


def test_nobody_sees_who_looked_at_another_record(client, maya, helena, noon):
    trace.record(reader=helena, person=UserFactory(), what=What.TRANSCRIPT, at=noon)

    assert "Helena Brandt" not in client.get(PAGE).text


def test_a_name_with_a_script_is_only_a_name(client, maya, noon):
    reader = UserFactory(legal_name="<script>alert(1)</script>")
    trace.record(reader=reader, person=maya, what=What.EVIDENCE, at=noon, detail="<b>x.pdf")

    page = client.get(PAGE).text

    assert "<script>alert" not in page
    assert "<b>x.pdf" not in page


def test_the_page_asks_as_much_for_one_read_as_for_many(
    client, maya, helena, noon, django_assert_num_queries
):
    trace.record(reader=helena, person=maya, what=What.TRANSCRIPT, at=noon)
    client.get(PAGE)
    with django_assert_num_queries(4) as one:
        client.get(PAGE)
    for day in range(120):
        trace.record(
            reader=helena, person=maya, what=What.TRANSCRIPT, at=noon + timedelta(days=day)
        )

    with django_assert_num_queries(len(one.captured_queries)):
        first = client.get(PAGE)

    assert first.text.count("Helena Brandt") == 50
    assert client.get(PAGE, {"page": "3"}).text.count("Helena Brandt") == 20
    assert client.get(PAGE, {"page": "nonsense"}).status_code == 200
