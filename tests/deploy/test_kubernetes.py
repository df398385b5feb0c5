"""What the manifests promise, in every way a repository may come to a server."""

from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.programs import ROOT, program, run

KUBERNETES = ROOT / "deploy/kubernetes"
OVERLAYS = sorted(path.name for path in (KUBERNETES / "overlays").iterdir())


@cache
def rendered(folder: Path) -> str:
    return run(program("kubectl", remedy="any version from 1.30 on"), "kustomize", str(folder))


def manifests(overlay: str) -> dict[str, dict[str, Any]]:
    """By kind and name."""
    found = yaml.safe_load_all(rendered(KUBERNETES / "overlays" / overlay))
    return {f"{each['kind']}/{each['metadata']['name']}": each for each in found}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_manifests_are_what_kubernetes_says(overlay: str, tmp_path: Path) -> None:
    checker = program("kubernetes-validate", remedy="`make manifests`")
    file = tmp_path / "manifests.yaml"
    file.write_text(rendered(KUBERNETES / "overlays" / overlay), encoding="utf-8")
    run(checker, "--strict", str(file))


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_server_waits_for_its_models_and_ends_in_order(overlay: str) -> None:
    pod = manifests(overlay)["Deployment/tritext"]["spec"]["template"]["spec"]
    (server,) = pod["containers"]
    for probe in ("startupProbe", "readinessProbe"):
        assert server[probe]["httpGet"]["path"] == "/v2/health/ready"
    drain = 30
    assert pod["terminationGracePeriodSeconds"] > drain + server["lifecycle"]["preStop"]["sleep"]["seconds"]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_no_container_is_root_or_writes_to_its_root(overlay: str) -> None:
    pod = manifests(overlay)["Deployment/tritext"]["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"]
    for container in [*pod["containers"], *pod.get("initContainers", ())]:
        own = container["securityContext"]
        assert own["readOnlyRootFilesystem"]
        assert not own["allowPrivilegeEscalation"]
        assert own["capabilities"] == {"drop": ["ALL"]}
        assert {"cpu", "memory"} <= set(container["resources"]["limits"])


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_mount_has_its_volume_and_the_memory_that_is_shared_is_memory(overlay: str) -> None:
    pod = manifests(overlay)["Deployment/tritext"]["spec"]["template"]["spec"]
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    for container in [*pod["containers"], *pod.get("initContainers", ())]:
        assert {mount["name"] for mount in container["volumeMounts"]} <= set(volumes)
    assert volumes["shm"]["emptyDir"]["medium"] == "Memory"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_selectors_choose_the_servers_and_nothing_else(overlay: str) -> None:
    found = manifests(overlay)
    labels = found["Deployment/tritext"]["spec"]["template"]["metadata"]["labels"]
    chosen = (
        found["Service/tritext"]["spec"]["selector"],
        found["PodDisruptionBudget/tritext"]["spec"]["selector"]["matchLabels"],
        found["NetworkPolicy/tritext"]["spec"]["podSelector"]["matchLabels"],
    )
    assert all(selector and selector.items() <= labels.items() for selector in chosen)


def test_a_baked_server_talks_to_nobody() -> None:
    policy = manifests("baked")["NetworkPolicy/tritext"]["spec"]
    assert "Egress" in policy["policyTypes"]
    assert not policy.get("egress")


def test_the_control_plane_has_no_way_in_from_outside() -> None:
    """An ingress names what may be reached, and names nothing that loads, traces or logs."""
    found = [each for name, each in manifests("baked").items() if name.startswith("Ingress/")]
    paths = [
        path["path"] for each in found for rule in each["spec"]["rules"] for path in rule["http"]["paths"]
    ]
    assert "/v2/models" in paths
    assert not [
        path
        for path in paths
        if path in {"/", "/v2"} or any(word in path for word in ("Repository", "Memory", "Log", "Trace"))
    ]
    assert all(each["spec"]["tls"] for each in found)


def test_the_autoscaler_goes_by_the_metric_that_the_adapter_makes() -> None:
    scaler = manifests("volume")["HorizontalPodAutoscaler/tritext"]["spec"]
    adapter = yaml.safe_load(
        (KUBERNETES / "components/autoscaling/prometheus-adapter.yaml").read_text(encoding="utf-8")
    )
    assert scaler["metrics"][0]["pods"]["metric"]["name"] == adapter["rules"][0]["name"]["as"]
    assert "replicas" not in manifests("volume")["Deployment/tritext"]["spec"]
