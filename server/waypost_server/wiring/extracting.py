"""What finds the parameters of queries, for a bundle's routes."""

from datetime import UTC, date, datetime

from waypost_server.adapters.re2_patterns import Re2Patterns, compile_re2
from waypost_server.core.catalog import Catalog
from waypost_server.core.extraction.finders import Today
from waypost_server.core.extraction.parameters import Parameters, takes_params
from waypost_server.core.ports import Encoder


def today() -> date:
    """The day in UTC, as all that the server writes."""
    return datetime.now(UTC).date()


def parameters_of(
    catalog: Catalog, *, today: Today = today, static: Encoder | None = None
) -> Parameters | None:
    """The stage; None where no route takes parameters.

    Args:
        catalog: the routes.
        today: what day it is.
        static: the static encoder; None to do without words by meaning.
    """
    if not any(takes_params(route) for route in catalog.routes.values()):
        return None
    return Parameters(
        catalog, compile_regex=compile_re2, today=today, pattern_set=Re2Patterns, static=static
    )
