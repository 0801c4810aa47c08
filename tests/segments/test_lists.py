"""A static segment is filled from a file: whoever is known comes in, nobody is made, hostile files do no harm."""

import gzip
import io
import zipfile

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from contacts.models import Contact
from core.errors import Refused
from segments import definition, lists
from segments.models import Segment
from team.models import User
from tests.segments.people import person, rule

pytestmark = pytest.mark.django_db


@pytest.fixture
def chosen() -> Segment:
    for name in ("Ann", "Bob", "Cem"):
        person(name, external_id=f"C-{name}")
    return definition.create(name="Chosen", kind="static", by=None)


def upload(content: bytes | str, name: str = "list.csv") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content.encode() if isinstance(content, str) else content)


def members(segment: Segment) -> str:
    return " ".join(segment.memberships.order_by("contact__first_name").values_list("contact__first_name", flat=True))


@pytest.mark.parametrize(
    "content",
    [
        "email\nann@example.com\nBOB@example.com\nnobody@example.com\n",
        "ann@example.com\nbob@example.com\nnobody@example.com\n",
        "Name;Customer\nx;C-Ann\ny;C-Bob\nz;C-Zoe\n",
        "\ufeffname\temail\nAnn\tann@example.com\nBob\tbob@example.com\nZoe\tzoe@example.com\nAnn\tann@example.com\n",
    ],
)
def test_whoever_is_known_comes_in_and_the_rest_is_named(chosen: Segment, content: str) -> None:
    outcome = lists.fill(chosen, upload(content))
    assert (outcome.known, outcome.added, outcome.unknown, len(outcome.first_unknown)) == (2, 2, 1, 1)
    assert members(chosen) == "Ann Bob"
    assert Contact.objects.count() == 3
    assert lists.fill(chosen, upload(content)).added == 0


def test_a_look_adds_nobody(chosen: Segment) -> None:
    assert lists.fill(chosen, upload("ann@example.com\n"), only_check=True).added == 1
    assert members(chosen) == ""


def bomb() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * 50_000_000)
    return packed.getvalue()


@pytest.mark.parametrize(
    "content",
    [b"", b"\x00\x01\x02", b"PK\x03\x04nothing", bomb(), gzip.compress(b"a@example.com\n" * 3_000_000),
     b"\xd0\xcf\x11\xe0", b"x\n" * 10, b"'; DROP TABLE contacts_contact; --\n", b"\xff\xfe\x00\xd8"],
)  # fmt: skip
def test_a_file_that_is_no_list_is_refused_with_a_sentence(chosen: Segment, content: bytes) -> None:
    with pytest.raises(Refused, match=r"\w+ \w+"):
        lists.fill(chosen, upload(content))
    assert members(chosen) == ""


def test_only_a_static_segment_is_filled_from_a_list(chosen: Segment) -> None:
    dynamic = definition.create(name="All", rules={"all": []}, by=None)
    with pytest.raises(Refused, match="follows its rules"):
        lists.fill(dynamic, upload("ann@example.com\n"))


def test_too_long_a_list_is_sent_to_the_import(chosen: Segment) -> None:
    with pytest.raises(Refused, match="Import it with a tag"):
        lists.fill(chosen, upload("ann@example.com\n" + "\n".join(map(str, range(lists.ROWS + 1)))))


def test_the_console_says_what_became_of_the_list(
    chosen: Segment, editor: User, stranger: User, client: Client
) -> None:
    url = f"/admin/segments/segment/{chosen.pk}/members/list/"
    client.force_login(stranger)
    assert client.post(url, {"file": upload("ann@example.com\n")}).status_code in (302, 403)
    client.force_login(editor)
    page = client.post(url, {"file": upload("ann@example.com\n<b>zoe</b>\n")}, follow=True).content.decode()
    assert "names 1 people we know; 1 are new here" in page
    assert "&lt;b&gt;zoe&lt;/b&gt;" in page
    assert "<b>zoe</b>" not in page
    assert "Choose a file first" in client.post(url, {}, follow=True).content.decode()
    assert members(chosen) == "Ann"


def test_the_api_takes_a_list_too(chosen: Segment, editor: User, client: Client) -> None:
    client.force_login(editor)
    url = f"/api/segments/{chosen.uuid}/users/import"
    answer = client.post(url, {"file": upload("ann@example.com\nzoe@example.com\n")})
    assert answer.json() == {"known": 1, "added": 1, "unknown": 1, "first_unknown": ["zoe@example.com"]}
    assert client.post(url, {"file": upload("\x00")}).status_code == 409


def test_a_snapshot_is_taken_with_one_button(editor: User, client: Client) -> None:
    person("Ann", tags=["vip"])
    vips = definition.create(name="VIPs", rules=rule("tag", "has", "vip"), by=editor)
    client.force_login(editor)
    assert client.get(f"/admin/segments/segment/{vips.pk}/snapshot/").status_code == 405
    page = client.post(f"/admin/segments/segment/{vips.pk}/snapshot/", follow=True).content.decode()
    taken = Segment.objects.get(kind="snapshot")
    assert taken.name.startswith("VIPs, ")
    assert members(taken) == "Ann"
    assert "Kept: 1 people" in page
    assert client.get(f"/admin/segments/segment/{taken.pk}/edit/").status_code == 200
