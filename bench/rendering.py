"""How fast one person's content is made, beside python-liquid alone on the same message."""

import time
from collections.abc import Callable
from typing import Any

from liquid import Environment

from bench import scratch
from bench.result import Result
from templates_app.links import FoundLink
from templates_app.rendering import Renderer

PEOPLE = 100_000  # at scale 1.0; the figure is a rate, so that it need not be a million
FIELDS = [
    "first_name", "last_name", "email", "attributes.plan", "attributes.city", "locale", "full_name", "phone",
    "time_zone", "external_id",
]  # fmt: skip
_FILLER = (
    '<p style="margin:0 0 12px;line-height:1.5">Here is a sentence of the kind that a newsletter is made of.</p>\n'
)


def run(scale: float) -> list[Result]:
    """Contents a second: subject, preheader, HTML of 8 KB with 10 variables and 5 tracked links, text, pixel."""
    people = [_person(number) for number in range(1000)]
    rounds = max(1, int(PEOPLE * scale) // len(people))
    ours = _rate(_ours(), people, rounds)
    bare = _rate(_bare(), people, max(1, rounds // 2))
    peak = scratch.own_peak_mb()
    goal = ">= 10,000/s; above 1 is faster than the library's own rendering"
    return [Result("render one person's content", ours, bare, "contents/s", ours / bare, peak, goal)]


def message(link: str) -> str:
    """8 KB of HTML; `link` makes the address of a link from its number."""
    parts = []
    for number, name in enumerate(FIELDS):
        parts += [_FILLER * 7, f"<p>{{{{ contact.{name} }}}}</p>\n"]
        if number < 5:
            parts.append(f'<a href="{link % number}">Read on</a>\n')
    return f"<html><body>{''.join(parts)}</body></html>"


def _ours() -> Callable[[dict[str, Any]], object]:
    html = message("{%% carillon_link %d %%}").replace("</body>", "{% carillon_pixel %}</body>")
    text = "Hello {{ contact.first_name }},\n" + "".join(f"Read on ({{% carillon_link {n} %}})\n" for n in range(5))
    links = [FoundLink(number, f"https://shop.example.com/p/{number}?a=1&b=2", "Read on") for number in range(5)]
    renderer = Renderer(
        subject="News for {{ contact.first_name }}", preheader="One story", html=html, text=text, links=links
    )

    def track(row: FoundLink, url: str) -> str:
        return f"https://track.example.com/c/{row.position:040d}"

    return lambda person: renderer.render(person, link=track, pixel='<img src="https://track.example.com/o/x" alt="">')


def _bare() -> Callable[[dict[str, Any]], object]:
    template = Environment(autoescape=True).from_string(message("{{ links[%d] }}"))
    links = [f"https://track.example.com/c/{number:040d}" for number in range(5)]
    return lambda person: template.render(links=links, **person)


def _person(number: int) -> dict[str, Any]:
    fields = {name: f"{name} {number} & <co>" for name in FIELDS if "." not in name}
    return {"contact": {**fields, "attributes": {"plan": "gold", "city": f"City {number}"}}}


def _rate(render: Callable[[dict[str, Any]], object], people: list[dict[str, Any]], rounds: int) -> float:
    started = time.perf_counter()
    for _ in range(rounds):
        for person in people:
            render(person)
    return rounds * len(people) / (time.perf_counter() - started)
