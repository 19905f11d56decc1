"""The figures as Markdown."""

from collections.abc import Iterable, Mapping, Sequence

from tests.bench.accuracy.figures import CONFIDENT, Figures
from tests.bench.accuracy.measure import DECISION, RouterFigures, TaskFigures
from tests.bench.accuracy.peers import KINDS, VERSIONS, PeerSaid
from tests.bench.pages import table
from waypost_server.lab.bootstrap import Measured

TITLES = {
    "banking77": "BANKING77",
    "hwu64": "HWU64",
    "clinc150": "CLINC150",
    "banking77_oos": "BANKING77, 50 of 77",
}

SIMPLE = ("Nearest exemplar", "Plain head")
MISSING = "-"

Tasks = Mapping[str, TaskFigures]


def render(tasks: Tasks, peers: Sequence[PeerSaid], setting: str) -> str:
    """All tables.

    Args:
        tasks: the figures by name of the task.
        peers: for what they failed at.
        setting: where and with what it was measured, in one sentence.
    """
    return "\n\n".join(
        [
            setting,
            *_failures(peers),
            "### Right route\n\n" + _accuracy_table(tasks),
            "### Confidence\n\n" + _confidence_table(tasks),
            "### Out of scope\n\n" + _scope_table(tasks),
            _decision_table(tasks),
            "### What was wanted\n\n" + _wanted_table(tasks),
        ]
    )


def _failures(peers: Sequence[PeerSaid]) -> list[str]:
    lines = [
        f"**semantic-router {peer.version} {peer.failure}.**" for peer in peers if peer.failure
    ]
    checked = [peer for peer in peers if not peer.failure]
    if checked:
        counts = ", ".join(
            f"{sum(peer.shortcut_differs.values())} with {peer.version}" for peer in checked
        )
        lines.append(
            "The best setting of semantic-router is searched for with one look-up in its index a "
            "query instead of fifteen. At 10 exemplars a route all fifteen settings were compared "
            f"with the library on 500 queries a set; answers that differ: {counts}. The figures "
            "below are of the library itself."
        )
    return lines


def _accuracy_table(tasks: Tasks) -> str:
    names = [*_peer_names(), *SIMPLE, "Waypost"]
    rows = [
        [*_title(name), *(_accuracy_cell(task, router) for router in names)]
        for name, task in tasks.items()
    ]
    return (
        "Share of queries whose best route is right, in percent. In brackets: 95% interval; for "
        "semantic-router's best setting, the setting chosen on validation.\n\n"
        + table(["data", "exemplars a route", *names], rows)
    )


def _accuracy_cell(task: TaskFigures, router: str) -> str:
    found = task.routers.get(router)
    if found is None:
        return MISSING
    if router == "Waypost":
        return f"**{_with_interval(found.in_scope['accuracy'])}**"
    setting = f" ({task.settings[router]})" if router.endswith("best") else ""
    return f"{_percent(found.in_scope['accuracy'])}{setting}"


def _confidence_table(tasks: Tasks) -> str:
    names = ("Waypost", SIMPLE[1], f"semantic-router {VERSIONS[-1]} best")
    rows = [
        [
            *_title(name),
            *(_error(task.routers.get(router)) for router in names),
            f"{task.ece_by_chance:.3f}",
            *(_covered(task.routers.get(router)) for router in names),
        ]
        for name, task in tasks.items()
    ]
    header = [
        "data",
        "exemplars a route",
        *(f"ECE, {name}" for name in names),
        "ECE that chance alone would give Waypost",
        *(f"covered at accuracy, {name}" for name in names),
    ]
    return (
        "ECE: expected calibration error in 15 bins of equally many queries. Covered: share of "
        f"queries with a confidence of {CONFIDENT} or more, and how many of those are right, in "
        "percent. The plain head's confidence is its softmax. semantic-router's is its own Platt "
        "scaling, fitted on the validation queries (where its fit overflows, on sums of many, it "
        "says 1 of every query); Waypost sees exemplars alone. A perfectly "
        "calibrated router would show an ECE too, the larger the fewer the queries.\n\n"
        + table(header, rows)
    )


def _error(found: RouterFigures | None) -> str:
    error = found.in_scope.get("ece") if found else None
    return MISSING if error is None else f"{error.value:.3f} [{error.low:.3f}, {error.high:.3f}]"


def _covered(found: RouterFigures | None) -> str:
    if found is None or found.in_scope.get("coverage") is None:
        return MISSING
    share, right = found.in_scope["coverage"], found.in_scope["coverage_accuracy"]
    return f"{_percent(share)} at {_percent(right)}"


def _scope_table(tasks: Tasks) -> str:
    names = [*_peer_names(), *SIMPLE]
    rows = []
    for name, strangers in _strangers(tasks):
        task = tasks[name]
        others = [task.routers.get(router) for router in names]
        product = task.routers["Waypost"].strangers[strangers]
        recall = _with_interval(product["oos_recall_at_loss"])
        rows.append(
            [
                *_title(name),
                strangers,
                *(MISSING if o is None else _separation(o.strangers[strangers]) for o in others),
                f"**{recall}** / {_percent(product['auroc'])}",
                _separation(task.scope[strangers]),
            ]
        )
    columns = ["Waypost, confidence", "Waypost, scope probability"]
    return (
        "Share of strangers turned away when the bar on the score costs one point of accuracy / "
        "AUROC of the score, in percent. No router has seen an example of out of scope. Strangers "
        "to BANKING77 are its other 27 intents (near) and those of CLINC150 (far). "
        + _better_score(tasks)
        + "\n\n"
        + table(["data", "exemplars a route", "strangers", *names, *columns], rows)
    )


def _better_score(tasks: Tasks) -> str:
    task = tasks["clinc150-10"]
    (name,) = task.strangers
    scores = {
        "confidence": _value(task.routers["Waypost"].strangers[name]["auroc"]),
        "scope probability": _value(task.scope[name]["auroc"]),
    }
    worse, better = sorted(scores, key=scores.__getitem__)
    return (
        f"Of Waypost's two scores its {better} ranks better by AUROC (CLINC150, 10 exemplars: "
        f"{100 * scores[better]:.2f} against {100 * scores[worse]:.2f} for its {worse})."
    )


def _decision_table(tasks: Tasks) -> str:
    rows = [
        [
            *_title(name),
            strangers,
            *(_with_interval(tasks[name].decided[strangers][figure]) for figure in DECISION),
        ]
        for name, strangers in _strangers(tasks)
    ]
    header = [
        "data",
        "exemplars a route",
        "strangers",
        "strangers: OUT_OF_SCOPE",
        "queries: OUT_OF_SCOPE",
        "strangers: not MATCHED",
        "queries: MATCHED and right",
    ]
    return (
        "What Waypost itself decides with its default settings, in percent. What is not MATCHED "
        "goes to the default route, because it is out of scope, too far from its best route, or "
        f"less sure than {CONFIDENT}.\n\n" + table(header, rows)
    )


def _wanted_table(tasks: Tasks) -> str:
    rows = [
        [what, f"{wanted}", reached, "yes" if good else "no"]
        for what, wanted, reached, good in _wanted(tasks)
    ]
    return table(["", "wanted", "reached", "reached?"], rows)


def _wanted(tasks: Tasks) -> Iterable[tuple[str, str, str, bool]]:
    """Issue 3's figures: what, wanted, reached, whether it is."""
    product = {name: task.routers["Waypost"] for name, task in tasks.items()}
    for data, least in (("banking77", 87), ("hwu64", 84.5), ("clinc150", 91.2)):
        figure = product[f"{data}-10"].in_scope["accuracy"]
        yield _at_least(f"{TITLES[data]}, 10 exemplars: right, %", least, figure)
    figure = product["clinc150-all"].in_scope["accuracy"]
    yield _at_least("CLINC150, all exemplars: right, %", 96.2, figure)
    for shots, least in (("10", 78), ("all", 85)):
        name = f"clinc150-{shots}"
        what = f"CLINC150, {shots} exemplars: out-of-scope recall at one point"
        by_score = (
            ("confidence", _only(product[name].strangers)),
            ("scope probability", _only(tasks[name].scope)),
        )
        for score, found in by_score:
            yield _at_least(f"{what}, by {score}, %", least, found["oos_recall_at_loss"])
    for data in ("banking77", "hwu64", "clinc150"):
        error = round(_value(product[f"{data}-10"].in_scope["ece"]), 3)
        yield f"{TITLES[data]}, 10 exemplars: ECE", "0.03 or less", f"{error:.3f}", error <= 0.03
    for data, least in (("banking77", 85), ("hwu64", 72), ("clinc150", 88)):
        found = product[f"{data}-10"].in_scope
        share, right = found["coverage"], found["coverage_accuracy"]
        yield (
            f"{TITLES[data]}, 10 exemplars: covered at {CONFIDENT} or more, %",
            f"{least} or more, of these 95 or more right",
            f"{_with_interval(share)} at {_with_interval(right)}",
            _rounded(share) >= least and _rounded(right) >= 95,
        )
    for name, most in (("clinc150-10", 5), ("clinc150-all", 30)):
        seconds = round(tasks[name].fit_seconds, 1)
        what = f"Fit of 150 routes x {tasks[name].exemplars // tasks[name].routes} exemplars, s"
        yield what, f"{most} or less", f"{seconds:.1f}", seconds <= most


def _at_least(what: str, least: float, figure: Measured | None) -> tuple[str, str, str, bool]:
    return what, f"{least:g} or more", _with_interval(figure), _rounded(figure) >= least


def _only(strangers: Mapping[str, Figures]) -> Figures:
    (one,) = strangers.values()
    return one


def _peer_names() -> list[str]:
    return [f"semantic-router {version} {kind}" for version in VERSIONS for kind in KINDS]


def _strangers(tasks: Tasks) -> list[tuple[str, str]]:
    return [(name, strangers) for name, task in tasks.items() for strangers in task.strangers]


def _title(name: str) -> tuple[str, str]:
    data, _, shots = name.rpartition("-")
    return TITLES[data], shots


def _separation(found: Figures) -> str:
    return f"{_percent(found['oos_recall_at_loss'])} / {_percent(found['auroc'])}"


def _with_interval(figure: Measured | None) -> str:
    if figure is None:
        return MISSING
    return f"{_percent(figure)} [{100 * figure.low:.1f}, {100 * figure.high:.1f}]"


def _percent(figure: Measured | None) -> str:
    return MISSING if figure is None else f"{100 * figure.value:.1f}"


def _value(figure: Measured | None) -> float:
    return float("nan") if figure is None else figure.value


def _rounded(figure: Measured | None) -> float:
    """As it is printed: what is compared is what can be read."""
    return round(100 * _value(figure), 1)
