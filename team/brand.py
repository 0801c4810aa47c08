"""The brand: the one row that public pages are dressed in, and the colours that follow from it."""

from dataclasses import dataclass

from team import colours
from team.models import Brand

ONLY = 1
DARK_PAPER, DARK_GROUND = "#211d19", "#161310"


def current() -> Brand:
    """The brand as it is set up; what it would be by default while nobody has."""
    return Brand.objects.filter(pk=ONLY).first() or Brand(pk=ONLY)


@dataclass(frozen=True, slots=True)
class Palette:
    """What a stylesheet needs of a brand, for light and for dark screens. Every pair can be read."""

    accent: str
    on_accent: str
    ground: str
    on_ground: str
    dark_accent: str
    dark_on_accent: str
    dark_ground: str = DARK_GROUND
    dark_on_ground: str = colours.WHITE


def palette(brand: Brand) -> Palette:
    accent = colours.readable_on(colours.WHITE, brand.accent)
    dark_accent = colours.readable_on(DARK_PAPER, brand.accent)
    return Palette(
        accent=accent,
        on_accent=colours.text_on(accent),
        ground=brand.ground,
        on_ground=colours.text_on(brand.ground),
        dark_accent=dark_accent,
        dark_on_accent=colours.text_on(dark_accent),
    )
