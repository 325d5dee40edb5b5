"""The Temporal client of every process: one converter, one codec, one set of interceptors."""

from temporalio.client import Client

from heliograph.secrets import KeyRing
from heliograph.settings import Settings
from heliograph.telemetry.runtime import temporal_runtime
from heliograph.temporal.plugin import HeliographPlugin


async def connect(settings: Settings, key_ring: KeyRing, *, lazy: bool = False) -> Client:
    """A client for the configured cluster, or for the server of `heliograph up`."""
    api_key = settings.temporal_api_key
    return await Client.connect(
        settings.temporal_address or "127.0.0.1:7233",
        namespace=settings.temporal_namespace,
        api_key=api_key.get_secret_value() if api_key else None,
        tls=settings.temporal_tls,
        plugins=[HeliographPlugin(key_ring)],
        lazy=lazy,
        runtime=temporal_runtime(),
    )
