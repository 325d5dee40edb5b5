"""The custom connector's peers."""

from tests.outbound.conftest import names, web_server

__all__ = ["names", "web_server"]
