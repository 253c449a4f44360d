"""Health and appearance."""

import pytest
from django.test import RequestFactory
from django.urls import reverse

from ce_portal.context import appearance


class Away:
    """Stands for a database or a broker that does not answer."""

    def cursor(self):
        raise ConnectionRefusedError("secret-host:5432")


@pytest.fixture
def take_away(monkeypatch):
    """Takes the database, the broker or both away."""

    def refuse(**options):
        raise ConnectionRefusedError("secret-host:6379")

    def take(part):
        if part == "database":
            monkeypatch.setattr("ce_portal.views.connection", Away())
        else:
            monkeypatch.setattr("ce_portal.views.celery_app.connection_for_read", refuse)

    return take


# --- Health ---


def test_healthz_answers_without_a_database(client):
    # Without the django_db mark a query is an error.
    answer = client.get("/healthz")

    assert (answer.status_code, answer.text, answer["Content-Type"]) == (200, "ok", "text/plain")
    assert "no-store" in answer["Cache-Control"]


@pytest.mark.django_db
def test_readyz_says_ok_when_database_and_broker_answer(client):
    answer = client.get("/readyz")

    assert (answer.status_code, answer.text) == (200, "ok")
    assert "no-store" in answer["Cache-Control"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("parts", "words"),
    [
        (["database"], "not ready: database"),
        (["broker"], "not ready: broker"),
        (["database", "broker"], "not ready: database, broker"),
    ],
)
def test_readyz_names_what_does_not_answer_and_nothing_more(client, take_away, parts, words):
    for part in parts:
        take_away(part)

    answer = client.get("/readyz")

    assert (answer.status_code, answer.text) == (503, words)


def test_healthz_does_not_ask_for_database_and_broker(client, take_away):
    take_away("database")
    take_away("broker")

    assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/appearance/"])
def test_health_and_appearance_are_only_read(client, path):
    assert client.post(path).status_code == 405


def test_load_balancers_reach_health_over_plain_http(client, settings):
    settings.SECURE_SSL_REDIRECT = True

    statuses = {path: client.get(path).status_code for path in ("/healthz", "/appearance/")}

    assert statuses == {"/healthz": 200, "/appearance/": 301}


# --- Appearance ---


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_appearance_keeps_the_theme_for_a_year_and_goes_back(client, theme):
    answer = client.get(reverse("appearance"), {"theme": theme, "next": "/courses/?q=a&page=2"})

    cookie = answer.cookies["theme"]
    assert (cookie.value, cookie["max-age"], cookie["samesite"]) == (theme, 31536000, "Lax")
    assert (answer.status_code, answer.url) == (302, "/courses/?q=a&page=2")


@pytest.mark.parametrize("theme", ["", "system", "<script>"])
def test_appearance_forgets_the_theme_for_anything_else(client, theme):
    client.get(reverse("appearance"), {"theme": "dark"})

    client.get(reverse("appearance"), {"theme": theme})

    assert client.cookies["theme"].value == ""


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/",
        "///evil.example/",
        "/\\evil.example/",
        "\\\\evil.example/",
        "http:evil.example",
        "https://testserver.evil.example/",
        "https://testserver@evil.example/",
        "javascript:alert(1)",
        "data:text/html,x",
        "\x08//evil.example/",
        "",
    ],
)
def test_appearance_does_not_lead_to_another_site(client, target):
    answer = client.get(reverse("appearance"), {"theme": "dark", "next": target})

    assert (answer.status_code, answer.url) == (302, "/")


@pytest.mark.parametrize(
    ("cookie", "theme"),
    [("light", "light"), ("dark", "dark"), ("", ""), ('"><script>', ""), ("Dark", "")],
)
def test_a_page_takes_no_theme_but_ours_from_the_cookie(cookie, theme):
    request = RequestFactory().get("/")
    request.COOKIES["theme"] = cookie

    assert appearance(request)["theme"] == theme
