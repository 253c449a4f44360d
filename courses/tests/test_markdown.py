"""Lessons as HTML: what a curator may paste, and what never reaches a reader."""

from __future__ import annotations

import re

import pytest
from django.utils.safestring import SafeString
from hypothesis import given, settings
from hypothesis import strategies as st

from courses import markdown

# --- What a lesson may hold -------------------------------------------------


@pytest.mark.parametrize(
    ("source", "html"),
    [
        ("# Title", "<h2>Title</h2>\n"),
        ("Title\n=====", "<h2>Title</h2>\n"),
        ("## Part\n\n### Detail\n\n#### Point", "<h2>Part</h2>\n<h3>Detail</h3>\n<h4>Point</h4>\n"),
        ("*soft* **loud** ~~gone~~", "<p><em>soft</em> <strong>loud</strong> <s>gone</s></p>\n"),
        ('"Quoted" -- and so on...', "<p>“Quoted” – and so on…</p>\n"),
        ("3. three\n4. four", '<ol start="3">\n<li>three</li>\n<li>four</li>\n</ol>\n'),
        ("> said", "<blockquote>\n<p>said</p>\n</blockquote>\n"),
        (
            "[code](https://example.com/a 'The code')",
            '<p><a href="https://example.com/a" title="The code"'
            ' rel="noopener noreferrer">code</a></p>\n',
        ),
        (
            "[write](mailto:a@example.com)",
            '<p><a href="mailto:a@example.com" rel="noopener noreferrer">write</a></p>\n',
        ),
    ],
)
def test_a_lesson_is_rendered_as(source, html):
    assert markdown.render(source) == html


def test_a_table_is_a_ledger_whose_heads_belong_to_columns():
    html = markdown.render("| State | Hours |\n|---|--:|\n| NY | 36 |")

    assert html == (
        '<table class="table ledger">\n'
        '<thead>\n<tr>\n<th scope="col">State</th>\n<th scope="col">Hours</th>\n</tr>\n</thead>\n'
        "<tbody>\n<tr>\n<td>NY</td>\n<td>36</td>\n</tr>\n</tbody>\n"
        "</table>\n"
    )


def test_a_lesson_is_ready_for_a_template():
    assert isinstance(markdown.render("plain"), SafeString)


# --- What it may not --------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "html"),
    [
        ("<script>alert(1)</script>", "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>\n"),
        ("<div\nonclick='x()'>\n\nhi", "<p>&lt;div\nonclick=‘x()’&gt;</p>\n<p>hi</p>\n"),
        ("a <b>bold</b> word", "<p>a &lt;b&gt;bold&lt;/b&gt; word</p>\n"),
        ("<!-- secret -->", "<p>&lt;!-- secret --&gt;</p>\n"),
        ("![alt](https://example.com/x.png)", "<p></p>\n"),
        ("[x](javascript:alert(1))", "<p>[x](javascript:alert(1))</p>\n"),
        ("[x](JaVaScRiPt&colon;alert(1))", "<p>[x](JaVaScRiPt:alert(1))</p>\n"),
        ("[x](data:text/html;base64,AA==)", "<p>[x](data:text/html;base64,AA==)</p>\n"),
        ("[x](vbscript:x)", "<p>[x](vbscript:x)</p>\n"),
        ("[x](tel:123)", '<p><a rel="noopener noreferrer">x</a></p>\n'),
        ("<javascript:alert(1)>", "<p>&lt;javascript:alert(1)&gt;</p>\n"),
        (
            "[x](https://example.com '\"onmouseover=alert(1) x=\"')",
            '<p><a href="https://example.com" title="&quot;onmouseover=alert(1) x=&quot;"'
            ' rel="noopener noreferrer">x</a></p>\n',
        ),
        ('```html onload="x()"\n<b>\n```', "<pre><code>&lt;b&gt;\n</code></pre>\n"),
    ],
)
def test_what_could_act_is_shown_as_text_or_gone(source, html):
    assert markdown.render(source) == html


def test_attributes_and_images_are_gone_even_if_the_renderer_let_them_through(monkeypatch):
    """The cleaner does not rely on the renderer."""
    monkeypatch.setitem(markdown._RENDERER.options, "html", True)

    html = markdown.render(
        '<p onclick="x()" style="color:red" id="top">a<script>x()</script><img src=x onerror=x()>'
        '<a href="javascript:x()" target="_blank">b</a><iframe src="//x"></iframe></p>'
    )

    assert html == '<p>a<a rel="noopener noreferrer">b</a></p>'


HOSTILE = st.lists(
    st.sampled_from(
        [
            *(
                "<script>",
                "</script>",
                "<img src=x onerror=x()>",
                "<svg/onload=x()>",
                "<!--",
                "-->",
            ),
            *(
                "[a](",
                "javascript:x()",
                ")",
                "![",
                "](",
                "`",
                "```\n",
                "\n\n",
                "|",
                "|---|\n",
                "# ",
            ),
            *(
                '"',
                "'",
                "<",
                ">",
                "&",
                "&#106;avascript:",
                " onclick=x() ",
                "\\",
                "\0",
                "https://x ",
            ),
        ]
    ),
    max_size=12,
).map("".join)


@settings(deadline=None, max_examples=50)
@given(HOSTILE | st.text(max_size=60))
def test_no_text_makes_a_tag_or_an_attribute_that_acts(source):
    html = markdown.render(source)

    tags = re.findall(r"<[^>]*>", html)
    outside_of_values = [re.sub(r'"[^"]*"', '""', tag.lower()) for tag in tags]
    assert [
        tag
        for tag in outside_of_values
        if re.match(r"<\W*(script|img|svg|iframe|style|!--)", tag) or re.search(r"\son\w+=", tag)
    ] == []
    assert re.findall(r'href="(?!https?:|mailto:|[^":]*")', html) == []
