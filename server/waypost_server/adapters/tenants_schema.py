"""What taxonomy.yaml may say of tenants and of sensitive queries."""

from typing import Annotated

from pydantic import Field, field_validator

from waypost_server.adapters.section import Section
from waypost_server.core.model_policy import Period, Prefer

MAX_TENANTS = 1_000
"""Each has an account that all processes keep, and a series of metrics."""

Tag = Annotated[str, Field(min_length=1, max_length=128)]


class BudgetSection(Section):
    """`tenants.NAME.budget` of taxonomy.yaml."""

    usd: Annotated[float, Field(le=1e9)]
    per: Period

    @field_validator("usd")
    @classmethod
    def _is_no_debt(cls, value: float) -> float:
        if value < 0:
            raise ValueError(
                f"usd is {value:g}, and a budget cannot be negative; write 0 for no paid model at "
                "all, or remove budget for no limit"
            )
        return value


class TenantSection(Section):
    """`tenants.NAME` of taxonomy.yaml."""

    models: tuple[str, ...] | None = None
    requires: tuple[Tag, ...] = ()
    budget: BudgetSection | None = None
    prefer: Prefer | None = None

    @field_validator("models")
    @classmethod
    def _approves_some(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if value == ():
            raise ValueError(
                "models is empty, so that no query of the tenant would be answered; name those "
                "that are approved, or remove the line for all"
            )
        return value


class SensitivitySection(Section):
    """`sensitivity` of taxonomy.yaml."""

    metadata: Annotated[str, Field(min_length=1, max_length=512)]
    levels: Annotated[dict[str, tuple[Tag, ...]], Field(min_length=1)]
    unknown: tuple[Tag, ...] | None = None
    unsaid: tuple[Tag, ...] = ()

    @field_validator("levels")
    @classmethod
    def _levels_differ(cls, value: dict[str, tuple[Tag, ...]]) -> dict[str, tuple[Tag, ...]]:
        seen: dict[str, str] = {}
        for name in value:
            plain = name.strip().casefold()
            if plain in seen:
                raise ValueError(
                    f"levels has {name!r} and {seen[plain]!r}, and neither case nor blanks make a "
                    "difference; keep one"
                )
            seen[plain] = name
        return value
