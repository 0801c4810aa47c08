"""What a worker says about who runs it."""

import os
import subprocess
import sys

import pytest

from tests.config.test_production import COMPLETE

CHECK = """
import warnings
from celery.exceptions import SecurityWarning
from celery.platforms import check_privileges
from config.celery import app
check_privileges(["json"])
warnings.warn(SecurityWarning("Another matter"))
"""


def warnings_of_a_worker(environment: dict[str, str]) -> str:
    own = {key: value for key, value in os.environ.items() if key not in COMPLETE}
    return subprocess.run(
        [sys.executable, "-c", CHECK], env=own | environment, capture_output=True, text=True, timeout=60, check=True
    ).stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root is warned")
def test_root_is_warned_in_production_and_not_on_a_machine_of_its_own() -> None:
    assert "superuser privileges" in warnings_of_a_worker(COMPLETE)
    assert "superuser privileges" not in warnings_of_a_worker({})


def test_no_other_warning_of_its_kind_is_silenced() -> None:
    assert "Another matter" in warnings_of_a_worker({})
