"""People who write to a sender, through Twilio's inbound webhook."""

from uuid import uuid4

from heliograph.db.tables import Connector
from heliograph.providers.twilio.callbacks import signature
from heliograph.services.context import Services
from tests.api.client import Answer, ApiClient
from tests.api.simulated_twilio import GOOD, LONG_CODE

PERSON = "+14155550123"


async def say(
    client: ApiClient,
    services: Services,
    connector: Connector,
    body: str,
    *,
    person: str = PERSON,
    to: str = LONG_CODE,
    sid: str | None = None,
    token: str = GOOD["auth_token"],
    **more: str,
) -> Answer:
    """A message from a person as Twilio posts and signs it."""
    path = f"/callbacks/{connector.callback_token}/inbound"
    name = sid or f"SM{uuid4().hex}"
    form = {"MessageSid": name, "SmsSid": name, "From": person, "To": to, "Body": body, **more}
    signed = signature(token, services.settings.public_url + path, list(form.items()))
    return await client.post(path, form=form, headers={"x-twilio-signature": signed})
