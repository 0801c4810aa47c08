"""How a rule may ask: one class per comparison, registered under its type and its own key (`number.between`)."""

from segments.operators import choices, dates, numbers, others, text
from segments.operators.base import Complement, Operator, find, of_type, operators

__all__ = ["Complement", "Operator", "choices", "dates", "find", "numbers", "of_type", "operators", "others", "text"]
