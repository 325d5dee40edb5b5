"""Messages from people, as Twilio posts them."""

from heliograph.errors import InvalidInput
from heliograph.providers.protocol import InboundMessage, Keyword, ProviderRequest
from heliograph.providers.twilio.callbacks import read_fields

_READ = frozenset({"MessageSid", "SmsSid", "SmsMessageSid", "From", "To", "Body", "OptOutType"})
_KEYWORDS = {"STOP": Keyword.STOP, "START": Keyword.START, "HELP": Keyword.HELP}


def read_inbound(request: ProviderRequest) -> InboundMessage:
    """The message in an inbound webhook; `InvalidInput` naming the field and the rule it breaks.

    `OptOutType` comes only with Advanced Opt-Out: Twilio has then acted on the word already, and answered it.
    """
    fields = read_fields(request.body, _READ)
    sid = fields.get("MessageSid") or fields.get("SmsSid") or fields.get("SmsMessageSid")
    for name, value in (("MessageSid", sid), ("From", fields.get("From")), ("To", fields.get("To"))):
        if not value:
            raise InvalidInput.of(name, "is missing")
    return InboundMessage(
        provider_message_id=sid or "",
        address=fields["From"],
        to=fields["To"],
        body=fields.get("Body", ""),
        keyword=_KEYWORDS.get(fields.get("OptOutType", "")),
    )
