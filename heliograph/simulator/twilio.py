"""The simulated Twilio: the calls of the Messages, Accounts, Balance and Messaging Services APIs that we use."""

import time
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, Final
from urllib.parse import parse_qsl, unquote_plus

import orjson

from heliograph.simulator.accounts import Account, Accounts
from heliograph.simulator.errors import error_reply
from heliograph.simulator.http import Reply, Request
from heliograph.simulator.messages import AcceptedMessage, Messages
from heliograph.simulator.receipts import ReceiptSchedule
from heliograph.simulator.sending import Sending
from heliograph.simulator.wording import (
    API_PATH,
    account_json,
    balance_json,
    message_json,
    number_json,
    page_json,
    service_json,
    short_code_json,
)

_LARGEST_PAGE: Final = 1000
_DEFAULT_PAGE: Final = 50
_LOOKED_THROUGH: Final = 5000  # messages per request


class TwilioApi:
    """Routes what comes for Twilio's hosts."""

    def __init__(self, accounts: Accounts, messages: Messages, sending: Sending, receipts: ReceiptSchedule) -> None:
        self.accounts = accounts
        self._messages = messages
        self._sending = sending
        self._receipts = receipts
        self._lists: dict[str, Callable[[Account, dict[str, str]], dict[str, Any]]] = {
            "": lambda account, _: account_json(account),
            "/Balance.json": lambda account, _: balance_json(account),
            "/IncomingPhoneNumbers.json": _list_numbers,
            "/SMS/ShortCodes.json": _list_short_codes,
        }

    def answer(self, request: Request) -> Reply:
        """The reply to a request under /2010-04-01 or /v1."""
        account = self.accounts.authenticate(request.authorization)
        if account is None:
            return error_reply(401, 20003)
        if not account.may_request():
            limited = error_reply(429, 20429)
            limited.headers = b"Retry-After: 1\r\n"
            return limited
        sid, resource = _split(request.path)
        if sid == account.sid and resource == "/Messages.json" and request.method == b"POST":
            return self._sending.send(account, request.body)
        if sid not in {"", account.sid}:
            return error_reply(401, 20003)
        failure = account.script.failure
        if failure is not None and not account.may_answer():
            return error_reply(failure.status, failure.code)
        return self._route(request, account, resource)

    def _route(self, request: Request, account: Account, resource: str) -> Reply:
        query = dict(parse_qsl(request.query.decode("ascii", "replace")))
        listed = self._lists.get(resource)
        if listed is not None:
            return _json(listed(account, query))
        if resource == "/Messages.json":
            return self._list_messages(account, query)
        if resource.startswith("/Messages/"):
            return self._one_message(request, account, resource)
        service = resource.removeprefix("/v1/Services/")
        if service != resource and account.owns(service, account.script.services):
            return _json(service_json(account, service))
        return error_reply(404, 20404, resource=resource)

    def _one_message(self, request: Request, account: Account, resource: str) -> Reply:
        place = self._messages.place_of(resource.removeprefix("/Messages/").removesuffix(".json"))
        message = None if place is None else self._messages.at(place)
        if place is None or message is None or message.account_sid != account.sid:
            return error_reply(404, 20404, resource=f"{API_PATH}/Accounts/{account.sid}{resource}")
        if request.method == b"POST" and b"Status=canceled" in request.body:
            if message.status not in {"accepted", "queued"}:
                return error_reply(400, 30039)
            self._messages.cancel(place)
            self._receipts.cancel(place)
            message = self._messages.at(place)
        return _json(message_json(message))

    def _list_messages(self, account: Account, query: dict[str, str]) -> Reply:
        """A page, newest first as Twilio lists them; `PageToken` of the next one is the place that it begins below."""
        try:
            size = min(max(1, int(query.get("PageSize", _DEFAULT_PAGE))), _LARGEST_PAGE)
            page = max(0, int(query.get("Page", 0)))
            below = min(int(query.get("PageToken", len(self._messages))), len(self._messages))
        except ValueError:
            return error_reply(400, None, message="Page, PageToken and PageSize are whole numbers")
        if page and "PageToken" not in query:
            return error_reply(400, None, message="Page needs its PageToken")
        to = query.get("To")
        places = range(below) if to is None else self._messages.places_to(to)
        shown, rest = self._page(account, query, (place for place in reversed(places) if place < below), size)
        path = f"{API_PATH}/Accounts/{account.sid}/Messages.json"
        return _json(page_json("messages", shown, path, query, page, size, following=rest))

    def _page(
        self, account: Account, query: dict[str, str], places: Iterator[int], size: int
    ) -> tuple[list[dict[str, Any]], int | None]:
        """Up to `size` messages that are asked for, and the place below which there may be more.

        A page is short when little of what it looked through is asked for: nobody waits for a look through the whole
        log, callbacks and other calls least of all.
        """
        shown: list[dict[str, Any]] = []
        for looked_at, place in enumerate(places):
            if len(shown) == size or looked_at == _LOOKED_THROUGH:
                return shown, place + 1
            message = self._messages.at(place)
            if message.account_sid == account.sid and _is_asked_for(message, query):
                shown.append(message_json(message))
        return shown, None


def _is_asked_for(message: AcceptedMessage, query: dict[str, str]) -> bool:
    """From, and the day of the sending: those filters leave out what is not sent yet."""
    if query.get("From", message.sender) != message.sender:
        return False
    after, before = query.get("DateSent>"), query.get("DateSent<")
    if after is None and before is None:
        return True
    day = _date(message.sent_at)
    was_sent = message.status not in {"accepted", "queued", "canceled"}
    return was_sent and (after or day)[:10] <= day <= (before or day)[:10]


@lru_cache(maxsize=1024)
def _split(path: bytes) -> tuple[str, str]:
    """Account SID (empty for hosts without it) and what follows it; an account itself is the empty resource."""
    text = unquote_plus(path.decode("ascii", "replace"))
    if not text.startswith(f"{API_PATH}/Accounts/"):
        return "", text
    rest = text.removeprefix(f"{API_PATH}/Accounts/")
    sid, slash, resource = rest.partition("/")
    return sid.removesuffix(".json"), slash + resource


def _list_numbers(account: Account, query: dict[str, str]) -> dict[str, Any]:
    number = query.get("PhoneNumber", "")
    owned = number != "" and account.owns(number, account.script.numbers)
    return page_json("incoming_phone_numbers", [number_json(account, number)] if owned else [])


def _list_short_codes(account: Account, query: dict[str, str]) -> dict[str, Any]:
    code = query.get("ShortCode", "")
    owned = code != "" and account.owns(code, account.script.short_codes)
    return page_json("short_codes", [short_code_json(account, code)] if owned else [])


def _json(body: dict[str, Any], status: int = 200) -> Reply:
    return Reply(status, orjson.dumps(body))


def _date(instant: float) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(instant))
