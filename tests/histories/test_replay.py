"""Today's workflows replay what they did when the histories were recorded, and histories name nobody."""

import re
from collections.abc import Iterator

import pytest
from google.protobuf.message import Message
from temporalio.api.common.v1 import Payload
from temporalio.worker import Replayer

from heliograph.temporal.codec import ENCODING, EncryptionCodec
from heliograph.temporal.plugin import HeliographPlugin
from tests.histories.scenarios import DIRECTORY, KEY_RING, SCENARIOS, path_of, read_history
from worker import WORKFLOWS

PHONE_NUMBER = re.compile(rb"\+[0-9]{7,}")
NAME_OR_BODY = re.compile(rb"Name [0-9]+|20 % off|first_name")


def payloads(message: Message) -> Iterator[Payload]:
    """Every payload of a history, wherever it stands."""
    if isinstance(message, Payload):
        yield message
        return
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        if field.message_type.GetOptions().map_entry:
            children = [child for child in value.values() if isinstance(child, Message)]
        else:
            children = list(value) if field.is_repeated else [value]
        for child in children:
            yield from payloads(child)


def recorded(scenario: str) -> None:
    assert path_of(scenario).exists(), f"no history of {scenario}: run scripts/record_histories.py"


@pytest.mark.parametrize("scenario", SCENARIOS)
async def test_a_recorded_history_replays(scenario: str) -> None:
    recorded(scenario)
    replayer = Replayer(workflows=WORKFLOWS, plugins=[HeliographPlugin(KEY_RING)])
    await replayer.replay_workflow(read_history(scenario))


@pytest.mark.parametrize("scenario", SCENARIOS)
async def test_a_history_holds_no_number_no_name_and_no_body(scenario: str) -> None:
    recorded(scenario)
    history = read_history(scenario)
    found = [payload for event in history.events for payload in payloads(event)]
    sealed = [payload for payload in found if payload.metadata.get("encoding") == ENCODING]
    assert sealed, "nothing was found to look into"
    opened = await EncryptionCodec(KEY_RING).decode(sealed)
    for text in [path_of(scenario).read_bytes(), *(payload.SerializeToString() for payload in opened)]:
        assert not PHONE_NUMBER.search(text)
        assert not NAME_OR_BODY.search(text)


def test_no_history_lies_here_that_nobody_replays() -> None:
    found = {str(path.relative_to(DIRECTORY).with_suffix("")) for path in DIRECTORY.rglob("*.json")}
    assert found == set(SCENARIOS)
