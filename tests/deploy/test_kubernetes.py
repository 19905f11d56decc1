"""The manifests fit Kubernetes' own schemas, each other, and the server."""

import json
from pathlib import Path

import jsonschema
import kubernetes_validate
import pytest
import yaml

from tests.deploy.manifests import (
    KUBECTL,
    KUBERNETES,
    KUSTOMIZATIONS,
    OVERLAYS,
    Manifest,
    base,
    one,
    read,
    rendered,
)

VERSIONS = ("1.32", kubernetes_validate.latest_version())
SCHEMA = json.loads((Path(__file__).parent / "servicemonitor.schema.json").read_text("utf-8"))
BASE = [manifest for _, manifest in base()]

needs_kustomize = pytest.mark.skipif(not KUBECTL, reason="there is no kubectl")


def validate(manifest: Manifest, version: str) -> None:
    if manifest["kind"] == "ServiceMonitor":
        jsonschema.Draft202012Validator(SCHEMA).validate(manifest)
    else:
        kubernetes_validate.validate(manifest, version, strict=True)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("path", "manifest"), [pytest.param(*each, id=each[0].name) for each in base()]
)
def test_a_manifest_fits_the_schema_of_its_kind(
    path: Path, manifest: Manifest, version: str
) -> None:
    validate(manifest, version)


@needs_kustomize
@pytest.mark.parametrize("overlay", OVERLAYS, ids=lambda path: path.name)
def test_what_kustomize_makes_of_an_overlay_fits_too(overlay: Path) -> None:
    manifests = rendered(overlay)
    assert {manifest["kind"] for manifest in manifests} == {manifest["kind"] for manifest in BASE}
    for manifest in manifests:
        validate(manifest, VERSIONS[-1])


@pytest.mark.parametrize(
    "change",
    [
        {"spec": {"selector": {}, "endpoints": [{"port": "http"}]}},
        {"spec": {"selector": {"matchLabels": {"a": "b"}}, "endpoints": [{"prot": "http"}]}},
        {"spec": {"selector": {"matchLabels": {"a": "b"}}, "endpoints": []}},
        {"apiVersion": "monitoring.coreos.com/v2"},
    ],
)
def test_the_schema_of_service_monitors_refuses_mistakes(change: Manifest) -> None:
    monitor = one(BASE, "ServiceMonitor")
    with pytest.raises(jsonschema.ValidationError):
        validate(monitor | change, "")


@pytest.mark.parametrize("path", KUSTOMIZATIONS, ids=lambda path: path.parent.name)
def test_a_kustomization_names_every_file_beside_it_and_none_that_is_not_there(path: Path) -> None:
    (content,) = read(path)
    patches = [patch["path"] for patch in content.get("patches", ())]
    named = {*content["resources"], *patches}
    assert [name for name in named if not (path.parent / name).exists()] == []
    files = {file.name for file in path.parent.iterdir() if file.is_file()} - {path.name}
    assert files == {name for name in named if (path.parent / name).is_file()}
    assert len(named) == len(content["resources"]) + len(patches)


def test_nothing_else_lies_among_the_manifests() -> None:
    for path in KUBERNETES.rglob("*"):
        assert path.is_dir() or path.suffix == ".yaml"


def test_the_pod_has_more_grace_than_its_farewell_and_its_drain() -> None:
    pod = one(BASE, "Deployment")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    settings = one(BASE, "ConfigMap")["data"]
    farewell = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    drain = float(settings["WAYPOST_DRAIN_SECONDS"])
    assert pod["terminationGracePeriodSeconds"] >= farewell + drain + 10


def test_a_pod_may_write_to_its_volumes_alone_and_is_nobody() -> None:
    pod = one(BASE, "Deployment")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_ports_probes_and_volumes_name_what_there_is() -> None:
    pod = one(BASE, "Deployment")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    settings = one(BASE, "ConfigMap")["data"]
    assert settings["WAYPOST_ADDRESS"].endswith(f":{ports['grpc']}")
    assert settings["WAYPOST_HTTP_ADDRESS"].endswith(f":{ports['http']}")
    paths = {name: container[f"{name}Probe"]["httpGet"] for name in ("startup", "readiness")}
    paths["liveness"] = container["livenessProbe"]["httpGet"]
    assert {name: probe["path"] for name, probe in paths.items()} == {
        "startup": "/startupz",
        "readiness": "/readyz",
        "liveness": "/livez",
    }
    assert {probe["port"] for probe in paths.values()} == {"http"}
    mounts = {mount["name"] for mount in container["volumeMounts"]}
    assert mounts == {volume["name"] for volume in pod["volumes"]}
    for kind in ("Service", "NetworkPolicy"):
        for manifest in (each for each in BASE if each["kind"] == kind):
            text = yaml.safe_dump(manifest)
            assert "grpc" in text
    (endpoint,) = one(BASE, "ServiceMonitor")["spec"]["endpoints"]
    named = [port["name"] for each in services() for port in each["spec"]["ports"]]
    assert endpoint["port"] in named


def services() -> list[Manifest]:
    """Those that a ServiceMonitor selects: with a label, as the headless one has none."""
    return [each for each in BASE if each["kind"] == "Service" and "labels" in each["metadata"]]


def test_every_selector_finds_the_pods() -> None:
    pods = one(BASE, "Deployment")["spec"]["template"]["metadata"]["labels"]
    assert one(BASE, "Deployment")["spec"]["selector"]["matchLabels"] == pods
    assert one(BASE, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"] == pods
    assert one(BASE, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"] == pods
    for service in (each for each in BASE if each["kind"] == "Service"):
        assert service["spec"]["selector"] == pods
    assert [each["metadata"]["labels"] for each in services()] == [pods]
    scaled = one(BASE, "HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]
    assert scaled["name"] == one(BASE, "Deployment")["metadata"]["name"]


@needs_kustomize
def test_production_has_tls_tokens_and_secrets_by_reference_alone() -> None:
    manifests = rendered(KUBERNETES / "overlays/production")
    (container,) = one(manifests, "Deployment")["spec"]["template"]["spec"]["containers"]
    settings = one(manifests, "ConfigMap")["data"]
    assert {"WAYPOST_TLS_CERT", "WAYPOST_TLS_KEY", "WAYPOST_TOKENS"} <= settings.keys()
    assert "WAYPOST_INSECURE" not in settings
    for variable in container["env"]:
        assert variable.keys() == {"name", "valueFrom"}
    assert "Secret" not in {manifest["kind"] for manifest in manifests}


@needs_kustomize
def test_a_trial_wants_no_secret() -> None:
    manifests = rendered(KUBERNETES / "overlays/trial")
    pod = one(manifests, "Deployment")["spec"]["template"]["spec"]
    settings = one(manifests, "ConfigMap")["data"]
    assert [volume for volume in pod["volumes"] if "secret" in volume] == []
    assert {mount["name"] for mount in pod["containers"][0]["volumeMounts"]} == {
        volume["name"] for volume in pod["volumes"]
    }
    assert not settings.keys() & {"WAYPOST_TLS_CERT", "WAYPOST_TLS_KEY", "WAYPOST_TOKENS"}
