"""How sure a rate is: intervals for one proportion and for the difference of two. Pure arithmetic, no Django."""

from dataclasses import dataclass
from math import sqrt

Z95 = 1.959963984540054  # the 97.5th percentile of the standard normal: two-sided 95 %
ENOUGH = 30  # below this many people a rate says next to nothing, and we say so


@dataclass(frozen=True, slots=True)
class Rate:
    """`count` out of `of`, both of people or messages; `low` and `high` bound it at 95 % (Wilson)."""

    count: int
    of: int

    @property
    def value(self) -> float | None:
        return min(1.0, self.count / self.of) if self.of > 0 else None

    @property
    def is_enough(self) -> bool:
        return self.of >= ENOUGH

    @property
    def interval(self) -> tuple[float, float] | None:
        return wilson(self.count, self.of) if self.of > 0 else None


@dataclass(frozen=True, slots=True)
class Difference:
    """`first` minus `second`, with its 95 % interval (Newcombe)."""

    value: float
    low: float
    high: float

    @property
    def is_shown(self) -> bool:
        """Whether the data show any difference at all: the interval leaves zero out."""
        return self.low > 0 or self.high < 0


def wilson(count: int, of: int) -> tuple[float, float]:
    """Wilson's score interval for a proportion; holds at 0 % and 100 %, where the textbook's one collapses.

    E. B. Wilson, J. Am. Stat. Assoc. 22 (1927) 209-212. `of` must be positive.
    """
    share, squared = min(1.0, count / of), Z95 * Z95
    centre = (share + squared / (2 * of)) / (1 + squared / of)
    half = Z95 * sqrt(share * (1 - share) / of + squared / (4 * of * of)) / (1 + squared / of)
    return max(0.0, centre - half), min(1.0, centre + half)


def difference(first: Rate, second: Rate) -> Difference | None:
    """The difference of two independent proportions; None while either has too few people to say anything.

    R. G. Newcombe, Statist. Med. 17 (1998) 873-890, method 10: built from both Wilson intervals.
    """
    if not (first.is_enough and second.is_enough):
        return None
    a, b = first.value or 0.0, second.value or 0.0
    (a_low, a_high), (b_low, b_high) = wilson(first.count, first.of), wilson(second.count, second.of)
    gap = a - b
    low = gap - sqrt((a - a_low) ** 2 + (b_high - b) ** 2)
    high = gap + sqrt((a_high - a) ** 2 + (b - b_low) ** 2)
    return Difference(gap, low, high)
