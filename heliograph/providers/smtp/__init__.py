"""SMTP: e-mail through any relay, with bounces read from what comes back. See docs/providers/smtp.md."""

from collections.abc import Sequence
from typing import ClassVar, Final

from pydantic import BaseModel

from heliograph.domain.vocabulary import Channel
from heliograph.errors import InvalidInput
from heliograph.providers.protocol import (
    Account,
    Capabilities,
    ConnectionOptions,
    InboundMessage,
    Provider,
    ProviderRequest,
    StatusReport,
)
from heliograph.providers.shared.email_senders import EMAIL_SENDER_KINDS
from heliograph.providers.smtp.account import SmtpConfiguration, SmtpCredentials
from heliograph.providers.smtp.bounces import read_returned_mail
from heliograph.providers.smtp.connection import SmtpConnection


class Smtp:
    """The kind of connector. Stateless."""

    key: ClassVar[str] = "smtp"
    name: ClassVar[str] = "SMTP"
    capabilities: ClassVar[Capabilities] = Capabilities(
        channels=frozenset({Channel.EMAIL}),
        sender_kinds=EMAIL_SENDER_KINDS,
        callbacks=False,  # silence is the good news: only what comes back is told
        signed=False,
        polling=False,
        look_up=False,
        log=False,
        balance=False,
        inbound=False,
        bounces=True,
        counts_parts=False,
        proven_by=("simulator", "aiosmtpd"),
    )
    credentials: ClassVar[type[BaseModel]] = SmtpCredentials
    configuration: ClassVar[type[BaseModel]] = SmtpConfiguration

    def open(self, account: Account, options: ConnectionOptions) -> SmtpConnection:
        """A connection; its pool opens with the first message."""
        credentials, configuration = _typed(account)
        return SmtpConnection(credentials, configuration, options)

    def verify(self, request: ProviderRequest, account: Account) -> bool:  # noqa: ARG002
        """Mail is not signed for us: the callback's address is the secret."""
        return True

    def parse_status(self, request: ProviderRequest, account: Account) -> Sequence[StatusReport]:
        """The reports in a mail that came back, as a mail server hands it on."""
        return read_returned_mail(request, _typed(account)[1])

    def parse_inbound(self, request: ProviderRequest, account: Account) -> Sequence[InboundMessage]:  # noqa: ARG002
        """Answers from people are for their own mailboxes."""
        raise InvalidInput.of(
            "connector", "takes no inbound messages; what comes back belongs to /status", "no_inbound"
        )


def _typed(account: Account) -> tuple[SmtpCredentials, SmtpConfiguration]:
    credentials, configuration = account.credentials, account.configuration
    if not isinstance(credentials, SmtpCredentials) or not isinstance(configuration, SmtpConfiguration):
        raise TypeError("SMTP takes SmtpCredentials and a SmtpConfiguration")
    return credentials, configuration


PROVIDER: Final[Provider] = Smtp()
