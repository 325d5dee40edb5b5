"""Templates on a real database: versions, edits, previews, and what belongs to whom."""

import asyncio
from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from sqlmodel import col, select

from heliograph.db.pages import PageRequest
from heliograph.db.tables import Audience, AudienceRow, AuditEntry, Workspace
from heliograph.domain.vocabulary import MissingVariable, Role, WorkspaceMode
from heliograph.errors import Conflict, Forbidden, InvalidInput, NotFound
from heliograph.rendering import TemplateCache, TemplateFailed, TemplateInvalid
from heliograph.services.context import Actor, Services
from heliograph.services.template_text import TemplateChanges, TemplateText
from heliograph.services.templates import (
    VersionedTemplate,
    archive_template,
    compare_versions,
    create_template,
    edit_template,
    get_template,
    list_templates,
    list_versions,
    load_compiled,
    preview_template,
    preview_text,
)


async def make(services: Services, actor: Actor, body: str = "Hi {{ name }}", **fallbacks: str) -> VersionedTemplate:
    return await create_template(services, actor, "Welcome", TemplateText(body, fallbacks))


@pytest.fixture
def viewer(owner_actor: Actor) -> Actor:
    return replace(owner_actor, role=Role.VIEWER)


async def test_a_new_template_has_version_1_with_its_variables(services: Services, owner_actor: Actor) -> None:
    made = await create_template(
        services,
        owner_actor,
        " Welcome ",
        TemplateText("{{ b }} {{ a }}"),
        description="For all",
        tags=["x", " x", "y"],
    )
    found = await get_template(services, owner_actor, made.template.id)
    assert (found.template.name, found.template.description, found.template.tags) == ("Welcome", "For all", ["x", "y"])
    assert (found.version.number, found.version.variables) == (1, ["a", "b"])
    assert found.version.missing_variable is MissingVariable.REFUSE


async def test_fallbacks_make_the_policy_fallback_where_none_is_named(services: Services, owner_actor: Actor) -> None:
    assert (await make(services, owner_actor, name="friend")).version.missing_variable is MissingVariable.FALLBACK


async def test_an_endless_loop_is_refused_when_it_is_saved(services: Services, owner_actor: Actor) -> None:
    with pytest.raises(TemplateInvalid, match="line 1: range would make") as caught:
        await make(services, owner_actor, "{% for i in range(10000000000) %}x{% endfor %}")
    assert caught.value.errors[0].field == "body"
    assert not (await list_templates(services, owner_actor, PageRequest())).items


async def test_an_edit_of_the_body_makes_a_version_and_leaves_the_old_one(
    services: Services, owner_actor: Actor
) -> None:
    made = await make(services, owner_actor, name="friend")
    edited = await edit_template(services, owner_actor, made.template.id, TemplateChanges(body="Hello {{ name }}"))
    assert (edited.version.number, edited.version.fallbacks) == (2, {"name": "friend"})
    first = await get_template(services, owner_actor, made.template.id, number=1)
    assert (first.version.body, first.version.id) == ("Hi {{ name }}", made.version.id)


async def test_an_edit_that_changes_no_text_makes_no_version(services: Services, owner_actor: Actor) -> None:
    made = await make(services, owner_actor)
    edited = await edit_template(
        services, owner_actor, made.template.id, TemplateChanges(body="Hi {{ name }}"), name="Hello", tags=["new"]
    )
    assert (edited.version.id, edited.template.name, edited.template.tags) == (made.version.id, "Hello", ["new"])


async def test_a_fallback_goes_with_its_variable(services: Services, owner_actor: Actor) -> None:
    made = await make(services, owner_actor, "{{ a }} {{ b }}", a="1", b="2")
    edited = await edit_template(services, owner_actor, made.template.id, TemplateChanges(body="{{ a }}"))
    assert edited.version.fallbacks == {"a": "1"}


async def test_an_edit_that_is_refused_changes_nothing(services: Services, owner_actor: Actor) -> None:
    made = await make(services, owner_actor)
    with pytest.raises(TemplateInvalid):
        await edit_template(services, owner_actor, made.template.id, TemplateChanges(body="{{"), name="Other")
    found = await get_template(services, owner_actor, made.template.id)
    assert (found.template.name, found.version.number) == ("Welcome", 1)


async def test_edits_at_once_are_numbered_in_turn(services: Services, owner_actor: Actor) -> None:
    made = await make(services, owner_actor)
    edits = [
        edit_template(services, owner_actor, made.template.id, TemplateChanges(body=f"Text {n}")) for n in range(5)
    ]
    assert sorted(edited.version.number for edited in await asyncio.gather(*edits)) == [2, 3, 4, 5, 6]


async def test_lists_are_searched_by_name_and_tag_and_paged(services: Services, owner_actor: Actor) -> None:
    for name, tags in [("Sale 50%", ["sale"]), ("Sale 500", []), ("Login", ["otp", "sale"])]:
        await create_template(services, owner_actor, name, TemplateText("x"), tags=tags)

    async def names(**search: str) -> list[str]:
        page = await list_templates(
            services, owner_actor, PageRequest(), name_contains=search.get("name"), tag=search.get("tag")
        )
        return [template.name for template in page.items]

    assert await names() == ["Login", "Sale 500", "Sale 50%"]
    assert await names(name="sALE") == ["Sale 500", "Sale 50%"]
    assert await names(name="50%") == ["Sale 50%"]
    assert await names(tag="sale") == ["Login", "Sale 50%"]
    first = await list_templates(services, owner_actor, PageRequest(2))
    rest = await list_templates(services, owner_actor, PageRequest(2, first.next))
    assert [template.name for template in (*first.items, *rest.items)] == await names()
    assert rest.next is None


async def test_versions_are_listed_latest_first_and_paged(services: Services, owner_actor: Actor) -> None:
    template_id = (await make(services, owner_actor)).template.id
    for n in range(2, 5):
        await edit_template(services, owner_actor, template_id, TemplateChanges(body=f"Text {n}"))
    page = await list_versions(services, owner_actor, template_id, PageRequest(3))
    rest = await list_versions(services, owner_actor, template_id, PageRequest(3, page.next))
    assert [version.number for version in (*page.items, *rest.items)] == [4, 3, 2, 1]


async def test_two_versions_are_compared_line_by_line(services: Services, owner_actor: Actor) -> None:
    template_id = (await make(services, owner_actor, "Hi {{ name }}\nBye")).template.id
    changes = TemplateChanges(body="Hello {{ name }}\nBye", smart_encoding=True)
    await edit_template(services, owner_actor, template_id, changes)
    lines = (await compare_versions(services, owner_actor, template_id, 1, 2)).splitlines()
    assert lines[:2] == ["--- version 1", "+++ version 2"]
    assert [line for line in lines[2:] if line[0] in "+-"] == [
        "-smart encoding: off",
        "+smart encoding: on",
        "-Hi {{ name }}",
        "+Hello {{ name }}",
    ]
    assert await compare_versions(services, owner_actor, template_id, 2, 2) == ""


async def test_an_archived_template_leaves_the_list_and_cannot_be_edited(
    services: Services, owner_actor: Actor
) -> None:
    template_id = (await make(services, owner_actor)).template.id
    first = await archive_template(services, owner_actor, template_id)
    assert (await archive_template(services, owner_actor, template_id)).archived_at == first.archived_at
    assert not (await list_templates(services, owner_actor, PageRequest())).items
    assert (await list_templates(services, owner_actor, PageRequest(), archived=True)).items
    with pytest.raises(Conflict):
        await edit_template(services, owner_actor, template_id, TemplateChanges(body="x"))


async def test_a_preview_shows_message_parts_and_forcing_characters(services: Services, owner_actor: Actor) -> None:
    template_id = (await make(services, owner_actor, "It’s {{ name }}")).template.id
    preview = await preview_template(services, owner_actor, template_id, {"name": "Zoë"})
    assert preview.body == "It’s Zoë"
    assert preview.parts is not None
    assert (preview.parts.encoding, preview.parts.parts) == ("ucs2", 1)
    assert [(each.character, each.positions) for each in preview.forcing_characters] == [("’", (2,)), ("ë", (7,))]


async def test_a_preview_tells_why_a_recipient_would_get_nothing(services: Services, owner_actor: Actor) -> None:
    template_id = (await make(services, owner_actor)).template.id
    preview = await preview_template(services, owner_actor, template_id, {"name": " "})
    assert (preview.body, preview.refusal, preview.missing_variables) == (None, "missing_variable", ["name"])


async def test_a_preview_of_a_broken_template_is_an_error(services: Services, owner_actor: Actor) -> None:
    template_id = (await make(services, owner_actor, "{{ 1 / n | int }}")).template.id
    with pytest.raises(TemplateFailed, match="line 1: division by zero"):
        await preview_template(services, owner_actor, template_id, {"n": "0"})


async def test_a_text_is_previewed_without_being_stored(services: Services, viewer: Actor) -> None:
    preview = await preview_text(services, viewer, TemplateText("Hi {{ name }}", {"name": "you"}), {})
    assert (preview.body, preview.missing_variables) == ("Hi you", ["name"])


@pytest.fixture
async def audience_id(services: Services, workspace: Workspace) -> UUID:
    audience = Audience(workspace_id=workspace.id, name="People", row_count=1)
    variables = {"name": "Anna", "city": "Oslo"}
    async with services.database.unit_of_work() as session:
        session.add(audience)
        await session.flush()
        session.add(
            AudienceRow(
                audience_id=audience.id,
                number=1,
                workspace_id=workspace.id,
                address="+14155550100",
                variables=variables,
            )
        )
    return audience.id


async def test_a_preview_takes_the_variables_of_an_audience_row(
    services: Services, owner_actor: Actor, audience_id: UUID
) -> None:
    template_id = (await make(services, owner_actor, "{{ name }} in {{ city }}")).template.id
    preview = await preview_template(
        services, owner_actor, template_id, {"city": "Bergen"}, audience_id=audience_id, row=1
    )
    assert preview.body == "Anna in Bergen"
    with pytest.raises(NotFound):
        await preview_template(services, owner_actor, template_id, audience_id=audience_id, row=2)
    with pytest.raises(InvalidInput):
        await preview_template(services, owner_actor, template_id, row=1)


async def test_another_workspace_sees_nothing(services: Services, owner_actor: Actor, audience_id: UUID) -> None:
    template_id = (await make(services, owner_actor)).template.id
    other = Workspace(name="Other", mode=WorkspaceMode.LIVE)
    async with services.database.unit_of_work() as session:
        session.add(other)
    stranger = Actor(other.id, Role.OWNER, "stranger")
    with pytest.raises(NotFound):
        await get_template(services, stranger, template_id)
    with pytest.raises(NotFound):
        await edit_template(services, stranger, template_id, TemplateChanges(body="x"))
    own = (await make(services, stranger)).template.id
    with pytest.raises(NotFound):
        await preview_template(services, stranger, own, audience_id=audience_id, row=1)


async def test_a_viewer_reads_and_changes_nothing(services: Services, owner_actor: Actor, viewer: Actor) -> None:
    template_id = (await make(services, owner_actor)).template.id
    assert await get_template(services, viewer, template_id)
    with pytest.raises(Forbidden):
        await make(services, viewer)
    with pytest.raises(Forbidden):
        await edit_template(services, viewer, template_id, TemplateChanges(body="x"))
    with pytest.raises(Forbidden):
        await archive_template(services, viewer, template_id)


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("name", {"name": " "}),
        ("description", {"description": "\x00"}),
        ("description", {"description": "x" * 2_001}),
        ("tags.0", {"tags": [""]}),
        ("tags", {"tags": [str(n) for n in range(21)]}),
    ],
)
async def test_a_bad_field_is_named(
    services: Services, owner_actor: Actor, field: str, given: dict[str, object]
) -> None:
    values = {"name": "Welcome", "description": "", "tags": [], **given}
    with pytest.raises(InvalidInput) as caught:
        await create_template(services, owner_actor, text=TemplateText("x"), **values)  # type: ignore[arg-type]
    assert caught.value.errors[0].field == field


async def test_every_change_leaves_an_audit_row_without_the_text(services: Services, owner_actor: Actor) -> None:
    template_id = (await make(services, owner_actor)).template.id
    await edit_template(services, owner_actor, template_id, TemplateChanges(body="secret text"))
    await archive_template(services, owner_actor, template_id)
    async with services.database.unit_of_work() as session:
        entries = (await session.exec(select(AuditEntry).order_by(col(AuditEntry.id)))).all()
    assert [(entry.action, entry.noun_id) for entry in entries] == [
        ("template.create", str(template_id)),
        ("template.edit", str(template_id)),
        ("template.archive", str(template_id)),
    ]
    assert "secret" not in str([entry.detail for entry in entries])


async def test_the_send_path_compiles_a_version_once(services: Services, owner_actor: Actor) -> None:
    version = (await make(services, owner_actor, name="friend")).version
    cache = TemplateCache()
    compiled = await load_compiled(services.database, cache, version.id)
    assert compiled.render({}).body == "Hi friend"
    assert await load_compiled(services.database, cache, version.id) is compiled
    with pytest.raises(NotFound):
        await load_compiled(services.database, cache, uuid4())
