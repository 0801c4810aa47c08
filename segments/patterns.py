"""Regular expressions of rules, read by PostgreSQL before they are used: bounded in time, and told what is wrong."""

from django.db import DataError

from core.errors import Refused
from segments import limits

SECONDS = 0.5


def checked(pattern: str) -> str:
    """The pattern; ValueError with a sentence if PostgreSQL can't read it, or not within SECONDS."""
    try:
        with limits.limited(SECONDS) as cursor:
            cursor.execute("SELECT '' ~ %s", [pattern])
    except DataError as error:
        reason = str(error).partition("\n")[0].removeprefix("invalid regular expression: ")
        raise ValueError(f"The pattern can't be read: {reason}.") from None
    except Refused:
        raise ValueError("The pattern is too complex. Use fewer counted repeats.") from None
    return pattern
