"""The one settings class. Nothing else reads the environment; every default runs on a laptop with no account."""

from functools import cache
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """What an operator can set, each as `HELIOGRAPH_<NAME>`. The `TEMPORAL_*` names are Temporal's own."""

    model_config = SettingsConfigDict(env_prefix="HELIOGRAPH_", extra="ignore", frozen=True)

    # -- where things are
    data_dir: Path = Field(default=Path(".heliograph"), description="Embedded servers, uploads, reject files, logs.")
    database_url: str | None = Field(
        default=None, description="PostgreSQL 18 or newer. Without it `heliograph up` runs its own."
    )
    temporal_address: str | None = Field(
        default=None,
        validation_alias="TEMPORAL_ADDRESS",
        description="host:port. Without it `heliograph up` runs its own server.",
    )
    temporal_namespace: str = Field(
        default="default", validation_alias="TEMPORAL_NAMESPACE", description="Where our workflows live."
    )
    temporal_api_key: SecretStr | None = Field(
        default=None, validation_alias="TEMPORAL_API_KEY", description="For Temporal Cloud."
    )
    temporal_tls: bool = Field(
        default=False, validation_alias="TEMPORAL_TLS", description="Connect to Temporal over TLS."
    )
    temporal_ui_url: str = Field(default="http://127.0.0.1:8233", description="For links to campaigns.")
    api_host: str = Field(default="127.0.0.1", description="The address that the API listens on.")
    api_port: int = Field(default=8080, description="The port that the API listens on.")
    public_url: str = Field(
        default="http://127.0.0.1:8080",
        description="The address under which providers reach the API; part of every callback's signature.",
    )
    bench_routes: bool = Field(default=False, description="Mounts what benchmarks measure against: an empty route.")
    simulator_port: int = Field(default=8090, description="The port that the simulator listens on.")
    simulator_smpp_port: int = Field(default=2775, description="The port that the simulated SMSC (SMPP) listens on.")
    simulator_smtp_port: int = Field(default=8025, description="The port on which the simulator is a mail relay.")
    simulator_url: str | None = Field(
        default=None,
        description="Stands in for the hosts of all providers; `heliograph up` sets it to the simulator.",
    )

    # -- secrets
    master_keys: SecretStr | None = Field(
        default=None,
        description=(
            "Key ring that wraps credentials and Temporal payloads: `id:base64-of-32-bytes`, comma-separated, "
            "the first seals, all open. Without it one is made in the data directory."
        ),
    )
    api_key: SecretStr | None = Field(default=None, description="What the command line sends to the API.")

    # -- command line
    workspace: str | None = Field(
        default=None, description="Name or id of the workspace that commands work in; by default the only one."
    )

    # -- limits
    upload_limit: int = Field(default=2**31, description="Bytes of one uploaded CSV file.")
    body_limit: int = Field(default=2**20, description="Bytes of any other request.")
    import_directories: tuple[Path, ...] = Field(
        default=(),
        description="Directories from which the API may import files of the server, as a JSON list; none by default.",
    )
    database_pool_size: int = Field(default=8, description="Connections per process.")

    # -- providers
    provider_check_retry_seconds: float = Field(
        default=5.0, description="Between the tries of a check of credentials or senders, while the provider fails."
    )

    reachable_hosts: tuple[str, ...] = Field(
        default=(),
        description=(
            "Private hosts, each as `host` or `host:port`, that custom connectors and webhooks may reach, as a JSON "
            "list; `heliograph up` adds the simulator. Without an entry no private or local address is reached."
        ),
    )

    # -- the SMS connector API
    msg_client_workspace: str | None = Field(
        default=None,
        description="Name or id of the workspace that `/msg-client` works in. Without it that API is closed.",
    )
    msg_client_addresses: tuple[IPv4Network | IPv6Network, ...] = Field(
        default=(),
        description="Networks from which `/msg-client` may be called, as a JSON list of addresses and CIDR blocks.",
    )
    msg_client_secrets: SecretStr | None = Field(
        default=None, description="Who else may call `/msg-client`: `name:secret`, comma-separated."
    )
    delivery_report_broker: SecretStr | None = Field(
        default=None,
        description=(
            "The ActiveMQ that is told what became of messages of `/msg-client`: "
            "`stomp://user:password@host:61613`, with TLS `stomp+ssl://…`; several, comma-separated, stand in for "
            "each other. Without it none is told."
        ),
    )
    delivery_report_queue: str = Field(default="delivery-report", description="The queue it is told on.")

    # -- reports
    export_lifetime_seconds: float = Field(
        default=604_800.0, gt=0, description="How long the file of an exported report is kept; then it is removed."
    )

    # -- webhooks
    webhook_timeout_seconds: float = Field(
        default=10.0, gt=0, description="How long a receiver of callbacks may take to answer."
    )
    webhook_connections: int = Field(
        default=16, ge=1, description="Callbacks under way at a time, per webhook: connections to one receiver."
    )
    webhook_longest_pause_seconds: float = Field(
        default=300.0, gt=0, description="Between two tries of a receiver that fails; the pauses double up to this."
    )
    webhook_give_up_seconds: float = Field(
        default=259_200.0, description="After failing so long (three days) a callback becomes a dead letter."
    )

    # -- metrics
    metrics_seconds: float = Field(
        default=10.0,
        ge=0,
        description="How often a process adds what it counted to what `/metrics` shows; 0: it counts nothing for it.",
    )
    metrics_addresses: tuple[IPv4Network | IPv6Network, ...] = Field(
        default=(),
        description="Networks from which `/metrics` may be read, as a JSON list of addresses and CIDR blocks.",
    )
    metrics_secret: SecretStr | None = Field(
        default=None,
        description="Who else may read `/metrics`: the holder of this bearer token. With neither, it is closed.",
    )

    # -- logs
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="Quieter lines are left out."
    )
    log_format: Literal["auto", "json", "text"] = Field(
        default="auto", description="auto: text on a terminal, one JSON object a line elsewhere."
    )

    # -- sending
    chunk: int = Field(
        default=256,
        description="Messages a worker process may hold claimed and unrecorded: what a crash puts in doubt.",
    )
    requests_in_flight: int = Field(default=64, description="Calls to providers at a time, per worker process.")
    lease_seconds: float = Field(default=60.0, description="How long a claim is valid.")
    provider_timeout_seconds: float = Field(default=20.0, description="How long a provider may take to answer.")
    batch_seconds: float = Field(default=10.0, description="How long one send_batch activity holds its slot.")
    in_doubt_seconds: float = Field(default=120.0, description="After this a message in doubt is decided.")
    sweep_seconds: float = Field(default=5.0, description="Between two rounds of the sweeper.")
    first_poll_seconds: float = Field(
        default=300.0, gt=0, description="Silence after which accepted messages are asked for at the provider."
    )
    poll_seconds: float = Field(
        default=30.0,
        gt=0,
        description="The same for providers that report nothing by themselves. The pauses then double.",
    )
    longest_poll_seconds: float = Field(
        default=3600.0, gt=0, description="The longest pause between two questions about one message."
    )
    receipt_window_seconds: float = Field(
        default=259_200.0,
        gt=0,
        description="How long the final word of a message outside campaigns is awaited; then it is unconfirmed.",
    )
    silence_seconds: float = Field(
        default=900.0,
        gt=0,
        description="A connector whose messages are accepted and that brings no receipt for so long is in trouble.",
    )


@cache
def settings() -> Settings:
    """The settings of this process."""
    return Settings()
