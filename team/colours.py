"""Colours as people see them: contrast as WCAG 2.2 counts it, and the nearest shade that can be read."""

import re

HEX = re.compile(r"#[0-9a-f]{6}")
WHITE, BLACK = "#ffffff", "#000000"
TEXT_CONTRAST = 4.5  # https://www.w3.org/TR/WCAG22/#contrast-minimum


def contrast(one: str, other: str) -> float:
    """Between 1 (the same) and 21 (black on white)."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    """https://www.w3.org/TR/WCAG22/#dfn-relative-luminance"""
    red, green, blue = (_linear(part / 255) for part in _parts(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def text_on(colour: str) -> str:
    """White or black, whichever can be read on `colour`: one of them always reaches 4.5."""
    return max((WHITE, BLACK), key=lambda text: contrast(text, colour))


def readable_on(ground: str, colour: str, *, at_least: float = TEXT_CONTRAST) -> str:
    """`colour`, or the first shade between it and the text colour of `ground` that reaches the contrast."""
    end = text_on(ground)
    shades = (_mixed(colour, end, step / 50) for step in range(51))
    return next((shade for shade in shades if contrast(shade, ground) >= at_least), end)


def _mixed(colour: str, other: str, share: float) -> str:
    pairs = zip(_parts(colour), _parts(other), strict=True)
    return "#" + "".join(f"{round(one + (two - one) * share):02x}" for one, two in pairs)


def _parts(colour: str) -> list[int]:
    return [int(colour[start : start + 2], 16) for start in (1, 3, 5)]


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
