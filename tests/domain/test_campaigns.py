"""A campaign's settings and the rules of its life."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from heliograph.db.runs import CAMPAIGN_STATUS_OF
from heliograph.domain.campaigns import (
    ALLOWED_IN,
    CLOSED_RUN,
    LARGEST_BATCH,
    CampaignSettings,
    batch_size,
    in_doubt_limit,
    window,
)
from heliograph.domain.vocabulary import CampaignStatus, Category, RunStatus, Schedule
from heliograph.ids import new_id

AT = datetime(2030, 12, 24, 9, 0, tzinfo=UTC)


def broken(**document: Any) -> set[str]:
    """The fields that break a rule ('' for the settings as a whole)."""
    with pytest.raises(ValidationError) as raised:
        CampaignSettings(**{"name": "Spring", **document})
    return {".".join(map(str, item["loc"])) for item in raised.value.errors()}


def test_a_name_is_all_that_a_draft_needs() -> None:
    settings = CampaignSettings(name="Spring")
    assert (settings.category, settings.schedule) == (Category.PROMOTIONAL, Schedule.ASAP)
    assert (settings.template_id, settings.audience_id, settings.sender_id, settings.send_at) == (None,) * 4


def test_settings_survive_being_stored_as_json() -> None:
    settings = CampaignSettings(
        name="Spring ☀",
        category=Category.TRANSACTIONAL,
        template_id=new_id(),
        template_version=3,
        audience_id=new_id(),
        sender_id=new_id(),
        schedule=Schedule.AT_FIXED_TIME,
        send_at=AT.astimezone(tz=None),
        messages_per_second=0.5,
        in_doubt_limit=0,
    )
    assert CampaignSettings.model_validate(settings.model_dump(mode="json")) == settings


@pytest.mark.parametrize(
    ("document", "fields"),
    [
        ({"name": ""}, {"name"}),
        ({"name": "x" * 201}, {"name"}),
        ({"channel": "email"}, {"channel"}),
        ({"category": "otp"}, {"category"}),
        ({"schedule": "IN_USER_TIMEZONE"}, {"schedule"}),
        ({"messages_per_second": 0}, {"messages_per_second"}),
        ({"messages_per_second": float("nan")}, {"messages_per_second"}),
        ({"messages_per_second": float("inf")}, {"messages_per_second"}),
        ({"expire_after_seconds": 59, "receipt_window_seconds": 0}, {"expire_after_seconds", "receipt_window_seconds"}),
        ({"in_doubt_limit": -1}, {"in_doubt_limit"}),
        ({"template_version": 0}, {"template_version"}),
        ({"sendat": "2030-12-24"}, {"sendat"}),
        ({"schedule": "AT_FIXED_TIME"}, {""}),
        ({"send_at": AT}, {""}),
        ({"schedule": "AT_FIXED_TIME", "send_at": "2030-12-24T09:00:00"}, {""}),
    ],
)
def test_settings_that_break_a_rule_name_the_field(document: dict[str, Any], fields: set[str]) -> None:
    assert broken(**document) == fields


def test_a_time_without_offset_is_refused_with_an_example() -> None:
    with pytest.raises(ValidationError, match="needs an offset from UTC, as in"):
        CampaignSettings(name="Spring", schedule=Schedule.AT_FIXED_TIME, send_at=AT.replace(tzinfo=None))


@given(st.integers(0, 10**9))
def test_a_run_bears_more_doubt_the_larger_it_is_but_some_always(recipients: int) -> None:
    limit = in_doubt_limit(CampaignSettings(name="Spring"), recipients)
    assert limit >= 1_000
    assert limit <= max(1_000, recipients / 100)


def test_a_limit_of_no_doubt_at_all_is_a_limit() -> None:
    assert in_doubt_limit(CampaignSettings(name="Spring", in_doubt_limit=0), 10**6) == 0


@given(st.none() | st.floats(min_value=1e-9, max_value=100_000))
def test_a_batch_is_at_most_ten_seconds_of_traffic_and_never_empty(speed: float | None) -> None:
    size = batch_size(speed)
    assert 1 <= size <= LARGEST_BATCH
    if speed is not None and size > 1:
        assert timedelta(seconds=size / speed) <= timedelta(seconds=10, microseconds=1)


def test_a_slow_run_has_fewer_batches_in_flight_than_a_fast_one() -> None:
    assert window(1.0) < window(1_000.0) == window(None)


def test_what_can_be_paused_can_be_stopped_and_nothing_that_is_over_can_be_either() -> None:
    assert ALLOWED_IN["pause"] | ALLOWED_IN["resume"] == ALLOWED_IN["stop"]
    over = {CAMPAIGN_STATUS_OF[status] for status in CLOSED_RUN}
    for verb in ("edit", "launch", "pause", "resume", "stop", "change the speed of"):
        assert not ALLOWED_IN[verb] & (over | {CampaignStatus.ARCHIVED}), verb
    assert over <= ALLOWED_IN["archive"]


def test_a_campaign_whose_run_is_open_cannot_be_put_away_edited_or_launched_again() -> None:
    open_statuses = {CAMPAIGN_STATUS_OF[status] for status in RunStatus if status not in CLOSED_RUN}
    for verb in ("archive", "edit", "launch"):
        assert not ALLOWED_IN[verb] & (open_statuses - {CampaignStatus.STOPPED}), verb
