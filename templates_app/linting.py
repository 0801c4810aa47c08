"""What is likely to go wrong with a message, each finding in plain words and with its line. Imports no Django."""

import difflib
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from html.parser import HTMLParser
from typing import Any, Literal

from liquid import BoundTemplate

from templates_app.links import FoundLink

Level = Literal["block", "warn", "info"]
GMAIL_CLIPS_AT = 102 * 1024
LONG_SUBJECT = 60
BUILT_IN = {"now", "today", "forloop", "data"}  # `data` is what a program hands over with a single message
_SHOUT = re.compile(r"[A-Z]{2,}")
_LIQUID = re.compile(r"\{\{[\s\S]*?\}\}|\{%[\s\S]*?%\}")


@dataclass(frozen=True, slots=True)
class Finding:
    """`block`: must not go out like this; `warn`: likely a mistake; `info`: worth knowing.

    `where` is the field (source, subject, preheader, text) and `line` the 1-based line in it, if there is one.
    """

    level: Level
    code: str
    message: str
    where: str = "source"
    line: int | None = None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(slots=True)
class Subject:
    """Everything linting looks at: the draft's fields, its parsed parts by field, and what compiling made of it."""

    fields: dict[str, str]
    parsed: dict[str, BoundTemplate]
    known: frozenset[str]
    is_transactional: bool
    html: str = ""
    text: str = ""
    links: list[FoundLink] = field(default_factory=list)


def lint(draft: Subject) -> list[Finding]:
    """All findings, the most serious first."""
    found = [finding for check in _CHECKS for finding in check(draft)]
    order = {"block": 0, "warn": 1, "info": 2}
    return sorted(found, key=lambda finding: (order[finding.level], finding.where, finding.line or 0))


def _unknown_variables(draft: Subject) -> Iterator[Finding]:
    for where, template in draft.parsed.items():
        used = template.analyze(include_partials=False).globals.values()
        for variable in (variable for variables in used for variable in variables):
            name = str(variable)
            if not _is_known(name, draft.known):
                line = draft.fields[where].count("\n", 0, variable.span.index) + 1
                yield Finding("warn", "unknown_variable", _unknown(name, draft.known), where, line)


def _is_known(name: str, known: frozenset[str]) -> bool:
    root = name.split(".")[0]
    if root in BUILT_IN or name in known:
        return True
    return name.removesuffix(".size") in known or any(whole.startswith(f"{name}.") for whole in known)


def _unknown(name: str, known: frozenset[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    if not near:  # `first_name` for `contact.first_name`
        near = [whole for whole in known if whole.endswith(f".{name}")][:1]
    hint = f" Did you mean {{{{ {near[0]} }}}}?" if near else ""
    return f"Nothing is called “{name}”, so this place stays empty.{hint}"


def _unsubscribe(draft: Subject) -> Iterator[Finding]:
    if draft.is_transactional:
        return
    if "unsubscribe_url" not in draft.html:
        yield Finding(
            "block",
            "no_unsubscribe",
            "There is no unsubscribe link. Marketing email needs one: link to {{ unsubscribe_url }}.",
        )
    elif draft.fields["text"] and "unsubscribe_url" not in draft.fields["text"]:
        yield Finding("warn", "no_unsubscribe_text", "The plain text has no {{ unsubscribe_url }}.", "text")
    if "sender.postal_address" not in draft.html:
        message = "No postal address. Many countries require one in marketing email: {{ sender.postal_address }}."
        yield Finding("info", "no_postal_address", message)


def _size(draft: Subject) -> Iterator[Finding]:
    size = len(draft.html.encode())
    if size > GMAIL_CLIPS_AT:
        message = f"The HTML is {size // 1024} KB. Gmail cuts off after 102 KB, often with the unsubscribe link."
        yield Finding("warn", "gmail_clipping", message)
    elif size > GMAIL_CLIPS_AT * 0.85:
        message = f"The HTML is {size // 1024} KB, close to the 102 KB at which Gmail cuts off."
        yield Finding("info", "nearly_clipping", message)


def _subject_line(draft: Subject) -> Iterator[Finding]:
    subject = draft.fields["subject"]
    plain = " ".join(_LIQUID.sub(" ", subject).split())
    if not subject.strip():
        yield Finding("block", "no_subject", "The subject is empty.", "subject")
    elif len(plain) > LONG_SUBJECT:
        message = f"The subject has {len(plain)} characters. Phones show about 40, most inboxes about 60."
        yield Finding("warn", "long_subject", message, "subject")
    if len(_SHOUT.findall(plain)) >= 2 and plain.upper() == plain:
        yield Finding(
            "warn", "capitals", "The subject is all in capitals, which reads as shouting and as spam.", "subject"
        )
    if "!!" in plain or plain.count("!") > 2:
        yield Finding(
            "warn", "exclamation", "The subject has many exclamation marks, which spam filters notice.", "subject"
        )
    for output in re.findall(r"\{\{[^}]*contact\.[^}]*\}\}", subject):
        if "default" not in output and "{% if" not in subject:
            message = f'{output} is empty for people without it. Add a fallback: {{{{ … | default: "there" }}}}.'
            yield Finding("info", "no_fallback", message, "subject")


def _preheader(draft: Subject) -> Iterator[Finding]:
    in_mjml = "<mj-preview" in draft.fields["source"]
    if draft.fields["preheader"].strip() and in_mjml:
        message = "There are two preheaders: the field and <mj-preview>. Remove one, or the inbox shows both."
        yield Finding("warn", "two_preheaders", message, "preheader")
    elif not draft.fields["preheader"].strip() and not in_mjml:
        message = "No preheader: the inbox shows the first words of the message after the subject instead."
        yield Finding("info", "no_preheader", message, "preheader")


def _addresses(draft: Subject) -> Iterator[Finding]:
    for link in draft.links:
        line = _line_of(draft.fields["source"], link.url)
        if link.url.lower().startswith("http://"):
            message = f"“{link.url}” is not secure. Use https:// if the site offers it."
            yield Finding("warn", "insecure_link", message, line=line)
        if re.match(r"https?://[^/?#]*\{", link.url):
            message = f"Data decides which site “{link.url}” goes to. Write the site's name into the address."
            yield Finding("warn", "dynamic_host", message, line=line)


def _text(draft: Subject) -> Iterator[Finding]:
    words = len(_LIQUID.sub(" ", draft.text).split())
    if words < 5:
        message = "There is hardly any text. Messages that are only pictures are often hidden or taken for spam."
        yield Finding("warn", "no_text", message)
    if (place := draft.fields["source"].lower().find("lorem ipsum")) >= 0:
        line = draft.fields["source"].count("\n", 0, place) + 1
        yield Finding("warn", "dummy_text", "There is dummy text left (“lorem ipsum”).", line=line)


def _markup(draft: Subject) -> Iterator[Finding]:
    reader = _MarkupReader()
    reader.feed(draft.fields["source"])
    yield from reader.findings


class _MarkupReader(HTMLParser):
    """Walks the source (HTML or MJML) and notes images, links and things that mail programs remove."""

    _REMOVED = {"script": "Scripts", "form": "Forms", "iframe": "Frames", "video": "Videos", "object": "Objects"}

    def __init__(self) -> None:
        super().__init__()
        self.findings: list[Finding] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag in {"img", "mj-image"}:
            self._image(attributes)
        if tag in {"a", "mj-button"} and not attributes.get("href", "").strip():
            self._note(
                "warn", "empty_link", f"A {'button' if tag == 'mj-button' else 'link'} goes nowhere: it has no address."
            )
        if tag in self._REMOVED:
            level: Level = "block" if tag in {"script", "iframe", "object"} else "warn"
            self._note(level, f"has_{tag}", f"{self._REMOVED[tag]} do not work in email: mail programs remove them.")
        if tag == "link" and "stylesheet" in attributes.get("rel", ""):
            self._note(
                "warn", "external_style", "Style sheets from elsewhere are not loaded. Put the CSS into <style>."
            )
        if any(name.startswith("on") for name in attributes):
            self._note("block", "has_script", "An on… attribute holds a script. Mail programs remove scripts.")

    def _image(self, attributes: dict[str, str]) -> None:
        source = attributes.get("src", "").strip()
        if "alt" not in attributes:
            self._note("warn", "no_alt", 'An image has no alt text. Say what it shows, or alt="" if it only decorates.')
        if not source:
            self._note("warn", "no_src", "An image has no address.")
        elif source.startswith("http://"):
            self._note("warn", "insecure_image", "An image is loaded over http://. Many mail programs block it.")
        elif source.startswith("data:"):
            self._note("warn", "data_image", "An image is written into the message (data:). Gmail does not show it.")

    def _note(self, level: Level, code: str, message: str) -> None:
        self.findings.append(Finding(level, code, message, line=self.getpos()[0]))


def _line_of(source: str, needle: str) -> int | None:
    place = source.find(needle)
    return source.count("\n", 0, place) + 1 if place >= 0 else None


_CHECKS = (_unknown_variables, _unsubscribe, _size, _subject_line, _preheader, _addresses, _text, _markup)


def counts(findings: Iterable[dict[str, Any]]) -> dict[str, int]:
    """How many findings there are of each level."""
    levels = [finding["level"] for finding in findings]
    return {level: levels.count(level) for level in ("block", "warn", "info")}
