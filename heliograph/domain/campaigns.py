"""What a campaign is: its settings as a versioned document, its life cycle, and how a run is cut into batches."""

from datetime import datetime
from typing import Final, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from heliograph.domain.vocabulary import CampaignStatus, Category, Channel, RunStatus, Schedule
from heliograph.domain.webhooks import Callback

SCHEMA_VERSION: Final = 1
"""Of `CampaignSettings` as stored; documents of an earlier one are upgraded when they are read."""

DAY: Final = 86_400


class CampaignSettings(BaseModel):
    """What a marketer decides. Stored whole in a campaign version."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=200)
    channel: Literal[Channel.SMS] = Channel.SMS
    category: Literal[Category.PROMOTIONAL, Category.TRANSACTIONAL] = Category.PROMOTIONAL
    template_id: UUID | None = None
    template_version: int | None = Field(default=None, ge=1, description="None: the latest at the launch.")
    audience_id: UUID | None = None
    sender_id: UUID | None = Field(default=None, description="None: the default sender of channel and category.")
    schedule: Literal[Schedule.ASAP, Schedule.AT_FIXED_TIME] = Schedule.ASAP
    send_at: datetime | None = Field(default=None, description="With AT_FIXED_TIME: an instant with its offset.")
    messages_per_second: float | None = Field(default=None, gt=0, le=100_000)
    expire_after_seconds: int = Field(
        default=DAY, ge=60, le=30 * DAY, description="Later than this is too late to send."
    )
    receipt_window_seconds: int = Field(default=DAY, ge=1, le=7 * DAY, description="How long receipts are awaited.")
    in_doubt_limit: int | None = Field(
        default=None, ge=0, description="More in doubt than this and the run pauses. None: 1 %, at least 1,000."
    )
    callback: Callback | None = Field(default=None, description="Where changes of its messages are told.")
    campaign_callback: Callback | None = Field(default=None, description="Where its progress as a whole is told.")

    @model_validator(mode="after")
    def _send_at_belongs_to_fixed_time(self) -> Self:
        if (self.schedule is Schedule.AT_FIXED_TIME) != (self.send_at is not None):
            raise ValueError("send_at is given exactly when schedule is AT_FIXED_TIME")
        if self.send_at is not None and self.send_at.tzinfo is None:
            raise ValueError("send_at needs an offset from UTC, as in 2026-12-24T09:00:00+01:00")
        return self


def in_doubt_limit(settings: CampaignSettings, recipients: int) -> int:
    """How many messages may be in doubt before the run pauses itself: above what a few crashes can cause."""
    if settings.in_doubt_limit is not None:
        return settings.in_doubt_limit
    return max(1_000, recipients // 100)


ALLOWED_IN: Final[dict[str, frozenset[CampaignStatus]]] = {
    "edit": frozenset({CampaignStatus.DRAFT, CampaignStatus.REJECTED}),
    "launch": frozenset({CampaignStatus.DRAFT}),
    "pause": frozenset({CampaignStatus.SCHEDULED, CampaignStatus.ACTIVE}),
    "resume": frozenset({CampaignStatus.PAUSED}),
    "stop": frozenset({CampaignStatus.SCHEDULED, CampaignStatus.ACTIVE, CampaignStatus.PAUSED}),
    "change the speed of": frozenset({CampaignStatus.SCHEDULED, CampaignStatus.ACTIVE, CampaignStatus.PAUSED}),
    "archive": frozenset(
        {
            CampaignStatus.DRAFT,
            CampaignStatus.REJECTED,
            CampaignStatus.COMPLETED,
            CampaignStatus.STOPPED,
            CampaignStatus.UNBALANCED,
        }
    ),
}
"""Which status allows which verb."""

CLOSED_RUN: Final = frozenset({RunStatus.COMPLETED, RunStatus.STOPPED, RunStatus.UNBALANCED})
"""Its totals are frozen; nothing is sent any more."""

LARGEST_BATCH: Final = 1_000
_BATCH_SECONDS: Final = 10
_WIDE_WINDOW: Final = 8
_NARROW_WINDOW: Final = 2
_SLOW: Final = 200.0  # messages per second


def batch_size(messages_per_second: float | None) -> int:
    """Recipients of one batch: at most about ten seconds of traffic, so that slots turn over."""
    if messages_per_second is None:
        return LARGEST_BATCH
    return max(1, min(LARGEST_BATCH, int(messages_per_second * _BATCH_SECONDS)))


def window(messages_per_second: float | None) -> int:
    """Batches in flight. A slow run gains nothing from many that would only wait for the same tokens."""
    return _NARROW_WINDOW if messages_per_second is not None and messages_per_second < _SLOW else _WIDE_WINDOW
