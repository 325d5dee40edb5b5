"""Connecting and binding: from an account to a session, or to why there is none."""

import asyncio
import ssl
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final, Self

from heliograph.domain.vocabulary import ErrorClass
from heliograph.errors import InvalidInput, UpstreamFailed
from heliograph.outbound.origin import Origin
from heliograph.outbound.reach import Reach
from heliograph.providers.protocol import ProviderError
from heliograph.providers.smpp.account import SmppConfiguration, SmppCredentials, tls_context
from heliograph.providers.smpp.asked import NotWritten, Unanswered
from heliograph.providers.smpp.pdu import BIND_TRANSCEIVER, Pdu, bind_body
from heliograph.providers.smpp.session import Session
from heliograph.providers.smpp.statuses import OK, meaning

_SCHEME: Final = "smpp"
_PASSING: Final = frozenset({ErrorClass.RATE_LIMITED, ErrorClass.NOT_PROCESSED, ErrorClass.UNKNOWN_OUTCOME})
"""Classes of a refused bind that say nothing against the account: a bind has no outcome that could be in doubt."""


class NoSession(Exception):
    """There is no session; `error` says why. Nothing was submitted."""

    def __init__(self, error: ProviderError, status: int | None = None) -> None:
        super().__init__(error.message)
        self.error = error
        self.status = status  # the command_status of a refused bind


@dataclass(frozen=True, slots=True)
class Smsc:
    """Where the SMSC is."""

    host: str
    port: int
    tls: ssl.SSLContext | None
    reach: Reach | None  # None: the simulator, which the operator named

    @classmethod
    def of(
        cls, configuration: SmppConfiguration, reachable: Collection[str], simulated: tuple[str, int] | None
    ) -> Self:
        """The configured one; the simulator stands in for it in the clear, where there is one."""
        if simulated is not None:
            return cls(*simulated, None, None)
        tls = tls_context(configuration.ca_certificate) if configuration.tls else None
        return cls(configuration.host.strip("[]"), configuration.port, tls, Reach(reachable))

    async def addresses(self) -> Collection[str]:
        """What to connect to; `InvalidInput` where it may not be reached, `UpstreamFailed` for an unknown name."""
        if self.reach is None:
            return (self.host,)
        return await self.reach.addresses(Origin(_SCHEME, self.host, self.port), field="host")


class Dialler:
    """Opens bound sessions with one account at one SMSC."""

    def __init__(
        self,
        smsc: Smsc,
        credentials: SmppCredentials,
        configuration: SmppConfiguration,
        deliver: Callable[[Session, Pdu], None],
        *,
        timeout: float,
    ) -> None:
        self._smsc = smsc
        self._body = bind_body(credentials, configuration)
        self._configuration = configuration
        self._deliver = deliver
        self._timeout = timeout

    async def dial(self) -> Session:
        """A session that is bound; `NoSession`."""
        try:
            async with asyncio.timeout(self._timeout):
                session = await self._connect()
        except (InvalidInput, UpstreamFailed, OSError) as error:
            raise NoSession(_reason(error)) from error
        try:
            answer = await session.request(BIND_TRANSCEIVER, self._body)
        except (NotWritten, Unanswered) as error:
            session.abort()
            text = "The SMSC did not answer to the bind"
            raise NoSession(ProviderError(ErrorClass.NOT_PROCESSED, "bind_unanswered", text)) from error
        except BaseException:
            session.abort()
            raise
        if answer.status != OK:
            session.abort()
            raise NoSession(self._refused(answer.status), answer.status)
        return session

    def _refused(self, status: int) -> ProviderError:
        error = meaning(status, self._configuration.statuses)
        error_class = ErrorClass.NOT_PROCESSED if error.error_class in _PASSING else error.error_class
        if error_class not in {ErrorClass.NOT_PROCESSED, ErrorClass.ACCOUNT}:
            error_class = ErrorClass.AUTH
        return ProviderError(error_class, error.code, f"The SMSC refuses the bind. {error.message}")

    async def _connect(self) -> Session:
        failure = OSError("no address")
        for address in await self._smsc.addresses():
            try:
                return await self._connect_to(address)
            except OSError as error:
                failure = error
        raise failure

    async def _connect_to(self, address: str) -> Session:
        configuration = self._configuration
        tls = self._smsc.tls
        _, session = await asyncio.get_running_loop().create_connection(
            lambda: Session(
                self._deliver,
                window=configuration.window,
                timeout=self._timeout,
                enquire_link_seconds=configuration.enquire_link_seconds,
            ),
            address,
            self._smsc.port,
            ssl=tls,
            server_hostname=self._smsc.host if tls is not None else None,
        )
        return session


def _reason(error: Exception) -> ProviderError:
    """Why there is no connection; nothing was written, whatever it was."""
    if isinstance(error, InvalidInput):
        text = f"The SMSC may not be reached: {error.detail}"
        return ProviderError(ErrorClass.ACCOUNT, error.errors[0].code, text)
    code, text = "connect", "The SMSC could not be connected to"
    if isinstance(error, UpstreamFailed):
        code, text = "dns", "The name of the SMSC could not be resolved"
    elif isinstance(error, TimeoutError):
        code, text = "connect_timeout", "The SMSC could not be reached in time"
    elif isinstance(error, ssl.SSLError):
        code, text = "tls", "The secure connection to the SMSC failed: its certificate, or its name"
    return ProviderError(ErrorClass.NOT_PROCESSED, code, text)
