"""Named places where a fault test may end the process as `kill -9` would.

`CARILLON_FAILPOINT=after_provider_accept` (or `...:3` for the third pass) arms one; otherwise a pass costs one test.
"""

import os

_name, _, _pass = os.environ.get("CARILLON_FAILPOINT", "").partition(":")
_armed: str | None = _name or None
_passes_left = int(_pass or 1)


def reach(name: str) -> None:
    """End this process at once, with no clean-up at all, if the failpoint `name` is armed and its turn has come."""
    global _passes_left
    if _armed is None or name != _armed:
        return
    _passes_left -= 1
    if _passes_left <= 0:
        os._exit(9)
