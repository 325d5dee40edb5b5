"""Every operation of the OpenAPI document called with what its schema allows, and with what it does not."""

import asyncio
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeAlias

import pytest
import schemathesis
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis.errors import Unsatisfiable
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api.app import assemble
from api.openapi import document
from heliograph.db.engine import Database
from heliograph.db.tables import Connector
from heliograph.domain.vocabulary import Role
from heliograph.services.api_keys import make_key
from heliograph.settings import Settings
from heliograph.stack.ports import free_port
from tests.api.api_process import running
from tests.api.simulated_twilio import SimulatedTwilio

Operation: TypeAlias = APIOperation[Any, Any, Any, Any]
AnyCase: TypeAlias = Case[Any]
Calls: TypeAlias = Counter[tuple[str, int]]

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
EXAMPLES = 8
LAST = ("DELETE", "/v1/connectors/{connector_id}")  # nothing is left to try on afterwards


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_no_call_within_or_outside_the_schema_breaks_the_api(
    database: Database,
    database_url: str,
    temporal_server: str,
    twilio: SimulatedTwilio,
    connector: Connector,
    tmp_path: Path,
) -> None:
    key = make_key(connector.workspace_id, "fuzz", Role.OWNER)
    async with database.unit_of_work() as session:
        session.add(key.api_key)
    port = free_port()
    environment = {
        "HELIOGRAPH_SIMULATOR_URL": twilio.url,
        "HELIOGRAPH_PROVIDER_CHECK_RETRY_SECONDS": "0",
    }
    known = {"connector_id": str(connector.id), "workspace_id": str(connector.workspace_id)}
    call = {"base_url": f"http://127.0.0.1:{port}", "headers": {"Authorization": f"Bearer {key.text}"}}

    async with asyncio.timeout(560), running(database_url, tmp_path, port, temporal=temporal_server, **environment):
        await asyncio.to_thread(_call_everything, known, call)


def _call_everything(known: dict[str, str], call: dict[str, Any]) -> None:
    schema = schemathesis.openapi.from_dict(document(assemble(Settings())))
    operations = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
    assert len(operations) > 20
    calls: Calls = Counter()
    for operation in sorted(operations, key=lambda each: (each.method.upper(), each.path) == LAST):
        for mode in GenerationMode:
            _call(operation, mode, known, call, calls)
    assert {operation.label for operation in operations} == {label for label, _ in calls}
    assert sum(count for (_, status), count in calls.items() if status < 300) > 20


def _call(
    operation: Operation, mode: GenerationMode, known: dict[str, str], call: dict[str, Any], calls: Calls
) -> None:
    @given(case=operation.as_strategy(generation_mode=mode))
    @hypothesis_settings(
        max_examples=EXAMPLES, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
    )
    def check(case: AnyCase) -> None:
        if mode is GenerationMode.POSITIVE:
            case.path_parameters = {
                name: known.get(name, value) for name, value in (case.path_parameters or {}).items()
            }
        response = case.call_and_validate(**call, checks=CHECKS, timeout=20)
        calls[operation.label, response.status_code] += 1

    with suppress(Unsatisfiable):  # nothing can be wrong about an operation without parameters
        check()
