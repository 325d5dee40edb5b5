"""The stack of Heliograph: its doors, its processes and steps, and what each waits for."""

import signal
import sys
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from importlib.util import find_spec

from temporalio.client import Client

from heliograph.contracts import Lane
from heliograph.errors import Defect
from heliograph.settings import Settings
from heliograph.stack.bootstrap import bootstrap_first_workspace
from heliograph.stack.checks import answers_http, answers_postgres, knows_namespace, polls
from heliograph.stack.description import Doors
from heliograph.stack.layout import Ports
from heliograph.stack.leftovers import wait_until_unused
from heliograph.stack.parts import Node, Part, Step
from heliograph.stack.postgres import EmbeddedPostgres
from heliograph.stack.schema import upgrade_database, upgrade_temporal
from heliograph.stack.temporal_server import temporal_command

WORKERS: dict[str, tuple[Lane, ...]] = {
    "worker-interactive": (Lane.OTP, Lane.TRANSACTIONAL),
    "worker-control": (Lane.CONTROL,),
    "worker-bulk-1": (Lane.BULK,),
    "worker-bulk-2": (Lane.BULK,),
}
"""A process each. Bulk yields to everything else: it runs at a lower priority of the operating system."""

PARTS = ("postgres", "temporal", "simulator", "api", *WORKERS)

_BULK_NICENESS = 5
_STEPS = ("migrations", "bootstrap")


@dataclass(frozen=True, slots=True)
class Choice:
    """Which parts are started. What the settings name already is not, and then need not be among them."""

    names: frozenset[str]

    @classmethod
    def of(cls, settings: Settings, names: Collection[str]) -> "Choice":
        """Of these names, those that the settings do not provide."""
        provided = {"postgres": settings.database_url, "temporal": settings.temporal_address}
        return cls(frozenset(name for name in names if provided.get(name) is None))

    def __contains__(self, name: str) -> bool:
        return name in self.names


def doors_of(settings: Settings, choice: Choice, ports: Ports) -> Doors:
    """Where everything is to be found, whether we start it or the settings name it."""
    local = "127.0.0.1"
    embedded = EmbeddedPostgres(settings.data_dir / "postgres", ports.database)
    api = f"http://{local}:{ports.api}" if "api" in choice else None
    explicit = settings.model_fields_set
    return Doors(
        api=api,
        public=settings.public_url if "public_url" in explicit else api,
        temporal=f"{local}:{ports.temporal}" if "temporal" in choice else settings.temporal_address,
        temporal_ui=_temporal_ui(settings, choice, ports),
        database=embedded.url if "postgres" in choice else settings.database_url,
        simulator=f"http://{local}:{ports.simulator}" if "simulator" in choice else None,
        simulator_smtp=f"smtp://{local}:{ports.simulator_smtp}" if "simulator" in choice else None,
        simulator_smpp=f"smpp://{local}:{ports.simulator_smpp}" if "simulator" in choice else None,
    )


def _temporal_ui(settings: Settings, choice: Choice, ports: Ports) -> str | None:
    if "temporal" in choice:
        return f"http://127.0.0.1:{ports.temporal_ui}"
    return settings.temporal_ui_url if "temporal_ui_url" in settings.model_fields_set else None


def compose(
    settings: Settings, choice: Choice, ports: Ports, client: Client, note: Callable[[str, str], None]
) -> list[Node]:
    """The nodes of the stack. `settings` hold its doors already; `note` hears what steps have to say."""
    nodes = [*_servers(settings, choice, ports, client), *_steps(settings, client, note), *_ours(settings, client)]
    names = {node.name for node in nodes if node.name in choice or node.name in _STEPS}
    return [
        replace(node, after=tuple(name for name in node.after if name in names)) for node in nodes if node.name in names
    ]


def _servers(settings: Settings, choice: Choice, ports: Ports, client: Client) -> Iterator[Node]:
    postgres = EmbeddedPostgres(settings.data_dir / "postgres", ports.database)

    def prepare() -> None:
        wait_until_unused(postgres.directory)
        postgres.initialise()

    yield Part(
        "postgres",
        postgres.server_command,
        answers_postgres(postgres.url),
        prepare=prepare,
        user_prefix=postgres.user_prefix,
        stop_signals=((signal.SIGINT, 30.0), (signal.SIGQUIT, 5.0)),  # fast shutdown, then the immediate one
        orphan_signal=signal.SIGINT,
    )
    codec = f"{settings.public_url.rstrip('/')}/codec" if "api" in choice else None
    yield Part(
        "temporal",
        temporal_command(
            file=settings.data_dir / "temporal.db",
            port=ports.temporal,
            ui_port=ports.temporal_ui,
            namespace=settings.temporal_namespace,
            codec_endpoint=codec,
        ),
        knows_namespace(client),
    )
    yield Part(
        "simulator",
        [*_python("-m", "heliograph.simulator"), *_simulator_ports(ports)],
        answers_http(ports.simulator, "/health"),
    )


def _simulator_ports(ports: Ports) -> list[str]:
    ports_by_option = {
        "--port": ports.simulator,
        "--smtp-port": ports.simulator_smtp,
        "--smpp-port": ports.simulator_smpp,
    }
    return [word for option, port in ports_by_option.items() for word in (option, str(port))]


def _steps(settings: Settings, client: Client, note: Callable[[str, str], None]) -> Iterator[Node]:
    url = settings.database_url
    if url is None:
        return

    async def migrations() -> None:
        await upgrade_database(url)
        if settings.temporal_address is None:
            return
        upgrade = await upgrade_temporal(client)
        if upgrade.search_attributes:
            note("migrations", f"registered search attributes {', '.join(upgrade.search_attributes)}")

    async def bootstrap() -> None:
        written = await bootstrap_first_workspace(settings)
        if written is not None:
            note("bootstrap", f"made the workspace Main; its owner's API key is in {written}")

    yield Step("migrations", migrations, after=("postgres", "temporal"))
    yield Step("bootstrap", bootstrap, after=("migrations",))


def _ours(settings: Settings, client: Client) -> Iterator[Node]:
    needs = ("postgres", "temporal", "bootstrap")
    yield Part("api", _python("-m", "api"), answers_http(settings.api_port, "/health"), needs)
    for name, lanes in WORKERS.items():
        yield Part(
            name,
            [*_python(_worker_file()), "--lanes", ",".join(lanes)],
            polls(client, lanes),
            needs,
            stop_signals=((signal.SIGTERM, 45.0),),  # it finishes and records what is in flight
            niceness=_BULK_NICENESS if lanes == (Lane.BULK,) else 0,
        )


def _python(*arguments: str) -> list[str]:
    """Our interpreter; -P, so that a directory `api` where the user stands is not taken for ours."""
    return [sys.executable, "-P", *arguments]


def _worker_file() -> str:
    found = find_spec("worker")
    if found is None or found.origin is None:
        raise Defect("worker.py is not installed: run `make setup`")
    return found.origin
