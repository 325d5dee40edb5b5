"""What an operator sees of a run in Temporal, without reading code."""

from typing import Any

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.api.sdk.v1 import WorkflowMetadata

from heliograph.contracts import campaign_workflow_id
from heliograph.simulator.script import Fixed, Script
from heliograph.temporal.search_attributes import CAMPAIGN_ID, CAMPAIGN_NAME, CAMPAIGN_STATUS
from tests.campaigns.rehearsal import Rehearsal
from tests.campaigns.stage import Stage

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def current_details(rehearsal: Rehearsal) -> str:
    """The Markdown of the run's page."""
    handle = rehearsal.services.temporal.get_workflow_handle(campaign_workflow_id((await rehearsal.run())["id"]))
    metadata: WorkflowMetadata = await handle.query("__temporal_workflow_metadata", result_type=WorkflowMetadata)
    return metadata.current_details


async def test_a_running_campaign_tells_which_it_is_where_it_stands_and_what_it_waits_for(stage: Stage) -> None:
    await stage.follow(Script(latency=Fixed(seconds=0.1)))
    rehearsal = await stage.rehearse(2_000)
    await rehearsal.launch()
    await rehearsal.until_accepted(200)
    description = await rehearsal.services.temporal.get_workflow_handle(
        campaign_workflow_id((await rehearsal.run())["id"])
    ).describe()
    found = description.typed_search_attributes
    name = found[CAMPAIGN_NAME]
    assert name.startswith("Rehearsal ")
    assert found[CAMPAIGN_STATUS] == "ACTIVE"
    assert found[CAMPAIGN_ID] == str(rehearsal.campaign_id)
    assert await description.static_summary() == f"{name} · 2000 recipients · sms · promotional"
    details = await current_details(rehearsal)
    assert name in details
    assert "**ACTIVE** · waiting for" in details
    assert "2000 recipients" in details
    await rehearsal.pause()
    details = await current_details(rehearsal)
    assert "**PAUSED** · waiting for somebody to resume it" in details
    assert "paused by tester" in details
    assert "| queued |" in details
    await rehearsal.stop()
    await rehearsal.proven()


async def test_nothing_in_temporal_names_a_person(stage: Stage) -> None:
    rehearsal = await stage.rehearse(50)
    await rehearsal.launch()
    await rehearsal.proven()
    handle = rehearsal.services.temporal.get_workflow_handle(campaign_workflow_id((await rehearsal.run())["id"]))
    history = await handle.fetch_history()
    converter = rehearsal.services.temporal.data_converter
    texts = [await current_details(rehearsal)]
    for event in history.events:
        for payload in _payloads(event):
            (opened,) = await converter.payload_codec.decode([payload]) if converter.payload_codec else [payload]
            texts.append(opened.data.decode(errors="replace"))
    numbers = [message.to for message in await rehearsal.log()]
    assert len(numbers) == 50
    assert not [number for number in numbers for text in texts if number in text or number[1:] in text]


def _payloads(message: Any) -> list[Payload]:
    """Every payload anywhere inside a protobuf message."""
    if isinstance(message, Payload):
        return [message]
    found: list[Payload] = []
    for descriptor, value in message.ListFields():
        if descriptor.message_type is None:
            continue
        values = value.values() if hasattr(value, "values") else value if hasattr(value, "__iter__") else [value]
        found.extend(payload for item in values if hasattr(item, "ListFields") for payload in _payloads(item))
    return found
