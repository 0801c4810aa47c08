"""Uploaded logos: read within limits, and written anew, so that nothing but a picture is kept."""

import io
import warnings
from typing import IO, NamedTuple

from PIL import Image

from core.errors import Refused

MAX_BYTES = 2 * 1024**2
MAX_SIDE = 6000  # read
BOX = (640, 240)  # kept: twice what a page shows, for screens that draw every point with four
FORMATS = ("PNG", "JPEG", "WEBP", "GIF")  # SVG may hold scripts
UNREADABLE = "This file can't be read as a picture. Save it as PNG, JPEG or WebP and upload that."


class Logo(NamedTuple):
    content: bytes
    width: int
    height: int


def read(file: IO[bytes]) -> Logo:
    """The picture as a PNG within BOX, without whatever else the file carried; raises Refused."""
    raw = file.read(MAX_BYTES + 1)
    if len(raw) > MAX_BYTES:
        raise Refused("logo_too_large", "A logo may have at most 2 MB. Make it smaller and upload it again.")
    picture = _picture(raw)
    picture.thumbnail(BOX, Image.Resampling.LANCZOS)
    out = io.BytesIO()
    picture.save(out, "PNG", optimize=True)
    return Logo(out.getvalue(), *picture.size)


def _picture(raw: bytes) -> Image.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            picture = Image.open(io.BytesIO(raw), formats=FORMATS)
            if max(picture.size) > MAX_SIDE:  # told by the header, before a point is read
                raise Refused("logo_too_large", f"A logo may have at most {MAX_SIDE:,} points on each side.")
            # A new picture: text, profiles and places that the old one carried stay behind.
            clean = Image.new("RGBA", picture.size)
            clean.paste(picture.convert("RGBA"))
            return clean
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise Refused("logo_unreadable", UNREADABLE) from error
