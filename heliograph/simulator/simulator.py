"""The parts of the simulator put together; must be made inside a running event loop."""

from pathlib import Path
from typing import Any

from heliograph.simulator.accounts import Accounts
from heliograph.simulator.delivery import CallbackClient
from heliograph.simulator.fate import Playbook
from heliograph.simulator.messages import Messages
from heliograph.simulator.receipts import ReceiptSchedule
from heliograph.simulator.script import Script
from heliograph.simulator.sending import Sending
from heliograph.simulator.twilio import TwilioApi


class Simulator:
    """Everything that is simulated, and the script it follows."""

    def __init__(self, script: Script, log: Path | None = None) -> None:
        self._first_script = script
        self.script = script
        self.messages = Messages(log)
        self._callbacks = CallbackClient()
        self._receipts = ReceiptSchedule(self.messages, self._callbacks, self._token_of)
        self._sending = Sending(Playbook(script), self.messages, self._receipts)
        self.twilio = TwilioApi(Accounts(script.accounts), self.messages, self._sending, self._receipts)

    def _token_of(self, account_sid: str) -> str:
        return self.twilio.accounts.token_of(account_sid)

    def follow(self, script: Script) -> None:
        """From now on this script; what was accepted before keeps its fate."""
        self.script = script
        self._sending.playbook = Playbook(script)
        self.twilio.accounts.follow(script.accounts)

    def reset(self) -> None:
        """As at the start: no messages, no callbacks under way, the first script."""
        self._receipts.clear()
        self.messages.reset()
        self._callbacks.counts.clear()
        self.follow(self._first_script)

    def statistics(self) -> dict[str, Any]:
        """Figures for people and tests."""
        return {
            "accepted": len(self.messages),
            "callbacks": dict(self._callbacks.counts),
            "callbacks_planned": len(self._receipts),
            "callbacks_waiting": self._callbacks.waiting,
        }

    def close(self) -> None:
        """Writes the log out and closes connections."""
        self.messages.flush()
        self._callbacks.close()
