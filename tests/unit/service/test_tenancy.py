from collections.abc import Iterator

import pytest

from waypost_server.core.errors import ForbiddenError, RateLimitedError
from waypost_server.core.query import Query
from waypost_server.service.caller import ANYBODY, Caller, Role, set_caller
from waypost_server.service.tenancy import Allowance, Tenancy


@pytest.fixture(autouse=True)
def forget_caller() -> Iterator[None]:
    yield
    set_caller(ANYBODY)


def admitted(tenancy: Tenancy, tenant: str = "") -> str:
    return tenancy.admit(Query(text="x", tenant=tenant)).tenant


def test_anybody_may_speak_for_any_tenant() -> None:
    tenancy = Tenancy(lambda: 0.0)
    assert [admitted(tenancy, tenant) for tenant in ("", "acme")] == ["", "acme"]


def test_who_is_bound_speaks_for_one_alone() -> None:
    tenancy = Tenancy(lambda: 0.0)
    set_caller(Caller(name="shop", role=Role.CALLER, tenant="acme"))
    assert [admitted(tenancy, tenant) for tenant in ("", "acme")] == ["acme", "acme"]
    for other in ("Acme", "acme ", "x" * 1_000_000):
        with pytest.raises(ForbiddenError, match="'shop' may not speak for the tenant") as refused:
            admitted(tenancy, other)
        assert len(str(refused.value)) < 300


def test_a_tenants_callers_share_its_rate_and_a_token_has_its_own() -> None:
    tenancy = Tenancy(lambda: 0.0, Allowance(rate=1.0, burst=2.0))
    for name in ("one", "two"):
        set_caller(Caller(name=name, role=Role.CALLER, tenant="acme"))
        admitted(tenancy)
    set_caller(ANYBODY)
    with pytest.raises(RateLimitedError, match="the tenant 'acme'"):
        admitted(tenancy, "acme")
    admitted(tenancy, "other")
    set_caller(Caller(name="batch", role=Role.CALLER, tenant="acme", rate=5.0))
    admitted(tenancy)
    admitted(tenancy)
    with pytest.raises(RateLimitedError, match="the token 'batch' may ask 5"):
        admitted(tenancy)


@pytest.mark.parametrize(
    ("allowance", "at_once"),
    [(Allowance(7.0), 7), (Allowance(0.5), 1), (Allowance(7.0, 3.0), 3), (Allowance(1.0, 0.2), 1)],
)
def test_at_once_come_as_many_as_in_a_second_unless_told_otherwise(
    allowance: Allowance, at_once: int
) -> None:
    tenancy = Tenancy(lambda: 0.0, allowance)
    for _ in range(at_once):
        admitted(tenancy)
    with pytest.raises(RateLimitedError):
        admitted(tenancy)


def test_as_many_reports_may_come_as_queries() -> None:
    tenancy = Tenancy(lambda: 0.0)
    set_caller(Caller(name="shop", role=Role.CALLER, tenant="acme", rate=2.0))
    for _ in range(2):
        admitted(tenancy)
        tenancy.admit_report()
    with pytest.raises(RateLimitedError, match="reports of the token 'shop' may ask 2"):
        tenancy.admit_report()
