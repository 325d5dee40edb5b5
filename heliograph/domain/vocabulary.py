"""The words of the product (design §2) as enumerations."""

from enum import StrEnum


class Channel(StrEnum):
    """How a message travels."""

    SMS = "sms"
    EMAIL = "email"


class Category(StrEnum):
    """Why a message is sent; decides lane, defaults and what may be bypassed."""

    TRANSACTIONAL = "transactional"
    OTP = "otp"
    PROMOTIONAL = "promotional"


class Role(StrEnum):
    """What a holder of an API key may do, strongest first."""

    OWNER = "owner"
    ADMIN = "admin"
    APPROVER = "approver"
    MARKETER = "marketer"
    DEVELOPER = "developer"
    VIEWER = "viewer"


class WorkspaceMode(StrEnum):
    """A test workspace is complete in itself; its data stand beside, never among, live data."""

    LIVE = "live"
    TEST = "test"


class DeliveryType(StrEnum):
    """What makes a campaign send."""

    ONE_TIME = "ONE_TIME"
    PERIODIC = "PERIODIC"
    EVENT_TRIGGERED = "EVENT_TRIGGERED"


class Schedule(StrEnum):
    """When a run sends."""

    ASAP = "ASAP"
    AT_FIXED_TIME = "AT_FIXED_TIME"
    IN_USER_TIMEZONE = "IN_USER_TIMEZONE"


class CampaignStatus(StrEnum):
    """Where a campaign is in its life."""

    DRAFT = "DRAFT"
    UNDER_REVIEW = "UNDER_REVIEW"
    REJECTED = "REJECTED"
    SCHEDULED = "SCHEDULED"
    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"
    COMPLETED = "COMPLETED"
    STOPPED = "STOPPED"
    UNBALANCED = "UNBALANCED"
    ARCHIVED = "ARCHIVED"


class RunStatus(StrEnum):
    """Where a run is. Only an ACTIVE run's messages can be claimed."""

    SCHEDULED = "SCHEDULED"
    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"
    STOPPING = "STOPPING"
    COMPLETED = "COMPLETED"
    STOPPED = "STOPPED"
    UNBALANCED = "UNBALANCED"


class DirectStep(StrEnum):
    """What a message without a run waits for."""

    SEND = "send"  # to be claimed
    SETTLE = "settle"  # claimed: its outcome, or the end of its lease
    DECIDE = "decide"  # in doubt: a receipt, or after a while a decision
    AWAIT = "await"  # taken by the provider: a receipt, or a poll


class MissingVariable(StrEnum):
    """What happens to a recipient who lacks a variable that the text needs."""

    REFUSE = "refuse"  # the recipient becomes `invalid`, reason "missing_variable"
    FALLBACK = "fallback"  # the template's fallback value, else the empty string


class ErrorClass(StrEnum):
    """What a provider's refusal means for us; each provider maps its codes to these."""

    AUTH = "auth"  # the account cannot send: wrong or revoked credentials; pauses the run
    ACCOUNT = "account"  # suspended, no funds, capped, trial limits on the account; pauses the run
    RATE_LIMITED = "rate_limited"  # known not processed; come back later
    NOT_PROCESSED = "not_processed"  # known not processed for another passing reason
    UNKNOWN_OUTCOME = "unknown_outcome"  # may or may not have been accepted
    RECIPIENT = "recipient"  # this number cannot get it
    OPT_OUT = "opt_out"  # this number said stop: suppress it
    SENDER = "sender"  # the sender is wrong or not allowed there
    CONTENT = "content"  # the body is refused
    DELIVERY = "delivery"  # accepted, then not delivered by the network
    OTHER = "other"


class Keyword(StrEnum):
    """What a message from a person asks for, when it is nothing but one agreed word."""

    STOP = "stop"
    START = "start"
    HELP = "help"


class SuppressionScope(StrEnum):
    """For which senders of a workspace a STOP counts."""

    SENDER = "sender"  # for the one that it was written to
    WORKSPACE = "workspace"  # for all
