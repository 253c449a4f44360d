"""What search engines read: schema.org objects as dicts, and as JSON that is safe inside HTML.

Asks nobody: rows come prefetched, and ``site`` is the portal's own address.
Source: schema.org/Course and schema.org/CourseInstance; Google's "Course info" asks of them a name,
a description, a provider, offers with a category, and instances with a mode and a workload.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django.urls import reverse
from django.utils.safestring import SafeString

from courses.models import ApprovingBody, Course, Instructor, Session

Thing = dict[str, Any]

# As django.utils.html.json_script: nothing in it can end the element that it stands in.
_IN_A_SCRIPT = {ord("<"): "\\u003C", ord(">"): "\\u003E", ord("&"): "\\u0026"}

_MODES = {
    Course.Format.IN_PERSON: "Onsite",
    Course.Format.HYBRID: "Blended",
}
_ATTENDANCE = {
    "Onsite": "https://schema.org/OfflineEventAttendanceMode",
    "Online": "https://schema.org/OnlineEventAttendanceMode",
    "Blended": "https://schema.org/MixedEventAttendanceMode",
}


def as_json(*things: Thing) -> SafeString:
    """The things as one JSON-LD document, for a ``<script type="application/ld+json">``."""
    text = json.dumps({"@context": "https://schema.org", "@graph": things}, ensure_ascii=False)
    return SafeString(text.translate(_IN_A_SCRIPT))


def course(
    course: Course,
    *,
    objectives: Iterable[str],
    instructors: Iterable[Instructor],
    bodies: Iterable[ApprovingBody],
    site: str,
) -> Thing:
    """A course of the catalog, with its coming sessions. Needs ``with_cards`` and the provider.

    ``bodies`` are those whose approval is in date. The link to join is for the enrolled alone: a
    session online is at the course page.
    """
    address = site + course.get_absolute_url()
    workload = duration(course.hours)
    teachers = [{"@type": "Person", "name": person.name} for person in instructors]
    thing: Thing = {
        "@type": "Course",
        "@id": address,
        "url": address,
        "name": course.title,
        "description": course.summary,
        "provider": _provider(course, site),
        "inLanguage": {"@type": "Language", "name": course.language},
        "educationalLevel": course.get_level_display(),
        "teaches": list(objectives),
        "about": [
            {"@type": "Thing", "name": row.focus_area.name}
            for row in course.course_focus_areas.all()
        ],
        "timeRequired": workload,
        "isAccessibleForFree": not course.price,
        "offers": {
            "@type": "Offer",
            "category": "Paid" if course.price else "Free",
            "price": f"{course.price:.2f}",
            "priceCurrency": "USD",
            "url": address,
        },
    }
    if course.prerequisites:
        thing["coursePrerequisites"] = course.prerequisites
    if credential := _credential(course, bodies):
        thing["educationalCredentialAwarded"] = credential
    if instances := _instances(course, address, workload, teachers):
        thing["hasCourseInstance"] = instances
    return thing


def breadcrumbs(steps: Iterable[tuple[str, str]], *, site: str) -> Thing:
    """The way to a page: name and path of each step, the page itself last."""
    return {
        "@type": "BreadcrumbList",
        "itemListElement": [
            {"@type": "ListItem", "position": position, "name": name, "item": site + path}
            for position, (name, path) in enumerate(steps, start=1)
        ],
    }


def item_list(name: str, paths: Iterable[str], *, site: str) -> Thing:
    """A list of pages, by their paths, in the order shown."""
    return {
        "@type": "ItemList",
        "name": name,
        "itemListElement": [
            {"@type": "ListItem", "position": position, "url": site + path}
            for position, path in enumerate(paths, start=1)
        ],
    }


def duration(hours: Decimal) -> str:
    """Hours as an ISO 8601 duration: PT1H30M, PT45M."""
    whole, minutes = divmod(int((hours * 60).to_integral_value()), 60)
    return "PT" + (f"{whole}H" if whole else "") + (f"{minutes}M" if minutes or not whole else "")


def _provider(course: Course, site: str) -> Thing:
    provider = course.provider
    return {
        "@type": "Organization",
        "name": provider.name,
        "url": provider.website or f"{site}{reverse('courses:catalog')}?provider={provider.slug}",
    }


def _credential(course: Course, bodies: Iterable[ApprovingBody]) -> Thing | None:
    recognized_by = [{"@type": "Organization", "name": body.full_name} for body in bodies]
    if not recognized_by:
        return None
    return {
        "@type": "EducationalOccupationalCredential",
        "name": f"Certificate of completion, {course.hours.normalize():f} CE hours",
        "credentialCategory": "Certificate",
        "recognizedBy": recognized_by,
    }


def _instances(course: Course, address: str, workload: str, teachers: list[Thing]) -> list[Thing]:
    if not course.is_live:
        return [
            {
                "@type": "CourseInstance",
                "courseMode": "Online",
                "courseWorkload": workload,
                "instructor": teachers,
            }
        ]
    mode = _MODES.get(Course.Format(course.format), "Online")
    sessions: list[Session] = course.coming_sessions  # type: ignore[attr-defined]
    return [
        {
            "@type": "CourseInstance",
            "name": course.title,
            "courseMode": mode,
            "eventAttendanceMode": _ATTENDANCE[mode],
            "courseWorkload": workload,
            "startDate": session.starts_at.astimezone(session.tz).isoformat(),
            "endDate": session.ends_at.astimezone(session.tz).isoformat(),
            "location": _location(session, address),
            "instructor": teachers,
        }
        | ({} if session.capacity is None else {"maximumAttendeeCapacity": session.capacity})
        for session in sessions
    ]


def _location(session: Session, address: str) -> Thing | list[Thing]:
    held: list[Thing] = []
    if session.place:
        held.append({"@type": "Place", "name": session.place, "address": session.place})
    if session.join_url:
        held.append({"@type": "VirtualLocation", "url": address})
    return held[0] if len(held) == 1 else held
