"""Random samples: everyone has a place between 0 and 100 in a random order, the same each time it is asked."""

from collections.abc import Iterator

from segments import operands
from segments.fields.base import Catalogue, Family, Field, Question, families, questions

SEED_LIMIT = 60


def position(seed: str) -> operands.NumberColumn:
    """The first 48 bits of MD5 over seed and public id: anyone can work it out again, on any server, for ever."""
    digest = "('x' || left(md5(%s || ':' || c.uuid::text), 12))::bit(48)::bigint"
    return operands.NumberColumn(f"{digest} * (100.0 / 281474976710656)", (seed,))


@questions.register
class RandomSample(Question):
    key, label, group, type, can_be_empty = "random_sample", "Random sample", "Sample", "sample", False

    def operand(self, catalogue: Catalogue) -> operands.NumberColumn:
        return position("")


@families.register
class SeededSample(Family):
    """`random_sample:<seed>`: another seed is another order, independent of the first."""

    key, label = "random_sample", "Random sample"

    def find(self, rest: str, catalogue: Catalogue) -> Field | None:
        if not rest or len(rest) > SEED_LIMIT or not rest.isprintable():
            return None
        return Field(f"random_sample:{rest}", f"Random sample “{rest}”", "Sample", "sample", position(rest), False)

    def names(self, catalogue: Catalogue) -> Iterator[str]:
        return iter(())
