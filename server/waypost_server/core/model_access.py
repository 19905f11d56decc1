"""Whether a query may be shown to a model that the router itself asks.

The same holds for it as for the models that a contract names: what the guard, the tenant and the
query's own sensitivity say.
"""

from waypost_server.core.catalog import Model, Taxonomy
from waypost_server.core.model_policy import policy_of
from waypost_server.core.query import Query

ANY_MODEL = Model(name="", provider="", model_id="")
"""Without a tag or anybody's approval: what it may see may go anywhere."""


def may_see(model: Model, query: Query, taxonomy: Taxonomy) -> bool:
    """Whether a model may see a query, with its clues."""
    if not model.enabled or model.name in query.off.models:
        return False
    sensitivity = taxonomy.sensitivity
    _, policy = policy_of(query.tenant, taxonomy.tenants)
    if policy.models is not None and model.name not in policy.models:
        return False
    if policy.budget and not policy.budget.usd and model.usd_per_mtok_in + model.usd_per_mtok_out:
        return False
    said = sensitivity.tags_for(query.metadata) if sensitivity else ()
    return query.clues.required_tags.union(policy.requires, said) <= set(model.tags)
