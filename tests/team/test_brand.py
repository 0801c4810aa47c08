"""The brand: colours that can be read, logos that are nothing but pictures, and who may change them."""

import io
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from core.errors import Refused
from team import brand, colours, logos
from team.models import Brand, User
from team.roles import ADMINISTRATOR

PAGE = "/admin/team/brand/"
FIELDS = {"name": "Bell Shop", "accent": "#0f5c63", "ground": "#eef4f3", "website": "", "privacy_url": ""}
colour = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


def picture(kind: str = "PNG", size: tuple[int, int] = (300, 100), **options: Any) -> io.BytesIO:
    file = io.BytesIO()
    Image.new("RGB", size, "#0f5c63").save(file, kind, **options)
    file.seek(0)
    return file


@pytest.fixture
def admin(db: None, client: Client) -> Client:
    user = User.objects.create_user("dora", "dora@example.com", "dora-secret-1", is_staff=True)
    user.groups.add(Group.objects.get(name=ADMINISTRATOR))
    client.force_login(user)
    return client


def test_contrast_is_counted_as_the_standard_counts_it() -> None:
    assert colours.contrast("#000000", "#ffffff") == pytest.approx(21)
    assert colours.contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
    assert colours.contrast("#ff0000", "#ff0000") == 1


@given(colour, colour)
def test_whatever_the_brand_every_text_of_a_page_can_be_read(accent: str, ground: str) -> None:
    dress = brand.palette(Brand(accent=accent, ground=ground))
    pairs = [
        (dress.accent, colours.WHITE), (dress.on_accent, dress.accent), (dress.on_ground, dress.ground),
        (dress.dark_accent, brand.DARK_PAPER), (dress.dark_on_accent, dress.dark_accent),
        (dress.dark_on_ground, dress.dark_ground),
    ]  # fmt: skip
    assert all(colours.contrast(*pair) >= 4.5 for pair in pairs)


def test_a_colour_that_can_be_read_stays_what_it_is() -> None:
    assert colours.readable_on(colours.WHITE, "#0f5c63") == "#0f5c63"


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
def test_a_logo_is_kept_as_a_png_within_its_box(kind: str) -> None:
    logo = logos.read(picture(kind, (1200, 200)))
    kept = Image.open(io.BytesIO(logo.content))
    assert (kept.format, kept.size) == ("PNG", (640, 107))
    assert (logo.width, logo.height) == kept.size


def test_what_a_picture_carries_besides_its_points_is_left_behind() -> None:
    notes = PngInfo()
    notes.add_text("Comment", "<script>alert(1)</script>")
    assert b"script" in picture(pnginfo=notes).getvalue()
    hidden = picture(pnginfo=notes).getvalue() + b"<?php tail ?>"
    assert b"script" not in logos.read(io.BytesIO(hidden)).content
    assert b"php" not in logos.read(io.BytesIO(hidden)).content


@pytest.mark.parametrize(
    "content",
    [
        b"", b"no picture", b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        picture().getvalue()[:60], b"%PDF-1.4", picture("BMP").getvalue(), picture("TIFF").getvalue(),
    ],
)  # fmt: skip
def test_what_is_no_picture_or_could_be_more_than_one_is_refused(content: bytes) -> None:
    with pytest.raises(Refused, match="can't be read as a picture"):
        logos.read(io.BytesIO(content))


def test_a_picture_too_large_to_unpack_is_refused_by_its_header() -> None:
    with pytest.raises(Refused, match="points"):
        logos.read(picture(size=(20_000, 20)))
    with pytest.raises(Refused, match="2 MB"):
        logos.read(io.BytesIO(b"\x00" * (logos.MAX_BYTES + 1)))


def test_an_administrator_sets_name_colours_and_logo(admin: Client) -> None:
    file = SimpleUploadedFile("logo.png", picture().getvalue())
    assert admin.post(PAGE, {**FIELDS, "logo_file": file}).status_code == 302
    kept = brand.current()
    assert (kept.name, kept.accent, kept.logo_width) == ("Bell Shop", "#0f5c63", 300)
    answer = Client().get(reverse("team:logo", args=[kept.logo_digest]))
    assert (answer.status_code, answer["Content-Type"]) == (200, "image/png")
    assert "immutable" in answer["Cache-Control"]
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert Client().get(reverse("team:logo", args=["0" * 16])).status_code == 404
    admin.post(PAGE, {**FIELDS, "removes_logo": "on"})
    assert brand.current().logo is None


def test_saving_without_a_new_logo_keeps_the_one_there_is(admin: Client) -> None:
    admin.post(PAGE, {**FIELDS, "logo_file": SimpleUploadedFile("logo.png", picture().getvalue())})
    admin.post(PAGE, {**FIELDS, "name": "Other"})
    assert brand.current().logo_digest
    assert Brand.objects.count() == 1


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("accent", "#ffcc00", "text needs 4.5"), ("accent", "red;}x{", "six hexadecimal digits"),
        ("ground", "#12345g", "six hexadecimal digits"), ("website", "javascript:alert(1)", "valid URL"),
    ],
)  # fmt: skip
def test_a_brand_that_nobody_could_read_or_that_is_code_is_refused(
    admin: Client, field: str, value: str, words: str
) -> None:
    page = admin.post(PAGE, FIELDS | {field: value})
    assert page.status_code == 200
    assert words in page.content.decode()
    assert not Brand.objects.exists()


@pytest.mark.parametrize("colour", ["#fff", "red", "#0f5c6;", "#0F5C63"])
def test_the_database_takes_nothing_else_as_a_colour(db: None, colour: str) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Brand.objects.create(pk=1, accent=colour)


def test_there_is_only_one_brand(db: None) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Brand.objects.create(pk=2)


def test_looking_at_the_page_makes_no_brand_and_marketers_only_look(client: Client, editor: User) -> None:
    client.force_login(editor)
    page = client.get(PAGE)
    assert "An administrator can change this" in page.content.decode()
    assert client.post(PAGE, FIELDS).status_code == 403
    assert not Brand.objects.exists()


def test_a_stranger_sees_no_brand_page(client: Client, stranger: User) -> None:
    client.force_login(stranger)
    assert client.get(PAGE).status_code == 403
