"""People who write to a simulated number: the webhook is Twilio's."""

from urllib.parse import parse_qsl

import pytest
from twilio.request_validator import RequestValidator

from heliograph.errors import InvalidInput
from heliograph.simulator.accounts import DEMO_ACCOUNT_SID, DEMO_AUTH_TOKEN, DEMO_LONG_CODE
from heliograph.simulator.client import SimulatorClient
from heliograph.simulator.twilio_inbound import Inbound
from tests.simulator.receiver import Receiver
from tests.simulator.test_sending import send

PERSON = "+14155550123"


def inbound(url: str, **changes: str) -> Inbound:
    fields = {"account": DEMO_ACCOUNT_SID, "url": url, "person": PERSON, "to": DEMO_LONG_CODE, "body": "Yes & no? ☕"}
    return Inbound.model_validate({**fields, **changes})


async def test_a_message_from_a_person_comes_signed_and_in_twilios_words(
    simulator: SimulatorClient, receiver: Receiver
) -> None:
    await send(simulator)  # Twilio knows the account's token from its use
    url = f"{receiver.url}?a=1"
    sid = await simulator.receive(inbound(url))
    await simulator.receive(inbound(url, opt_out_type="STOP", body="STOP"))
    await receiver.until(lambda requests: len(requests) == 2)
    first, second = receiver.requests
    form = dict(parse_qsl(first.body.decode(), keep_blank_values=True))
    assert RequestValidator(DEMO_AUTH_TOKEN).validate(first.url, form, first.headers["x-twilio-signature"])
    assert (form["MessageSid"], form["From"], form["To"], form["Body"]) == (sid, PERSON, DEMO_LONG_CODE, "Yes & no? ☕")
    assert (form["SmsStatus"], form["NumMedia"], form["NumSegments"]) == ("received", "0", "1")
    assert "OptOutType" not in form
    assert dict(parse_qsl(second.body.decode()))["OptOutType"] == "STOP"


async def test_bad_input_says_what_is_wrong(simulator: SimulatorClient, receiver: Receiver) -> None:
    with pytest.raises(InvalidInput, match="nobody has used it yet"):
        await simulator.receive(inbound(receiver.url, account="AC" + "9" * 32))
    with pytest.raises(InvalidInput, match="the inbound is not valid"):
        await simulator.receive(inbound(receiver.url).model_copy(update={"opt_out_type": "MAYBE"}))
