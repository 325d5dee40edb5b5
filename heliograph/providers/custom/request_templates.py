"""A described request made ready: what is the same for all messages is done once, when the connector is opened."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Self

from heliograph.errors import InvalidInput
from heliograph.providers.custom.escapes import Place, Unwritable
from heliograph.providers.custom.requests import RequestDescription, address, compiled, pairs
from heliograph.providers.custom.templates import SECRETS, Template, joined
from heliograph.providers.shared.http import HttpRequest


@dataclass(frozen=True, slots=True)
class RequestTemplate:
    """A request whose parts are templates."""

    method: str
    url: Template
    headers: tuple[tuple[str, Template], ...]
    body: Template | None

    @classmethod
    def of(cls, description: RequestDescription) -> Self:
        """Of a description that was checked."""
        url = address(description.url)
        if description.query:
            url = joined([url, "&" if "?" in description.url else "?", pairs(description.query)])
        headers = [(name, compiled(value, Place.HEADER)) for name, value in description.headers.items()]
        body = description.body
        if body is not None and all(name.lower() != "content-type" for name, _ in headers):
            headers.append(("Content-Type", compiled(body.content_type, Place.HEADER)))
        return cls(description.method, url, tuple(headers), None if body is None else body.template())

    @property
    def _templates(self) -> list[Template]:
        return [self.url, *(value for _, value in self.headers), *([] if self.body is None else [self.body])]

    @property
    def secrets(self) -> frozenset[str]:
        """The names of the secrets that it asks for."""
        return frozenset().union(*(each.secrets for each in self._templates))

    @property
    def names(self) -> frozenset[str]:
        """The placeholders that it asks for, secrets left out."""
        asked = frozenset[str]().union(*(each.names for each in self._templates))
        return asked - {f"{SECRETS}.{name}" for name in self.secrets}

    def with_secrets(self, secrets: Mapping[str, str], *, field: str) -> "RequestTemplate":
        """The same with its secrets filled in; `InvalidInput` naming `field` for one that there is none of."""
        missing = sorted(self.secrets.difference(secrets))
        if missing:
            rule = f"names secrets.{missing[0]}, which is not among credentials.secrets"
            raise InvalidInput.of(field, rule, "unknown_secret")
        values = {f"{SECRETS}.{name}": value for name, value in secrets.items()}
        try:
            return RequestTemplate(
                self.method,
                self.url.bound(values),
                tuple((name, value.bound(values)) for name, value in self.headers),
                None if self.body is None else self.body.bound(values),
            )
        except Unwritable as unwritable:
            raise InvalidInput.of(field, f"cannot hold a secret: {unwritable.rule}", "bad_secret") from None

    def fill(self, values: Mapping[str, str]) -> HttpRequest:
        """The request for these values; `Unwritable` when one of them cannot stand in its place."""
        body = None if self.body is None else self.body.render(values).encode()
        headers = {name: value.render(values) for name, value in self.headers}
        return HttpRequest(self.method, self.url.render(values), headers, body)


def check_placeholders(description: RequestDescription, known: Collection[str]) -> None:
    """`ValueError` for a placeholder that this kind of request does not know."""
    unknown = sorted(RequestTemplate.of(description).names.difference(known))
    if unknown:
        raise ValueError(f"there is no placeholder {unknown[0]!r} here; there are: {', '.join(sorted(known))}")
