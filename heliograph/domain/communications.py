"""Communications as reports tell them: what is asked for, and what a state means to somebody who only counts errors."""

from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from heliograph.domain.ledger import EXCLUDED, MessageState
from heliograph.domain.vocabulary import Channel

S = MessageState


class CommunicationStatus(StrEnum):
    """How a communication ended, in one word."""

    SUCCESS = "success"  # a provider has taken it, and nothing worse is known
    ERROR = "error"  # it did not arrive, or nobody can say that it did
    PENDING = "pending"  # not sent yet, or its outcome is not known yet
    EXCLUDED = "excluded"  # a rule kept it from being sent


_ERROR: Final = frozenset({S.REJECTED, S.UNDELIVERED, S.FAILED, S.UNKNOWN, S.UNCONFIRMED, S.INVALID, S.EXPIRED})

STATES: Final[dict[CommunicationStatus, frozenset[MessageState]]] = {
    CommunicationStatus.SUCCESS: frozenset({S.ACCEPTED, S.SENT, S.DELIVERED}),
    CommunicationStatus.ERROR: _ERROR,
    CommunicationStatus.PENDING: frozenset({S.QUEUED, S.CLAIMED, S.IN_DOUBT}),
    CommunicationStatus.EXCLUDED: EXCLUDED - _ERROR,
}
"""Every state of a message is in exactly one of them."""

STATUS_OF: Final = {state: status for status, states in STATES.items() for state in states}


class CommunicationFilters(BaseModel):
    """Which communications are meant; all that are given must hold. Stored with an export under these names."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    channel: Channel | None = Field(default=None, description="Only `sms`, or only `email`; by default both.")
    address: str | None = Field(default=None, max_length=320, description="A phone number or an e-mail address.")
    status: CommunicationStatus | None = Field(default=None, description="By default any.")
    since: AwareDatetime | None = Field(default=None, alias="from", description="Written at this instant or later.")
    until: AwareDatetime | None = Field(default=None, description="Written before this instant.")
    template_id: UUID | None = Field(default=None, description="Only of runs that sent a version of this template.")
    run_id: UUID | None = Field(default=None, description="Only of this run (the job).")
    campaign_id: UUID | None = Field(default=None, description="Only of the runs of this campaign.")

    @property
    def names_runs(self) -> bool:
        """Whether only messages of certain runs are meant."""
        return (self.template_id, self.run_id, self.campaign_id) != (None, None, None)


class Communication(BaseModel):
    """One message, with how it ended and where it came from. Instants are aware; `created_at` is that of its id."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    created_at: datetime = Field(description="When it was written into the ledger.")
    channel: Channel
    category: str
    type: str | None = Field(description="The sender's own word for it.")
    address: str
    status: CommunicationStatus
    state: MessageState = Field(description="The same in full: docs/ledger.md.")
    reason: str | None = Field(description="Why it was not sent.")
    error_code: str | None
    error_message: str | None
    provider_status: str | None = Field(description="The provider's own word.")
    provider_message_id: str | None
    connector: str | None
    provider: str | None
    sender: str | None
    campaign_id: UUID | None
    campaign: str | None
    run_id: UUID | None = Field(description="The job.")
    template_id: UUID | None
    template: str | None
    template_version: int | None
    tries: int
    parts: int | None
    accepted_at: datetime | None
    final_at: datetime | None
    status_changed_at: datetime
