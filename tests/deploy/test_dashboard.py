"""The Grafana dashboard asks for metrics that there are, by attributes that they have."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from heliograph.telemetry.instruments import INSTRUMENTS
from heliograph.telemetry.prometheus import sample_names

DASHBOARD: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "deploy" / "grafana" / "heliograph.json").read_text()
)
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
QUERIES = [(panel["title"], target["expr"]) for panel in PANELS for target in panel["targets"]]
ATTRIBUTES = {
    name: {attribute.replace(".", "_") for attribute in instrument.attributes}
    for instrument in INSTRUMENTS
    for name in sample_names(instrument)
}
METRIC = re.compile(r"\b(?:heliograph|http)_[a-z_]+")
MATCHER = re.compile(r"([a-z_]+)=~?\"")
GROUPING = re.compile(r"by \(([^)]*)\)")


def asked_for(query: str) -> set[str]:
    """The metrics that a query names."""
    return {name for name in METRIC.findall(query) if name not in {"http_route", "http_response_status_code"}}


@pytest.mark.parametrize(("title", "query"), QUERIES, ids=[f"{title}: {query[:40]}" for title, query in QUERIES])
def test_every_query_names_metrics_and_attributes_that_exist(title: str, query: str) -> None:
    names = asked_for(query)
    assert names, title
    assert names <= ATTRIBUTES.keys(), names - ATTRIBUTES.keys()
    wanted = set(MATCHER.findall(query))
    for group in GROUPING.findall(query):
        wanted |= {word.strip() for word in group.split(",")} - {"le"}
    for name in names:
        assert wanted <= ATTRIBUTES[name], (name, wanted - ATTRIBUTES[name])
    assert query.count("(") == query.count(")")


def test_it_shows_latencies_and_outcomes_by_provider_and_type() -> None:
    queries = "\n".join(query for _, query in QUERIES)
    for name in ("accept_latency_seconds_bucket", "receipt_lag_seconds_bucket", "messages_delivered_total"):
        assert f"heliograph_{name}" in queries
    assert "sum by (le, provider, type)" in queries


def test_its_variables_are_filled_from_metrics_that_exist() -> None:
    asked = {name for each in DASHBOARD["templating"]["list"] for name in METRIC.findall(str(each["query"]))}
    assert asked
    assert asked <= ATTRIBUTES.keys()


def test_panels_neither_overlap_nor_leave_the_page() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
