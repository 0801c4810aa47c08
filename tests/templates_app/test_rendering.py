"""Rendering: what is filled in, what is escaped, what is refused; and nothing but RenderError ever comes out."""

import threading
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contacts.models import Contact
from templates_app.links import FoundLink
from templates_app.rendering import Content, Renderer, RenderError, contact_context

ADA = {"contact": {"first_name": "Ada", "email": "ada@example.com", "tags": ["a", "b"], "attributes": {"plan": "gold"}}}


def render(html: str = "", context: dict[str, Any] | None = None, **parts: Any) -> Content:
    rest = {name: parts.pop(name, "") for name in ("subject", "preheader", "text")}
    links = parts.pop("links", ())
    return Renderer(html=html, links=links, **rest).render(ADA if context is None else context, **parts)


@pytest.mark.parametrize(
    ("source", "result"),
    [
        ("{{ contact.first_name }}", "Ada"),
        ("{{ contact.nobody }}", ""),
        ("{{ nobody.at.all }}", ""),
        ("{{ contact.attributes.plan | upcase }}", "GOLD"),
        ("{% if contact.first_name %}yes{% else %}no{% endif %}", "yes"),
        ("{% for tag in contact.tags %}{{ tag }}{{ forloop.index }}{% endfor %}", "a1b2"),
        ("{% assign x = contact.first_name %}{{ x }}", "Ada"),
        ("{% capture contact %}mine{% endcapture %}{{ contact }}", "mine"),
        ("{% increment n %}{{ n }}", "01"),
        ("{{ contact.tags | join: '+' }}", "a+b"),
        ("{{ contact.tags.first }}{{ contact.tags[1] }}{{ contact.tags.size }}", "ab2"),
        ("{{ contact.nobody | default: 'there' }}", "there"),
    ],
)
def test_liquid_works(source: str, result: str) -> None:
    assert render(source).html == result


@pytest.mark.parametrize(
    "source",
    [
        "{{ contact.__class__ }}",
        "{{ contact.first_name.__class__ }}",
        "{{ contact.first_name.__class__.__mro__[1].__subclasses__ }}",
        "{{ contact['__init__'] }}",
        "{{ contact.tags.__len__ }}",
        "{{ contact.items }}{{ contact.keys }}{{ contact.first_name.upper }}",
        "{{ env }}{{ environ }}{{ settings }}{{ self }}{{ request }}{{ globals }}{{ run }}{{ template }}",
    ],
)
def test_python_objects_are_out_of_reach(source: str) -> None:
    assert render(source).html == ""


@pytest.mark.parametrize("value", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "' onclick='x"])
def test_values_are_escaped_in_html_and_plain_elsewhere(value: str) -> None:
    sources = [
        "{{ v }}", "{{ v | append: '' }}", "{{ v | replace: 'x', 'y' }}", "{{ l | join: ' ' }}", "{{ l }}", "{{ d }}",
        "{% assign a = v %}{{ a }}", "{% capture c %}{{ v }}{% endcapture %}{{ c }}", "{{ v | newline_to_br }}",
        "{{ v | strip_newlines }}", "{{ v | split: 'z' | first }}", "{{ v | default: 'x' }}", "{{ v | escape_once }}",
        "{{ v | truncate: 500 }}", "{% cycle v, v %}", "{{ l | reverse | last }}", "{{ v | slice: 0, 99 }}",
    ]  # fmt: skip
    for source in sources:
        html = render(f'<p title="{source}">{source}</p>', {"v": value, "l": [value], "d": {value: value}}).html
        inside = html.removeprefix('<p title="').removesuffix("</p>")
        assert "<" not in inside.replace('">', "", 1).replace("<br />", "")
        assert inside.count('"') == 1, source
    assert render(subject="{{ v }}", context={"v": value}).subject == value.strip()


@pytest.mark.parametrize(
    "sign", ["\r\n", "\n", "\r", "\x00", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029", "\x7f"]
)
def test_a_subject_is_always_one_line(sign: str) -> None:
    content = render(
        subject=f"Hi {{{{ v }}}}{sign}there", preheader="{{ v }}", context={"v": f"a{sign}Bcc: x@example.com"}
    )
    assert content.subject == "Hi a Bcc: x@example.com there"
    assert content.preheader == "a Bcc: x@example.com"


def test_a_subject_too_long_for_a_header_is_refused() -> None:
    with pytest.raises(RenderError, match="longer than"):
        render(subject="{{ v }}", context={"v": "x" * 2000})


def links(*urls: str) -> list[FoundLink]:
    return [FoundLink(position, url, f"Link {position}") for position, url in enumerate(urls)]


def test_links_are_replaced_by_the_address_given_and_the_same_in_text() -> None:
    asked: list[tuple[int, str]] = []

    def track(row: FoundLink, url: str) -> str:
        asked.append((row.position, url))
        return f"https://t.example.com/?l={row.position}&x=1"

    content = render(
        '<a href="{% carillon_link 0 %}"></a><a href="{% carillon_link 1 %}"></a>',
        text="{% carillon_link 0 %}",
        links=links("https://example.com/a", "https://example.com/{{ contact.first_name }}"),
        link=track,
    )
    assert asked == [(0, "https://example.com/a"), (1, "https://example.com/Ada")]
    assert 'href="https://t.example.com/?l=0&amp;x=1"' in content.html
    assert content.text == "https://t.example.com/?l=0&x=1\n"


def test_a_link_in_a_loop_is_rendered_for_each_round() -> None:
    html = "{% for t in contact.tags %}<a href='{% carillon_link 0 %}'>{% endfor %}"
    content = render(html, links=links("https://example.com/?t={{ t | append: '&c' | url_encode }}&u={{ t }}"))
    assert "https://example.com/?t=a%26c&amp;u=a" in content.html
    assert "https://example.com/?t=b%26c&amp;u=b" in content.html


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "", "//evil.example.com", "data:text/html,x", "\njavascript:x", "mailto:x", "https:///x"],
)
def test_a_link_that_data_turns_bad_is_refused(url: str) -> None:
    with pytest.raises(RenderError, match="no web address"):
        render("<a href='{% carillon_link 0 %}'>", {"u": url}, links=links("{{ u }}"))


def test_line_breaks_in_a_personal_link_are_made_harmless() -> None:
    content = render("{% carillon_link 0 %}", {"u": "a\r\nX: y"}, links=links("https://example.com/{{ u }}"))
    assert content.html == "https://example.com/a%0D%0AX:%20y"


@pytest.mark.parametrize(
    "source",
    [
        '{{ "xxxxxxxxxx"' + ' | replace: "x", "xxxxxxxxxx"' * 7 + " }}",
        "{% for a in (1..200) %}{% for b in (1..200) %}x{% endfor %}{% endfor %}",
        "{% assign x = 99 %}{% for i in (1..2000) %}{% assign x = x | times: x %}{% endfor %}",
        "{% for i in (1..5000) %}{% capture a %}{{ a }}{{ a }}xx{% endcapture %}{% endfor %}",
        "{{ v | split: '' | join: v }}",
        "{{ v | replace: '', v }}",
        "{% for i in many %}{% endfor %}",
        "{{ many | uniq | join: ',' }}",
        "{% break %}",
        "{{ 1 | divided_by: 0 }}",
        "{{ v | date: v }}",
        "{{ 'x' | round: 99999999 }}",
    ],
)
def test_too_much_work_and_bad_work_end_in_a_render_error(source: str) -> None:
    with pytest.raises(RenderError):
        render(source, {"v": "x" * 50_000, "many": list(range(100_000))})


def test_loops_in_a_row_share_one_allowance() -> None:
    with pytest.raises(RenderError, match="too much work"):
        render(("{% for i in (1..5000) %}" + "{{ x }}" * 50 + "{% endfor %}") * 100)


def test_what_is_missing_for_a_person_can_be_asked() -> None:
    made = Renderer(
        subject="{{ contact.first_name }}", preheader="", html="{{ contact.attributes['my shoe'] }}{{ a.b }}", text=""
    )
    assert made.variables == {"contact.first_name", "contact.attributes['my shoe']", "a.b"}
    assert made.undefined(ADA) == ["a.b", "contact.attributes['my shoe']"]


def test_one_renderer_serves_many_threads() -> None:
    html = "{% for t in contact.tags %}{{ t }}{% endfor %}{{ contact.first_name }}{% carillon_link 0 %}"
    made = Renderer(
        subject="{{ contact.first_name }}",
        preheader="",
        html=html,
        text="",
        links=links("https://example.com/{{ contact.first_name }}"),
    )
    wrong: list[str] = []

    def work(name: str) -> None:
        for _ in range(300):
            content = made.render({"contact": {"first_name": name, "tags": [name, name]}})
            if (content.subject, content.html) != (name, f"{name}{name}{name}https://example.com/{name}"):
                wrong.append(content.html)

    threads = [threading.Thread(target=work, args=(f"N{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_contact_becomes_plain_values() -> None:
    contact = Contact(email=None, first_name="Ada", last_name="", tags=["x"], attributes={"a": 1})
    context = contact_context(contact)["contact"]
    assert context["email"] == ""
    assert context["full_name"] == "Ada"
    assert (context["tags"], context["attributes"]) == (["x"], {"a": 1})
    assert {type(value) for value in context.values()} == {str, list, dict}


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)
_names = st.sampled_from(["a", "b", "contact", "size", "first", "x"])
_filters = st.sampled_from(
    [
        "upcase", "default: a", "join: b", "split: a", "replace: a, b", "times: a", "divided_by: b", "date: a", "sort",
        "uniq", "map: a", "where: a, b", "slice: a, b", "truncate: a", "round: a", "first", "last", "sum", "concat: a",
        "url_encode", "strip_html", "newline_to_br", "append: a", "json", "abs", "modulo: a", "compact", "plus: a",
    ]
)  # fmt: skip


@st.composite
def _sources(draw: st.DrawFn) -> str:
    name, other = draw(_names), draw(_names)
    applied = "".join(f" | {one}" for one in draw(st.lists(_filters, max_size=3)))
    forms = [
        f"{{{{ {name}.{other}{applied} }}}}",
        f"{{% for x in {name} %}}{{{{ x{applied} }}}}{{% endfor %}}",
        f"{{% if {name} > {other} or {name} contains {other} %}}y{{% endif %}}",
        f"{{% assign {other} = {name}{applied} %}}{{{{ {other} }}}}",
        f"{{% case {name} %}}{{% when {other} %}}y{{% endcase %}}",
    ]
    return draw(st.sampled_from(forms))


@settings(max_examples=400, deadline=None)
@given(source=_sources(), context=st.dictionaries(_names, _json, max_size=5))
def test_any_template_and_any_json_render_or_raise_a_render_error(source: str, context: dict[str, Any]) -> None:
    try:
        made = Renderer(subject=source, preheader=source, html=f"<p>{source}</p>", text=source)
    except Exception as error:  # noqa: BLE001
        assert "filter" in str(error)  # noqa: PT017  the one filter in the list that does not exist
        return
    try:
        content = made.render(context)
    except RenderError as error:
        assert str(error)  # noqa: PT017
        return
    assert "\n" not in content.subject
    content.html.encode()


@settings(max_examples=200, deadline=None)
@given(context=_json)
def test_whatever_the_context_is_the_error_is_a_render_error(context: Any) -> None:
    made = Renderer(
        subject="{{ contact.first_name }}", preheader="", html="{{ contact.attributes.a | upcase }}", text=""
    )
    try:
        made.render(context)
    except RenderError as error:
        assert str(error)  # noqa: PT017


def test_a_lone_surrogate_in_data_is_a_render_error() -> None:
    with pytest.raises(RenderError, match="can't be sent"):
        render("{{ v }}", {"v": "\ud800"})
