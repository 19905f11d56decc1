"""Mixtures that are measured."""

from tests.bench.judgement.mixtures import THREE, TWO, mixtures

TEXTS = [f"request number {i:02}?" for i in range(40)]
LABELS = [f"route-{i % 10}" for i in range(40)]


def test_mixtures_are_of_two_and_three_routes_by_turns_and_the_same_each_time() -> None:
    made = mixtures(TEXTS, LABELS, 200)
    assert made == mixtures(TEXTS, LABELS, 200)
    assert [len(one.routes) for one in made] == [2, 3] * 100
    for one in made:
        assert len(set(one.routes)) == len(one.routes)
        found = sorted(
            (one.text.find(text.rstrip("?")), label)
            for text, label in zip(TEXTS, LABELS, strict=True)
            if text.rstrip("?") in one.text
        )
        assert tuple(label for _, label in found) == one.routes
        assert "?," not in one.text
        assert "?." not in one.text


def test_every_template_has_its_places() -> None:
    for template in TWO:
        assert template.format(a="1", b="2").count("1") == 1
    for template in THREE:
        assert sorted(filter(str.isdigit, template.format(a="7", b="8", c="9")))[-3:] == [*"789"]
