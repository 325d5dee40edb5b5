"""Where a stack's doors are to be: configured, as last time, the usual ones, or free ones in their place."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from typing import Self
from urllib.parse import urlsplit

from heliograph.settings import Settings
from heliograph.stack.description import Doors
from heliograph.stack.ports import free_port


@dataclass(frozen=True, slots=True)
class Ports:
    """One port a door."""

    api: int = 8080
    database: int = 5432
    temporal: int = 7233
    temporal_ui: int = 8233
    simulator: int = 8090
    simulator_smtp: int = 8025
    simulator_smpp: int = 2775

    @classmethod
    def free(cls) -> Self:
        """Ports that nothing listens on and no outgoing connection will take."""
        return cls()._made_free(usual=False, note=lambda _: None)

    @classmethod
    def remembered(cls, settings: Settings, last: Doors | None, note: Callable[[str], None]) -> Self:
        """The configured ports, else those of the last time, else the usual ones; `note` hears of every one taken."""
        wanted: dict[str, int] = asdict(cls())
        if last is not None:
            wanted |= {name: port for name in wanted if (port := _port_of(getattr(last, name))) is not None}
        for name in ("api", "simulator", "simulator_smtp", "simulator_smpp"):
            if f"{name}_port" in settings.model_fields_set:
                wanted[name] = getattr(settings, f"{name}_port")
        return cls(**wanted)._made_free(usual=True, note=note)

    def _made_free(self, *, usual: bool, note: Callable[[str], None]) -> Self:
        chosen: dict[str, int] = {}
        for field in fields(self):
            preferred = getattr(self, field.name) if usual else None
            port = free_port(preferred, besides=chosen.values())
            if preferred is not None and port != preferred:
                note(f"port {preferred} is taken: {field.name.replace('_', ' ')} listens on {port}")
            chosen[field.name] = port
        return type(self)(**chosen)


def _port_of(address: str | None) -> int | None:
    if address is None:
        return None
    return urlsplit(address if "://" in address else f"//{address}").port
