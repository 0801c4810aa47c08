"""Questions about other segments."""

from segments.conditions import NO_FACT, Condition
from segments.fields.base import Catalogue, Question, questions


class MembershipOperand:
    """Membership of another segment, as of its last refresh."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue

    def equals(self, value: str) -> Condition:
        sql = "EXISTS (SELECT 1 FROM segments_membership m WHERE m.segment_id = %s AND m.contact_id = c.id)"
        return Condition(sql, (self.catalogue.segments[value].pk,), is_certain=True)

    def shown(self) -> Condition:
        return NO_FACT


@questions.register
class InSegment(Question):
    key, label, group, type, can_be_empty = "segment", "Segment", "Segments", "segment", False

    def operand(self, catalogue: Catalogue) -> MembershipOperand:
        return MembershipOperand(catalogue)

    def choices(self, catalogue: Catalogue) -> tuple[tuple[str, str], ...]:
        return tuple((uuid, segment.name) for uuid, segment in catalogue.segments.items())
