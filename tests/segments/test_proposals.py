"""Proposed segments: scores as fifths of those who bought, cells that share everyone out, and a real shop's figures."""

import csv
import gzip
import math
from collections import defaultdict
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import product
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from contacts.models import Contact
from segments import membership, proposals, quintiles
from segments.models import Quintiles, Segment, Standing
from segments.proposals import CELLS, PROPOSALS
from team.models import User
from tests.segments.people import found, names, person, rule
from tests.segments.test_cdnow import FILE

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)


def bought(contact: Contact, times: int, spent: int, last: float, first: float | None = None) -> None:
    first_at, last_at = (NOW - timedelta(days=days) for days in (last if first is None else first, last))
    Standing.objects.create(
        contact=contact, purchase_count=times, spent=spent, first_purchase_at=first_at, last_purchase_at=last_at
    )


@pytest.fixture
def ten() -> list[Contact]:
    """P0 bought longest ago, once, for little; P9 last, ten times, for most. Q never bought."""
    people = [person(f"P{number}") for number in range(10)]
    for number, contact in enumerate(people):
        bought(contact, number + 1, 10 * number, last=100 - 10 * number)
    bought(person("Q"), 0, 0, last=1)
    quintiles.find()
    return people


def test_scores_are_fifths_and_who_never_bought_has_none(ten: list[Contact]) -> None:
    for field in ("recency_score", "frequency_score", "monetary_score"):
        by_score = [names(rule(field, "equals", score)) for score in range(1, 6)]
        assert by_score == ["P0 P1", "P2 P3", "P4 P5", "P6 P7", "P8 P9"], field
        assert names(rule(field, "is_empty")) == "Q"


def test_people_with_the_same_figure_share_a_score() -> None:
    for number in range(10):
        bought(person(f"P{number}"), 1 if number < 7 else 9, 5, last=1)
    quintiles.find()
    assert names(rule("frequency_score", "equals", 1)) == "P0 P1 P2 P3 P4 P5 P6"
    assert names(rule("frequency_score", "equals", 4)) == "P7 P8 P9"
    assert len(names(rule("monetary_score", "equals", 1)).split()) == 10


def test_too_few_buyers_have_no_scores(ten: list[Contact]) -> None:
    Standing.objects.exclude(contact__in=ten[:3]).delete()
    assert quintiles.find() is None
    assert quintiles.current() is None
    assert names(rule("recency_score", "is_filled")) == ""
    assert proposals.cells()[0].people == 0


def test_a_score_is_explained_with_its_value(ten: list[Contact]) -> None:
    answer = membership.explain_rules(rule("recency_score", "at_least", 4), ten[3])
    assert not answer.holds
    assert "2" in answer.sentence


def test_bounds_are_found_anew_when_they_are_old_or_many_bought(ten: list[Contact]) -> None:
    assert not quintiles.keep()
    for number in range(3):
        bought(person(f"N{number}"), 1, 1, last=1)
    assert quintiles.keep()
    assert not quintiles.keep()
    Quintiles.objects.update(made_at=datetime.now(UTC) - timedelta(days=2))
    assert quintiles.keep()


def test_only_bounds_that_moved_are_news_to_segments(ten: list[Contact]) -> None:
    def notes() -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM contacts_change WHERE keys = '{quintiles}'")
            return int(cursor.fetchone()[0])

    before = notes()
    quintiles.find()
    assert notes() == before
    bought(person("N"), 100, 1, last=1)
    quintiles.find()
    assert notes() == before + 1


def test_every_combination_of_scores_is_in_one_cell() -> None:
    everything = [scores for cell in CELLS for scores in cell.scores]
    assert sorted(everything) == sorted(product(range(1, 6), repeat=3))


def test_a_cells_rules_find_whom_its_figures_count(ten: list[Contact]) -> None:
    for number, (times, spent, last) in enumerate(product((1, 4, 9), (1, 50, 900), (1, 45, 400))):
        bought(person(f"X{number}"), times, spent, last)
    quintiles.find()
    for cell in proposals.cells():
        people = found(cell.proposal.rules)
        spent = sum(Standing.objects.filter(contact__in=people).values_list("spent", flat=True))
        assert (len(people), spent) == (cell.people, cell.spent), cell.proposal.name
    assert sum(cell.people for cell in proposals.cells()) == Standing.objects.filter(purchase_count__gt=0).count()


def test_lapsing_people_are_measured_by_their_own_rhythm() -> None:
    for name, interval, waited in (("Weekly", 7, 20), ("Yearly", 365, 20), ("Late", 30, 110), ("Gone", 7, 60)):
        bought(person(name), 4, 10, last=waited, first=waited + 3 * interval)
    bought(person("Twice"), 2, 10, last=20, first=27)
    bought(person("Oneday"), 3, 10, last=20)
    assert names(proposals.LAPSING.rules, NOW) == "Late Weekly"
    assert names(rule("usual_interval", "equals", 7)) == "Gone Twice Weekly"
    assert names(rule("overdue", "less_than", 1), NOW) == "Yearly"


def test_lapsing_is_looked_at_again_as_time_passes() -> None:
    bought(person("Ann"), 4, 10, last=0, first=90)
    assert [names(proposals.LAPSING.rules, NOW + timedelta(days=days)) for days in (59, 60, 120, 121)] == [
        "", "Ann", "Ann", "",
    ]  # fmt: skip
    ann = Segment.objects.create(name="lapsing", rules=proposals.LAPSING.rules)
    membership.refresh(ann, now=NOW)
    ann.refresh_from_db()
    assert ann.due_at is not None


class TestPage:
    page = "admin:segments_segment_suggested"

    def test_it_shows_sizes_and_saves_one_as_a_segment_that_follows(
        self, client: Client, editor: User, ten: list[Contact]
    ) -> None:
        client.force_login(editor)
        shown = client.get(reverse(self.page)).content.decode()
        assert all(proposal.why in shown for proposal in PROPOSALS.values())
        answer = client.post(reverse("admin:segments_segment_save_suggested", args=["champions"]))
        made = Segment.objects.get(name="Champions")
        assert answer.url == reverse("admin:segments_segment_change", args=[made.pk])
        assert {member.contact.first_name for member in made.memberships.all()} == {"P6", "P7", "P8", "P9"}
        assert "quintiles" in Segment.objects.get().depends_on
        assert answer.url in client.get(reverse(self.page)).content.decode(), "who saved it finds it there"

    def test_saving_twice_says_that_the_name_is_taken(self, client: Client, editor: User, ten: list[Contact]) -> None:
        client.force_login(editor)
        for _ in range(2):
            client.post(reverse("admin:segments_segment_save_suggested", args=["lost"]))
        assert Segment.objects.count() == 1
        assert "already" in client.get(reverse(self.page)).content.decode()

    def test_without_scores_it_offers_to_work_them_out(self, client: Client, editor: User) -> None:
        client.force_login(editor)
        assert "There are no scores yet" in client.get(reverse(self.page)).content.decode()
        client.post(reverse("admin:segments_segment_find_bounds"))
        assert "Fewer than 5" in client.get(reverse(self.page)).content.decode()

    def test_who_may_not_see_or_add_segments_does_neither(self, client: Client, stranger: User) -> None:
        client.force_login(stranger)
        assert client.get(reverse(self.page)).status_code == 403
        assert client.post(reverse("admin:segments_segment_save_suggested", args=["lost"])).status_code == 403
        assert client.post(reverse("admin:segments_segment_find_bounds")).status_code == 403

    def test_nothing_is_saved_by_looking_and_no_other_name_is_taken(self, client: Client, editor: User) -> None:
        client.force_login(editor)
        assert client.get(reverse("admin:segments_segment_save_suggested", args=["lost"])).status_code == 405
        assert client.post(reverse("admin:segments_segment_save_suggested", args=["else"])).status_code == 404


@pytest.mark.skipif(not FILE.exists(), reason="the purchases of CDNOW's customers are not here")
def test_a_real_shops_cells_are_those_that_its_file_gives() -> None:
    purchases: dict[str, list[tuple[date, Decimal]]] = defaultdict(list)
    with gzip.open(FILE, "rt") as file:
        for row in csv.DictReader(file):
            purchases[row["customer_id"]].append((date.fromisoformat(row["date"]), Decimal(row["amount"])))
    _keep(purchases)
    quintiles.find()

    last = {who: max(day for day, _ in theirs) for who, theirs in purchases.items()}
    times = {who: len(theirs) for who, theirs in purchases.items()}
    spent = {who: sum(amount for _, amount in theirs) for who, theirs in purchases.items()}
    fifths = [_fifths(figures) for figures in (last, times, spent)]
    sizes: dict[str, int] = defaultdict(int)
    revenue: dict[str, Decimal] = defaultdict(Decimal)
    for who in purchases:
        name = _name_of(*(fifth[who] for fifth in fifths))
        sizes[name] += 1
        revenue[name] += Decimal(spent[who])
    assert {cell.proposal.name: cell.people for cell in proposals.cells() if cell.people} == sizes
    assert {cell.proposal.name: cell.spent for cell in proposals.cells() if cell.people} == revenue
    assert len(sizes) >= 8

    end = datetime.combine(max(last.values()), time(12), tzinfo=UTC)
    first = {who: min(day for day, _ in theirs) for who, theirs in purchases.items()}
    lapsing = {
        who
        for who in purchases
        if times[who] >= 3
        for span in [(last[who] - first[who]).days]
        if span and 2 <= round(Decimal((end.date() - last[who]).days * (times[who] - 1)) / span, 2) <= 4
    }
    assert _named(found(proposals.LAPSING.rules, end)) == lapsing
    assert _named(found(PROPOSALS["big_spenders"].rules)) == {who for who in purchases if fifths[2][who] == 5}
    assert len(lapsing) > 500


def _keep(purchases: dict[str, list[tuple[date, Decimal]]]) -> None:
    """The totals of each; that they come from the log rightly is test_cdnow's matter."""
    people = Contact.objects.bulk_create([Contact(external_id=who) for who in purchases], batch_size=5000)
    Standing.objects.bulk_create(
        [
            Standing(
                contact=contact, spent=sum(amount for _, amount in theirs), purchase_count=len(theirs),
                first_purchase_at=datetime.combine(min(day for day, _ in theirs), time(12), tzinfo=UTC),
                last_purchase_at=datetime.combine(max(day for day, _ in theirs), time(12), tzinfo=UTC),
            )
            for contact in people
            for theirs in [purchases[str(contact.external_id)]]
        ],
        batch_size=5000,
    )  # fmt: skip
    with connection.cursor() as cursor:  # as the server does by itself
        cursor.execute("ANALYZE contacts_contact, segments_standing")


def _fifths(figures: dict[str, Any]) -> dict[str, int]:
    ordered = sorted(figures.values())
    bounds = [ordered[math.ceil(len(ordered) * share / 5) - 1] for share in range(1, 5)]
    return {who: 1 + sum(figure > bound for bound in bounds) for who, figure in figures.items()}


def _name_of(r: int, f: int, m: int) -> str:
    """The same grid, written down once more by hand."""
    if f >= 4 and r >= 3:
        return "Champions" if r >= 4 and m >= 4 else "Loyal customers"
    if r >= 4:
        return "Potential loyalists" if f > 1 else "New customers" if r == 5 else "Promising"
    if r == 3:
        return "Need attention" if f > 1 else "About to sleep"
    if f >= 3:
        return "Can’t lose them" if f == 5 else "At risk"
    return "Hibernating" if r == 2 else "Lost"


def _named(ids: set[int]) -> set[str | None]:
    return set(Contact.objects.filter(pk__in=ids).values_list("external_id", flat=True))
