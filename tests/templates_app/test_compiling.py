"""What becomes of a draft, and what is refused: every hostile input here ends in a sentence, soon."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from templates_app import bounded
from templates_app.bounded import Uncompilable
from templates_app.compiling import Compiled

ROOT = Path(__file__).resolve().parents[2]
KNOWN = ["contact.first_name", "contact.email", "contact.attributes", "unsubscribe_url", "sender.postal_address"]


def draft_of(source: str, **changes: Any) -> dict[str, Any]:
    draft = {"format": "html", "subject": "Hello", "preheader": "", "text_source": "", "source": source}
    return {**draft, "known": KNOWN, "is_transactional": False, **changes}


def compiled(source: str, **changes: Any) -> Compiled:
    return bounded.compile_draft(draft_of(source, **changes))


def refusal(source: str, **changes: Any) -> Uncompilable:
    with pytest.raises(Uncompilable) as refused:
        compiled(source, **changes)
    return refused.value


def mjml(inside: str) -> str:
    return f"<mjml><mj-body><mj-section><mj-column>{inside}</mj-column></mj-section></mj-body></mjml>"


def test_mjml_becomes_html_and_keeps_its_liquid() -> None:
    source = mjml(
        "{% if contact.first_name %}<mj-text>Hi {{ contact.first_name | upcase }}</mj-text>{% endif %}"
        "<mj-table>{% for tag in contact.tags %}<tr><td>{{ tag }}</td></tr>{% endfor %}</mj-table>"
    )
    html = compiled(source, format="mjml").html
    assert "{% if contact.first_name %}" in html
    assert "Hi {{ contact.first_name | upcase }}" in html
    assert "{% for tag in contact.tags %}" in html
    assert html.index("{% for") < html.index("{{ tag }}") < html.index("{% endfor")
    assert "mj-" not in html.split("</head>")[1].replace("mj-outlook", "").replace("mj-column", "")


def test_liquid_survives_in_attributes_styles_titles_and_tables() -> None:
    pieces = [
        '<title>{{ contact.first_name | default: "you" }}</title>',
        '<p title="{{ a | default: "x" }}" style="color: {{ contact.attributes.color }}">x</p>',
        "<p {% if a %}class='b'{% endif %}>y</p>",
        "<table><tr>{% for x in y %}<td>{{ x }}</td>{% endfor %}</tr></table>",
    ]
    html = compiled("\n".join(pieces)).html
    for piece in [
        'default: "you"',
        'default: "x"',
        "contact.attributes.color",
        "{% if a %}",
        "{{ x }}</td>{% endfor %}",
    ]:
        assert piece in html


def test_css_is_inlined_and_media_queries_stay() -> None:
    html = compiled(
        "<style>p { margin: 0 } @media (max-width: 9px) { p { margin: 1px } } a:hover { top: 0 }</style><p>x"
    ).html
    assert '<p style="margin: 0' in html
    assert "@media (max-width: 9px)" in html
    assert "a:hover" in html


def test_style_sheets_elsewhere_are_never_loaded() -> None:
    source = (
        '<link rel="stylesheet" href="http://127.0.0.1:9/x.css"><style>@import "http://127.0.0.1:9/y.css";</style><p>x'
    )
    started = time.monotonic()
    assert "external_style" in {finding["code"] for finding in compiled(source).findings}
    assert time.monotonic() - started < 5


def test_the_preheader_is_hidden_text_at_the_top_and_the_pixel_goes_last() -> None:
    html = compiled("<body><p>x</p></body>", preheader='A & {{ contact.first_name | default: "<b>" }}').html
    assert 'A &amp; {{ contact.first_name | default: "<b>" }}' in html
    assert html.index("display:none") < html.index("<p>x")
    assert html.endswith("{% carillon_pixel %}</body></html>")


def test_only_web_links_are_numbered() -> None:
    made = compiled(
        '<a href="https://example.com/a?x=1&amp;y=2">One</a> <a href="mailto:a@example.com">Mail</a>'
        ' <a href="tel:+4930">Call</a> <a href="#top">Up</a> <a href="{{ unsubscribe_url }}">Out</a>'
        ' <a href="https://example.com/{{ contact.email | url_encode }}">'
        '<img src="https://example.com/i.png" alt="Pic"></a>'
    )
    assert made.links == [
        {"url": "https://example.com/a?x=1&y=2", "text": "One"},
        {"url": "https://example.com/{{ contact.email | url_encode }}", "text": "Pic"},
    ]
    assert 'href="{{ unsubscribe_url }}"' in made.html
    assert 'href="mailto:a@example.com"' in made.html
    assert "Out ({{ unsubscribe_url }})" in made.text
    assert "Mail (a@example.com)" in made.text


@pytest.mark.parametrize(
    "href",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "&#106;avascript:alert(1)",
        "java&#10;script:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "file:///etc/passwd",
        "//evil.example.com",
        "/relative",
        "shop.example.com",
        "https://",
        "https://exa mple.com/x",
        "https://example.com/&#13;&#10;Set-Cookie:x",
        "https://example.com/\u2028",
        "http://[",
        "https://example.com/" + "x" * 3000,
    ],
)
def test_a_link_that_must_not_be_sent_is_refused_with_a_sentence(href: str) -> None:
    error = refusal(f'<p>a</p>\n<a href="{href}">Click</a>')
    assert error.code == "bad_link"
    assert "“Click”" in error.message


@pytest.mark.parametrize(
    ("source", "code", "words", "line"),
    [
        ("a\n{{ oops", "liquid", "opened here and not closed", 2),
        ("a\n\n{% if x %}b", "liquid", "needs an “endif”", 3),
        ("a\n{{ }}", "liquid", "not finished", 2),
        ("a\n{% endif %}", "liquid", "without its “if”", 2),
        ("a\n{{ x | nope }}", "liquid", "no filter called “nope”", 2),
        ("a\n{{ x | safe }}", "liquid", "no filter called “safe”", 2),
        ("a\n{% include '../../etc/passwd' %}", "liquid", "can't read other files", 2),
        ("a\n{% render 'x' %}", "liquid", "can't read other files", 2),
        ("{% carillon_link 0 %}", "liquid", "no tag called", 1),
        ("{% carillon_pixel %}", "liquid", "no tag called", 1),
        ("<style>\n{% if x %}p{color:red}{% endif %}</style><p>x", "lost_placeholder", "would be lost", 2),
        ("", "empty", "empty", None),
    ],
)
def test_a_mistake_is_explained_with_its_line(source: str, code: str, words: str, line: int | None) -> None:
    error = refusal(source)
    assert (error.code, error.line) == (code, line)
    assert words in error.message


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("<mjml><mj-body>\n<mj-section>\n</mj-body></mjml>", 2),
        ("<mjml>\n<mj-body><mj-section></mj-section></mj-body>", 1),
        ("<p>no mjml</p>", 1),
        ('<mjml><mj-body><mj-include path="/etc/passwd" /></mj-body></mjml>', 1),
    ],
)
def test_broken_mjml_is_explained(source: str, line: int | None) -> None:
    error = refusal(source, format="mjml")
    assert (error.code, error.line) == ("mjml", line)
    assert "root:" not in error.message


BOMBS = {
    "10,000 nested divs in MJML": (mjml("<mj-raw>" + "<div>" * 10_000 + "</mj-raw>"), "mjml"),
    "10,000 nested divs": ("<div>" * 10_000, "html"),
    "10,000 nested MJML elements": ("<mjml>" + "<mj-section>" * 10_000, "mjml"),
    "nested formatting": ("<b><i>" * 30_000, "html"),
    "paragraphs without end": ("<p>" * 150_000, "html"),
    "600 KB": ("x" * 600_000, "html"),
    "unclosed braces": ("{{ " * 170_000, "html"),
    "unclosed tags": ("<a " * 150_000, "html"),
    "quotes": ("<a href=\"'" * 50_000, "html"),
    "seven chained replaces": ('{{ "xxxxxxxxxx"' + ' | replace: "x", "xxxxxxxxxx"' * 7 + " }}", "html"),
    "nested loops": ("{% for a in (1..1000) %}" * 3 + "x" + "{% endfor %}" * 3, "html"),
    "loops in a row": (("{% for a in (1..5000) %}" + "x" * 60 + "{% endfor %}") * 400, "html"),
    "blocks nested 1,000 deep": ("{% if a %}" * 1000, "html"),
    "numbers that square": ("{% assign x = 99 %}" + "{% assign x = x | times: x %}" * 5000 + "{{ x }}", "html"),
    "a huge range": ("{% for x in (1..99999999999999) limit: 1 offset: 9999999999 %}{% endfor %}", "html"),
    "a range to search": ('{% if (1..99999999999) contains "a" %}{% endif %}', "html"),
    "round to a billion": ("{{ 5 | round: -1000000000 }}", "html"),
    "a filter chain": ('{{ "a"' + ' | append: "a"' * 20_000 + " }}", "html"),
    "captures that grow": ("{% capture a %}{{ a }}{{ a }}xxxxxxxx{% endcapture %}" * 60 + "{{ a }}", "html"),
}


_HARMLESS = {"unclosed tags", "quotes", "a filter chain", "round to a billion"}  # cheap, so they may pass


# In a process of its own: what a child is charged with begins with the size of the process that started it.
MEASURE = """
import contextlib, json, resource, sys
from templates_app import bounded
with contextlib.suppress(bounded.Uncompilable):
    bounded.compile_draft(json.load(sys.stdin))
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
print(usage.ru_utime, usage.ru_maxrss / 1024)
"""


def cost(source: str, form: str) -> tuple[float, float]:
    """Seconds of processor and megabytes that compiling took."""
    draft = json.dumps(draft_of(source, format=form))
    command = [sys.executable, "-c", MEASURE]
    done = subprocess.run(command, input=draft, cwd=ROOT, capture_output=True, text=True, check=True)
    seconds, megabytes = done.stdout.split()
    return float(seconds), float(megabytes)


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_costs_little_and_leaves_the_worker_alive(name: str) -> None:
    seconds, megabytes = cost(*BOMBS[name])
    assert seconds < 2.5
    assert megabytes < 256
    assert compiled("<p>still alive</p>").html


@pytest.mark.parametrize("name", [name for name in BOMBS if name not in _HARMLESS])
def test_a_bomb_is_refused(name: str) -> None:
    source, form = BOMBS[name]
    assert refusal(source, format=form).message


def test_the_process_gets_no_environment_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "canary-7f3a")
    assert "canary-7f3a" not in compiled("<p>{{ env }} {{ environ.SECRET_KEY }}</p>").html


def test_text_written_from_html_reads_well() -> None:
    text = compiled(
        "<style>p{}</style><h1>Title</h1><p>One &amp; two<br>three</p>"
        '<ul><li>First</li><li><p>Second</p></li></ul><ol><li>A</li><li>B <a href="https://example.com">example.com</a></li></ol>'
        "<table><tr><th>Item</th><th>Price</th></tr><tr><td>Pen</td><td>2</td></tr></table>"
        '<div style="display:none">hidden</div><img src="https://example.com/x.png" alt="A picture"><hr><p>End</p>'
    ).text
    assert text == (
        "Title\n\nOne & two\nthree\n\n- First\n- Second\n\n1. A\n2. B {% carillon_link 0 %}\n\n"
        "Item | Price\nPen | 2\n\n"
        "A picture\n\n----------------------------------------\n\nEnd"
    )


def test_a_text_of_ones_own_is_kept_as_it_is() -> None:
    assert compiled("<p>x</p>", text_source="My {{ contact.first_name }}\n\n\n  text").text.endswith("\n\n\n  text")
