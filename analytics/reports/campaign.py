"""The report of one campaign: its figures laid out as tables, for spreadsheets and for paper."""

from dataclasses import dataclass

from analytics.figures import Figures

Cell = str | int | float | None


@dataclass(frozen=True)
class Table:
    title: str
    head: list[str]
    rows: list[list[Cell]]


def tables(figures: Figures) -> list[Table]:
    """Empty tables are left out, but for the summary."""
    found = [_summary(figures), _not_sent(figures), _variants(figures), _links(figures), _series(figures)]
    return [found[0], *(table for table in found[1:] if table.rows)]


def _summary(figures: Figures) -> Table:
    rows: list[list[Cell]] = [
        [
            metric["label"],
            metric["value"],
            metric.get("of"),
            metric.get("low"),
            metric.get("high"),
            metric["definition"],
        ]
        for metric in figures.metrics
    ]
    return Table("Summary", ["Figure", "Value", "Of", "Likely from", "Likely to", "What it means"], rows)


def _not_sent(figures: Figures) -> Table:
    rows: list[list[Cell]] = [
        [str(row["outcome"]), str(row["label"]), int(str(row["count"])), str(row["explanation"])]
        for row in figures.not_sent
    ]
    return Table("Not sent, failed or unknown", ["What happened", "Reason", "People", "What it means"], rows)


def _variants(figures: Figures) -> Table:
    rows: list[list[Cell]] = [
        [row["key"], row["subject"], row["sent"], row["opened"], row["clicked"], row["rates"]["open_rate"]["value"],
         row["rates"]["click_rate"]["value"], row["compared"]["says"] if row["compared"] else ""]
        for row in figures.variants
    ]  # fmt: skip
    head = [
        "Variant",
        "Subject",
        "Sent",
        "Opened",
        "Clicked",
        "Open rate",
        "Click rate",
        "Click rate against the first",
    ]
    return Table("Variants", head, rows)


def _links(figures: Figures) -> Table:
    rows: list[list[Cell]] = [[row["text"], row["url"], row["people"], row["clicks"]] for row in figures.links]
    return Table("Links", ["Link", "Address", "People", "Clicks"], rows)


def _series(figures: Figures) -> Table:
    step = str(figures.series["step"])
    rows: list[list[Cell]] = [
        [point["at"], point["sent"], point["opened"], point["clicked"], point["unsubscribed"]]
        for point in figures.series["points"]
    ]
    return Table(f"By {step}", [f"{step.capitalize()} (UTC)", "Sent", "Opened", "Clicked", "Unsubscribed"], rows)
