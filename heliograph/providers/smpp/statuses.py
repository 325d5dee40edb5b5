"""What a command_status means (SMPP 3.4, 5.1.3), and what becomes of a message that is answered with it."""

from collections.abc import Mapping
from typing import Final

from heliograph.domain.vocabulary import ErrorClass
from heliograph.providers.protocol import InDoubt, NotProcessed, ProviderError, Refused

OK: Final = 0x00
SYSTEM_ERROR: Final = 0x08
ALREADY_BOUND: Final = 0x05
NOT_BOUND: Final = 0x04
THROTTLED: Final = 0x58
QUEUE_FULL: Final = 0x14
TEMPORARY_ERROR: Final = 0x64
PERMANENT_ERROR: Final = 0x65
UNKNOWN_COMMAND: Final = 0x03

_E = ErrorClass

_STATUSES: Final[Mapping[int, tuple[ErrorClass, str]]] = {
    THROTTLED: (_E.RATE_LIMITED, "too many messages a second (ESME_RTHROTTLED)"),
    QUEUE_FULL: (_E.RATE_LIMITED, "its queue is full (ESME_RMSGQFUL)"),
    TEMPORARY_ERROR: (_E.NOT_PROCESSED, "a temporary error (ESME_RX_T_APPN)"),
    NOT_BOUND: (_E.NOT_PROCESSED, "the session is not bound for sending (ESME_RINVBNDSTS)"),
    ALREADY_BOUND: (_E.NOT_PROCESSED, "the account has all the binds it may have (ESME_RALYBND)"),
    # A message may have been queued before these struck: the specification does not say that it was not.
    SYSTEM_ERROR: (_E.UNKNOWN_OUTCOME, "a system error (ESME_RSYSERR)"),
    0x45: (_E.UNKNOWN_OUTCOME, "the submission failed (ESME_RSUBMITFAIL)"),
    0xFE: (_E.UNKNOWN_OUTCOME, "a delivery failure (ESME_RDELIVERYFAILURE)"),
    0xFF: (_E.UNKNOWN_OUTCOME, "an unknown error (ESME_RUNKNOWNERR)"),
    0x0D: (_E.AUTH, "the bind failed (ESME_RBINDFAIL)"),
    0x0E: (_E.AUTH, "the password is wrong (ESME_RINVPASWD)"),
    0x0F: (_E.AUTH, "the system_id is not known (ESME_RINVSYSID)"),
    0x53: (_E.AUTH, "the system_type is wrong (ESME_RINVSYSTYP)"),
    0x0B: (_E.RECIPIENT, "the recipient's address is not valid (ESME_RINVDSTADR)"),
    0x50: (_E.RECIPIENT, "the recipient's type of number is not valid (ESME_RINVDSTTON)"),
    0x51: (_E.RECIPIENT, "the recipient's numbering plan is not valid (ESME_RINVDSTNPI)"),
    0x0A: (_E.SENDER, "the sender's address is not valid (ESME_RINVSRCADR)"),
    0x48: (_E.SENDER, "the sender's type of number is not valid (ESME_RINVSRCTON)"),
    0x49: (_E.SENDER, "the sender's numbering plan is not valid (ESME_RINVSRCNPI)"),
    0x01: (_E.CONTENT, "the message has a length that is not valid (ESME_RINVMSGLEN)"),
    0x43: (_E.CONTENT, "the esm_class is not valid (ESME_RINVESMCLASS)"),
    0x66: (_E.CONTENT, "the message is rejected (ESME_RX_R_APPN)"),
    PERMANENT_ERROR: (_E.OTHER, "a permanent error (ESME_RX_P_APPN)"),
    0x02: (_E.OTHER, "the length of the command is not valid (ESME_RINVCMDLEN)"),
    UNKNOWN_COMMAND: (_E.OTHER, "the command is not known (ESME_RINVCMDID)"),
    0x06: (_E.OTHER, "the priority is not valid (ESME_RINVPRTFLG)"),
    0x07: (_E.OTHER, "the registered_delivery is not valid (ESME_RINVREGDLVFLG)"),
    0x15: (_E.OTHER, "the service_type is not valid (ESME_RINVSERTYP)"),
    0x61: (_E.OTHER, "the scheduled time is not valid (ESME_RINVSCHED)"),
    0x62: (_E.OTHER, "the validity is not valid (ESME_RINVEXPIRY)"),
    0xC0: (_E.OTHER, "the optional parameters are wrong (ESME_RINVOPTPARSTREAM)"),
    0xC1: (_E.OTHER, "an optional parameter is not allowed (ESME_ROPTPARNOTALLWD)"),
    0xC2: (_E.OTHER, "an optional parameter has a wrong length (ESME_RINVPARLEN)"),
    0xC3: (_E.OTHER, "an optional parameter is missing (ESME_RMISSINGOPTPARAM)"),
    0xC4: (_E.OTHER, "an optional parameter has a value that is not valid (ESME_RINVOPTPARAMVAL)"),
}


def meaning(status: int, own: Mapping[str, ErrorClass]) -> ProviderError:
    """A command_status other than `OK`; `own` are the SMSC's own, which go before the specification's."""
    known_class, text = _STATUSES.get(status, (_E.OTHER, "a command_status that SMPP 3.4 does not have"))
    error_class = own.get(f"{status:#x}", known_class)
    return ProviderError(error_class, f"{status:#x}", f"The SMSC answered: {text}")


def outcome(error: ProviderError, *, throttle_seconds: float) -> Refused | NotProcessed | InDoubt:
    """What becomes of a message that was answered so."""
    match error.error_class:
        case _E.RATE_LIMITED:
            return NotProcessed(error, throttle_seconds)
        case _E.AUTH | _E.ACCOUNT | _E.NOT_PROCESSED:
            return NotProcessed(error)
        case _E.UNKNOWN_OUTCOME:
            return InDoubt(error)
        case _:
            return Refused(error)
