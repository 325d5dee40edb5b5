"""The search attributes of our workflows: typed keys, defined once, registered by `up` and `migrate`.

They are not encrypted: ids, names that a workspace gives and states, never anything about a recipient.
"""

from datetime import datetime

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.client import Client
from temporalio.common import SearchAttributeKey

CAMPAIGN_ID = SearchAttributeKey.for_keyword("CampaignId")
RUN_ID = SearchAttributeKey.for_keyword("CampaignRunId")  # RunId is Temporal's own
WORKSPACE_ID = SearchAttributeKey.for_keyword("WorkspaceId")
CAMPAIGN_NAME = SearchAttributeKey.for_keyword("CampaignName")
CAMPAIGN_STATUS = SearchAttributeKey.for_keyword("CampaignStatus")
CHANNEL = SearchAttributeKey.for_keyword("Channel")
CATEGORY = SearchAttributeKey.for_keyword("Category")
WAVE_AT = SearchAttributeKey.for_datetime("WaveAt")

_KEYWORDS: tuple[SearchAttributeKey[str], ...] = (
    CAMPAIGN_ID,
    RUN_ID,
    WORKSPACE_ID,
    CAMPAIGN_NAME,
    CAMPAIGN_STATUS,
    CHANNEL,
    CATEGORY,
)
_INSTANTS: tuple[SearchAttributeKey[datetime], ...] = (WAVE_AT,)

TYPES: dict[str, IndexedValueType.ValueType] = {
    **{key.name: IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD for key in _KEYWORDS},
    **{key.name: IndexedValueType.INDEXED_VALUE_TYPE_DATETIME for key in _INSTANTS},
}
"""Every attribute and its type. SQL visibility has ten keyword columns: seven are taken."""


def command_line_types() -> dict[str, str]:
    """Every attribute and its type as Temporal's command line spells it: Keyword, Datetime."""
    prefix = "INDEXED_VALUE_TYPE_"
    return {name: IndexedValueType.Name(kind).removeprefix(prefix).capitalize() for name, kind in TYPES.items()}


async def missing_search_attributes(client: Client) -> list[str]:
    """The names that the client's namespace does not know yet."""
    known = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=client.namespace)
    )
    return [name for name in TYPES if name not in known.custom_attributes]


async def register_search_attributes(client: Client) -> list[str]:
    """Registers what is missing and returns those names; doing it again does nothing."""
    missing = await missing_search_attributes(client)
    if missing:
        await client.operator_service.add_search_attributes(
            AddSearchAttributesRequest(
                namespace=client.namespace, search_attributes={name: TYPES[name] for name in missing}
            )
        )
    return missing
