"""Sinch's own SDK, which has its say on what we send, read and sign."""

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # its source has escapes that Python warns of
    from sinch.domains.authentication.sinch_events.v1.authentication_validation import (
        calculate_sinch_event_signature,
        compute_signed_data,
    )
    from sinch.domains.sms.models.v1.shared.text_request import TextRequest
    from sinch.domains.sms.sinch_events.v1.sms_sinch_event import SmsSinchEvent

__all__ = ["SmsSinchEvent", "TextRequest", "sign"]


def sign(secret: str, body: bytes, nonce: str, timestamp: str) -> str:
    """The signature as the SDK computes it."""
    return str(calculate_sinch_event_signature(compute_signed_data(body.decode(), nonce, timestamp), secret))
