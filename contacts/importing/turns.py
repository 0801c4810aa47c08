"""Whose turn it is when several writers work on the chunks of one file at once."""

import time
from threading import Condition


class Stopped(Exception):
    """Another writer has failed, so that the chunk at hand must not be committed: it would leave a gap."""


class Turns:
    """Chunks are written side by side and committed in the file's order, so that one number says what is done.

    `after` names a chunk: the number of rows of the file before it.
    """

    def __init__(self, done: int, *, end: int, step: int, until: float) -> None:
        self._condition = Condition()
        self._first = self._done = self._next = done
        self._end, self._step, self._until = end, step, until
        self._is_stopped = False

    def take(self) -> int | None:
        """The next chunk that nobody has taken; None when there is none or, after the first, the time is up."""
        with self._condition:
            is_late = self._next > self._first and time.monotonic() > self._until
            if self._is_stopped or is_late or self._next >= self._end:
                return None
            after, self._next = self._next, self._next + self._step
            return after

    def wait(self, after: int) -> None:
        """Return when every chunk before this one is committed; raise Stopped when that will not happen."""
        with self._condition:
            self._condition.wait_for(lambda: self._is_stopped or self._done == after)
            if self._is_stopped:
                raise Stopped

    def committed(self, after: int) -> None:
        with self._condition:
            self._done = after + self._step
            self._condition.notify_all()

    def stop(self) -> None:
        with self._condition:
            self._is_stopped = True
            self._condition.notify_all()
