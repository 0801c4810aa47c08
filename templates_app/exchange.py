"""Templates as files: a JSON document that another installation can take in. Names in it are names, never paths."""

import json
from typing import Any

from contacts.channels import channels
from core.errors import Refused
from team.models import User
from templates_app import publishing
from templates_app.models import Template

FORMAT = "carillon-template"
EDITION = 1
MAX_FILE = 1_000_000
_ABOUT = {"name": 110, "description": 500, "category": 60, "language": 16}


def export(template: Template) -> dict[str, Any]:
    """The template with its newest content: the draft if there is one, else the current version."""
    newest = publishing.draft_of(template) or template.current_version
    return {
        "format": FORMAT,
        "edition": EDITION,
        **{name: getattr(template, name) for name in _ABOUT},
        "channel": template.channel,
        "content": publishing.content_of(newest) if newest else {},
    }


def read(raw: bytes) -> dict[str, Any]:
    """The document in a file; Refused, in words, if it is none."""
    if len(raw) > MAX_FILE:
        raise Refused("file_too_large", f"The file is larger than {MAX_FILE // 1000} KB. Template files are small.")
    try:
        document = json.loads(raw)
        json.dumps(document, ensure_ascii=False).encode()  # halves of characters are no text that can be kept
    except (ValueError, RecursionError) as error:
        raise Refused("not_json", "The file can't be read. Choose a file that Carillon exported.") from error
    if not isinstance(document, dict):
        raise Refused("not_a_template", "The file holds no template. Choose a file that Carillon exported.")
    return document


def take_in(document: dict[str, Any], *, by: User | None) -> Template:
    """A new template from an exported document; a taken name gets a number."""
    if document.get("format") != FORMAT or document.get("edition") != EDITION:
        raise Refused("not_a_template", "This is no template file of this edition. Export it again from Carillon.")
    about = {name: _text(document, name, most) for name, most in _ABOUT.items()}
    if not about["name"]:
        raise Refused("no_name", "The file does not say what the template is called.")
    about["channel"] = document.get("channel") or Template._meta.get_field("channel").get_default()
    if about["channel"] not in channels:
        raise Refused("unknown_channel", "The template is for a channel that is not set up here.")
    name = publishing.free_name(about.pop("name"))
    about["language"] = about["language"] or "en"
    return publishing.create(by=by, name=name, content=_content(document), **about)


def _content(document: dict[str, Any]) -> dict[str, str]:
    content = document.get("content", {})
    if not isinstance(content, dict) or not all(isinstance(value, str) for value in content.values()):
        raise Refused("bad_content", "The template's content in the file is damaged.")
    return content


def _text(document: dict[str, Any], name: str, most: int) -> str:
    value = document.get(name, "")
    if not isinstance(value, str) or len(value) > most or any(ord(sign) < 32 for sign in value):
        raise Refused("bad_field", f"“{name}” in the file is not a text of at most {most} characters.")
    return value.strip()
