"""Tenants and sensitivity, found sound, as core's types."""

from collections.abc import Mapping

from waypost_server.adapters.tenants_schema import SensitivitySection, TenantSection
from waypost_server.core.model_policy import Budget, Sensitivity, TenantPolicy


def tenants_of(sections: Mapping[str, TenantSection]) -> dict[str, TenantPolicy]:
    """What holds for each tenant, sorted by name."""
    return {name: _tenant(section) for name, section in sorted(sections.items())}


def sensitivity_of(section: SensitivitySection | None) -> Sensitivity | None:
    """What metadata says; values that nobody named need all tags that any named one does."""
    if section is None:
        return None
    named = {tag for tags in section.levels.values() for tag in tags}
    return Sensitivity(
        metadata=section.metadata,
        levels={
            name.strip().casefold(): tuple(sorted(set(tags)))
            for name, tags in sorted(section.levels.items())
        },
        unknown=tuple(sorted(named if section.unknown is None else set(section.unknown))),
        unsaid=tuple(sorted(set(section.unsaid))),
    )


def _tenant(section: TenantSection) -> TenantPolicy:
    budget = section.budget
    return TenantPolicy(
        models=section.models,
        requires=tuple(sorted(set(section.requires))),
        budget=Budget(budget.usd, budget.per) if budget else None,
        prefer=section.prefer,
    )
