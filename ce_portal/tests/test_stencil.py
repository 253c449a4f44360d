"""Filling a stencil gives what rendering the template would give."""

import pytest
from django.template.loader import render_to_string
from django.test import override_settings
from django.utils.safestring import SafeString, mark_safe

from ce_portal.stencil import Stencil

TEMPLATES = {
    "greeting.html": """
      <p title="{{ name }}, 100%">{% if is_kind %}Dear {% endif %}{{ name }}, {{ text }}</p>
    """,
    "address.html": "<a href=\"{% url 'courses:course' slug %}\">{% csrf_token %}</a>",
}


@pytest.fixture(autouse=True)
def _templates(settings):
    engine = {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "OPTIONS": {"loaders": [("django.template.loaders.locmem.Loader", TEMPLATES)]},
    }
    with override_settings(TEMPLATES=[engine]):
        yield


@pytest.mark.parametrize(
    "name",
    [
        "Ada",
        "",
        "<script>alert(1)</script>",
        "\"'&",
        "%s %(name)s %%",
        "{{ name }}",
        "stencil-text-hole",
        mark_safe("<b>Ada</b>"),
        7,
    ],
)
@pytest.mark.parametrize("is_kind", [True, False])
def test_a_filled_stencil_is_the_rendered_template(name, is_kind):
    stencil = Stencil("greeting.html", holes=("name", "text"), context={"is_kind": is_kind})

    filled = stencil.fill(name=name, text="100% & more")

    context = {"name": name, "text": "100% & more", "is_kind": is_kind}
    assert filled == render_to_string("greeting.html", context).strip()
    assert isinstance(filled, SafeString)


def test_a_stencil_may_be_filled_again_and_again():
    stencil = Stencil("greeting.html", holes=("name", "text"))

    first = stencil.fill(name="Ada", text="hello")
    second = stencil.fill(name="Bo", text="goodbye")

    assert (first, second) == (
        '<p title="Ada, 100%">Ada, hello</p>',
        '<p title="Bo, 100%">Bo, goodbye</p>',
    )


@pytest.mark.parametrize("name", ["Ada", "100%", "%(text)s", "<b>", "%%"])
def test_a_stencil_may_be_filled_in_two_steps(name):
    stencil = Stencil("greeting.html", holes=("name", "text"))

    half = stencil.part(name=name)

    assert half.fill(text="50% & %(name)s") == stencil.fill(name=name, text="50% & %(name)s")
    assert half.fill(text="again") == stencil.fill(name=name, text="again")


def test_a_hole_may_stand_in_an_address_and_for_the_csrf_token():
    stencil = Stencil("address.html", holes=("slug", "csrf_token"))

    filled = stencil.fill(slug="consent", csrf_token="abc")

    assert filled == (
        '<a href="/courses/consent/">'
        '<input type="hidden" name="csrfmiddlewaretoken" value="abc"></a>'
    )


def test_a_value_that_this_kind_has_no_place_for_is_passed_over():
    stencil = Stencil("greeting.html", holes=("name", "text", "place"))

    filled = stencil.fill(name="Ada", text="hello", place="Troy")

    assert "Troy" not in filled


def test_a_hole_left_open_is_an_error():
    stencil = Stencil("greeting.html", holes=("name", "text"))

    with pytest.raises(KeyError):
        stencil.fill(name="Ada")
