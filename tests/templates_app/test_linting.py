"""Findings: what is noticed, how serious it is, and where."""

import pytest

from templates_app.links import FoundLink
from templates_app.linting import Finding, Subject, counts, lint
from templates_app.sandbox import for_html, for_text

GOOD = (
    '<p>Hello dear reader, this is our news for you.</p><img src="https://example.com/a.png" alt="A">'
    '<a href="{{ unsubscribe_url }}">Out</a>{{ sender.postal_address }}'
)
KNOWN = frozenset(
    ["contact.first_name", "contact.attributes", "contact.attributes.plan", "unsubscribe_url", "sender.postal_address"]
)


def findings(
    source: str = GOOD, *, transactional: bool = False, links: list[FoundLink] | None = None, **fields: str
) -> list[Finding]:
    texts = {"subject": "Hello", "preheader": "News", "source": source, "text": "", **fields}
    parsed = {where: (for_html if where == "source" else for_text).from_string(text) for where, text in texts.items()}
    plain = "Hello dear reader, this is our news."
    return lint(Subject(texts, parsed, KNOWN, transactional, source, plain, links or []))


def test_a_good_message_has_no_findings() -> None:
    assert findings() == []


@pytest.mark.parametrize(
    ("fields", "level", "code"),
    [
        ({"subject": ""}, "block", "no_subject"),
        ({"subject": "x" * 61}, "warn", "long_subject"),
        ({"subject": "BIG SALE TODAY"}, "warn", "capitals"),
        ({"subject": "Now!!!"}, "warn", "exclamation"),
        ({"subject": "Hi {{ contact.first_name }}"}, "info", "no_fallback"),
        ({"subject": "Hi {{ contact.frist_name }}"}, "warn", "unknown_variable"),
        ({"preheader": ""}, "info", "no_preheader"),
        ({"source": f"<mj-preview>x</mj-preview>{GOOD}"}, "warn", "two_preheaders"),
        ({"source": GOOD.replace("unsubscribe_url", "contact.first_name")}, "block", "no_unsubscribe"),
        ({"text": "No way out"}, "warn", "no_unsubscribe_text"),
        ({"source": GOOD.replace("sender.postal_address", "contact.first_name")}, "info", "no_postal_address"),
        ({"source": GOOD + "x" * 110_000}, "warn", "gmail_clipping"),
        ({"source": GOOD + "x" * 95_000}, "info", "nearly_clipping"),
        ({"source": GOOD + "<img src='https://example.com/b.png'>"}, "warn", "no_alt"),
        ({"source": GOOD + "<mj-image src='https://example.com/b.png' />"}, "warn", "no_alt"),
        ({"source": GOOD + "<img alt='' src='http://example.com/b.png'>"}, "warn", "insecure_image"),
        ({"source": GOOD + "<img alt='' src='data:image/png;base64,x'>"}, "warn", "data_image"),
        ({"source": GOOD + "<img alt=''>"}, "warn", "no_src"),
        ({"source": GOOD + "<a href=''>x</a>"}, "warn", "empty_link"),
        ({"source": GOOD + "<mj-button>x</mj-button>"}, "warn", "empty_link"),
        ({"source": GOOD + "<script>x</script>"}, "block", "has_script"),
        ({"source": GOOD + "<p onclick='x'>x</p>"}, "block", "has_script"),
        ({"source": GOOD + "<form></form>"}, "warn", "has_form"),
        ({"source": GOOD + "<link rel='stylesheet' href='x'>"}, "warn", "external_style"),
        ({"source": GOOD + "Lorem ipsum"}, "warn", "dummy_text"),
    ],
)
def test_what_may_go_wrong_is_found(fields: dict[str, str], level: str, code: str) -> None:
    assert (level, code) in {(finding.level, finding.code) for finding in findings(**fields)}


def test_an_unknown_variable_names_its_line_and_what_was_meant() -> None:
    [found] = findings(GOOD + "\n\n{{ contact.frist_name }}")
    assert (found.code, found.line, found.where) == ("unknown_variable", 3, "source")
    assert "contact.first_name" in found.message


def test_a_bare_field_is_pointed_to_its_full_name() -> None:
    [found] = findings(GOOD + "{{ first_name }}")
    assert "{{ contact.first_name }}" in found.message


@pytest.mark.parametrize(
    "source",
    [
        "{% for x in contact.attributes.plan %}{{ x.y }}{{ forloop.index }}{% endfor %}",
        "{% assign x = 1 %}{{ x }}",
        "{% capture x %}{% endcapture %}{{ x }}",
        "{{ data.order.items[0].price }}",
        "{{ 'now' | date: '%Y' }}",
        "{{ contact.first_name.size }}",
    ],
)
def test_local_names_and_data_of_single_messages_are_known(source: str) -> None:
    assert findings(GOOD + source) == []


def test_a_transactional_message_needs_no_unsubscribe_link() -> None:
    assert findings("<p>Hello</p>", transactional=True) == []


def test_insecure_links_and_hosts_made_of_data_are_noticed() -> None:
    links = [
        FoundLink(0, "http://example.com", "a"),
        FoundLink(1, "https://{{ contact.first_name }}.example.com/", "b"),
    ]
    assert [found.code for found in findings(links=links)] == ["insecure_link", "dynamic_host"]


def test_the_worst_comes_first() -> None:
    levels = [found.level for found in findings("<p>{{ nobody }}</p>", subject="", preheader="")]
    assert levels == sorted(levels, key=["block", "warn", "info"].index)
    assert counts([{"level": level} for level in levels])["block"] == 2
