import os
import re
from pathlib import Path

import pytest

from waypost_server.core.errors import SettingsError
from waypost_server.settings import Settings, settings_table, shipped
from waypost_server.settings.sources import NEAREST


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The environment, without any setting in it."""
    for name in [name for name in os.environ if name.startswith("WAYPOST_")]:
        monkeypatch.delenv(name)
    return monkeypatch


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("WAYPOST_ADRESS", "did you mean WAYPOST_ADDRESS?"),
        ("WAYPOST_INDEX_DIR", "did you mean WAYPOST_INDEX?"),
        ("waypost_worker", "did you mean WAYPOST_WORKERS?"),
    ],
)
def test_an_unknown_variable_is_refused_with_the_one_that_was_meant(
    environment: pytest.MonkeyPatch, name: str, hint: str
) -> None:
    environment.setenv(name, "x")
    with pytest.raises(SettingsError) as error:
        Settings.load()
    assert str(error.value).startswith(f"{name} is no setting of Waypost; {hint}")


def test_one_that_is_like_none_is_refused_with_the_nearest_few(
    environment: pytest.MonkeyPatch,
) -> None:
    environment.setenv("WAYPOST_COLOUR_OF_THE_SKY", "x")
    with pytest.raises(SettingsError) as error:
        Settings.load()
    head, names, foot = str(error.value).splitlines()
    assert head == "WAYPOST_COLOUR_OF_THE_SKY is no setting of Waypost; the nearest are"
    assert foot == "and `waypost config show --markdown` lists all"
    nearest = [name.removeprefix("WAYPOST_").lower() for name in names.strip().split(", ")]
    assert len(nearest) == NEAREST
    assert {*Settings.model_fields}.issuperset(nearest)
    assert len(names) <= 100


WRONG = {
    "WAYPOST_ADDRESS": [
        ("localhost", "write HOST:PORT, an IPv6 address in brackets"),
        ("::1:50051", "write HOST:PORT, an IPv6 address in brackets"),
        ("local host:1", "write HOST:PORT, an IPv6 address in brackets"),
        ("localhost:http", "the port must be a number from 0 to 65535"),
        ("localhost:65536", "the port must be a number from 0 to 65535"),
        ("localhost:٣", "the port must be a number from 0 to 65535"),
    ],
    "WAYPOST_PROCESSES": [("0", "write a whole number from 1 to 256")],
    "WAYPOST_WORKERS": [(value, "write a whole number above 0") for value in ("0", "many", "")],
    "WAYPOST_QUEUE_CAPACITY": [("-1", "write a whole number above 0")],
    "WAYPOST_MAX_MESSAGE_BYTES": [("1023", "write a whole number from 1,024 to 1,073,741,824")],
    "WAYPOST_PATIENCE_MS": [("0", "write a number above 0 and up to 60,000")],
    "WAYPOST_TENANT_RATE": [("-1", "write a number of at least 0")],
    "WAYPOST_WATCH": [("maybe", "write true or false")],
    "WAYPOST_DRAIN_SECONDS": [
        (value, "write a number from 0 to 3,600") for value in ("-0.1", "nan", "inf", "ten")
    ],
    "WAYPOST_BUNDLES_URL": [
        (value, "it is no URL: write file:///FOLDER, s3://BUCKET/PREFIX or another URL of fsspec")
        for value in ("/mnt/shared", "s3:bucket/fleet", "s3:/bucket", "s3://", "://bucket", "s3")
    ],
    "WAYPOST_LOG_LEVEL": [("loud", "write debug, info, warning or error")],
}


@pytest.mark.parametrize(
    ("name", "value", "reason"), [(name, *case) for name, cases in WRONG.items() for case in cases]
)
def test_a_wrong_value_is_named_with_its_variable_and_what_it_should_be(
    environment: pytest.MonkeyPatch, name: str, value: str, reason: str
) -> None:
    environment.setenv(name, value)
    with pytest.raises(SettingsError) as error:
        Settings.load()
    assert str(error.value) == f"{name} is {value!r}: {reason}"


def test_every_wrong_value_is_named_at_once(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("WAYPOST_WORKERS", "0")
    environment.setenv("WAYPOST_LOG_LEVEL", "loud")
    with pytest.raises(SettingsError) as error:
        Settings.load(address="nowhere")
    lines = str(error.value).splitlines()
    assert lines[0].startswith("WAYPOST_ADDRESS is 'nowhere' on the command line: write HOST:PORT")
    named = [line.split()[0] for line in lines]
    assert named == ["WAYPOST_ADDRESS", "WAYPOST_WORKERS", "WAYPOST_LOG_LEVEL"]


@pytest.mark.parametrize(
    "address", ["127.0.0.1:0", "[::1]:50051", "waypost.svc.cluster.local:65535", "0.0.0.0:1"]
)
def test_an_address_is_a_host_and_a_port(environment: pytest.MonkeyPatch, address: str) -> None:
    environment.setenv("WAYPOST_ADDRESS", address)
    assert Settings.load().address == address


def test_an_override_comes_before_the_environment_and_that_before_the_default(
    environment: pytest.MonkeyPatch,
) -> None:
    environment.setenv("WAYPOST_INDEX", "/environment")
    environment.setenv("WAYPOST_ROUTES", "/environment")
    settings = Settings.load(index=Path("/override"), routes=None)
    assert (settings.index, settings.routes) == (Path("/override"), Path("/environment"))
    assert settings.encoder == Path("models/all-MiniLM-L6-v2")


def test_an_override_mends_a_wrong_value_of_the_environment(
    environment: pytest.MonkeyPatch,
) -> None:
    environment.setenv("WAYPOST_ADDRESS", "nowhere")
    assert Settings.load(address="localhost:1").address == "localhost:1"


def test_a_clone_s_own_commands_find_its_encoders_in_any_working_directory(
    environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    models = Path(shipped.__file__).parents[3] / "models"
    environment.chdir(tmp_path)
    settings = Settings.load()
    assert settings.encoder == models / "all-MiniLM-L6-v2"
    assert settings.static_encoder == models / "all-MiniLM-L6-v2-static"
    (tmp_path / "models/all-MiniLM-L6-v2").mkdir(parents=True)
    assert Settings.load().encoder == Path("models/all-MiniLM-L6-v2")


def test_the_longest_batch_of_the_longest_queries_fits_the_default_message(
    environment: pytest.MonkeyPatch,
) -> None:
    # 256 queries of the taxonomy's default limit of 32,768 bytes, with as much again for the rest.
    assert Settings.load().max_message_bytes >= 256 * 32_768 * 2


def test_the_table_for_the_docs_names_every_setting_with_its_default(
    environment: pytest.MonkeyPatch,
) -> None:
    rows = re.findall(
        r"^\| `(WAYPOST_\w+)` \| (.+?) \| (?:taken up)? ?\| .+ \|$", settings_table(), re.MULTILINE
    )
    shown = {name.removeprefix("WAYPOST_").lower(): default.strip("`") for name, default in rows}
    real = {name: str(value) for name, value in Settings.load().model_dump().items()}
    assert shown == {**real, "workers": "one a core, less one"}


@pytest.mark.parametrize("processes", [1, 2, 3, 256])
def test_the_cores_are_shared_out_among_the_processes(
    environment: pytest.MonkeyPatch, processes: int
) -> None:
    environment.setenv("WAYPOST_PROCESSES", str(processes))
    cores = len(os.sched_getaffinity(0))
    assert Settings.load().workers == max(1, cores // processes - 1)  # one is for calls
    assert Settings.load(workers=5).workers == 5


def test_what_kubernetes_sets_for_a_service_called_waypost_is_no_setting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("SERVICE_HOST", "SERVICE_PORT", "PORT", "PORT_50051_TCP_ADDR"):
        monkeypatch.setenv(f"WAYPOST_{name}", "10.0.0.1")
    assert Settings.load().queue_capacity == 1024


@pytest.mark.parametrize(
    ("value", "names"),
    [("", set()), ("acme", {"acme"}), (" acme , other,", {"acme", "other"}), (",", set())],
)
def test_tenants_are_named_between_commas_and_nobody_is_no_tenant(
    environment: pytest.MonkeyPatch, value: str, names: set[str]
) -> None:
    environment.setenv("WAYPOST_UNCACHED_TENANTS", value)
    assert Settings.load().tenants_without_cache == names


def test_a_file_comes_before_the_default_and_after_the_environment(
    environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "waypost.toml"
    file.write_text('workers = 3\nindex = "from/file"\nroutes = "from/file"\nwatch = true\n')
    environment.setenv("WAYPOST_CONFIG", str(file))
    environment.setenv("WAYPOST_INDEX", "from/environment")
    settings, origins = Settings.load_with_origins(routes=Path("from/command"))
    assert (settings.workers, settings.watch) == (3, True)
    assert [str(settings.index), str(settings.routes)] == ["from/environment", "from/command"]
    assert {name: str(origins[name]) for name in ("workers", "index", "routes", "address")} == {
        "workers": f"file {file}",
        "index": "environment WAYPOST_INDEX",
        "routes": "command line",
        "address": "default",
    }


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("worker = 3", "worker is no setting of Waypost; did you mean workers?"),
        ("workers = 0", "WAYPOST_WORKERS is '0' in {file}: write a whole number above 0"),
        ("workers", "{file}: it is no TOML: "),
        ("workers = " + "[" * 100_000, "{file}: it is no TOML: "),
        ("workers = " + "9" * 5_000, "{file}: it is no TOML: "),
        ("[workers]\nx = 1", "WAYPOST_WORKERS is \"{'x': 1}\" in {file}: write a whole number"),
        ("tokens = 3", "WAYPOST_TOKENS is '3' in {file}: write a path"),
        ("otlp_endpoint = 3", "WAYPOST_OTLP_ENDPOINT is '3' in {file}: write text"),
    ],
)
def test_a_file_with_a_mistake_is_refused(
    environment: pytest.MonkeyPatch, tmp_path: Path, content: str, said: str
) -> None:
    file = tmp_path / "waypost.toml"
    file.write_text(content)
    environment.setenv("WAYPOST_CONFIG", str(file))
    with pytest.raises(SettingsError) as error:
        Settings.load()
    assert said.replace("{file}", str(file)) in str(error.value)


def test_a_file_that_is_not_there_is_named(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("WAYPOST_CONFIG", "/nowhere.toml")
    with pytest.raises(SettingsError, match=r"WAYPOST_CONFIG is '/nowhere.toml': No such file"):
        Settings.load()


def test_a_password_is_not_shown(environment: pytest.MonkeyPatch) -> None:
    settings = Settings.load(database="postgresql://me:se@cr:et@db:5432/waypost")
    assert settings.shown()["database"] == "postgresql://me:***@db:5432/waypost"
    assert Settings.load().shown()["database"] == "sqlite:///data/waypost.db"


@pytest.mark.parametrize("url", ["file:///mnt/shared", "s3://bucket/fleet", "simplecache::s3://b"])
def test_a_place_of_bundles_may_be_any_url(environment: pytest.MonkeyPatch, url: str) -> None:
    assert Settings.load(bundles_url=url).bundles_url == url


def test_a_password_is_not_shown_even_where_it_is_no_url(environment: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError) as error:
        Settings.load(bundles_url="s3:/me:secret@bucket/fleet")
    assert "secret" not in str(error.value)
