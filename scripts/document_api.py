"""Writes the OpenAPI document into docs/openapi.json, the golden copy."""

from api.app import assemble
from api.openapi import GOLDEN, rendered
from heliograph.settings import Settings

if __name__ == "__main__":
    GOLDEN.write_bytes(rendered(assemble(Settings())))
