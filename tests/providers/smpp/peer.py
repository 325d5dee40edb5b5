"""SMPP for the contract: the simulated SMSC, told in the words of the suite how to behave."""

import asyncio
import time
from collections.abc import Callable
from uuid import UUID

from heliograph.domain.ledger import MessageState
from heliograph.domain.vocabulary import ErrorClass
from heliograph.providers.protocol import Account, ConnectionOptions, Inbox, ProviderRequest, SenderAddress
from heliograph.providers.registry import provider
from heliograph.providers.smpp.account import SmppConfiguration, SmppCredentials
from heliograph.providers.smpp.connection import SmppConnection
from heliograph.simulator.client import SimulatorClient
from heliograph.simulator.script import AccountScript, AnswerKind, Rule, Script, SendAnswer
from heliograph.simulator.smsc.server import NO_CREDIT, OPTED_OUT
from heliograph.stack.ports import free_port
from tests.providers.contract import Behaviour

CREDENTIALS = SmppCredentials(system_id="heliograph", password="secret")
OF_THE_SMSC = {f"{NO_CREDIT:#x}": ErrorClass.ACCOUNT, f"{OPTED_OUT:#x}": ErrorClass.OPT_OUT}
CONFIGURATION = SmppConfiguration(host="smsc.example", throttle_seconds=7.0, statuses=OF_THE_SMSC)
LONG_CODE = SenderAddress("long_code", "+12015550123")


def _error(code: int, status: int = 400) -> Script:
    return Script(rules=[Rule(answer=SendAnswer(kind=AnswerKind.ERROR, status=status, code=code))])


def _answers(kind: AnswerKind, *, accepted: bool = False) -> Script:
    return Script(rules=[Rule(answer=SendAnswer(kind=kind, accepted=accepted))])


_SCRIPTS = {
    Behaviour.ACCEPTS: Script(),
    Behaviour.RATE_LIMITS: _error(0x58),
    Behaviour.FAILS: _error(0x08),
    Behaviour.ERRS_IN_200: _error(0x08, status=200),
    Behaviour.GARBLES: _answers(AnswerKind.MALFORMED, accepted=True),
    Behaviour.DROPS: _answers(AnswerKind.DROP),
    Behaviour.DROPS_AFTER_ACCEPTING: _answers(AnswerKind.DROP, accepted=True),
    Behaviour.IS_SILENT: _answers(AnswerKind.SILENCE, accepted=True),
    Behaviour.REFUSES_CREDENTIALS: Script(accounts={"heliograph": AccountScript(auth_token="another")}),
    Behaviour.SUSPENDED: Script(accounts={"heliograph": AccountScript(status="suspended")}),
    Behaviour.REFUSES_RECIPIENT: _error(0x0B),
    Behaviour.KNOWS_OPT_OUT: _error(OPTED_OUT),
    Behaviour.REFUSES_SENDER: _error(0x0A),
    Behaviour.REFUSES_CONTENT: _error(0x66),
    Behaviour.REFUSES_STRANGELY: _error(0x4FF),
}


def open_smpp(
    port: int,
    configuration: SmppConfiguration = CONFIGURATION,
    *,
    inbox: Inbox | None = None,
    timeout: float = 5.0,
    simulated: bool = True,
) -> SmppConnection:
    """A connection to an SMSC at a port of this machine."""
    place = ("127.0.0.1", port)
    options = ConnectionOptions(
        timeout,
        None,
        simulated_smsc=place if simulated else None,
        reachable=() if simulated else (f"{place[0]}:{place[1]}",),
        inbox=inbox,
    )
    return SmppConnection(CREDENTIALS, configuration, options)


class SmppPeer:
    """See `tests.providers.contract.Peer`. Nobody calls back: receipts are tried where sessions are."""

    provider = provider("smpp")
    account = Account(CREDENTIALS, CONFIGURATION)
    sender = LONG_CODE
    statuses: tuple[tuple[str, MessageState], ...] = ()

    def __init__(self, simulator: SimulatorClient, port: int) -> None:
        self._simulator = simulator
        self._port = port

    async def behave(self, behaviour: Behaviour) -> None:
        """Tells the simulator."""
        await self._simulator.set_script(_SCRIPTS[behaviour])

    def open(self, *, timeout: float = 5.0, unreachable: bool = False) -> SmppConnection:
        """A connection."""
        return open_smpp(free_port() if unreachable else self._port, timeout=timeout)

    async def accepted(self) -> int:
        """How many messages the SMSC took."""
        return await self._simulator.accepted_count()

    async def sent(self) -> None:
        """Nothing to wait for: the SMSC keeps no log for its clients."""

    def callback(self, status: str, reference: tuple[UUID, int], *, token: str | None = None) -> ProviderRequest:
        """There are none."""
        raise NotImplementedError


async def until(holds: Callable[[], bool], seconds: float = 20.0) -> None:
    """Waits until it holds."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "waited in vain"
        await asyncio.sleep(0.01)
