"""The bytes of an email: parsed back by Python's own parser, and safe against values that try to add headers."""

import email
import email.policy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.mime import BadHeader, Skeleton, encoded_body, mailbox
from templates_app.rendering import Content

SKELETON = Skeleton.make(from_name="Bells & Co", from_email="news@example.com", reply_to="answers@example.com")


def assemble(subject: str = "Hi", html: str = "<p>Hi</p>", text: str = "Hi", to_name: str = "") -> bytes:
    content = Content(subject, "", html, text)
    return SKELETON.assemble(content, to_name=to_name, to_email="ada@example.com", message_id="7.1")


def parse(raw: bytes) -> email.message.EmailMessage:
    return email.message_from_bytes(raw, policy=email.policy.default)  # type: ignore[return-value]


@given(
    st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=200),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=4000),
)
def test_whatever_is_written_is_read_again(subject: str, body: str) -> None:
    mail = parse(assemble(subject=subject, html=body, text=body))
    assert str(mail["Subject"]).split() == subject.split()
    for kind in ("html", "plain"):
        found = mail.get_body((kind,)).get_content().replace("\r\n", "\n")
        assert found.rstrip("\n") == body.rstrip("\n")
    assert mail["Reply-To"] == "<answers@example.com>" or "answers@example.com" in mail["Reply-To"]
    assert mail["Message-ID"] == "<7.1@example.com>"


@given(st.text(max_size=5000))
def test_no_line_is_longer_than_mail_servers_take(body: str) -> None:
    raw = assemble(html=body * 3, text=body)
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert b"\n" not in raw.replace(b"\r\n", b"")


@pytest.mark.parametrize("line_break", ["\r\n", "\n", "\r", "\u2028", "\u2029", "\x85", "\x0b", "\x00"])
def test_a_line_break_never_reaches_a_header(line_break: str) -> None:
    for place in ("subject", "to_name"):
        with pytest.raises(BadHeader):
            assemble(**{place: f"Hi{line_break}Bcc: everyone@example.com"})
    with pytest.raises(BadHeader):
        Skeleton.make(from_name=f"News{line_break}X: y", from_email="news@example.com")


@pytest.mark.parametrize("address", ["a@b.co>, <c@d.co", "a b@c.co", "a@b.co\r\nX: y", "ü@example.com"])
def test_an_address_that_could_end_early_is_refused(address: str) -> None:
    with pytest.raises(BadHeader):
        mailbox("", address)


def test_names_in_other_scripts_and_with_quotes_survive() -> None:
    for name in ("Zoë Grün", "山田 太郎", 'Ada "the first" Lovelace', "O'Neil, Jr."):
        mail = parse(assemble(to_name=name))
        assert mail["To"].addresses[0].display_name == name
        assert mail["To"].addresses[0].addr_spec == "ada@example.com"


def test_long_lines_are_quoted_and_short_ones_sent_as_they_are() -> None:
    assert encoded_body("short\nlines")[0] == b"7bit"
    assert encoded_body("kürze\nZeilen")[0] == b"8bit"
    assert encoded_body("x" * 991)[0] == b"quoted-printable"
    assert encoded_body("x" * 990 + "\n" + "y" * 990)[0] == b"7bit"
