"""What all processes of the installation have counted."""

from typing import Any

from sqlalchemy import ARRAY, BigInteger, Column
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel


class MetricSeries(SQLModel, table=True):
    """One counter or histogram, the sum over all processes since ever. Belongs to the installation, no workspace.

    Attributes have few values (`telemetry.instruments`), so there are hundreds of rows, each written every few seconds.
    """

    __tablename__ = "metric_series"
    __table_args__ = ({"postgresql_with": {"fillfactor": "50"}},)

    name: str = Field(primary_key=True)  # of the instrument: "heliograph.messages.accepted"
    labels: dict[str, Any] = Field(sa_column=Column(JSONB, primary_key=True))
    count: int = Field(sa_type=BigInteger)
    total: float = 0.0  # the sum of a histogram's values
    buckets: list[int] = Field(sa_type=ARRAY(BigInteger))  # how many fell into each, the last unbounded; {}: a counter
