"""Signed tokens: made by us, for this purpose, undamaged; or refused."""

import base64

import pytest
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st

from core import tokens


@given(st.binary(min_size=1, max_size=200))
def test_what_was_signed_comes_back(payload: bytes) -> None:
    assert tokens.verify("open", tokens.sign("open", payload)) == payload


@given(st.binary(min_size=1, max_size=60), st.integers(min_value=0))
def test_a_flipped_bit_is_refused(payload: bytes, bit: int) -> None:
    token = tokens.sign("open", payload)
    place, shift = divmod(bit % (len(token) * 7), 7)
    damaged = token[:place] + chr(ord(token[place]) ^ (1 << shift)) + token[place + 1 :]
    with pytest.raises(tokens.BadToken):
        tokens.verify("open", damaged)


@given(st.binary(min_size=1, max_size=60), st.integers(min_value=1, max_value=200))
def test_a_truncated_token_is_refused(payload: bytes, cut: int) -> None:
    with pytest.raises(tokens.BadToken):
        tokens.verify("open", tokens.sign("open", payload)[:-cut])


def test_a_click_token_unsubscribes_nobody() -> None:
    with pytest.raises(tokens.BadToken):
        tokens.verify("unsubscribe", tokens.sign("click", b"message 1"))


@given(st.text(max_size=300))
def test_any_text_is_refused_calmly(text: str) -> None:
    with pytest.raises(tokens.BadToken):
        tokens.verify("open", text)


def test_old_links_work_after_a_key_was_rotated_and_end_when_it_is_removed() -> None:
    with override_settings(TOKEN_KEYS=["first key"]):
        old = tokens.sign("open", b"message 1")
    with override_settings(TOKEN_KEYS=["second key", "first key"]):
        assert tokens.verify("open", old) == b"message 1"
        assert tokens.sign("open", b"message 1") != old
    with override_settings(TOKEN_KEYS=["second key"]), pytest.raises(tokens.BadToken):
        tokens.verify("open", old)


def test_old_links_work_although_the_new_key_happens_to_have_the_same_id() -> None:
    def signed(secret: str) -> bytes:
        with override_settings(TOKEN_KEYS=[secret]):
            return base64.urlsafe_b64decode(tokens.sign("open", b"12"))[:1]  # 15 bytes need no padding

    new = next(secret for secret in map(str, range(10_000)) if signed(secret) == signed("old key"))
    with override_settings(TOKEN_KEYS=["old key"]):
        old = tokens.sign("open", b"message 1")
    with override_settings(TOKEN_KEYS=[new, "old key"]):
        assert tokens.verify("open", old) == b"message 1"
        assert tokens.verify("open", tokens.sign("open", b"message 2")) == b"message 2"
    with override_settings(TOKEN_KEYS=[new]), pytest.raises(tokens.BadToken):
        tokens.verify("open", old)


def test_a_signer_made_once_signs_like_sign() -> None:
    make = tokens.signer("open")
    assert [make(b"a"), make(b"b")] == [tokens.sign("open", b"a"), tokens.sign("open", b"b")]
