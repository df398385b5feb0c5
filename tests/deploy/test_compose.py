"""What the stacks of containers promise, whichever services they are made of."""

import re
from typing import Any

import pytest
import yaml

from tests.deploy.programs import ROOT, program, run

STACKS = ("compose.yaml", "deploy/swarm/stack.yaml")


def stack(path: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))
    return found


SERVICES = [(path, name) for path in STACKS for name in stack(path)["services"]]


@pytest.mark.parametrize("path", STACKS)
def test_stacks_are_what_the_compose_specification_says(path: str) -> None:
    checker = program("check-jsonschema", remedy="`make manifests`")
    run(checker, "--builtin-schema", "vendor.compose-spec", path)


@pytest.mark.parametrize(("path", "name"), SERVICES)
def test_every_service_can_write_nowhere_and_has_no_privileges(path: str, name: str) -> None:
    service = stack(path)["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    if path == "compose.yaml":
        assert service["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize(("path", "name"), SERVICES)
def test_every_service_has_limits(path: str, name: str) -> None:
    assert {"cpus", "memory", "pids"} <= set(stack(path)["services"][name]["deploy"]["resources"]["limits"])


@pytest.mark.parametrize(("path", "name"), SERVICES)
def test_every_service_is_looked_after(path: str, name: str) -> None:
    """By the stack, or by its image; a client is a command."""
    service = stack(path)["services"][name]
    assert "healthcheck" in service or name in {"triton", "worker", "client"}


@pytest.mark.parametrize("path", STACKS)
def test_no_secret_has_a_default(path: str) -> None:
    """What is missing is asked for in a sentence."""
    text = (ROOT / path).read_text(encoding="utf-8")
    for variable, default in re.findall(r"\$\{(\w*(?:PASSWORD|KEY|CERTIFICATE)\w*)([^}]*)\}", text):
        assert default.startswith((":?Put ", ":?Which ")), variable
    for variable in set(re.findall(r"\$\{(\w+):\?Put", text)):
        assert f"\n{variable}=\n" in (ROOT / "deploy/env.example").read_text(encoding="utf-8"), variable


def test_the_small_set_is_a_server_and_its_proxy() -> None:
    services = stack("compose.yaml")["services"]
    assert [name for name, service in services.items() if "profiles" not in service] == ["triton", "proxy"]


def test_only_the_proxy_can_be_reached_from_other_machines() -> None:
    """And that only if it is told to."""
    services = stack("compose.yaml")["services"]
    ports = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert ports.pop("proxy") == ["${TRITEXT_LISTEN:-127.0.0.1}:8443:8443"]
    assert all(port.startswith("127.0.0.1:") for published in ports.values() for port in published)


def test_a_server_has_no_way_out() -> None:
    file = stack("compose.yaml")
    networks = file["services"]["triton"]["networks"]
    assert all(file["networks"][name]["internal"] for name in networks)


def test_what_is_mounted_is_there() -> None:
    for service in stack("compose.yaml")["services"].values():
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            assert not source.startswith("./") or (ROOT / source).exists(), source
    for config in stack("deploy/swarm/stack.yaml")["configs"].values():
        assert (ROOT / "deploy/swarm" / config["file"]).is_file()
