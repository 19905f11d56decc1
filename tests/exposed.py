"""Metrics as a scraper reads them."""

from prometheus_client.parser import text_string_to_metric_families


class Exposed:
    """The samples of a scrape."""

    def __init__(self, text: str) -> None:
        self.samples = [
            sample for family in text_string_to_metric_families(text) for sample in family.samples
        ]

    def __call__(self, name: str, /, **labels: str) -> float:
        """The sum of all samples of a name that have these labels."""
        return sum(
            sample.value
            for sample in self.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    @property
    def labels(self) -> dict[str, set[str]]:
        """The labels that samples of each name have."""
        found: dict[str, set[str]] = {}
        for sample in self.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
        return found

    def values(self, name: str, label: str) -> set[str]:
        """The values of a label that is not 0."""
        return {s.labels[label] for s in self.samples if s.name == name and s.value}
