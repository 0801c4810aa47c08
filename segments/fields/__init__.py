"""What a rule may ask about: a registry of single fields and of families (`attribute:<key>`, `consent:<channel>`).

A field says of which type its values are, which decides the operators, and where SQL finds them (its operand). A
family makes fields from what the catalogue holds; a name that is in neither is refused.
"""

from segments.fields import companies, others, person, reach, rfm, samples, standing
from segments.fields.base import Catalogue, Family, Field, Question, everything, families, find, questions

__all__ = [
    "Catalogue", "Family", "Field", "Question", "companies", "everything", "families", "find", "others", "person",
    "questions", "reach", "rfm", "samples", "standing",
]  # fmt: skip
