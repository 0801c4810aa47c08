"""How versions, places and random samples are compared."""

from datetime import datetime

from segments import values
from segments.conditions import Condition
from segments.operands import Number, Place
from segments.operators.base import Complement, Empty, Filled, Operator, operators

# --- Versions ------------------------------------------------------------------------------------------------------


class ComparesVersions(Operator):
    takes = values.VersionShape()
    sign: str

    def condition(self, operand: Number, value: float, now: datetime) -> Condition:
        return operand.compares(self.sign, value)


@operators.register
class VersionEquals(ComparesVersions):
    key, label, sign = "version.equals", "is", "="


@operators.register
class VersionNotEquals(Complement):
    key, label, of = "version.not_equals", "is not", VersionEquals


@operators.register
class VersionLess(ComparesVersions):
    key, label, sign = "version.less_than", "is before", "<"


@operators.register
class VersionAtMost(ComparesVersions):
    key, label, sign = "version.at_most", "is at most", "<="


@operators.register
class VersionGreater(ComparesVersions):
    key, label, sign = "version.greater_than", "is after", ">"


@operators.register
class VersionAtLeast(ComparesVersions):
    key, label, sign = "version.at_least", "is at least", ">="


@operators.register
class VersionBetween(Operator):
    key, label, takes = "version.between", "is between", values.VersionsShape()

    def condition(self, operand: Number, value: tuple[float, float], now: datetime) -> Condition:
        return operand.between(*value)


@operators.register
class VersionFilled(Filled):
    key = "version.is_filled"


@operators.register
class VersionEmpty(Empty):
    key = "version.is_empty"


# --- Places --------------------------------------------------------------------------------------------------------


@operators.register
class PlaceWithin(Operator):
    key, label, takes = "place.within_km", "is within … km of a point", values.CircleShape()
    phrase = "is within {}"

    def condition(self, operand: Place, value: tuple[float, float, float], now: datetime) -> Condition:
        return operand.within(*value)


@operators.register
class PlaceNotWithin(Complement):
    key, label, of = "place.not_within_km", "is not within … km of a point", PlaceWithin


class PlacePart(Operator):
    takes = values.TextsShape()
    part: str

    def condition(self, operand: Place, value: list[str], now: datetime) -> Condition:
        return operand.part_is(self.part, value)


@operators.register
class PlaceCountry(PlacePart):
    key, label, part, phrase = "place.country", "is in the country", "country", "is in the country {}"


@operators.register
class PlaceNotCountry(Complement):
    key, label, of = "place.not_country", "is not in the country", PlaceCountry


@operators.register
class PlaceRegion(PlacePart):
    key, label, part, phrase = "place.region", "is in the region", "region", "is in the region {}"


@operators.register
class PlaceCity(PlacePart):
    key, label, part, phrase = "place.city", "is in the city", "city", "is in the city {}"


@operators.register
class PlaceNotCity(Complement):
    key, label, of = "place.not_city", "is not in the city", PlaceCity


@operators.register
class PlaceFilled(Filled):
    key = "place.is_filled"


@operators.register
class PlaceEmpty(Empty):
    key = "place.is_empty"


# --- Random samples ------------------------------------------------------------------------------------------------


@operators.register
class SampleOf(Operator):
    """The first per cent of everyone in a random order; a larger sample holds every smaller one."""

    key, label, takes = "sample.percent", "of … % of everyone", values.PercentShape()
    phrase, denial = "is in a random {} of everyone", "is not in a random {} of everyone"

    def condition(self, operand: Number, value: float, now: datetime) -> Condition:
        return operand.compares("<", value)


@operators.register
class SampleRest(Complement):
    key, label, of = "sample.not_percent", "without … % of everyone", SampleOf


@operators.register
class SampleBetween(Operator):
    """A part from the middle of the random order: disjoint parts make disjoint samples."""

    key, label, takes = "sample.between", "from … % to … % of a random order", values.PercentsShape()
    phrase = "is from {} of a random order"
    denial = "is not from {} of a random order"

    def condition(self, operand: Number, value: tuple[float, float], now: datetime) -> Condition:
        return operand.compares(">=", value[0]) & operand.compares("<", value[1])
