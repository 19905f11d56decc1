"""The models that policy chose for a decision."""

from dataclasses import dataclass

from waypost_server.core.model_choice import Choice


@dataclass(frozen=True, slots=True)
class Chosen:
    """Those of its route, and of each step of its plan; None: as switches and breakers say."""

    choice: Choice | None = None
    steps: tuple[Choice | None, ...] = ()

    def step(self, position: int) -> Choice | None:
        """Those of the step at a position, from 0."""
        return self.steps[position] if self.steps else None


AS_LISTED = Chosen()
