from typing import Any

import pytest

from api import msg_client
from api.app import assemble
from api.openapi import GOLDEN, document, rendered
from heliograph.settings import Settings


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    return document(assemble(Settings()))


def operations(described: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{method.upper()} {path}", operation)
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    ]


def test_the_document_is_the_golden_one() -> None:
    assert rendered(assemble(Settings())) == GOLDEN.read_bytes(), "if the change is meant: make docs"


def test_every_operation_is_described_and_tagged(described: dict[str, Any]) -> None:
    known = {tag["name"] for tag in described["tags"]}
    for name, operation in operations(described):
        assert operation["summary"], name
        assert operation["description"], name
        assert set(operation["tags"]) <= known, name


def test_operation_ids_are_plain_and_unique(described: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, operation in operations(described)]
    assert len(names) == len(set(names))
    assert all(name.isidentifier() and "__" not in name and name == name.lower() for name in names)


def test_every_error_is_a_problem(described: dict[str, Any]) -> None:
    for name, operation in operations(described):
        errors = {status: each for status, each in operation["responses"].items() if status >= "400"}
        assert "default" in errors, name
        plain = msg_client.TAG in operation["tags"]  # another contract, with errors of its own
        for response in errors.values():
            assert list(response["content"]) == ["application/json" if plain else "application/problem+json"], name


def test_every_call_under_v1_takes_a_key(described: dict[str, Any]) -> None:
    for name, operation in operations(described):
        if " /v1/" in name:
            assert operation["security"] == [{"apiKey": []}], name
            assert {"401", "422"} <= operation["responses"].keys() or "parameters" not in operation, name


def test_every_post_that_creates_takes_an_idempotency_key(described: dict[str, Any]) -> None:
    for name, operation in operations(described):
        if name.startswith("POST /v1/") and "201" in operation["responses"]:
            assert "Idempotency-Key" in {each["name"] for each in operation["parameters"]}, name
