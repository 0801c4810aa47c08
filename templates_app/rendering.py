"""Version + context -> content: the one renderer that preview, test send and real send all use.

A compiled version is parsed once (filling.py) and kept. Imports no Django, so that compiling.py can try a rendering in
its bounded process.
"""

import functools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from liquid import BoundTemplate
from liquid.exceptions import LiquidError

from templates_app.filling import ANSWERED_BY_LIQUID, LinkFor, Placed, Plan, Run, for_html, for_text
from templates_app.filling import RenderError as RenderError
from templates_app.sandbox import MAX_OUTPUT_BYTES, BoundedContext

if TYPE_CHECKING:
    from templates_app.models import TemplateVersion

MAX_SUBJECT = 990  # a header line is at most 998 octets
_BREAKS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_GAPS = re.compile(r"\n[ \t]*(?:\n[ \t]*){2,}")


class Knowable(Protocol):
    """A contact, or a row with what templates may know of one."""

    @property
    def full_name(self) -> str: ...
    @property
    def tags(self) -> Any: ...
    @property
    def attributes(self) -> Any: ...


@dataclass(frozen=True, slots=True)
class Content:
    """What one person gets. `subject` and `preheader` are single lines without control characters."""

    subject: str
    preheader: str
    html: str
    text: str


class Renderer:
    """A version parsed for rendering. Holds no state of a rendering, so any number of threads may share one."""

    def __init__(self, *, subject: str, preheader: str, html: str, text: str, links: Iterable[Placed] = ()) -> None:
        self.links: Sequence[Placed] = sorted(links, key=lambda link: link.position)
        self._urls = [for_html.from_string(link.url) if link.is_dynamic else None for link in self.links]
        parts = [for_text.from_string(subject), for_text.from_string(preheader)]
        parts += [for_html.from_string(html), for_text.from_string(text)]
        self._subject, self._preheader, self._html, self._text = map(Plan, parts)
        self._paths = {name: path for part in [*parts, *filter(None, self._urls)] for name, path in _variables(part)}
        self.variables: frozenset[str] = frozenset(self._paths)

    def render(self, context: dict[str, Any], *, link: LinkFor | None = None, pixel: str = "") -> Content:
        """The content for `context`, which holds plain JSON values only. Raises RenderError and nothing else.

        `link(row, url)` returns the address to put in place of a link whose address for this person is `url`.
        `pixel` is trusted HTML that goes just before </body>.
        """
        if type(context) is not dict:
            raise RenderError("The data to fill in must be a plain dictionary.")
        run = Run(context, self.links, self._urls, link, pixel)
        try:
            return Content(
                subject=_line(self._subject.fill(run), MAX_SUBJECT),
                preheader=_line(self._preheader.fill(run), MAX_OUTPUT_BYTES),
                html=_encodable(self._html.fill(run)),
                text=_encodable(_squeezed(self._text.fill(run))),
            )
        except RenderError:
            raise
        except Exception as error:  # a template is a program of its author's: whatever it does is its error, not ours
            raise RenderError(_sentence(error)) from error

    def undefined(self, context: dict[str, Any]) -> list[str]:
        """The variables that `context` has no value for; they render as nothing."""
        liquid = BoundedContext(self._html.template, globals=context)
        missing = object()
        found = {name: liquid.get(path, token=None, default=missing) for name, path in self._paths.items()}
        return sorted(name for name, value in found.items() if value is missing)


@functools.lru_cache(maxsize=256)
def _parsed(version: "TemplateVersion") -> Renderer:
    # A model instance hashes and compares by its key, and a published version never changes.
    return Renderer(
        subject=version.subject,
        preheader=version.preheader,
        html=version.compiled_html,
        text=version.compiled_text,
        links=version.links.all(),
    )


def renderer(version: "TemplateVersion") -> Renderer:
    """The renderer of a published version, parsed once per process."""
    if not version.is_published:
        raise RenderError("Only a published version can be sent. Publish the draft first.")
    return _parsed(version)


def contact_context(contact: Knowable) -> dict[str, Any]:
    """What templates may know of a person, as plain values; also of one that is not saved, for previews."""
    known: dict[str, Any] = {name: _text_of(getattr(contact, name)) for name in _CONTACT_TEXTS}
    # Fields that an unsaved contact has not been given hold a marker of Django's, not a value.
    known["tags"] = list(contact.tags) if isinstance(contact.tags, list) else []
    known["attributes"] = dict(contact.attributes) if isinstance(contact.attributes, dict) else {}
    return {"contact": known}


_CONTACT_TEXTS = (
    "email", "phone", "first_name", "last_name", "full_name", "locale", "external_id", "time_zone",
)  # fmt: skip


def _text_of(value: object) -> str:
    return value if isinstance(value, str) else ""


def _variables(template: BoundTemplate) -> list[tuple[str, list[object]]]:
    """Names and paths of what is expected from outside; `now` and its like come from Liquid."""
    used = [variable for same in template.analyze(include_partials=False).globals.values() for variable in same]
    return [(str(one), [*one.segments]) for one in used if one.segments[0] not in ANSWERED_BY_LIQUID]


def _line(text: str, limit: int) -> str:
    """`text` as one line: a line break in a header would let a name add headers of its own."""
    if _BREAKS.search(text):
        text = _BREAKS.sub(" ", text)
    text = text.strip()
    if len(text) > limit:
        raise RenderError(f"The subject is longer than {limit} characters for this person.")
    return _encodable(text)


def _encodable(text: str) -> str:
    if not text.isascii():
        text.encode()  # a lone surrogate in someone's data can't be put into any message
    return text


def _squeezed(text: str) -> str:
    """Without the gaps that loops and conditions leave."""
    return _GAPS.sub("\n\n", text).strip() + "\n" if text else ""


def _sentence(error: Exception) -> str:
    if isinstance(error, LiquidError):
        return f"The template can't be filled in: {error.message}."
    if isinstance(error, UnicodeEncodeError):
        return "The message holds a character that can't be sent."
    return f"The template can't be filled in for this person ({type(error).__name__})."
