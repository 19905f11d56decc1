"""Everything that can go wrong and is somebody's to mend; `service/status.py` maps it to gRPC.

A message says what was wrong, where, and what to do. It never holds a query's text or a secret, so
it may be shown.
"""

from collections.abc import Sequence


class WaypostError(Exception):
    """The root: catching it catches what Waypost raises on purpose, and no bug."""


class InvalidQueryError(WaypostError):
    """A query breaks a limit; the caller must change it."""


class UnknownRouteError(WaypostError):
    """A route was named that is not loaded."""


class UnknownModelError(WaypostError):
    """A model was named that the fleet does not have."""


class UnknownShadowError(WaypostError):
    """A shadow candidate was named that does not run beside the route."""


class ForbiddenError(WaypostError):
    """The caller may not do this; another token may."""


class SwitchRefusedError(WaypostError):
    """Something must not be switched as it stands; the operator must change what is in the way."""


class SharedStateError(WaypostError):
    """What processes share cannot be read or written; its database must be mended."""


class LaterError(WaypostError):
    """Not now; the same is welcome later.

    Attributes:
        retry_after_s: how long to wait before; None where nobody can say.
    """

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class OverloadedError(LaterError):
    """There is no room."""


class RateLimitedError(LaterError):
    """Somebody asked too often."""


class TooLateError(WaypostError):
    """A query cannot be answered before its caller's deadline."""


class UnavailableError(WaypostError):
    """The server is starting or draining; another replica may answer."""


class RoutesError(WaypostError):
    """The routes folder has problems, each with its file, line and cure."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        super().__init__("\n".join([f"the routes folder has {count}:", *problems]))


class EncoderError(WaypostError):
    """An encoder's folder is missing, damaged or of another kind."""


class BundleError(WaypostError):
    """A bundle is missing, damaged or does not fit the encoder."""


class UnknownVersionError(WaypostError):
    """An index version was named that is not there."""


class ActivationError(WaypostError):
    """A bundle cannot go live; what was live serves on."""


class BuildRunningError(WaypostError):
    """A build was asked for while another one runs."""


class SettingsError(WaypostError):
    """A setting is wrong or unknown."""


class EvaluationError(WaypostError):
    """What labelled queries or a gate say has problems, each with its file, line and cure."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        super().__init__("\n".join([f"{count}:", *problems]))


class DecisionLogError(WaypostError):
    """The decision log cannot be read or written, now or with this version of Waypost."""


class RefusedRecordError(DecisionLogError):
    """A record that the decision log can never take."""


class ModelError(WaypostError):
    """A language model gave no answer that counts; what asked for it goes without."""


class ModelTimeoutError(ModelError):
    """Its answer was not there in time."""


class ModelUnreachableError(ModelError):
    """Nobody answers at its address, or not to the end."""


class ModelRefusedError(ModelError):
    """It will not answer, or it cannot be asked as it is configured."""


class MalformedAnswerError(ModelError):
    """What it says is not what it was asked for."""


class ReviewError(WaypostError):
    """An example cannot be kept for review, or cannot become an exemplar as it is."""
