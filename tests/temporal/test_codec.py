"""Payloads in Temporal: unreadable without the ring, readable after its rotation."""

import os

import pytest
from temporalio.api.common.v1 import Payload

from heliograph.errors import Defect
from heliograph.secrets import KeyRing
from heliograph.temporal.codec import ENCODING, EncryptionCodec

PLAIN = [Payload(metadata={"encoding": b"json/plain"}, data=b'"Anna"'), Payload(metadata={"encoding": b"binary/null"})]
OLD, NEW = {"old": os.urandom(32)}, {"new": os.urandom(32)}


async def test_what_is_encoded_comes_back_as_it_was_and_shows_nothing_on_the_way() -> None:
    codec = EncryptionCodec(KeyRing(OLD))
    sealed = await codec.encode(PLAIN)
    assert [dict(payload.metadata) for payload in sealed] == [{"encoding": ENCODING}] * 2
    assert all(b"Anna" not in payload.data and b"json" not in payload.data for payload in sealed)
    assert await codec.decode(sealed) == PLAIN


async def test_histories_are_read_after_a_rotation_and_new_ones_take_the_new_key() -> None:
    before = EncryptionCodec(KeyRing(OLD))
    after = EncryptionCodec(KeyRing({**NEW, **OLD}))
    assert await after.decode(await before.encode(PLAIN)) == PLAIN
    with pytest.raises(Defect, match="'new' is not in HELIOGRAPH_MASTER_KEYS"):
        await before.decode(await after.encode(PLAIN))


async def test_payloads_that_are_not_ours_pass_through() -> None:
    assert await EncryptionCodec(KeyRing(OLD)).decode(PLAIN) == PLAIN


async def test_a_payload_that_was_changed_on_the_way_is_not_read() -> None:
    codec = EncryptionCodec(KeyRing(OLD))
    (sealed,) = await codec.encode(PLAIN[:1])
    sealed.data = sealed.data[:-1] + bytes([sealed.data[-1] ^ 1])
    with pytest.raises(Defect, match="changed"):
        await codec.decode([sealed])
