"""Breaking long lines of HTML without changing what it means."""

from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from templates_app.wrapping import WIDTH, wrap


class Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.seen: list[object] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, tuple(attrs)))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, tuple(attrs), "/"))

    def handle_endtag(self, tag: str) -> None:
        self.seen.append(f"/{tag}")

    def handle_data(self, data: str) -> None:
        self.seen.append(data)

    def handle_comment(self, data: str) -> None:
        self.seen.append(f"!{data}")


def read(html: str) -> list[object]:
    reader = Reader()
    reader.feed(html)
    reader.close()
    return reader.seen


PIECES = [
    '<td style="color: red; padding: 0 > 1">',
    "</td>",
    "some words ",
    "<br/>",
    "<img alt='a > b' src=\"x\" />",
    "<p>",
    "</p>",
    "<!--[if mso]><table><![endif]-->",
    "<style>a > b { color: red }</style>",
    "<pre>  x  </pre>",
    "&amp;",
    "a > b",
    "\n",
]


@given(st.lists(st.sampled_from(PIECES), max_size=200))
def test_a_wrapped_page_means_the_same(pieces: list[str]) -> None:
    html = "".join(pieces)
    assert read(wrap(html)) == read(html)
    assert wrap(wrap(html)) == wrap(html)


def test_a_page_on_one_line_gets_short_lines() -> None:
    html = "<table>" + '<tr><td style="font-family: Arial">Some words that people read</td></tr>' * 400 + "</table>"
    assert max(map(len, wrap(html).split("\n"))) < WIDTH + 100


def test_short_pages_stay_as_they_are() -> None:
    html = "<p>Hello</p>\n" * 100
    assert wrap(html) == html
