import pytest

from waypost_server.core.outcome import Reason
from waypost_server.core.ranking import Candidate, NearestExemplar
from waypost_server.core.rationale import MAX_QUOTE, SENTENCES, rationale


def candidate(route: str, text: str) -> Candidate:
    return Candidate(
        route=route,
        score=1.0,
        confidence=0.4321,
        similarity=0.5678,
        threshold=0.1234,
        nearest=(NearestExemplar(text, 0.5678), NearestExemplar("another", 0.1)),
    )


TWO = (candidate("billing", "where is my invoice"), candidate("support", "it will not start"))


def test_every_reason_that_a_ranking_or_a_model_gives_has_a_sentence() -> None:
    assert set(SENTENCES) == {
        Reason.ABOVE_THRESHOLD,
        Reason.BELOW_THRESHOLD,
        Reason.BELOW_MIN_CONFIDENCE,
        Reason.WITHIN_MARGIN,
        Reason.NEAR_NO_ROUTE,
        Reason.NO_CANDIDATE,
        Reason.STICKY,
        Reason.MODEL_CONSULTED,
    }


@pytest.mark.parametrize("reason", set(SENTENCES) - {Reason.NO_CANDIDATE})
def test_a_sentence_names_the_nearest_exemplar_and_the_numbers_that_decided(reason: Reason) -> None:
    said = rationale(TWO, reason, "general", min_confidence=0.755)
    needs = "" if reason is Reason.NEAR_NO_ROUTE else ", needs 0.12"  # it was not asked for
    assert f'"where is my invoice" (similarity 0.57{needs})' in said
    assert "billing" in said
    assert said.endswith(".")
    assert "{" not in said


@pytest.mark.parametrize(
    ("reason", "names"),
    [
        (Reason.ABOVE_THRESHOLD, ["billing"]),
        (Reason.WITHIN_MARGIN, ["billing", "support"]),
        (Reason.BELOW_MIN_CONFIDENCE, ["billing", "general", "(confidence 0.43, needs 0.755)"]),
        (Reason.BELOW_THRESHOLD, ["billing", "general"]),
        (Reason.NEAR_NO_ROUTE, ["general", "(probability 0.497 that it belongs", "needs 0.5)"]),
    ],
)
def test_a_sentence_says_where_the_query_goes_and_what_it_was_weighed_against(
    reason: Reason, names: list[str]
) -> None:
    said = rationale(TWO, reason, "general", min_confidence=0.755, scope=0.497)
    assert all(name in said for name in names)


def test_an_only_candidate_needs_no_second() -> None:
    said = rationale(TWO[:1], Reason.ABOVE_THRESHOLD, "billing", min_confidence=0.75)
    assert "billing" in said


def test_without_candidates_the_sentence_says_that_there_were_none() -> None:
    general = "the default route, general"
    assert rationale((), Reason.NO_CANDIDATE, general, min_confidence=0.75) == (
        "No route that may be chosen has exemplars, so it goes to the default route, general."
    )


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("x" * MAX_QUOTE, f'"{"x" * MAX_QUOTE}"'),
        ("x" * (MAX_QUOTE + 1), f'"{"x" * (MAX_QUOTE - 1)}…"'),
        ("word " * 1000, f'"{("word " * 20)[: MAX_QUOTE - 1].rstrip()}…"'),
        ("two\nlines\t and  spaces ", '"two lines and spaces"'),
        ("{braces} and %s", '"{braces} and %s"'),
    ],
    ids=["longest", "one too long", "much too long", "lines", "format characters"],
)
def test_a_long_exemplar_is_cut_and_put_on_one_line(text: str, quoted: str) -> None:
    said = rationale(
        [candidate("billing", text)], Reason.ABOVE_THRESHOLD, "billing", min_confidence=0.75
    )
    assert said == (
        f"Fits billing best; its nearest exemplar is {quoted} (similarity 0.57, needs 0.12)."
    )


@pytest.mark.parametrize(
    ("route", "groups", "said"),
    [
        ("billing", {"ops": 0.9}, ""),
        ("ops/db", {"ops": 0.8642}, " (ops 86%, within it db 50%)"),
        (
            "ops/db/join",
            {"ops": 0.9, "ops/db": 0.72},
            " (ops 90%, within it db 80%, within it join 60%)",
        ),
        ("ops", {"ops": 0.8642}, " (ops 86%, within it the route itself 50%)"),
        (
            "ops/db",
            {"ops": 0.8642, "ops/db": 0.4321},
            " (ops 86%, within it db 50%, within it the route itself 100%)",
        ),
        ("ops/db", {"ops": 0.0}, " (ops 0%, within it db 0%)"),
    ],
)
def test_a_sentence_names_the_groups_and_what_multiplies_to_the_confidence(
    route: str, groups: dict[str, float], said: str
) -> None:
    sentence = rationale(
        [candidate(route, "text")],
        Reason.ABOVE_THRESHOLD,
        "general",
        min_confidence=0.75,
        groups=groups,
    )
    assert sentence == (
        f'Fits {route} best{said}; its nearest exemplar is "text" (similarity 0.57, needs 0.12).'
    )
