"""The key ring: what it seals only it opens, for what it was sealed for."""

import base64
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from heliograph.errors import Defect, InvalidInput
from heliograph.secrets import KeyRing, load_key_ring, parse_key_ring
from heliograph.settings import Settings

OLD, NEW = {"old": os.urandom(32)}, {"new": os.urandom(32)}
KEY = base64.b64encode(os.urandom(32)).decode()


@given(st.binary(max_size=500), st.binary(max_size=50))
def test_what_is_sealed_opens_as_it_was(plain: bytes, context: bytes) -> None:
    ring = KeyRing(OLD)
    sealed = ring.seal(plain, context=context)
    assert ring.open(sealed, context=context) == plain
    assert sealed != ring.seal(plain, context=context)


def test_a_rotated_ring_opens_what_the_old_key_sealed_and_says_so() -> None:
    sealed = KeyRing(OLD).seal(b"secret", context=b"connector/1")
    rotated = KeyRing({**NEW, **OLD})
    assert not rotated.sealed_by_current(sealed)
    again = rotated.seal(rotated.open(sealed, context=b"connector/1"), context=b"connector/1")
    assert rotated.sealed_by_current(again)
    assert KeyRing(NEW).open(again, context=b"connector/1") == b"secret"


def test_a_secret_put_in_another_place_does_not_open() -> None:
    sealed = KeyRing(OLD).seal(b"secret", context=b"connector/1")
    with pytest.raises(Defect, match="does not belong here"):
        KeyRing(OLD).open(sealed, context=b"connector/2")


def test_a_key_that_is_missing_is_named() -> None:
    with pytest.raises(Defect, match="'old' is not in HELIOGRAPH_MASTER_KEYS"):
        KeyRing(NEW).open(KeyRing(OLD).seal(b"secret", context=b""), context=b"")


def test_no_byte_can_be_changed_or_cut_off() -> None:
    ring = KeyRing(OLD)
    sealed = ring.seal(b"secret", context=b"")
    for place in range(len(sealed)):
        changed = sealed[:place] + bytes([sealed[place] ^ 0x80]) + sealed[place + 1 :]
        with pytest.raises(Defect):
            ring.open(changed, context=b"")
        with pytest.raises(Defect):
            ring.open(sealed[:place], context=b"")


def test_a_ring_does_not_show_its_keys() -> None:
    assert OLD["old"].hex() not in repr(KeyRing(OLD))
    assert repr(OLD["old"]) not in repr(KeyRing(OLD))


@pytest.mark.parametrize(
    "text", ["", " , ", KEY, f":{KEY}", "a:short", f"a:{KEY[:-4]}", f"a:{KEY}!", f"{'k' * 65}:{KEY}"]
)
def test_a_ring_that_cannot_be_read_names_the_setting_and_the_rule(text: str) -> None:
    with pytest.raises(InvalidInput, match="HELIOGRAPH_MASTER_KEYS"):
        parse_key_ring(text)


def test_the_first_key_of_the_setting_seals() -> None:
    ring = load_key_ring(Settings(master_keys=SecretStr(f"b:{KEY}, a:{KEY}")))
    assert list(ring.keys) == ["b", "a"]
    assert ring.seal(b"", context=b"")[:2] == b"\x01b"


def test_two_processes_that_start_at_once_share_one_key_that_only_the_owner_reads(tmp_path: Path) -> None:
    program = """
import sys
from pathlib import Path
from heliograph.secrets import load_key_ring
from heliograph.settings import Settings
settings = Settings(data_dir=Path(sys.argv[1]) / "data")
print("ready", flush=True)
sys.stdin.readline()
print(load_key_ring(settings).keys)
"""
    started = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    rings = {process.communicate("go\n", timeout=60)[0] for process in started}
    assert len(rings) == 1
    directory = tmp_path / "data"
    assert [path.name for path in directory.iterdir()] == ["master-keys"]
    assert stat.S_IMODE((directory / "master-keys").stat().st_mode) == 0o600
