"""What the HTTP port answers."""

from collections.abc import Callable, Mapping
from http import HTTPStatus

from waypost_server.service.http_port import Answer, Page, json_page
from waypost_server.service.instruments import Instruments
from waypost_server.service.pulse import Phase, Pulses, has_started, is_ready


def pages(
    instruments: Instruments, pulses: Pulses, freshen: Callable[[], None]
) -> dict[str, Answer]:
    """By path.

    Args:
        instruments: what /metrics shows.
        pulses: what the probes tell.
        freshen: brings the figures of this process up to date, if its event loop turns.
    """

    def metrics(headers: Mapping[str, str]) -> Page:
        freshen()
        body, content_type = instruments.exposition(headers.get("accept", ""))
        return Page(HTTPStatus.OK, body, content_type)

    def probe(passes: Callable[[], bool]) -> Answer:
        def answer(headers: Mapping[str, str]) -> Page:
            phases = [pulse.phase for pulse in pulses.all()]
            counts = {phase.name.lower(): phases.count(phase) for phase in Phase}
            passed = passes()
            status = HTTPStatus.OK if passed else HTTPStatus.SERVICE_UNAVAILABLE
            return json_page(status, {"passes": passed, "processes": counts})

        return answer

    return {
        "/metrics": metrics,
        "/livez": probe(pulses.live),
        "/readyz": probe(lambda: is_ready(pulses.all())),
        "/startupz": probe(lambda: has_started(pulses.all())),
    }
