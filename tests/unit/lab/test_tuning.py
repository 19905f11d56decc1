import dataclasses

import numpy as np
import pytest

from tests.fakes import HashEncoder
from tests.unit.core.clouds import Clouds, Fitted, fitted, labels_of
from tests.unit.lab.judgements import FALLBACK, MATCHED, SUBJECT, Row, evaluation
from waypost_server.adapters.faiss_index import FaissIndex
from waypost_server.core.catalog import Catalog, Route, Taxonomy
from waypost_server.core.errors import EvaluationError
from waypost_server.core.labelled import OUT_OF_SCOPE, LabelledQuery
from waypost_server.core.router import Router
from waypost_server.core.softmax import Floats
from waypost_server.lab.paired import gains, shares
from waypost_server.lab.tuning import FEWEST, Trial, try_tuning
from waypost_server.lab.tuning_text import trial_json, trial_text
from waypost_server.service.direct import Direct
from waypost_server.service.engine import Engine
from waypost_server.workshop.queries import known

SIZES = [8, 8, 8, 8]
CLOUDS = Clouds(len(SIZES), spread=0.9)
WORLD = fitted(CLOUDS, SIZES)
NAMES = WORLD.exemplars.routes


def router(world: Fitted = WORLD, **changes: object) -> Router:
    routes = {name: Route(name=name) for name in (*NAMES, "default")}
    catalog = Catalog(taxonomy=Taxonomy(default_route="default"), routes=routes)
    scoring = dataclasses.replace(world.scoring, **changes)  # type: ignore[arg-type]
    return Router(catalog, world.exemplars, FaissIndex.build(world.vectors), scoring)


def asked(
    per_route: int, strangers: int, *, seed: int, clouds: Clouds = CLOUDS
) -> tuple[list[LabelledQuery], Floats]:
    ids = labels_of([per_route] * len(SIZES))
    encodings = np.vstack([clouds.draw(ids, seed=seed), clouds.strangers(strangers, seed=seed)])
    labels = [NAMES[i] for i in ids] + [OUT_OF_SCOPE] * strangers
    queries = [
        LabelledQuery(text=f"query {i}", label=label, source=f"f:{i + 1}")
        for i, label in enumerate(labels)
    ]
    return queries, encodings


def trial(
    queries: list[LabelledQuery], encodings: Floats, *, world: Fitted = WORLD, **changes: object
) -> Trial:
    subject = dataclasses.replace(SUBJECT, routes=(*NAMES, "default"))
    engine = Engine(HashEncoder(), router(world, **changes), "v1", cache=known(queries, encodings))
    return try_tuning(Direct(engine), queries, encodings, subject, taught=world.exemplars.texts)


def test_a_calibration_that_is_off_is_mended_and_that_is_a_gain() -> None:
    too_modest = dataclasses.replace(WORLD.scoring.calibration, final=(1.0, -4.0))
    found = trial(*asked(40, 40, seed=2), calibration=too_modest)
    gain = found.gains["confidence"]
    assert gain.low > 0
    assert gain.after > gain.before + 0.05
    assert "better" in trial_text(found)


def test_queries_say_no_more_when_they_are_repeated() -> None:
    queries, encodings = asked(8, 0, seed=3)
    once = trial(queries, encodings)
    again = trial(queries * 20, np.tile(encodings, (20, 1)))
    for name, gain in once.gains.items():
        assert dataclasses.astuple(again.gains[name]) == pytest.approx(dataclasses.astuple(gain))
    assert again.left_out == 19 * len(queries)


def test_thresholds_that_turn_right_queries_away_are_not_taken() -> None:
    # Every query is far from its route's exemplars but for those that are right: thresholds fitted
    # to them go up, and turn away what a low bar let through.
    low = dict.fromkeys(NAMES, -1.0)
    found = trial(*asked(40, 0, seed=4), thresholds=low)
    sent = found.gains["sent_right"]
    assert sent.high >= 0
    assert found.finding != "loss"


def test_a_route_without_exemplars_is_a_stranger_and_too_few_others_are_refused() -> None:
    queries, encodings = asked(6, 0, seed=5)
    elsewhere = [dataclasses.replace(query, label="default") for query in queries[:5]]
    with pytest.raises(EvaluationError, match=rf"19 of 24 queries .* needs at least {FEWEST}"):
        trial(elsewhere + queries[5:], encodings)


def test_exemplars_are_left_out() -> None:
    queries, encodings = asked(30, 10, seed=6)
    own = [
        LabelledQuery(text=text, label=NAMES[i], source="f:1")
        for text, i in zip(WORLD.exemplars.texts, WORLD.exemplars.route_ids, strict=True)
    ]
    found = trial(queries + own, np.vstack([encodings, WORLD.encodings]))
    assert found.left_out == len(own)
    assert len(found.before.judged) == len(queries)


def made(before: list[Row], after: list[Row]) -> Trial:
    """A trial that found these."""
    old, new = evaluation(before), evaluation(after)
    return Trial(
        before=old,
        after=new,
        gains=gains(old.judged, new.judged),
        shares=shares(old.judged, new.judged),
        old=WORLD.scoring,
        new=WORLD.scoring,
        left_out=0,
    )


def test_strangers_turned_away_do_not_pay_for_queries_that_no_longer_reach_their_route() -> None:
    stranger: Row = (OUT_OF_SCOPE, "a", 0.8, MATCHED)
    before: list[Row] = [("a", "a", 0.8, MATCHED)] * 60 + [stranger] * 60
    fewer: list[Row] = [("a", "a", 0.8, MATCHED)] * 50 + [("a", "a", 0.7, FALLBACK)] * 10
    away: list[Row] = [(OUT_OF_SCOPE, "a", 0.7, FALLBACK)] * 60
    loss = made(before, [*fewer, *away])
    assert loss.gains["sent_right"].low > 0
    assert (loss.finding, loss.worse) == ("loss", ["routed"])
    text = trial_text(loss)
    assert "  routed_accuracy: 1.000 -> 0.833 (-0.167)\n" in text
    assert (
        "\nA loss beyond noise.\n"
        "  in scope: went to the label's route: 1.000 -> 0.833, beyond noise\n"
        "Fewer queries in scope go where they should"
    ) in text
    said = trial_json(loss)
    assert said["worse"] == said["price"] == ["routed"]

    gain = made(before, [*before[:60], *away])
    assert (gain.finding, gain.worse) == ("gain", [])
    assert trial_text(gain).endswith("\n\nA gain beyond noise.")
    assert "routed_accuracy:" not in trial_text(gain)

    few: list[Row] = [("a", "a", 0.8, MATCHED)] * 57 + [("a", "a", 0.7, FALLBACK)] * 3
    dear = made(before, [*few, *away])
    assert (dear.finding, dear.worse, dear.price) == ("gain", [], ["routed"])
    assert (
        "\nA gain beyond noise. It has a price:\n"
        "  in scope: went to the label's route: 1.000 -> 0.950, which may be noise\n"
        "Fewer queries in scope go where they should"
    ) in trial_text(dear)


def test_better_confidences_for_which_queries_in_scope_are_lost_are_no_gain() -> None:
    overlapping = dataclasses.replace(CLOUDS, spread=2.0)
    queries = asked(40, 40, seed=8, clouds=overlapping)
    found = trial(*queries, world=fitted(overlapping, SIZES))
    assert found.gains["confidence"].low > 0
    assert found.gains["sent_right"].high > 0
    assert (found.finding, found.worse) == ("loss", ["routed"])
    text = trial_text(found)
    assert found.bar is not None
    assert f"At min_confidence {found.bar:g} as many would as before" in text
    assert "  in scope: went to the label's route: 0.869 -> 0.744, beyond noise\n" in text


def test_as_data_it_says_what_it_says_in_words() -> None:
    found = trial(*asked(20, 10, seed=7))
    said = trial_json(found)
    assert said["finding"] == found.finding
    assert said["queries"] == 90
    assert said["thresholds"].keys() == set(NAMES)
    text = trial_text(found)
    assert all(f"{gain['after']:.4f}" in text for gain in said["gains"].values())
