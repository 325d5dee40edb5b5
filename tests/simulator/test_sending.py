"""The simulated Twilio takes and refuses messages as Twilio does."""

import asyncio
from base64 import b64encode
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest

from heliograph.simulator.accounts import DEMO_ACCOUNT_SID, DEMO_AUTH_TOKEN, DEMO_LONG_CODE, REFUSED_AUTH_TOKEN
from heliograph.simulator.client import SimulatorClient
from heliograph.simulator.script import (
    AccountScript,
    AnswerKind,
    Fixed,
    Match,
    Preset,
    Receipts,
    Rule,
    Script,
    SendAnswer,
    refusal,
)

GOOD = {"To": "+447400123456", "From": DEMO_LONG_CODE, "Body": "Hello"}


def authorization(token: str = DEMO_AUTH_TOKEN, sid: str = DEMO_ACCOUNT_SID) -> dict[str, str]:
    """The header of an account."""
    return {"Authorization": "Basic " + b64encode(f"{sid}:{token}".encode()).decode()}


async def call(
    simulator: SimulatorClient,
    method: str,
    resource: str,
    form: dict[str, str] | None = None,
    token: str = DEMO_AUTH_TOKEN,
) -> tuple[int, dict[str, Any], str | None]:
    """Status, body and Retry-After of a call of the API."""
    path = f"{simulator.url}/2010-04-01/Accounts/{DEMO_ACCOUNT_SID}{resource}"
    headers = {**authorization(token), "Content-Type": "application/x-www-form-urlencoded"}
    data = None if form is None else urlencode(form)
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, path, data=data, headers=headers) as answer,
    ):
        return answer.status, await answer.json(), answer.headers.get("Retry-After")


async def send(simulator: SimulatorClient, **changes: str) -> tuple[int, dict[str, Any], str | None]:
    """A good request with these changes; an empty field is left out."""
    form = {name: value for name, value in {**GOOD, **changes}.items() if value}
    return await call(simulator, "POST", "/Messages.json", form)


async def test_an_accepted_message_has_twilios_fields(simulator: SimulatorClient) -> None:
    status, body, _ = await send(simulator, Body="Grüße +100 % & mehr 😀")
    assert status == 201
    assert body["sid"].startswith("SM")
    assert len(body["sid"]) == 34
    assert body["body"] == "Grüße +100 % & mehr 😀"
    assert body["status"] == "queued"
    assert (body["to"], body["from"], body["num_segments"]) == (GOOD["To"], GOOD["From"], "1")
    assert body["date_created"].endswith("+0000")
    assert body["error_code"] is None


async def test_a_messaging_service_chooses_the_number_later(simulator: SimulatorClient) -> None:
    _, body, _ = await send(simulator, From="", MessagingServiceSid="MG" + "1" * 32)
    assert (body["from"], body["status"], body["num_segments"]) == (None, "accepted", "0")


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"To": ""}, 400, 21604),
        ({"To": "12"}, 400, 21211),
        ({"To": "07400123456"}, 400, 21211),
        ({"From": ""}, 400, 21603),
        ({"From": "+12015550404"}, 400, 21606),
        ({"Body": ""}, 400, 21602),
        ({"Body": "a" * 1601}, 400, 21617),
        ({"From": "", "MessagingServiceSid": "MG404"}, 404, 21701),
        ({"StatusCallback": "not an address"}, 400, 21609),
        ({"StatusCallback": "http://under_score.example/"}, 400, 21609),
    ],
)
async def test_a_wrong_message_gets_twilios_code(
    simulator: SimulatorClient, changes: dict[str, str], status: int, code: int
) -> None:
    answered, body, _ = await send(simulator, **changes)
    assert (answered, body["status"], body["code"]) == (status, status, code)
    assert body["more_info"].endswith(str(code))
    assert await simulator.accepted_count() == 0


async def test_a_token_that_begins_with_bad_is_refused(simulator: SimulatorClient) -> None:
    status, body, _ = await call(simulator, "GET", ".json", token=REFUSED_AUTH_TOKEN)
    assert (status, body["code"]) == (401, 20003)


async def test_an_account_without_money_does_not_send(simulator: SimulatorClient) -> None:
    await simulator.set_script(Script(accounts={DEMO_ACCOUNT_SID: AccountScript(balance="0.00")}))
    status, body, _ = await send(simulator)
    assert (status, body["code"]) == (403, 20005)


async def test_requests_above_the_limit_of_an_account_are_answered_429(simulator: SimulatorClient) -> None:
    await simulator.set_script(Script(accounts={DEMO_ACCOUNT_SID: AccountScript(requests_per_second=2)}))
    answers = [await send(simulator) for _ in range(6)]
    limited = [answer for answer in answers if answer[0] == 429]
    assert limited
    assert all((body["code"], retry_after) == (20429, "1") for _, body, retry_after in limited)


async def test_the_first_rule_that_speaks_of_an_aspect_decides_it(simulator: SimulatorClient) -> None:
    slow, invalid = Fixed(seconds=0.05), SendAnswer(kind=AnswerKind.ERROR, code=21211)
    landline = SendAnswer(kind=AnswerKind.ERROR, code=21614)
    await simulator.set_script(
        Script(
            rules=[
                Rule(match=Match(prefix="+44"), latency=slow),
                Rule(match=Match(numbers=frozenset({"+447400123456"})), answer=invalid),
                Rule(match=Match(prefix="+44"), answer=landline),
            ]
        )
    )
    assert (await send(simulator))[1]["code"] == 21211
    assert (await send(simulator, To="+447400123457"))[1]["code"] == 21614
    assert (await send(simulator, To="+12015550123"))[0] == 201


async def test_a_rule_can_hold_for_the_first_tries_alone(simulator: SimulatorClient) -> None:
    answer = SendAnswer(kind=AnswerKind.ERROR, status=429, code=20429, retry_after="3")
    await simulator.set_script(Script(rules=[Rule(match=Match(times=2), answer=answer)]))
    answers = [await send(simulator) for _ in range(3)]
    assert [(status, retry_after) for status, _, retry_after in answers] == [(429, "3"), (429, "3"), (201, None)]
    assert (await send(simulator, To="+447400123457"))[0] == 429


async def test_a_number_fares_the_same_again_and_a_rate_is_about_met(simulator: SimulatorClient) -> None:
    numbers = [f"+4474001{number:05}" for number in range(400)]
    await simulator.set_script(Script(rules=[refusal(21610, 0.25)]))
    first = [(await _answered(simulator, number)) for number in numbers]
    assert 60 <= first.count(400) <= 140
    assert [(await _answered(simulator, number)) for number in numbers] == first
    await simulator.set_script(Script(seed=2, rules=[refusal(21610, 0.25)]))
    assert [(await _answered(simulator, number)) for number in numbers] != first


_SESSION_HEADERS = {**authorization(), "Content-Type": "application/x-www-form-urlencoded"}


async def _answered(simulator: SimulatorClient, number: str) -> int:
    url = f"{simulator.url}/2010-04-01/Accounts/{DEMO_ACCOUNT_SID}/Messages.json"
    session = simulator._opened()
    async with session.post(url, data=urlencode({**GOOD, "To": number}), headers=_SESSION_HEADERS) as answer:
        return answer.status


async def test_a_message_can_be_fetched_listed_and_cancelled(simulator: SimulatorClient) -> None:
    await simulator.set_script(Script(receipts=Receipts(to_sent=Fixed(seconds=60))))
    _, sent, _ = await send(simulator)
    _, fetched, _ = await call(simulator, "GET", f"/Messages/{sent['sid']}.json")
    assert fetched == sent
    await asyncio.gather(*[send(simulator, Body=f"{number}") for number in range(4)])
    status, cancelled, _ = await call(simulator, "POST", f"/Messages/{sent['sid']}.json", {"Status": "canceled"})
    assert (status, cancelled["status"]) == (200, "canceled")
    _, page, _ = await call(simulator, "GET", "/Messages.json?To=%2B447400123456&PageSize=2")
    _, following, _ = await call(simulator, "GET", page["next_page_uri"].partition(DEMO_ACCOUNT_SID)[2])
    assert len(page["messages"]) == len(following["messages"]) == 2
    assert page["messages"][0]["date_created"] >= following["messages"][1]["date_created"]
    status, missing, _ = await call(simulator, "GET", "/Messages/SM404.json")
    assert (status, missing["code"]) == (404, 20404)


async def test_the_realistic_preset_refuses_some_and_accepts_most(simulator: SimulatorClient) -> None:
    await simulator.set_script(Script(preset=Preset.REALISTIC, latency=Fixed(seconds=0)))
    answers = await asyncio.gather(*[_answered(simulator, f"+4474001{number:05}") for number in range(600)])
    assert 0.95 * 600 < answers.count(201) < 600
