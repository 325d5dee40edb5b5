"""The parts of the simulator put together; must be made inside a running event loop."""

from pathlib import Path
from typing import Any

from heliograph.simulator.accounts import Accounts
from heliograph.simulator.delivery import CallbackClient
from heliograph.simulator.desk import Desk
from heliograph.simulator.fate import Playbook
from heliograph.simulator.http import Reply, Request
from heliograph.simulator.mail_relay import MailRelay
from heliograph.simulator.messages import Messages
from heliograph.simulator.providers.registry import open_apis
from heliograph.simulator.receipts import ReceiptSchedule
from heliograph.simulator.script import Script
from heliograph.simulator.sending import Sending
from heliograph.simulator.smsc import Smsc
from heliograph.simulator.twilio import TwilioApi
from heliograph.simulator.twilio_callbacks import TwilioCallbacks
from heliograph.simulator.twilio_inbound import Inbound, word

_OF_TWILIO = (b"/2010-04-01/", b"/v1/")


class Simulator:
    """Everything that is simulated, and the script it follows."""

    def __init__(self, script: Script, log: Path | None = None) -> None:
        self._first_script = script
        self.script = script
        self.messages = Messages(log)
        self._callbacks = CallbackClient()
        self._receipts = ReceiptSchedule(self.messages, self._callbacks)
        accounts, playbook = Accounts(script.accounts), Playbook(script)
        words = TwilioCallbacks(accounts.token_of)
        self._sending = Sending(playbook, self.messages, self._receipts, words.word)
        self.twilio = TwilioApi(accounts, self.messages, self._sending, self._receipts)
        self.desk = Desk(self.messages, self._receipts, playbook, script.accounts)
        self._apis = open_apis(self.desk)
        self.mail_relay = MailRelay(self.desk)
        self.smsc = Smsc(self.desk)

    def answer(self, request: Request) -> Reply | None:
        """The reply of the provider whose address it is; None when it is nobody's.

        Twilio stands for its own hosts; the others under their keys, `/<key>/…`, and see the rest of the path.
        """
        if request.path.startswith(_OF_TWILIO):
            return self.twilio.answer(request)
        key, slash, rest = request.path[1:].partition(b"/")
        api = self._apis.get(key)
        if api is None:
            return None
        request.path = slash + rest
        return api.answer(request)

    def receive(self, message: Inbound) -> None:
        """Hands on what a person wrote to a number of a Twilio account; ValueError for an account nobody has used."""
        token = self.twilio.accounts.token_of(message.account)
        if not token:
            raise ValueError("account: nobody has used it yet, so its auth token is not known")
        self._callbacks.post(word(message, token))

    def follow(self, script: Script) -> None:
        """From now on this script; what was accepted before keeps its fate."""
        self.script = script
        playbook = Playbook(script)
        self._sending.playbook = playbook
        self.twilio.accounts.follow(script.accounts)
        self.desk.follow(playbook, script.accounts)

    def reset(self) -> None:
        """As at the start: no messages, no callbacks under way, the first script."""
        self._receipts.clear()
        self.messages.reset()
        self._callbacks.counts.clear()
        self._apis = open_apis(self.desk)
        self.mail_relay.reset()
        self.smsc.reset()
        self.follow(self._first_script)

    def statistics(self) -> dict[str, Any]:
        """Figures for people and tests."""
        return {
            "accepted": len(self.messages),
            "callbacks": dict(self._callbacks.counts),
            "callbacks_planned": len(self._receipts),
            "callbacks_waiting": self._callbacks.waiting,
            "smpp": self.smsc.statistics(),
        }

    def close(self) -> None:
        """Writes the log out and closes connections."""
        self.messages.flush()
        self._callbacks.close()
