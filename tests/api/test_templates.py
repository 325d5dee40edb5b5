"""`/v1/templates` as a caller sees it."""

import json
from typing import Any

import pytest

from tests.api.client import ApiClient

TEMPLATES = "/v1/templates"


async def make(client: ApiClient, **more: Any) -> dict[str, Any]:
    made = await client.post(TEMPLATES, json={"name": "Welcome", "body": "Hi {{ name }}", **more})
    assert made.status == 201, made.body
    found: dict[str, Any] = made.json()
    return found


async def test_a_template_is_made_read_edited_and_archived(marketer: ApiClient) -> None:
    made = await make(marketer, tags=["new"], fallbacks={"name": "friend"})
    assert (made["latest_version"], made["version"]["variables"]) == (1, ["name"])
    url = f"{TEMPLATES}/{made['id']}"
    assert (await marketer.get(url)).json() == made
    edited = (await marketer.patch(url, json={"body": "Hello {{ name }}", "missing_variable": "refuse"})).json()
    assert (edited["latest_version"], edited["version"]["missing_variable"]) == (2, "refuse")
    versions = (await marketer.get(f"{url}/versions")).json()
    assert [version["number"] for version in versions["items"]] == [2, 1]
    assert (await marketer.get(f"{url}/versions/1")).json() == made["version"]
    diff = (await marketer.get(f"{url}/difference", query={"before": 1, "after": 2})).json()["diff"]
    assert "-Hi {{ name }}\n+Hello {{ name }}" in diff
    assert (await marketer.post(f"{url}/archive")).json()["archived_at"]
    assert (await marketer.get(TEMPLATES)).json() == {"items": [], "next": None}
    assert (await marketer.patch(url, json={"body": "x"})).status == 409


async def test_a_repeated_post_makes_one_template(marketer: ApiClient) -> None:
    keyed = marketer.having({"Idempotency-Key": "once"})
    assert await make(keyed) == await make(keyed)
    assert len((await marketer.get(TEMPLATES)).json()["items"]) == 1


async def test_lists_are_paged_and_searched(marketer: ApiClient) -> None:
    for name in ("One", "Two", "Three"):
        await make(marketer, name=name, tags=[name.lower()])
    first = (await marketer.get(TEMPLATES, query={"limit": 2})).json()
    rest = (await marketer.get(TEMPLATES, query={"limit": 2, "after": first["next"]})).json()
    assert [each["name"] for each in first["items"] + rest["items"]] == ["Three", "Two", "One"]
    assert [each["name"] for each in (await marketer.get(TEMPLATES, query={"tag": "two"})).json()["items"]] == ["Two"]
    assert [each["name"] for each in (await marketer.get(TEMPLATES, query={"name": "t"})).json()["items"]] == [
        "Three",
        "Two",
    ]


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        ("Hi {{ name", "line 1: "),
        ("Hi\n{% for i in range(10000000000) %}x{% endfor %}", "line 2: range would make 10,000,000,000 rounds"),
        ("{{ ''.__class__.__mro__ }}", "line 1: the attribute '__mro__' is not available"),
        ("{% include '/etc/passwd' %}", "line 1: include is not available in a template"),
        ("", "is empty"),
        ("\ud83d", ""),
    ],
)
async def test_a_body_that_is_no_template_gets_422_with_field_and_rule(
    marketer: ApiClient, body: str, rule: str
) -> None:
    text = f'{{"name": "x", "body": {json.dumps(body)}}}'
    refused = await marketer.post(TEMPLATES, body=text.encode(), headers={"Content-Type": "application/json"})
    assert refused.status == 422
    [error] = refused.json()["errors"]
    assert error["field"] == "body"
    assert error["rule"].startswith(rule)


async def test_a_preview_shows_what_a_recipient_gets(viewer: ApiClient, marketer: ApiClient) -> None:
    url = f"{TEMPLATES}/{(await make(marketer))['id']}/preview"
    preview = (await viewer.post(url, json={"variables": {"name": "Zoë"}})).json()
    assert preview == {
        "body": "Hi Zoë",
        "encoding": "ucs2",
        "parts": 1,
        "units": 6,
        "units_left_in_last_part": 64,
        "forcing_characters": [
            {"character": "ë", "name": "LATIN SMALL LETTER E WITH DIAERESIS", "positions": [5]},
        ],
        "missing_variables": [],
        "refusal": None,
        "reason": None,
    }
    refused = (await viewer.post(url, json={})).json()
    assert (refused["body"], refused["refusal"], refused["missing_variables"]) == (None, "missing_variable", ["name"])
    assert (await viewer.post(url, json={"version": 2})).status == 404
    assert (await viewer.post(url, json={"row": 1})).status == 422


async def test_a_text_is_previewed_without_being_stored(viewer: ApiClient) -> None:
    text = {"body": "“{{ n }}”", "smart_encoding": True, "variables": {"n": 5}}
    preview = await viewer.post(f"{TEMPLATES}/preview", json=text)
    assert (preview.json()["body"], preview.json()["encoding"]) == ('"5"', "gsm7")
    failed = await viewer.post(f"{TEMPLATES}/preview", json={"body": "{{ 1 / n }}", "variables": {"n": 0}})
    assert (failed.status, failed.json()["code"]) == (422, "template_error")


async def test_roles_and_workspaces_are_kept_apart(client: ApiClient, viewer: ApiClient, marketer: ApiClient) -> None:
    url = f"{TEMPLATES}/{(await make(marketer))['id']}"
    assert (await client.get(url)).status == 401
    assert (await viewer.get(url)).status == 200
    assert (await viewer.patch(url, json={"body": "x"})).status == 403
    assert (await viewer.post(TEMPLATES, json={"name": "x", "body": "x"})).status == 403
    assert (await viewer.get(f"{TEMPLATES}/00000000-0000-0000-0000-000000000000")).status == 404


@pytest.mark.parametrize("field", ["name", "tag"])
async def test_a_search_for_what_no_name_holds_is_refused(viewer: ApiClient, field: str) -> None:
    refused = await viewer.get(TEMPLATES, query={field: "\x00"})
    assert (refused.status, refused.json()["errors"][0]["field"]) == (422, field)
