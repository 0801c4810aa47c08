"""Lists as the text of PostgreSQL's arrays: a hundred values adapted one by one take ten times as long."""

from collections.abc import Collection, Iterable


def of_texts(values: Collection[str]) -> str:
    """The literal of a text array, to be given as one parameter and cast in the statement."""
    if not values:
        return "{}"
    joined = "\n".join(values)
    if '"' in joined or "\\" in joined:
        values = [value.replace("\\", "\\\\").replace('"', '\\"') for value in values]
    return '{"' + '","'.join(values) + '"}'


def of_numbers(values: Iterable[int]) -> str:
    return "{" + ",".join(map(str, values)) + "}"
