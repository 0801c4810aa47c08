"""What production settings insist on, seen from outside: processes started with a production's environment."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connection

SECRETS = {name: f"{name}-{'0123456789' * 4}" for name in ("SECRET_KEY", "TOKEN_KEYS", "FIELD_KEYS")}
# Names that lead nowhere: whoever connects to them fails.
SERVERS = {"DATABASE_URL": "postgresql://carillon@db.invalid/carillon", "REDIS_URL": "redis://redis.invalid:6379/0"}
ADDRESS = {"CARILLON_ENV": "production", "PUBLIC_URL": "https://carillon.example.com", "BEHIND_PROXY": "1"}
COMPLETE = SECRETS | SERVERS | ADDRESS


def started(var: Path, environment: dict[str, str], *command: str) -> subprocess.CompletedProcess[str]:
    own = {key: value for key, value in os.environ.items() if key not in COMPLETE}
    return subprocess.run(
        [sys.executable, *command],
        env=own | environment | {"CARILLON_VAR": str(var)},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("name", ["SECRET_KEY", "DATABASE_URL", "REDIS_URL"])
def test_production_does_not_start_without_what_it_needs_and_names_it(tmp_path: Path, name: str) -> None:
    environment = {key: value for key, value in COMPLETE.items() if key != name}
    answer = started(tmp_path, environment, "manage.py", "migrate")
    assert answer.returncode == 1
    assert answer.stderr.strip().startswith(f"{name} is not set, and production needs it.")
    assert len(answer.stderr.strip().splitlines()) == 1  # a sentence, not a traceback
    assert not (tmp_path / "postgres").exists()
    assert not (tmp_path / "redis").exists()


def test_a_worker_without_its_broker_ends_with_the_same_sentence(tmp_path: Path) -> None:
    environment = {key: value for key, value in COMPLETE.items() if key != "REDIS_URL"}
    answer = started(tmp_path, environment, "-m", "celery", "-A", "config", "worker")
    assert answer.returncode != 0
    assert "REDIS_URL is not set" in answer.stderr


def test_production_settings_are_checked_without_any_server(tmp_path: Path) -> None:
    answer = started(tmp_path, COMPLETE, "manage.py", "check", "--deploy", "--fail-level", "WARNING")
    assert answer.returncode == 0, answer.stderr
    assert not (tmp_path / "postgres").exists()


@pytest.mark.django_db
def test_asked_to_check_the_servers_too_it_says_which_one_does_not_answer(tmp_path: Path) -> None:
    parts = connection.settings_dict  # the models' own checks ask the database, so that one must answer
    database = f"postgresql://{parts['USER']}@/{parts['NAME']}?host={parts['HOST']}"
    servers = {"DATABASE_URL": database, "REDIS_URL": "redis://127.0.0.1:1/0"}
    answer = started(tmp_path, COMPLETE | servers, "manage.py", "check", "--deploy", "--database", "default")
    assert answer.returncode == 1
    assert "carillon.E003" in answer.stderr
