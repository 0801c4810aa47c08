"""The proof of one person's consent as a file: PDF for reading, CSV for checking, each with a digest of the records."""

import csv
import hashlib
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import typst
from django.db.models import QuerySet
from django.utils import timezone

from contacts.models import ConsentRecord, Contact, Topic
from core.tabular import escape_cell

HEAD = (
    "Happened at (UTC)", "What", "Channel", "Topic", "Where it happened", "Wording", "Legal basis", "IP address",
    "Recorded at (UTC)", "Recorded by", "Contact",
)  # fmt: skip
# Data comes in as JSON and is only ever shown as text, so nothing that a person wrote is read as markup.
_PAPER = """
#let proof = json(bytes(sys.inputs.proof))
#set document(title: proof.title)
#set page(paper: "a4", flipped: true, margin: (x: 1.5cm, y: 1.6cm), numbering: "1 / 1")
#set text(size: 8.5pt)
#text(size: 17pt, weight: "bold", proof.title)
#v(-5pt)
#text(fill: luma(90), proof.subtitle)
#v(6pt)
#for line in proof.about [#text(line) \\ ]
#v(8pt)
#set table(stroke: (x, y) => (bottom: if y == 0 { 0.8pt + luma(90) } else { 0.4pt + luma(210) }), inset: 4pt)
#show table.cell.where(y: 0): strong
#table(
  columns: (1.5fr, 1fr, 0.8fr, 1.1fr, 2.2fr, 3fr, 1fr, 1.2fr, 1.5fr, 1.2fr),
  table.header(..proof.head.map(word => [#word])),
  ..proof.rows.flatten().map(word => [#word]),
)
#v(8pt)
#text(fill: luma(90), proof.digest)
"""


@dataclass(frozen=True, slots=True)
class Proof:
    """Everything the ledger has of a person, oldest first, those of contacts merged into them included."""

    contact: Contact
    made_at: datetime
    made_by: str
    topics: dict[str, str]
    records: list[ConsentRecord]

    @property
    def rows(self) -> list[list[str]]:
        return [self._row(record) for record in self.records]

    @property
    def digest(self) -> str:
        """SHA-256 over the rows as JSON: two files with the same records have the same."""
        return hashlib.sha256(json.dumps(self.rows, ensure_ascii=True).encode()).hexdigest()

    def _row(self, record: ConsentRecord) -> list[str]:
        return [
            _moment(record.occurred_at), record.get_action_display(), record.get_channel_display(),
            self.topics.get(record.topic, record.topic) or "the channel as a whole", record.source, record.wording,
            record.legal_basis, record.ip_address or "", _moment(record.recorded_at), str(record.recorded_by or ""),
            str(record.contact.uuid),
        ]  # fmt: skip


def of(contact: Contact, *, by: str) -> Proof:
    people = [contact.pk, *merged_into(contact).values_list("pk", flat=True)]
    records = ConsentRecord.objects.filter(contact__in=people).select_related("contact", "recorded_by")
    return Proof(
        contact, timezone.now(), by, dict(Topic.objects.values_list("key", "name")),
        list(records.order_by("occurred_at", "id")),
    )  # fmt: skip


def merged_into(contact: Contact) -> QuerySet[Contact]:
    """Contacts that became this one; their records stay theirs."""
    return Contact.objects.filter(merged_into=contact).order_by("pk")


def as_csv(proof: Proof) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(HEAD)
    writer.writerows([[escape_cell(cell) for cell in row] for row in proof.rows])
    writer.writerows([[], ["SHA-256 of the records", proof.digest]])
    return text.getvalue().encode("utf-8-sig")


def as_pdf(proof: Proof) -> bytes:
    paper: dict[str, Any] = {
        "title": f"Consent of {proof.contact}",
        "subtitle": f"Made on {_moment(proof.made_at)} UTC by {proof.made_by} from the append-only consent ledger.",
        "about": _about(proof),
        "head": HEAD[:-1],
        "rows": [[cell or "–" for cell in row[:-1]] for row in proof.rows],
        "digest": f"{len(proof.records)} records. SHA-256 of the records: {proof.digest}",
    }
    return bytes(typst.compile(_PAPER.encode(), format="pdf", sys_inputs={"proof": json.dumps(paper)}))


def _about(proof: Proof) -> list[str]:
    """Who it is about, as far as that is still known."""
    contact = proof.contact
    known = {"Id": str(contact.uuid), "Email": contact.email, "Phone": contact.phone, "Your id": contact.external_id}
    lines = [f"{label}: {value}" for label, value in known.items() if value]
    others = [str(one) for one in dict.fromkeys(record.contact.uuid for record in proof.records) if one != contact.uuid]
    return [*lines, f"With the records of contacts merged into this one: {', '.join(others)}"] if others else lines


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


WRITERS: dict[str, tuple[str, Callable[[Proof], bytes]]] = {
    "csv": ("text/csv; charset=utf-8", as_csv),
    "pdf": ("application/pdf", as_pdf),
}
