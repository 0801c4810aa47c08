"""The laws of the code that a machine can check, beside import-linter's: layers, names, and what is not done here."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from celery import current_app
from django.apps import apps
from django.conf import settings
from django.db.models import Field, Model

ROOT = Path(__file__).resolve().parents[1]
CONTRACT = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0]
# From the bottom up; apps of one layer stand side by side.
LAYERS = [{name.strip() for name in layer.split("|")} for layer in reversed(CONTRACT["layers"])]
OURS = {name for layer in LAYERS for name in layer} | {"config"}
FORBIDDEN_MODULES = {"services", "selectors", "utils", "helpers", "common", "managers"}
MODEL_SIGNALS = {"pre_save", "post_save", "pre_delete", "post_delete", "m2m_changed", "pre_init", "post_init"}


def level(app: str) -> int:
    return next(height for height, layer in enumerate(LAYERS) if app in layer)


def modules() -> Iterator[Path]:
    for package in sorted(OURS | {"bench"}):
        yield from (path for path in (ROOT / package).rglob("*.py") if "migrations" not in path.parts)


def templates() -> Iterator[Path]:
    for package in sorted(OURS):
        yield from (ROOT / package).rglob("*.html")


def each(paths: Iterator[Path]) -> list[object]:
    return [pytest.param(path, id=str(path.relative_to(ROOT))) for path in paths]


def relations() -> list[tuple[type[Model], Field]]:
    own = [model for app in apps.get_app_configs() if app.name in OURS for model in app.get_models()]
    return [
        (model, field) for model in own for field in model._meta.get_fields() if field.is_relation and field.concrete
    ]


def test_a_foreign_key_points_down_or_stays_at_home() -> None:
    """Also one given as a string, which no import shows."""
    for model, field in relations():
        target = field.related_model._meta.app_label
        if target in OURS:
            assert level(target) <= level(model._meta.app_label), f"{model.__name__}.{field.name} points up"
            beside = level(target) == level(model._meta.app_label) and target != model._meta.app_label
            assert not beside, f"{model.__name__}.{field.name} points sideways"


def test_every_app_of_ours_has_its_place_in_the_layers() -> None:
    installed = {app.name for app in apps.get_app_configs() if (ROOT / app.name.split(".")[0]).is_dir()}
    assert installed == OURS


@pytest.mark.parametrize("path", each(modules()))
def test_a_module_keeps_the_rules(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert path.stem not in FORBIDDEN_MODULES
    assert not list(_late_imports(tree)), "our own packages are imported at the top"
    assert not list(_save_overrides(tree)), "save() is not overridden"
    assert not _names(tree) & MODEL_SIGNALS, "no receivers for our models' signals"
    assert "task_always_eager" not in _names(tree)


@pytest.mark.parametrize("path", each(path for path in modules() if path.stat().st_size))
def test_a_module_opens_with_what_lives_there(path: Path) -> None:
    if path.name in ("__init__.py", "apps.py"):
        return
    assert ast.get_docstring(ast.parse(path.read_text()))


def _late_imports(tree: ast.AST) -> Iterator[str]:
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) or function.name == "ready":
            continue  # ready() is where Django wants the imports that need its models
        for node in ast.walk(function):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else names
            yield from (name for name in names if name.split(".")[0] in OURS)


def _save_overrides(tree: ast.AST) -> Iterator[str]:
    for cls in ast.walk(tree):
        if isinstance(cls, ast.ClassDef) and any("Model" in ast.unparse(base) for base in cls.bases):
            is_form_or_admin = any(re.search("Form|Admin|Serializer", ast.unparse(base)) for base in cls.bases)
            yield from (
                cls.name
                for node in cls.body
                if isinstance(node, ast.FunctionDef) and node.name == "save" and not is_form_or_admin
            )


def _names(tree: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} | {
        alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names
    }


@pytest.mark.parametrize("path", each(templates()))
def test_a_template_carries_no_script_of_its_own(path: Path) -> None:
    """The content security policy would block it; scripts live in static files."""
    text = re.sub(r"{%.*?%}|{{.*?}}", "", path.read_text(), flags=re.DOTALL)
    for script in re.finditer(r"<script\b([^>]*)>", text):
        assert "src=" in script[1] or "application/json" in script[1], f"inline script: {script[0]}"
    assert not re.search(r"<[^>]*\s(on[a-z]+)\s*=", text), "an on… attribute"
    assert "javascript:" not in text


def test_static_files_come_from_here() -> None:
    """No page may depend on somebody else's server."""
    for path in templates():
        assert not re.search(r"""(src|<link[^>]*href)=["'](https?:)?//""", path.read_text()), path


def test_every_tick_of_beat_wakes_a_task_that_exists() -> None:
    current_app.loader.import_default_modules()
    scheduled = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    assert scheduled <= set(current_app.tasks), scheduled - set(current_app.tasks)


def test_nothing_names_the_machine_it_was_made_on() -> None:
    for path in [*modules(), *templates(), *ROOT.glob("*.*"), *(ROOT / "docs").rglob("*.md")]:
        if path.is_file() and path.suffix not in (".png", ".lock"):
            assert str(ROOT) not in path.read_text(), path


def test_what_the_product_imports_is_a_dependency_of_its_own() -> None:
    """Not one of a dependency's or a test tool's: those come and go without us."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = {canonical(re.split(r"[\[<>=]", line)[0]) for line in project["dependencies"]}
    sources = packages_distributions()
    strays = {
        (str(path.relative_to(ROOT)), module)
        for path in modules()
        for module in imported(ast.parse(path.read_text())) - sys.stdlib_module_names - OURS - {"bench"}
        if not {canonical(name) for name in sources.get(module, ["?"])} & declared
    }
    assert not strays


def imported(tree: ast.AST) -> set[str]:
    plain = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    named = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
    return {name.split(".")[0] for name in plain | named}


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
