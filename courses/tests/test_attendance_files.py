from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courses import attendance_files
from courses.attendance_files import AttendanceFileError, Problem

NEW_YORK = ZoneInfo("America/New_York")
NOON = datetime(2026, 3, 2, 17, 0, tzinfo=UTC)  # in New York; the session begins
HEAD = "email,join time,leave time\n"


def utc(hour, minute=0, second=0, *, day=2, month=3):
    return datetime(2026, month, day, hour, minute, second, tzinfo=UTC)


def read(text, *, encoding="utf-8", zone=NEW_YORK, near=NOON):
    content = text if isinstance(text, bytes) else text.encode(encoding)
    return attendance_files.read(content, zone=zone, near=near)


def stays(text, **facts):
    """Who, from when, to when; there are no problems."""
    report = read(text, **facts)
    assert report.problems == []
    return [(stay.email or stay.name, stay.joined, stay.left) for stay in report.stays]


def refusal(text, **facts) -> str:
    with pytest.raises(AttendanceFileError) as refused:
        read(text, **facts)
    return str(refused.value)


def problem(row, *, head=HEAD, **facts) -> str:
    report = read(head + row, **facts)
    assert (report.stays, len(report.problems), report.problems[0].line) == ([], 1, 2)
    return report.problems[0].message


MAYA = ("maya@example.com", utc(16, 58, 31), utc(18, 31))

# --- The tools --------------------------------------------------------------

ZOOM = """\
Name (Original Name),User Email,Join Time,Leave Time,Duration (Minutes),Guest,Recording Consent
"Okafor, Maya (Maya)",maya@example.com,03/02/2026 11:58:31 AM,03/02/2026 01:31:00 PM,93,Yes,
Priya,,03/02/2026 12:00:00 PM,03/02/2026 12:30:00 PM,30,Yes,
"""
ZOOM_BLOCK = """\
Meeting ID,Topic,Start Time,End Time,User Email,Duration (Minutes),Participants
812 3456 7890,Consent,03/02/2026 11:45:00 AM,03/02/2026 01:40:00 PM,host@example.com,115,2

"""
TEAMS = """\
1. Summary
Meeting title\tConsent
Attended participants\t2
Start time\t3/2/26, 11:50:00 AM
End time\t3/2/26, 1:40:00 PM

2. Participants
Name\tFirst Join\tLast Leave\tIn-Meeting Duration\tEmail\tParticipant ID (UPN)\tRole
Maya\t3/2/26, 11:58:31\u202fAM\t3/2/26, 1:31:00\u202fPM\t1h 10m 5s\tmaya@example.com\tm\tPresenter
"""
TEAMS_ACTIVITIES = """
3. In-Meeting Activities
Name\tJoin Time\tLeave Time\tDuration\tEmail\tRole
Maya Okafor\t3/2/26, 11:58:31 AM\t3/2/26, 12:30:00 PM\t31m 29s\tmaya@example.com\tAttendee
Maya Okafor\t3/2/26, 12:50:00 PM\t3/2/26, 1:31:00 PM\t41m\tMaya@Example.com\tAttendee
"""
MEET = """\
First name,Last name,Email,Duration,Time joined,Time exited
Maya,Okafor,maya@example.com,1 hr 32 min,11:58 AM,1:31 PM
"""


def test_zooms_list_of_participants():
    assert stays(ZOOM) == [MAYA, ("Priya", utc(17), utc(17, 30))]


def test_zooms_list_below_the_block_about_the_meeting_and_lines_are_counted_in_the_file():
    report = read(ZOOM_BLOCK + ZOOM)

    assert stays(ZOOM_BLOCK + ZOOM) == stays(ZOOM)
    assert [stay.line for stay in report.stays] == [5, 6]
    assert report.stays[0].name == "Okafor, Maya (Maya)"


def test_teams_each_stay_counts_and_the_summary_above_does_not():
    found = stays(TEAMS + TEAMS_ACTIVITIES, encoding="utf-16")

    assert found == [
        ("maya@example.com", utc(16, 58, 31), utc(17, 30)),
        ("maya@example.com", utc(17, 50), utc(18, 31)),
    ]


def test_teams_summary_alone_gives_the_time_in_the_meeting_not_from_first_to_last():
    assert stays(TEAMS, encoding="utf-16") == [
        ("maya@example.com", utc(16, 58, 31), utc(18, 8, 36))
    ]


def test_meet_gives_times_without_a_date():
    assert stays(MEET) == [("maya@example.com", utc(16, 58), utc(18, 30))]
    assert read(MEET).stays[0].name == "Maya Okafor"


def test_any_table_with_address_joining_and_leaving():
    text = "E-Mail;Joined at;Left at\nMAYA@example.com;2026-03-02T16:58:31Z;2026-03-02 13:31\n"

    assert stays(text) == [MAYA]


# --- Bytes ------------------------------------------------------------------


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"]
)
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_encoding_delimiter_and_line_ends_are_found_out(encoding, delimiter, end):
    lines = [
        ("Name", "Email", "Join Time", "Leave Time"),
        ("Zoë Núñez", "zoe@example.com", "2026-03-02 12:00", "2026-03-02 13:00"),
    ]
    text = "".join(delimiter.join(line) + end for line in lines)

    report = read(text, encoding=encoding)

    assert [stay[:3] for stay in report.stays] == [(2, "Zoë Núñez", "zoe@example.com")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "The file is empty."),
        (b"\xef\xbb\xbf\r\n \n", "The file is empty."),
        (b"\x89PNG\r\n\x1a\n", "This is a picture, not a CSV file. Save it as CSV first."),
        (b"PK\x03\x04", "This is an Excel workbook or another packed file, not a CSV file."),
        (b"%PDF-1.7", "This is a PDF, not a CSV file."),
        (b"\xff\xfea", "This is not text. Save the report as CSV (UTF-8) first."),
        (b"\x81\x8d\x81", "This is not text."),
        (HEAD.encode() + b"x" * 300 + b"\na\x00b", "Line 3 holds a character that no text has."),
        (b"name,hours\nMaya,3\n", "No line names the columns."),
        (HEAD.encode(), "The file names its columns, and nobody below them."),
        (HEAD.encode() + b'maya@example.com,"12:00' + b"\nx" * 70_000, "Line 2 cannot be read"),
        (b"x" * (10 * 1024 * 1024 + 1), "The file is larger than 10 MB."),
    ],
)
def test_what_is_no_report_is_refused_with_what_to_do(content, message):
    assert refusal(content).startswith(message)


def test_more_lines_than_allowed_are_refused():
    row = "maya@example.com,12:00,12:30\n"

    assert "more than 50,000 lines" in refusal(HEAD + row * 50_001)
    assert len(read(HEAD + row * 50_000).stays) == 50_000


def test_quoted_line_breaks_keep_the_count_of_lines():
    text = HEAD.replace("email", "name,email") + (
        '"Maya\nOkafor",maya@example.com,12:00,13:00\nNobody,,never,13:00\n'
    )
    report = read(text)

    assert [(stay.line, stay.name) for stay in report.stays] == [(2, "Maya Okafor")]
    assert [found.line for found in report.problems] == [4]


def test_long_cells_and_formulas_are_cut_and_cleaned_where_they_are_told():
    formula = '=HYPERLINK("https://evil.example","x")\x1b[31m'
    text = "name,email,join time,leave time\n" + "".join(
        f'{name},,"{joined}",13:00\n'
        for name, joined in [("M" * 10_000, "12:00"), ("M", "9" * 10_000), ("M", '=1+""2""')]
    )
    text += f'"{formula.replace(chr(34), chr(34) * 2)}",,12:00,13:00\n'
    report = read(text)

    assert [len(stay.name) for stay in report.stays] == [200, 43]
    assert all(stay.name.isprintable() for stay in report.stays)
    assert [found.message for found in report.problems] == [
        f"“{'9' * 40}…” is no time that we know, such as 2026-03-02 11:58 AM.",
        '“=1+"2"” is no time that we know, such as 2026-03-02 11:58 AM.',
    ]


# --- Lines ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (",12:00,13:00", "It names nobody: both e-mail address and name are empty."),
        ("maya@example.com,,13:00", "The time of joining is empty."),
        ("maya@example.com,12:00,", "The time of leaving is empty, and so is the duration."),
        ("maya@example.com", "The time of joining is empty."),
        (
            "maya@example.com,2026-03-02 13:00,2026-03-02 12:00",
            "It leaves at “2026-03-02 12:00”, before it joins at “2026-03-02 13:00”.",
        ),
        ("maya@example.com,25:00,13:00", "“25:00” is no date and time that there is."),
        ("maya@example.com,13:00 PM,14:00", "“13:00 PM” is no time of day."),
        (
            "maya@example.com,2026-02-30 12:00,13:00",
            "“2026-02-30 12:00” is no date and time that there is.",
        ),
        ("maya@example.com,0026-03-02 12:00,13:00", "“0026-03-02 12:00” is not of this century."),
        ("maya@example.com,12:00 XYZ,13:00", "The zone in “12:00 XYZ” is none that we know."),
        ("maya@example.com,12:00+15:00,13:00", "The zone in “12:00+15:00” is none that there is."),
        ("m@example.com,Foo 2 2026 1:00,", "“Foo 2 2026 1:00” is no date and time that there is."),
    ],
)  # fmt: skip
def test_a_line_that_cannot_be_used_is_told_with_its_number_and_why(row, message):
    assert problem(row) == message


def test_a_duration_in_no_known_words_is_a_problem():
    message = problem("maya@example.com,12:00,a while", head="email,join time,duration\n")

    assert message == "The duration “a while” is none that we know. Write it in minutes."


def test_the_good_lines_are_read_beside_the_bad_and_problems_are_told_up_to_a_number():
    report = read(HEAD + "maya@example.com,never,13:00\n" * 300 + "m@example.com,12:00,13:00\n")

    assert (len(report.stays), len(report.problems), report.more_problems) == (1, 200, 100)
    assert report.problems[0] == Problem(
        2, "“never” is no time that we know, such as 2026-03-02 11:58 AM."
    )


@pytest.mark.parametrize(
    ("duration", "minutes"),
    [("93", 93), ("92.5", 92.5), ("1:33", 93), ("1:33:30", 93.5), ("1h 33m 30s", 93.5),
     ("1 hr 33 min", 93), ("33 minutes", 33), ("90s", 1.5), ("2 hours", 120)],
)  # fmt: skip
def test_a_duration_alone_says_when_somebody_left(duration, minutes):
    found = stays(f"email,join time,duration\nmaya@example.com,12:00,{duration}\n")

    assert found == [("maya@example.com", NOON, NOON + timedelta(minutes=minutes))]


@pytest.mark.parametrize(
    ("length", "left"), [("30", utc(18)), ("59", utc(17, 59)), ("60", utc(18)), ("61", utc(18))]
)
def test_a_length_shorter_than_from_joining_to_leaving_by_a_minute_is_believed(length, left):
    text = f"email,join time,leave time,duration\nmaya@example.com,12:00,13:00,{length}\n"
    expected = utc(17, 30) if length == "30" else left

    assert stays(text) == [("maya@example.com", NOON, expected)]


def test_who_left_in_the_moment_of_joining_was_not_there():
    assert stays(HEAD + "maya@example.com,12:00,12:00\nm@example.com,12:00,12:01\n") == [
        ("m@example.com", NOON, NOON + timedelta(minutes=1))
    ]


# --- Times ------------------------------------------------------------------


@pytest.mark.parametrize(
    "cell",
    [
        "2026-03-02 11:58:31", "2026-03-02T11:58:31", "2026/03/02 11:58:31",
        "03/02/2026 11:58:31 AM",
        "3/2/26, 11:58:31 AM", "03/02/2026 11:58:31 a.m.", "02.03.2026 11:58:31",
        "02/03/2026 11:58:31", "Mar 2, 2026 11:58:31 AM", "March 2, 2026, 11:58:31 AM",
        "2 Mar 2026 11:58:31", "2026-03-02T16:58:31Z", "2026-03-02T16:58:31.123Z",
        "2026-03-02T11:58:31-05:00", "2026-03-02T22:28:31+0530", "2026-03-02 16:58:31 UTC",
        "2026-03-02 16:58:31 GMT", "2026-03-02 10:58:31 CST", "2026-03-02 11:58:31 (GMT-5)",
        "11:58:31", "11:58:31\u202fAM", "\u200e3/2/2026, 11:58:31\u00a0AM", "11:58:31 EST",
    ],
)  # fmt: skip
def test_ways_to_write_one_moment(cell):
    assert stays(f'{HEAD}maya@example.com,"{cell}",2026-03-02 13:31\n') == [MAYA]


def test_times_are_in_the_zone_that_is_said_or_the_one_of_the_heading():
    row = "maya@example.com,2026-03-02 12:00,2026-03-02 13:00\n"

    chicago = stays(HEAD + row, zone=ZoneInfo("America/Chicago"))
    heading = stays("email,Join Time (UTC),Leave Time (UTC)\n" + row)

    assert [found[0][1] for found in (stays(HEAD + row), chicago, heading)] == [
        utc(17), utc(18), utc(12),
    ]  # fmt: skip


def test_midnight_is_crossed_with_dates_and_without():
    near = utc(4, 0, day=3)  # 11 PM on March 2 in New York
    with_dates = "maya@example.com,03/02/2026 10:55 PM,03/03/2026 12:40 AM\n"
    without = "maya@example.com,10:55 PM,12:40 AM\n"
    after = "maya@example.com,12:10 AM,12:40 AM\n"

    found = [stays(HEAD + row, near=near)[0][1:] for row in (with_dates, without, after)]

    assert found == [
        (utc(3, 55, day=3), utc(5, 40, day=3)),
        (utc(3, 55, day=3), utc(5, 40, day=3)),
        (utc(5, 10, day=3), utc(5, 40, day=3)),
    ]


@pytest.mark.parametrize(
    ("joined", "left", "length", "hours"),
    [
        ("12:30 AM", "1:30 AM", "", (4.5, 5.5)),  # the first of the two
        ("12:30 AM", "1:30 AM", "120", (4.5, 6.5)),  # the length asks for the second
        ("1:40 AM", "1:10 AM", "", (5 + 40 / 60, 6 + 10 / 60)),  # so does the order
        ("1:30 AM", "2:30 AM", "60", (6.5, 7.5)),  # joined after the change
        ("1:30 AM", "2:30 AM", "", (5.5, 7.5)),
    ],
)
def test_a_time_that_comes_twice_when_the_clocks_go_back(joined, left, length, hours):
    midnight = datetime(2026, 11, 1, 0, 0, tzinfo=UTC)
    row = f"maya@example.com,11/01/2026 {joined},11/01/2026 {left},{length}\n"

    found = stays("email,join time,leave time,duration\n" + row, near=midnight)

    assert found[0][1:] == tuple(midnight + timedelta(hours=hour) for hour in hours)


def test_a_time_that_never_was_when_the_clocks_go_forward():
    message = problem("maya@example.com,2027-03-14 02:30,2027-03-14 03:30")

    assert message == (
        "2027-03-14 02:30 never was in America/New_York: the clocks went forward. Is the zone of "
        "the file right?"
    )


def test_a_stay_across_the_clock_change_has_its_true_length():
    row = "maya@example.com,2027-03-14 01:30,2027-03-14 03:30\n"

    (_, joined, left) = stays(HEAD + row)[0]

    assert left - joined == timedelta(hours=1)


# --- Whatever comes ---------------------------------------------------------

cells = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        ["", "maya@example.com", "12:00", "03/02/2026 11:58:31 AM", "2026-03-02T16:58Z", "=1+1",
         "99:99", "13/13/2026 1:00", "1h 2m", "Join Time", "Email", "3. X", "\u202f", "9" * 50,
         "0000-00-00 00:00", "9999-12-31 23:59:59", "12:00 AM+14", "1:30 AM"]
    ),
)  # fmt: skip


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused_in_words(content):
    words = "Read."
    try:
        attendance_files.read(HEAD.encode() + content, zone=NEW_YORK, near=NOON)
    except AttendanceFileError as error:
        words = str(error)

    assert words.endswith(".")


@given(
    st.lists(st.lists(cells, max_size=6), max_size=12),
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    st.sampled_from([HEAD, ZOOM, TEAMS, MEET]),
)
def test_any_table_gives_stays_that_end_after_they_begin_and_problems_in_words(
    rows, delimiter, encoding, head
):
    text = head + "\n".join(delimiter.join(row) for row in rows)
    try:
        content = text.encode(encoding, errors="replace")
        report = attendance_files.read(content, zone=NEW_YORK, near=NOON)
    except AttendanceFileError:
        return

    for stay in report.stays:
        assert stay.joined < stay.left
        assert stay.email or stay.name
        assert (stay.name + stay.email).isprintable()
    for found in report.problems:
        assert found.message.endswith((".", "?"))
        assert found.message.isprintable()
