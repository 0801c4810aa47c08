"""The growth of a segment as a line, drawn on the server: points in the coordinates of an SVG."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

WIDTH, HEIGHT, MARGIN = 720, 180, 8
DAYS_SHOWN = timedelta(days=3)  # beyond, a point is a day and its hour says nothing


@dataclass(frozen=True)
class Chart:
    """`line` and `area` are attributes of SVG elements, `moment` is how its times are shown."""

    line: str
    area: str
    dots: list[dict[str, Any]]
    highest: int
    lowest: int
    first_at: datetime
    last_at: datetime
    moment: str
    width: int = WIDTH
    height: int = HEIGHT


def draw(points: list[dict[str, Any]]) -> Chart | None:
    """None while there are fewer than two points: a line needs two."""
    if len(points) < 2:
        return None
    sizes = [point["size"] for point in points]
    first, last = points[0]["at"], points[-1]["at"]
    highest, lowest = max(sizes), min(sizes)
    floor = max(0, lowest - (highest - lowest)) if highest > lowest else 0
    span = (last - first).total_seconds()
    dots = [
        {"x": _x((point["at"] - first).total_seconds() / span), "y": _y(point["size"], floor, highest), **point}
        for point in points
    ]
    line = " ".join(f"{dot['x']},{dot['y']}" for dot in dots)
    area = f"{dots[0]['x']},{HEIGHT} {line} {dots[-1]['x']},{HEIGHT}"
    moment = "j M Y" if span > DAYS_SHOWN.total_seconds() else "j M H:i"
    return Chart(line, area, dots, highest, lowest, first, last, moment)


def _x(share: float) -> float:
    return round(MARGIN + share * (WIDTH - 2 * MARGIN), 1)


def _y(size: int, floor: int, highest: int) -> float:
    share = (size - floor) / (highest - floor) if highest > floor else 0.5
    return round(HEIGHT - MARGIN - share * (HEIGHT - 4 * MARGIN), 1)
