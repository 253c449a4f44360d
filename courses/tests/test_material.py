"""Files of lessons: what they are, who gets them, in parts."""

from __future__ import annotations

import pytest
from django.core.files.base import ContentFile
from django.urls import reverse

from accounts.tests.factories import UserFactory
from courses import material
from courses.tests.factories import CourseFactory, EnrollmentFactory, LessonFactory

pytestmark = pytest.mark.django_db

MP4 = b"\x00\x00\x00\x20ftypisom" + bytes(range(88))  # 100 bytes
WEBM = b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\xf7\x81\x01B\x82\x84webm"
PDF = b"%PDF-1.7\n"
VTT = b"WEBVTT\n\n00:01.000 --> 00:02.000\nHello\n"


@pytest.mark.parametrize(
    ("head", "media_type"),
    [
        (MP4, "video/mp4"),
        (WEBM, "video/webm"),
        (PDF, "application/pdf"),
        (VTT, "text/vtt"),
        (b"\xef\xbb\xbfWEBVTT - title", "text/vtt"),
        (b"WEBVTTX", None),
        (WEBM.replace(b"webm", b"matr"), None),
        (b"<html><script>", None),
        (b"GIF89a", None),
        (b"", None),
    ],
)
def test_a_file_is_what_it_holds(head, media_type):
    assert material.sniff(head) == media_type


def test_a_file_is_kept_under_its_content():
    course = CourseFactory()
    names = []
    for name in ("holiday.exe", "../../etc/passwd"):
        lesson = LessonFactory(course=course, kind="video", file=ContentFile(MP4, name=name))
        names.append(lesson.file.name)

    assert names[0].startswith("lessons/")
    assert names[0].endswith(".mp4")
    assert names[1].startswith(names[0].removesuffix(".mp4"))


def test_too_large_a_file_is_refused(settings):
    settings.LESSON_FILE_MAX_BYTES = 99

    assert material.fault(ContentFile(MP4), 100) == "The file is larger than 99\xa0bytes."
    settings.LESSON_FILE_MAX_BYTES = 100
    assert material.fault(ContentFile(MP4), 100) is None


# --- Served -----------------------------------------------------------------


def with_file(content=MP4, *, kind="video", captions=b""):
    facts = {"kind": kind, "file": ContentFile(content, name="upload")}
    if captions:
        facts["captions"] = ContentFile(captions, name="upload")
    lesson = LessonFactory(course=CourseFactory(), **facts)
    return EnrollmentFactory(course=lesson.course), lesson


def address(held, lesson, page="lesson_file"):
    return reverse(f"courses:{page}", args=[held.pk, lesson.key])


@pytest.fixture
def video(client):
    held, lesson = with_file()
    client.force_login(held.learner)
    return address(held, lesson)


def test_a_file_comes_whole_as_what_it_is(client, video):
    response = client.get(video)

    assert (response.status_code, response.getvalue()) == (200, MP4)
    assert response["Content-Type"] == "video/mp4"
    assert response["Content-Length"] == "100"
    assert response["Accept-Ranges"] == "bytes"
    assert response["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("asked", "status", "first", "last"),
    [
        ("bytes=0-9", 206, 0, 9),
        ("bytes=90-", 206, 90, 99),
        ("bytes=-10", 206, 90, 99),
        ("bytes=0-", 200, 0, 99),
        ("bytes=-500", 200, 0, 99),
        ("bytes=95-500", 206, 95, 99),
        ("bytes=99-99", 206, 99, 99),
        # What we do not know is not answered in part.
        ("bytes=0-1,5-6", 200, 0, 99),
        ("bytes=9-3", 200, 0, 99),
        ("bytes=-", 200, 0, 99),
        ("lines=0-9", 200, 0, 99),
        ("bytes=" + "9" * 40 + "-", 200, 0, 99),
    ],
)
def test_a_part_of_a_file(client, video, asked, status, first, last):
    response = client.get(video, headers={"Range": asked})

    assert (response.status_code, response.getvalue()) == (status, MP4[first : last + 1])
    assert response["Content-Length"] == str(last - first + 1)
    if status == 206:
        assert response["Content-Range"] == f"bytes {first}-{last}/100"


@pytest.mark.parametrize("asked", ["bytes=100-", "bytes=100-200", "bytes=-0"])
def test_a_part_beyond_the_end_is_refused(client, video, asked):
    response = client.get(video, headers={"Range": asked})

    assert (response.status_code, response["Content-Range"]) == (416, "bytes */100")


def test_what_is_none_of_ours_does_not_leave(client):
    held, lesson = with_file(b"<script>alert(1)</script>")
    client.force_login(held.learner)

    assert client.get(address(held, lesson)).status_code == 404


def test_a_file_that_is_gone_is_not_found(client):
    held, lesson = with_file()
    lesson.file.storage.delete(lesson.file.name)
    client.force_login(held.learner)

    assert client.get(address(held, lesson)).status_code == 404


def test_captions_come_beside_their_video(client):
    held, lesson = with_file(captions=VTT)
    client.force_login(held.learner)

    response = client.get(address(held, lesson, "lesson_captions"))

    assert (response["Content-Type"], response.getvalue()) == ("text/vtt", VTT)


def test_only_the_page_of_a_video_of_ours_may_play_one(client):
    pages = {}
    for name, (held, lesson) in {
        "video": with_file(captions=VTT),
        "document": with_file(PDF, kind="document"),
    }.items():
        client.force_login(held.learner)
        page = client.get(address(held, lesson, "lesson"))
        pages[name] = (
            "media-src 'self'" in page["Content-Security-Policy"],
            page.text.count("<video"),
            page.text.count("<track"),
            "Read the document" in page.text,
        )

    assert pages == {"video": (True, 1, 1, False), "document": (False, 0, 0, True)}


def test_a_link_to_another_site_opens_there(client):
    lesson = LessonFactory(course=CourseFactory(), kind="video", link="https://video.example/9")
    held = EnrollmentFactory(course=lesson.course)
    client.force_login(held.learner)

    page = client.get(address(held, lesson, "lesson"))

    assert 'href="https://video.example/9" rel="noopener noreferrer"' in page.text
    assert "<video" not in page.text
    assert "media-src" not in page["Content-Security-Policy"]


def test_a_curator_sees_a_file_in_the_admin_and_others_do_not(client):
    held, lesson = with_file()
    door = reverse("admin:courses_lesson_file", args=[lesson.file.name.partition("/")[2]])
    statuses = {}
    for who, user in {
        "superuser": UserFactory(is_staff=True, is_superuser=True),
        "other staff": UserFactory(is_staff=True),
        "learner": held.learner,
    }.items():
        client.force_login(user)
        response = client.get(door)
        # Read to its end, which closes the file.
        list(response)
        statuses[who] = response.status_code

    assert statuses == {"superuser": 200, "other staff": 403, "learner": 302}
