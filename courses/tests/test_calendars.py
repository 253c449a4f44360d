"""A learner's own sessions as iCalendar: right in every zone and in every program."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import StringIO
from zoneinfo import ZoneInfo

import pytest
from dateutil.tz import tzical
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st
from icalendar import Calendar

from accounts.tests.factories import UserFactory
from courses import calendars
from courses.models import Enrollment, Session
from courses.tests.factories import CourseFactory, EnrollmentFactory, SessionFactory

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
NEW_YORK, LONDON, TOKYO = "America/New_York", "Europe/London", "Asia/Tokyo"


@pytest.fixture(autouse=True)
def _site(settings):
    settings.SITE_URL = "https://portal.example.org"
    settings.DEFAULT_FROM_EMAIL = "CE Portal <portal@example.org>"


def seat(**facts) -> Enrollment:
    """A seat of Maya's, who lives elsewhere than the session."""
    session = SessionFactory(**facts)
    learner = UserFactory(legal_name="Maya Okafor", time_zone="Pacific/Auckland")
    return EnrollmentFactory(learner=learner, course=session.course, session=session)


def event(text: bytes | str):
    (found,) = Calendar.from_ical(text).walk("VEVENT")
    return found


def lines(text: bytes | str) -> list[str]:
    """Content lines, unfolded by the letter of RFC 5545 (3.1)."""
    whole = text.decode() if isinstance(text, bytes) else text
    return whole.replace("\r\n ", "").split("\r\n")


def value(text: bytes | str, name: str, inside: str = "VEVENT") -> str:
    """A property with its parameters, as it is written."""
    found = lines(text)
    found = found[found.index(f"BEGIN:{inside}") :]
    return next(line for line in found if line.split(":")[0].split(";")[0] == name)


# --- Two readers that know nothing of time zones but what the file says -----


def by_the_letter(text: bytes, written: str) -> datetime:
    """RFC 5545 (3.6.5): the observance with the last onset before it, in absolute time."""
    name, _, local = written.partition(":")
    if local.endswith("Z"):
        return datetime.strptime(local, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    zone = name.partition("TZID=")[2]
    moment = datetime.strptime(local, "%Y%m%dT%H%M%S")
    held = lines(text)
    held = held[held.index(f"TZID:{zone}") :]
    held = held[: held.index("END:VTIMEZONE")]
    observances, facts = [], {}
    for line in held:
        key, _, fact = line.partition(":")
        facts[key] = fact
        if key == "END":
            onset = datetime.strptime(facts["DTSTART"], "%Y%m%dT%H%M%S")
            before, after = offset(facts["TZOFFSETFROM"]), offset(facts["TZOFFSETTO"])
            observances.append((onset - before, after))
    # Of two moments with that clock time it is the first.
    observances.sort()
    fits = []
    for index, (onset, after) in enumerate(observances):
        until = observances[index + 1][0] if index + 1 < len(observances) else datetime.max
        if onset <= moment - after < until:
            fits.append((moment - after).replace(tzinfo=UTC))
    return min(fits)


def offset(written: str) -> timedelta:
    sign = -1 if written[0] == "-" else 1
    return sign * timedelta(hours=int(written[1:3]), minutes=int(written[3:5]))


def by_dateutil(text: bytes, written: str) -> datetime:
    name, _, local = written.partition(":")
    if local.endswith("Z"):
        return datetime.strptime(local, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    zones = tzical(StringIO(text.decode()))
    moment = datetime.strptime(local, "%Y%m%dT%H%M%S")
    return moment.replace(tzinfo=zones.get(name.partition("TZID=")[2])).astimezone(UTC)


@pytest.mark.parametrize("read", [by_the_letter, by_dateutil])
@pytest.mark.parametrize(
    ("zone", "start"),
    [
        # The night when the clocks go back, before, in both equal hours, and after.
        (NEW_YORK, "2026-11-01T04:30"),
        (NEW_YORK, "2026-11-01T05:30"),
        (NEW_YORK, "2026-11-01T06:30"),
        (NEW_YORK, "2026-11-01T07:30"),
        (NEW_YORK, "2026-10-31T16:00"),
        (NEW_YORK, "2026-11-02T16:00"),
        # The night when they go forward: 3 AM follows upon 2 AM.
        (NEW_YORK, "2027-03-14T06:30"),
        (NEW_YORK, "2027-03-14T07:00"),
        (NEW_YORK, "2027-03-14T07:30"),
        (NEW_YORK, "2027-03-14T16:00"),
        # Zones that change on other days, the other way, by half an hour, or never.
        (LONDON, "2027-03-14T16:00"),
        (LONDON, "2026-10-25T00:30"),
        ("Australia/Lord_Howe", "2026-10-03T15:45"),
        ("America/Santiago", "2027-04-04T03:30"),
        ("Africa/Casablanca", "2027-02-07T02:30"),
        ("America/Phoenix", "2026-11-01T09:00"),
        (TOKYO, "2027-03-14T07:30"),
        ("Asia/Kathmandu", "2026-11-01T06:00"),
        ("UTC", "2026-11-01T06:00"),
        # The first and last hours of a year.
        (TOKYO, "2026-12-31T18:00"),
        (NEW_YORK, "2027-01-01T03:00"),
        ("Pacific/Kiritimati", "2026-12-31T10:30"),
    ],
)
def test_every_reader_finds_the_moment_of_a_session(noon, zone, start, read):
    starts_at = datetime.fromisoformat(start).replace(tzinfo=UTC)
    held = seat(starts_at=starts_at, ends_at=starts_at + HOUR, time_zone=zone)

    text = calendars.of_enrollment(held, at=noon)

    assert read(text, value(text, "DTSTART")) == starts_at
    assert read(text, value(text, "DTEND")) == starts_at + HOUR
    # Python calls a clock time that comes twice equal to nothing in another zone.
    found = event(text)
    assert found.start.astimezone(UTC) == starts_at
    assert found.end.astimezone(UTC) == starts_at + HOUR


def test_times_are_written_in_the_zone_of_the_session(noon):
    held = seat(starts_at=datetime(2026, 11, 2, 17, 0, tzinfo=UTC), time_zone=NEW_YORK)

    text = calendars.of_enrollment(held, at=noon)

    assert value(text, "DTSTART") == "DTSTART;TZID=America/New_York:20261102T120000"
    assert "Where the host is: 12:00 to 1:30 PM EST." in str(event(text)["DESCRIPTION"])


def test_the_second_of_two_equal_hours_is_written_in_utc(noon):
    """A clock time that comes twice means the first to every program."""
    second = datetime(2026, 11, 1, 6, 30, tzinfo=UTC)
    held = seat(starts_at=second - 2 * HOUR, ends_at=second, time_zone=NEW_YORK)

    text = calendars.of_enrollment(held, at=noon)

    assert value(text, "DTSTART") == "DTSTART;TZID=America/New_York:20261101T003000"
    assert value(text, "DTEND") == "DTEND:20261101T063000Z"


def test_the_rules_of_a_zone_are_those_of_the_years_that_are_needed(noon):
    held = seat(starts_at=datetime(2026, 11, 2, 17, 0, tzinfo=UTC), time_zone=NEW_YORK)

    (zone,) = Calendar.from_ical(calendars.of_enrollment(held, at=noon)).walk("VTIMEZONE")

    observances = [
        (part.name, part["DTSTART"].to_ical().decode(), str(part["TZNAME"]))
        for part in zone.subcomponents
    ]
    assert str(zone["TZID"]) == NEW_YORK
    # 2 AM is meant in the time that ends then.
    assert observances == [
        ("STANDARD", "20251231T190000", "EST"),
        ("DAYLIGHT", "20260308T020000", "EDT"),
        ("STANDARD", "20261101T020000", "EST"),
    ]


@given(
    zone=st.sampled_from([NEW_YORK, LONDON, TOKYO, "Australia/Lord_Howe", "Europe/Dublin"]),
    minutes=st.integers(min_value=0, max_value=2 * 365 * 24 * 60),
)
def test_a_zone_is_told_as_the_system_knows_it(zone, minutes):
    moment = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    there = moment.astimezone(ZoneInfo(zone))
    rules = calendars._rules(zone, 2025, 2028).to_ical()

    if not there.fold:
        assert by_the_letter(rules, f"DTSTART;TZID={zone}:{there:%Y%m%dT%H%M%S}") == moment


# --- What an event says -----------------------------------------------------


def test_a_file_tells_the_learner_everything_with_the_link_to_join(noon):
    held = seat(course__title="Consent, with minors; and others")

    text = calendars.of_enrollment(held, at=noon)

    found, calendar = event(text), Calendar.from_ical(text)
    assert (str(calendar["METHOD"]), str(calendar["VERSION"])) == ("PUBLISH", "2.0")
    assert str(found["UID"]) == f"enrollment-{held.pk}@portal.example.org"
    assert str(found["SUMMARY"]) == "Consent, with minors; and others"
    assert str(found["STATUS"]) == "CONFIRMED"
    assert str(found["URL"]) == f"https://portal.example.org/learn/{held.pk}/"
    assert str(found["DESCRIPTION"]).splitlines() == [
        "To join: https://meet.example/consent",
        "Where the host is: 12:00 to 1:30 PM EDT.",
        f"Course room: https://portal.example.org/learn/{held.pk}/",
    ]
    assert (found["SEQUENCE"], found.decoded("DTSTAMP")) == (0, noon)
    # RFC 5546 (3.2.1): what is published has an organizer and nobody invited.
    assert "ATTENDEE" not in found
    assert value(text, "ORGANIZER") == 'ORGANIZER;CN="CE Portal":mailto:portal@example.org'
    (alarm,) = found.walk("VALARM")
    assert alarm["TRIGGER"].dt == -HOUR


def test_an_invitation_names_organizer_and_learner_who_has_said_yes(noon):
    held = seat()
    held.learner.email = "maya.o'kafor+ce@example.com"

    text = calendars.request(held, at=noon)

    assert value(text, "METHOD", "VCALENDAR") == "METHOD:REQUEST"
    assert value(text, "ATTENDEE") == (
        'ATTENDEE;CN="Maya Okafor";CUTYPE=INDIVIDUAL;PARTSTAT=ACCEPTED;'
        "ROLE=REQ-PARTICIPANT;RSVP=FALSE:mailto:maya.o%27kafor+ce@example.com"
    )
    assert value(text, "ORGANIZER").endswith(":mailto:portal@example.org")


def test_a_cancellation_is_of_the_same_event_and_wakes_nobody(noon):
    held = seat()
    before = event(calendars.request(held, at=noon))
    Session.objects.update(
        cancelled_at=noon, cancel_reason="The host\nis ill.", sequence=1, changed_at=noon
    )
    held.session.refresh_from_db()

    text = calendars.cancel(held, at=noon)

    after = event(text)
    assert value(text, "METHOD", "VCALENDAR") == "METHOD:CANCEL"
    assert (before["UID"], before["SEQUENCE"]) == (after["UID"], 0)
    assert (str(after["STATUS"]), after["SEQUENCE"]) == ("CANCELLED", 1)
    assert str(after["DESCRIPTION"]).splitlines()[0] == "Cancelled: The host is ill."
    assert "meet.example" not in text
    assert after.walk("VALARM") == []
    # What a time refers to goes with it also here (RFC 5546, 3.2.5).
    assert len(Calendar.from_ical(text).walk("VTIMEZONE")) == 1


def test_a_changed_session_is_the_same_event_with_a_higher_number(noon):
    held = seat()
    before = event(calendars.of_enrollment(held, at=noon))
    Session.objects.update(
        starts_at=held.session.starts_at - HOUR, sequence=1, changed_at=noon + HOUR
    )
    held.session.refresh_from_db()

    after = event(calendars.of_enrollment(held, at=noon + HOUR))

    assert after["UID"] == before["UID"]
    assert (before["SEQUENCE"], after["SEQUENCE"]) == (0, 1)
    assert after["LAST-MODIFIED"].dt == noon + HOUR
    assert after.start == before.start - HOUR


def test_an_event_that_moves_to_a_session_changed_less_often_still_counts_up(noon):
    held = seat(sequence=7)
    before = event(calendars.request(held, at=noon))
    held.session, held.moves = SessionFactory(course=held.course, sequence=0), 1

    after = event(calendars.request(held, at=noon))

    assert after["UID"] == before["UID"]
    assert before["SEQUENCE"] < after["SEQUENCE"]


def test_who_enrolls_anew_has_another_event(noon):
    held = seat()
    again = EnrollmentFactory(learner=held.learner, session=held.session, withdrawn_at=noon)

    one, other = (event(calendars.request(each, at=noon)) for each in (held, again))

    assert one["UID"] != other["UID"]


# --- Text that does not behave ----------------------------------------------

LONG = "Ψυχολογία και δεοντολογία · 心理学の倫理 · أخلاقيات · 👩🏽‍⚕️ " * 6


def test_long_text_in_any_script_is_folded_at_75_octets_and_comes_back_whole(noon):
    held = seat(course=CourseFactory(live=True, title=LONG[:200].strip()))
    held.learner.legal_name = "Ωμέγα " * 20

    text = calendars.request(held, at=noon)

    assert max(len(line.encode()) for line in text.split("\r\n")) <= 75
    assert text.encode().decode() == text  # no letter was cut in two
    assert str(event(text)["SUMMARY"]) == LONG[:200].strip()


@pytest.mark.parametrize(
    "hostile",
    [
        "A\r\nATTENDEE:mailto:x@y.example\r\nBEGIN:VALARM",
        "A\nEND:VEVENT\nEND:VCALENDAR",
        "tab\tbell\x07 escape\x1b[0m next\x85line del\x7f",
        'quote " semi;colon comma, back\\slash colon:',
        "line\u2028paragraph\u2029end",
    ],
)
def test_no_text_gets_out_of_its_line(noon, hostile):
    held = seat(place=hostile, course=CourseFactory(live=True, title=hostile))
    held.learner.legal_name = hostile

    text = calendars.request(held, at=noon)

    found = event(text)
    names = [line.split(":")[0].split(";")[0] for line in lines(text)]
    assert [name for name in names if name == "ATTENDEE"] == ["ATTENDEE"]
    assert (names.count("BEGIN"), len(found.walk("VALARM"))) == (5 + len(zones(text)), 1)
    assert str(found["SUMMARY"]) == " ".join(
        "".join(c if c.isprintable() or c in "\u2028\u2029" else " " for c in hostile).split()
    )
    assert [c for c in text if ord(c) < 32 and c not in "\r\n"] == []
    assert str(found["ORGANIZER"]) == "mailto:portal@example.org"


def zones(text: str) -> list:
    """Observances beyond the first."""
    (zone,) = Calendar.from_ical(text).walk("VTIMEZONE")
    return zone.subcomponents[1:]


# --- The file ---------------------------------------------------------------


def test_the_file_of_a_session_is_the_learners_alone(client):
    held = seat()
    url = reverse("courses:session_file", args=[held.pk])

    statuses = {}
    for who, user in {"learner": held.learner, "somebody": UserFactory()}.items():
        client.force_login(user)
        statuses[who] = client.get(url).status_code
    client.logout()
    stranger = client.get(url)

    assert statuses == {"learner": 200, "somebody": 404}
    assert stranger.url.startswith(reverse("account_login"))


def test_the_file_is_a_download_that_nobody_keeps(client):
    held = seat()
    client.force_login(held.learner)

    response = client.get(reverse("courses:session_file", args=[held.pk]))

    assert response.headers["Content-Type"] == "text/calendar; charset=utf-8"
    assert response.headers["Content-Disposition"] == 'attachment; filename="session.ics"'
    assert response.headers["Cache-Control"] == "private, no-cache"
    assert str(event(response.content)["UID"]).startswith(f"enrollment-{held.pk}@")


@pytest.mark.parametrize("facts", [{"withdrawn_at": True}, {"expired_at": True}, {"session": None}])
def test_a_seat_that_is_gone_or_on_demand_has_no_file(client, noon, facts):
    held = seat()
    facts = {name: noon if value else value for name, value in facts.items()}
    Enrollment.objects.update(expires_at=noon, **facts)
    client.force_login(held.learner)

    response = client.get(reverse("courses:session_file", args=[held.pk]))

    assert response.status_code == 404
