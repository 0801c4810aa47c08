"""Translations of the public pages: none is missing, and what is compiled is what is written."""

import ast
import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages import mofile, pofile
from babel.messages.catalog import Catalog, Message
from django.conf import settings
from django.utils.translation.template import templatize

from contacts.channels import channels

ROOT = settings.BASE_DIR
APPS = ("team", "contacts", "delivery")
MARKS = {"_", "gettext", "gettext_lazy", "gettext_noop"}
CALL = re.compile(r"\b(?:gettext|_)\(u?('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")\)")
HOLE = re.compile(r"%\(\w+\)s|</?\w+>")
TRANSLATED = [code for code, _ in settings.LANGUAGES if code != "en"]


def in_python(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if (
            isinstance(node, ast.Call)
            and getattr(node.func, "id", "") in MARKS
            and isinstance(node.args[0], ast.Constant)
        ):
            yield node.args[0].value


def in_template(path: Path) -> Iterator[str]:
    for call in CALL.finditer(templatize(path.read_text(), origin=str(path))):
        yield ast.literal_eval(call[1])


def texts() -> set[str]:
    """Every text that a public page says."""
    found = {text for app in APPS for path in (ROOT / app).rglob("*.py") if "migrations" not in path.parts
             for text in in_python(path)}  # fmt: skip
    return found | {text for app in APPS for path in (ROOT / app).rglob("*.html") for text in in_template(path)}


def folder(code: str) -> Path:
    return ROOT / "config" / "locale" / code / "LC_MESSAGES"


def catalogue(code: str) -> Catalog:
    with (folder(code) / "django.po").open("rb") as file:
        return pofile.read_po(file)


def messages(code: str) -> dict[str, Message]:
    return {str(message.id): message for message in catalogue(code) if message.id}


def test_the_texts_of_pages_are_found() -> None:
    assert {
        "Quiet hours",
        "How often",
        "Home page",
        "Choose what you get at <bdi>%(address)s</bdi>, and when.",
    } <= texts()


def test_every_channel_has_a_name_in_every_language() -> None:
    assert {channel.label for channel in channels.values()} <= texts()


@pytest.mark.parametrize("code", TRANSLATED)
def test_every_text_is_translated_and_no_translation_is_left_over(code: str) -> None:
    known = messages(code)
    assert texts() - known.keys() == set(), "run `make messages`, then translate what is new"
    assert known.keys() - texts() == set()
    assert [key for key, message in known.items() if not message.string or message.fuzzy] == []


@pytest.mark.parametrize("code", TRANSLATED)
def test_a_translation_has_the_same_holes_and_marks_as_its_text(code: str) -> None:
    for key, message in messages(code).items():
        assert sorted(HOLE.findall(str(message.string))) == sorted(HOLE.findall(key)), key


@pytest.mark.parametrize("code", TRANSLATED)
def test_what_is_compiled_is_what_is_written(code: str) -> None:
    compiled = mofile.read_mo(io.BytesIO((folder(code) / "django.mo").read_bytes()))
    written = {key: str(message.string) for key, message in messages(code).items()}
    assert {str(message.id): str(message.string) for message in compiled if message.id} == written, (
        "run `make messages`"
    )
