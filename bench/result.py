"""What one benchmark found: our figure beside the hand-written limit, measured in the same run."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    """`ratio` is ours to limit as the goal words it; `peak_mb` is the most resident memory of any process involved."""

    name: str
    ours: float
    limit: float
    unit: str
    ratio: float
    peak_mb: float
    goal: str = ""
