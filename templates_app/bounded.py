"""Runs compiling.py in a process of its own, so that no draft can cost the console more than a refusal."""

import json
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

from core.errors import Refused
from templates_app.compiling import Compiled

logger = logging.getLogger(__name__)
WALL_SECONDS = 10  # the process's own CPU limit ends a bomb after one second; this one is for a starved machine
_ROOT = Path(__file__).resolve().parent.parent
_COMMAND = [sys.executable, "-B", "-m", "templates_app.compiling"]


class Uncompilable(Refused):
    """The draft can't become a message; `where` (field) and `line` say what to look at."""

    def __init__(self, code: str, message: str, *, where: str = "source", line: int | None = None) -> None:
        super().__init__(code, message)
        self.where, self.line = where, line


def compile_draft(draft: dict[str, Any]) -> Compiled:
    """compiling.compile_draft under limits of time and memory; raises Uncompilable."""
    try:
        # No environment: the child needs no secret of ours, and can't leak one.
        done = subprocess.run(  # noqa: S603 - a fixed command; the draft goes in by stdin
            _COMMAND, input=json.dumps(draft).encode(), capture_output=True, timeout=WALL_SECONDS, cwd=_ROOT, env={}
        )
    except subprocess.TimeoutExpired as error:
        raise _too_heavy() from error
    if done.returncode:
        # no words when a limit ended it; a traceback that is not about memory is a fault of ours
        logger.warning("compiling ended with %s: %s", done.returncode, done.stderr.decode(errors="replace")[-2000:])
        raise _too_heavy()
    result = json.loads(done.stdout)
    if "error" in result:
        raise Uncompilable(**result["error"])
    return Compiled(**result)


def _too_heavy() -> Uncompilable:
    return Uncompilable(
        "too_heavy", "The template takes too much time or memory to build. Make it shorter or less deeply nested."
    )
