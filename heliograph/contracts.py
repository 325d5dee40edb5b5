"""The frozen models that cross Temporal, the names of lanes, and the builders of workflow ids.

Fields are only ever added, with defaults. Ids, counts, enumerations and instants only: no personal data.
"""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from heliograph.domain.vocabulary import Category


class Lane(StrEnum):
    """A task queue with its own workers."""

    OTP = "otp"
    TRANSACTIONAL = "transactional"
    BULK = "bulk"
    CONTROL = "control"


LANE_OF_CATEGORY = {
    Category.OTP: Lane.OTP,
    Category.TRANSACTIONAL: Lane.TRANSACTIONAL,
    Category.PROMOTIONAL: Lane.BULK,
}


def campaign_workflow_id(run_id: UUID) -> str:
    """One workflow per run."""
    return f"campaign/{run_id}"


def import_workflow_id(import_id: UUID) -> str:
    """One workflow per import."""
    return f"import/{import_id}"


DISPATCH_WORKFLOW_ID = "dispatch"
SWEEPER_WORKFLOW_ID = "sweeper"


class Contract(BaseModel):
    """Base of everything that crosses Temporal."""

    model_config = ConfigDict(frozen=True)


class ImportInput(Contract):
    """Starts `ImportWorkflow`."""

    workspace_id: UUID
    import_id: UUID


class ImportResult(Contract):
    """What an import did."""

    rows_added: int
    rows_rejected: int
    duplicates: int
    error: str | None = None


class CampaignInput(Contract):
    """Starts `CampaignWorkflow`; the later fields carry a run over a continue-as-new."""

    workspace_id: UUID
    run_id: UUID
    continued_at: datetime | None = None
