import json
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.folders import folder_content, write_folder
from tests.indexing import build_index
from tests.unit.adapters.broken_routes import SOUND
from tests.unit.commands.cli import waypost, waypost_here
from waypost_server.adapters.bundle_store import BundleStore
from waypost_server.settings import Settings


@pytest.fixture
def index(tmp_path: Path, encoder_folder: Path) -> Path:
    """Bundles of the sound routes."""
    routes = write_folder(tmp_path / "sound", SOUND)
    settings = Settings.load(routes=routes, index=tmp_path / "index", encoder=encoder_folder)
    build_index(settings)
    return settings.index


def test_a_build_says_what_is_live(tmp_path: Path, index: Path, encoder_folder: Path) -> None:
    again = waypost("build", routes=tmp_path / "sound", index=index, encoder=encoder_folder)
    assert (again.returncode, again.stderr) == (0, "")
    live = BundleStore(index).live_version()
    assert re.fullmatch(
        rf"waypost: bundle {live} is live in {index}: 2 routes, 4 exemplars "
        r"\(0 texts encoded, the rest reused\), exact index, no first stage, "
        r"\d+\.\d s; a server that runs serves it once it is started again, "
        r"or by itself with WAYPOST_WATCH\n",
        again.stdout,
    )


def test_a_build_of_what_is_live_says_so_and_builds_only_if_it_must(
    tmp_path: Path, index: Path, encoder_folder: Path
) -> None:
    settings = {"routes": tmp_path / "sound", "index": index, "encoder": encoder_folder}
    waypost_here("build", **settings)
    live = BundleStore(index).live_version()
    again = waypost_here("build", **settings)
    assert (again.returncode, again.stderr, again.stdout) == (
        0,
        "",
        f"waypost: {index / str(live)} is up to date: nothing changed since it was built; "
        "`waypost build --force` builds all the same\n",
    )
    as_json = json.loads(waypost_here("build", "--json", **settings).stdout)
    assert (as_json["version"], as_json["live"], as_json["encoded"]) == (live, True, 0)
    for option in ("--force", "--no-gate"):
        assert f"bundle {live} is live in" in waypost_here("build", option, **settings).stdout


def test_a_program_reads_how_many_exemplars_were_new(
    tmp_path: Path, index: Path, encoder_folder: Path
) -> None:
    exemplars = "my card was charged twice\nrefund me\n"
    routes = write_folder(tmp_path / "changed", {**SOUND, "billing/exemplars.txt": exemplars})
    before = BundleStore(index).load()
    built = waypost("build", "--json", routes=routes, index=index, encoder=encoder_folder)
    figures = json.loads(built.stdout)
    live = BundleStore(index).load()
    assert live.version != before.version
    assert figures.pop("seconds") > 0
    assert figures == {
        "version": live.version,
        "routes": 2,
        "exemplars": 4,
        "encoded": 1,
        "index": "exact",
        "encoder": "all-MiniLM-L6-v2",
        "encoder_fingerprint": before.manifest.encoder_fingerprint,
        "first_stage": None,
        "tuned": False,
        "live": True,
        "problems": [],
        "notes": [],
        "removed": [],
    }


def test_a_policy_is_another_version_and_encodes_nothing(
    tmp_path: Path, index: Path, encoder_folder: Path
) -> None:
    policy = "specialist: {models: [small], guard: {secrets: block}}\n"
    routes = write_folder(tmp_path / "changed", {**SOUND, "billing/route.yaml": policy})
    before = BundleStore(index).load()
    built = waypost("build", "--json", routes=routes, index=index, encoder=encoder_folder)
    live = BundleStore(index).load()
    assert json.loads(built.stdout)["encoded"] == 0
    assert live.manifest.routes_sha256 != before.manifest.routes_sha256
    assert live.version != before.version
    assert live.catalog.route("billing").specialist.policy.guard.secrets == "block"


def test_a_sentence_in_two_routes_is_told_with_both_places_until_it_is_mended(
    tmp_path: Path, encoder_folder: Path
) -> None:
    routes = write_folder(
        tmp_path / "routes",
        {
            **SOUND,
            "billing/exemplars.txt": "# what is paid\nrefund me\nWhere  is my invoice?\n",
            "support/exemplars.jsonl": '{"text": "it is broken"}\n\n'
            '{"text": "where is my invoice?"}\n',
        },
    )
    settings = {"routes": routes, "index": tmp_path / "index", "encoder": encoder_folder}
    told = (
        f"waypost: {routes}/billing/exemplars.txt:3 and {routes}/support/exemplars.jsonl:3 are one "
        "sentence in two routes; keep it in the one that should answer it"
    )
    for options in ((), (), ("--no-gate",)):
        built = waypost_here("build", *options, **settings)
        assert (built.returncode, built.stderr) == (0, f"{told}\n")
    assert "is up to date" in waypost_here("build", **settings).stdout
    write_folder(routes, {"general/exemplars.txt": "hello there\nREFUND ME\nrefund me\n"})
    first = f"{routes}/billing/exemplars.txt:2 and {routes}/general/exemplars.txt:2 are one "
    said = waypost_here("build", **settings).stderr
    assert said.startswith(f"waypost: {first}")
    assert said.endswith("answer it (and 1 more: `waypost doctor` names them)\n")
    write_folder(routes, {"support/exemplars.jsonl": '{"text": "it is broken"}\n'})
    write_folder(routes, {"general/exemplars.txt": "hello there\n"})
    assert waypost_here("build", **settings).stderr == ""


BROKEN: Mapping[str, str | bytes] = {
    "Code_Review/exemplars.txt": "review this",
    "code-review/exemplars.txt": "review that",
    "debugging/exemplars.txt": "",
    "docs/exemplars.txt": "where is\nthe Größe\n".encode("latin-1"),
    "mail/exemplars.txt": "send it",
    "mail/route.yaml": "description: [Mail\n",
    "sales/exemplars.txt": "buy",
    "sales/route.yaml": "threshold: 7\n",
    "travel/exemplars.txt": "fly",
    "travel/route.yaml": "description: Trips.\nfallback_route: nowhere\n",
}

PROBLEMS = """\
debugging/exemplars.txt:1: the file has no text in it; write one example query on a line
docs/exemplars.txt:2: byte 0xf6 is not UTF-8; save the file as UTF-8
mail/route.yaml:2: this is not YAML: expected ',' or ']', but got '<stream end>'; mend it
sales/route.yaml:1: threshold is 7; write a number between -1 and 1, or auto
code-review:1: duplicate route name: 'code-review' and 'Code_Review' differ only in case or in - \
and _; rename or merge one of them
travel/route.yaml:2: fallback_route is 'nowhere', which does not exist; name one of Code_Review, \
billing, code-review, debugging, docs, general, mail, sales
"""


def test_a_broken_folder_is_refused_with_all_that_is_wrong_and_leaves_what_is_live(
    tmp_path: Path, index: Path, encoder_folder: Path
) -> None:
    before = folder_content(index)
    routes = write_folder(tmp_path / "broken", {**SOUND, **BROKEN})
    built = waypost("build", routes=routes, index=index, encoder=encoder_folder)
    assert (built.returncode, built.stdout) == (1, "")
    assert built.stderr.replace(f"{routes}/", "") == (
        f"waypost: the routes folder has 6 problems:\n{PROBLEMS}"
    )
    assert folder_content(index) == before


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"routes": "nowhere"},
            "waypost: the routes folder has 1 problem:\nnowhere:1: there is no",
        ),
        ({"encoder": "nowhere"}, "waypost: nowhere/encoder.json: No such file or directory; an "),
        ({"index": "/dev/null/index"}, "waypost: /dev/null/index: cannot be written: Not a dir"),
    ],
    ids=["routes", "encoder", "index"],
)
def test_a_build_that_cannot_work_says_why_and_ends_with_1(
    tmp_path: Path, encoder_folder: Path, settings: Mapping[str, str], message: str
) -> None:
    routes = write_folder(tmp_path / "routes", SOUND)
    sound: dict[str, str | Path] = {
        "routes": routes,
        "index": tmp_path / "index",
        "encoder": encoder_folder,
    }
    built = waypost("build", **{**sound, **settings})
    assert (built.returncode, built.stdout) == (1, "")
    assert message in built.stderr
    assert "Traceback" not in built.stderr
    assert not (tmp_path / "index").exists()
