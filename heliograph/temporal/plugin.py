"""The one wiring point of Temporal: client, workers, replayer and test environments all inherit it."""

import dataclasses

from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import DataConverter, DefaultFailureConverterWithEncodedAttributes
from temporalio.plugin import SimplePlugin
from temporalio.worker import WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from heliograph.errors import HeliographError
from heliograph.secrets import KeyRing
from heliograph.telemetry.temporal import temporal_interceptors
from heliograph.temporal.codec import EncryptionCodec
from heliograph.temporal.interceptors import ErrorMappingInterceptor

PASSED_THROUGH = (
    "heliograph",
    "activities",
    "sqlmodel",
    "sqlalchemy",
    "asyncpg",
    "opentelemetry",
    "orjson",
    "jinja2",
    "phonenumbers",
    "twilio",
    "aiohttp",
    "cryptography",
    "pydantic_settings",
)
"""Loaded once, not per workflow. Ours are pure where workflows call them; the rest only comes along by import."""


def _workflow_runner(existing: WorkflowRunner | None) -> WorkflowRunner:
    if isinstance(existing, SandboxedWorkflowRunner):
        return dataclasses.replace(
            existing, restrictions=SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH)
        )
    assert existing is not None
    return existing


class HeliographPlugin(SimplePlugin):
    """Pydantic payloads under our codec, failures encoded too, our errors mapped."""

    def __init__(self, key_ring: KeyRing) -> None:
        converter: DataConverter = dataclasses.replace(
            pydantic_data_converter,
            payload_codec=EncryptionCodec(key_ring),
            failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
        )
        super().__init__(
            "heliograph",
            data_converter=converter,
            interceptors=[*temporal_interceptors(), ErrorMappingInterceptor()],
            workflow_runner=_workflow_runner,
            workflow_failure_exception_types=[HeliographError],
        )
