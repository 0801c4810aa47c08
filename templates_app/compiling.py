"""What happens once, at publish and preview: MJML to HTML, CSS inlined, links numbered, text written, all checked.

Runs as `python -m templates_app.compiling` in a process of its own that limits itself before it reads anything (see
bounded.py): a draft as JSON on stdin, the result as JSON on stdout. Imports no Django.
"""

import json
import re
import resource
import signal
import sys
from dataclasses import asdict, dataclass
from typing import Any

import css_inline
import mrml
from liquid import BoundTemplate
from liquid.exceptions import LiquidError, ResourceLimitError

from templates_app import links, linting, plaintext, sandbox, wrapping
from templates_app.filling import PIXEL, RenderError
from templates_app.masking import Mask, escape_text
from templates_app.rendering import Renderer

MEMORY_BYTES = 256 * 1024**2
CPU_SECONDS = 1
MAX_SOURCE = 512 * 1024
MAX_DEPTH = 100
FIELDS = {"subject": "subject", "preheader": "preheader", "source": "source", "text": "text_source"}

_TAGS = re.compile(r"<!--[\s\S]*?-->|<(/?)([a-zA-Z][a-zA-Z0-9-]*)(?:[^>\"']|\"[^\"]*\"|'[^']*')*?(/?)>")
_LIQUID = re.compile(r"\{\{[\s\S]*?\}\}|\{%-?\s*(?P<name>\w+)[\s\S]*?%\}")
_BLOCKS = {"if", "unless", "for", "case", "capture", "comment", "ifchanged"}
_VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
# HTML closes these by itself when the next one opens, so an unclosed one is no nesting.
_SELF_CLOSING = {"p", "li", "td", "th", "tr", "tbody", "thead", "tfoot", "option", "dt", "dd", "html", "head", "body"}
_PREHEADER = (
    '<div style="display:none;max-height:0;overflow:hidden;mso-hide:all;font-size:1px;line-height:1px;opacity:0">'
    "{}" + "&#847;&zwnj;&nbsp;" * 60 + "</div>"
)
# What the Liquid parser says, in the words of someone who writes email.
_SAID = {
    r"unexpected tag '?(include|render|extends)": "“{}” is not available: a template can't read other files",
    r"unexpected tag '?end(\w+)": "“end{0}” stands here without its “{0}”",
    r"unexpected tag '?(\w+)": "there is no tag called “{}”",
    r"expected '?(?:\}\}|%\})'?, found end of file": "a placeholder is opened here and not closed",
    r"expected tag '?end(\w+)'?": "“{0}” needs an “end{0}” after it",
    r"expected tag '?(\w+)'?, found '?EOF": "“{}” is missing",
    r"missing expression|expected .+, found end of expression": "this placeholder is not finished",
    r"expected end of expression, found '?(\S+?)'?$": "something does not belong into this placeholder ({})",
}
_PLACES = {"source": "In the HTML", "subject": "In the subject", "preheader": "In the preheader", "text": "In the text"}


class CompileError(Exception):
    """A draft that can't be compiled; the message says what to do, `where` and `line` say where."""

    def __init__(self, code: str, message: str, *, where: str = "source", line: int | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.where, self.line = code, message, where, line


@dataclass(frozen=True, slots=True)
class Compiled:
    """What a draft became. `links` are url and text in order; `findings` as linting.Finding.as_dict()."""

    html: str
    text: str
    links: list[dict[str, str]]
    findings: list[dict[str, Any]]
    variables: list[str]


def compile_draft(draft: dict[str, Any]) -> Compiled:
    """`draft`: format, subject, preheader, source, text_source, known (variable names), is_transactional."""
    fields = {where: draft[name] for where, name in FIELDS.items()}
    _check_size(fields)
    parsed = {where: _parse(where, text) for where, text in fields.items()}
    mask = Mask(fields["source"])
    html = _to_html(mask, is_mjml=draft["format"] == "mjml")
    html = _with_preheader(html, fields["preheader"])
    html, found = _number_links(html, mask, fields["source"])
    text = fields["text"] or mask.restore(plaintext.write(html, mask, found))
    html = mask.restore(wrapping.wrap(_with_pixel(html)))
    notes = _try_rendering(fields, html, text, found)
    about = linting.Subject(fields, parsed, frozenset(draft["known"]), draft["is_transactional"], html, text, found)
    findings = [finding.as_dict() for finding in [*linting.lint(about), *notes]]
    used = {str(name) for part in parsed.values() for names in _globals(part).values() for name in names}
    return Compiled(html, text, [{"url": link.url, "text": link.text} for link in found], findings, sorted(used))


def _check_size(fields: dict[str, str]) -> None:
    if sum(map(len, fields.values())) > MAX_SOURCE:
        raise CompileError("too_large", f"The template is larger than {MAX_SOURCE // 1024} KB. Shorten it.")
    if not fields["source"].strip():
        raise CompileError("empty", "There is nothing to send yet: the message is empty.")


def _parse(where: str, source: str) -> BoundTemplate:
    environment = sandbox.for_html if where == "source" else sandbox.for_text
    try:
        return environment.from_string(source)
    except LiquidError as error:
        line = _line(error, source)
        place = f"{_PLACES[where]}, line {line}" if line else _PLACES[where]
        raise CompileError("liquid", f"{place}: {_said(error)}.", where=where, line=line) from error


def _said(error: LiquidError) -> str:
    message = str(error.message or "this Liquid can't be read")
    for pattern, words in _SAID.items():
        if match := re.search(pattern, message):
            return words.format(*match.groups())
    return message.rstrip(".")


def _line(error: LiquidError, source: str) -> int | None:
    place = error.token.start_index if error.token else -1
    if place < 0:
        place = _place_of_error(source)
    return source.count("\n", 0, place) + 1 if place >= 0 else None


def _place_of_error(source: str) -> int:
    """Where the first unfinished output or the last unclosed block starts; the parser does not say. -1 if neither."""
    opened: list[tuple[str, int]] = []
    for match in _LIQUID.finditer(source):
        name = match["name"]
        if not name and not _is_readable(match.group()):
            return match.start()
        if name in _BLOCKS:
            opened.append((name, match.start()))
        elif name and opened and name == f"end{opened[-1][0]}":
            opened.pop()
    return opened[-1][1] if opened else -1


def _is_readable(output: str) -> bool:
    try:
        sandbox.for_html.from_string(output)
    except LiquidError:
        return False
    return True


def _globals(template: BoundTemplate) -> dict[str, list[Any]]:
    return template.analyze(include_partials=False).globals


def _to_html(mask: Mask, *, is_mjml: bool) -> str:
    """Masked source to a whole HTML page with its CSS inlined; media queries and hover stay in <style>."""
    _check_depth(mask.masked, is_mjml=is_mjml)
    html = _from_mjml(mask) if is_mjml else mask.masked
    inliner = css_inline.CSSInliner(
        keep_style_tags=True,
        remove_inlined_selectors=True,
        keep_at_rules=True,
        keep_link_tags=True,
        load_remote_stylesheets=False,
    )
    html = inliner.inline(html)
    for original, line in mask.lost(html)[:1]:
        message = f"Line {line}: {original} stands where it would be lost. Move it out of the CSS or the tag around it."
        raise CompileError("lost_placeholder", message, line=line)
    return html if html[:9].lower() == "<!doctype" else f"<!DOCTYPE html>{html}"


def _check_depth(masked: str, *, is_mjml: bool) -> None:
    depth = 0
    uncounted = _VOID if is_mjml else _VOID | _SELF_CLOSING
    for match in _TAGS.finditer(masked):
        name = (match[2] or "").lower()
        if not name or name in uncounted or match[3]:
            continue
        depth += -1 if match[1] else 1
        if depth > MAX_DEPTH:
            line = masked.count("\n", 0, match.start()) + 1
            message = f"Line {line}: elements are nested more than {MAX_DEPTH} deep. Mail programs can't show that."
            raise CompileError("too_deep", message, line=line)


def _from_mjml(mask: Mask) -> str:
    # No loader: <mj-include> must not read files. No fonts: they would be fetched from a third party on opening.
    parser = mrml.ParserOptions(include_loader=mrml.noop_loader())
    try:
        return str(mrml.to_html(mask.masked, parser, mrml.RenderOptions(fonts={})).content)
    except OSError as error:
        said = re.sub(r" in root template( at position \d+:\d+)?", "", str(error))
        line, open_tag = _unclosed(mask.masked)
        if open_tag:
            raise CompileError("mjml", f"Line {line}: <{open_tag}> is not closed.", line=line) from error
        line = _mjml_line(str(error), mask)
        place = f"Line {line}: " if line else ""
        raise CompileError("mjml", f"{place}this MJML can't be read ({said}).", line=line) from error


def _unclosed(masked: str) -> tuple[int | None, str]:
    """The line and name of the first element that ends before it should, or never."""
    opened: list[tuple[str, int]] = []
    for match in _TAGS.finditer(masked):
        name = (match[2] or "").lower()
        if not name or name in _VOID or match[3]:
            continue
        if not match[1]:
            opened.append((name, masked.count("\n", 0, match.start()) + 1))
        elif opened and opened[-1][0] == name:
            opened.pop()
        else:
            break
    return (opened[-1][1], opened[-1][0]) if opened else (None, "")


def _mjml_line(message: str, mask: Mask) -> int | None:
    match = re.search(r"position (\d+)", message)
    if match is None:
        return None
    before = mask.masked.encode()[: int(match[1])].decode(errors="ignore")
    return mask.restore(before).count("\n") + 1


def _with_preheader(html: str, preheader: str) -> str:
    if not preheader.strip():
        return html
    hidden = _PREHEADER.format(escape_text(preheader.strip()))
    return re.sub(r"<body\b[^>]*>", lambda body: body.group() + hidden, html, count=1)


def _with_pixel(html: str) -> str:
    """`html` with the pixel's place, last in the body; css-inline has seen to it that there is a body."""
    before, body, after = html.rpartition("</body>")
    return f"{before}{{% {PIXEL} %}}{body}{after}"


def _number_links(html: str, mask: Mask, source: str) -> tuple[str, list[links.FoundLink]]:
    try:
        return links.number(html, mask)
    except links.BadLink as error:
        place = source.find(error.url) if error.url else -1
        line = source.count("\n", 0, place) + 1 if place >= 0 else None
        raise CompileError("bad_link", f"Line {line}: {error}" if line else str(error), line=line) from error


def _try_rendering(fields: dict[str, str], html: str, text: str, found: list[links.FoundLink]) -> list[linting.Finding]:
    """Render once with no data at all, here, where a template that does too much can do no harm."""
    try:
        renderer = Renderer(subject=fields["subject"], preheader=fields["preheader"], html=html, text=text, links=found)
    except LiquidError as error:
        message = f"A Liquid tag is split by the markup around it: {_said(error)}. Put it around whole elements."
        raise CompileError("structure", message) from error
    try:
        renderer.render({})
    except RenderError as error:
        if isinstance(error.__cause__, ResourceLimitError):
            raise CompileError("too_much", f"The template does too much: {error.__cause__.message}.") from error
        return [linting.Finding("warn", "fails_when_empty", f"For someone without data, nothing can be sent. {error}")]
    return []


def main() -> None:
    _limit_this_process()
    try:
        result = asdict(compile_draft(json.load(sys.stdin)))
    except CompileError as error:
        result = {"error": {"code": error.code, "message": error.message, "where": error.where, "line": error.line}}
    json.dump(result, sys.stdout)


def _limit_this_process() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)  # unlike RLIMIT_CPU it leaves out what starting up has cost
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS + 4, CPU_SECONDS + 5))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    main()
