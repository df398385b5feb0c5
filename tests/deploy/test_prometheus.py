"""Rules, alerts and the dashboard; the dashboard's queries are asked of a real Prometheus that asks a real server."""

import json
import re
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.programs import ROOT, program, run
from tritext import Client
from tritext.failures import ClientError
from tritext_serving import Server

PROMETHEUS = ROOT / "deploy/prometheus"
GRAFANA = ROOT / "deploy/grafana"
DASHBOARD = json.loads((GRAFANA / "dashboards/tritext.json").read_text(encoding="utf-8"))
REMEDY = "apt-get install prometheus"

QUERIES = {
    f"{panel['title']}, {target['refId']}": target["expr"]
    for panel in DASHBOARD["panels"]
    for target in panel.get("targets", ())
}
ALERTS = [
    rule
    for group in yaml.safe_load((PROMETHEUS / "alerts.yaml").read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
]


def test_rules_are_sound_and_wake_whom_they_should() -> None:
    """The cases are in rules_test.yaml."""
    promtool = program("promtool", remedy=REMEDY)
    run(promtool, "check", "config", "deploy/prometheus/prometheus.yaml")
    run(promtool, "test", "rules", "deploy/prometheus/rules_test.yaml")


def test_every_alert_says_what_to_do() -> None:
    page = (ROOT / "docs/deploy.md").read_text(encoding="utf-8")
    titles = {line.lstrip("# ").lower() for line in page.splitlines() if line.startswith("#")}
    for alert in ALERTS:
        file, _, title = alert["annotations"]["runbook"].partition("#")
        assert file == "docs/deploy.md"
        assert title in titles, alert["alert"]
        assert alert["labels"]["severity"] in {"page", "ticket"}


@pytest.fixture(scope="module")
def prometheus(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Its URL, after it has seen good and bad requests; it asks every second, by the rules that are deployed."""
    folder = tmp_path_factory.mktemp("prometheus")
    target = {"targets": [server.metrics_url.removeprefix("http://").removesuffix("/metrics")]}
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(PROMETHEUS / "rules.yaml"), str(PROMETHEUS / "alerts.yaml")],
        "scrape_configs": [{"job_name": "tritext", "static_configs": [target]}],
    }
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    address = f"127.0.0.1:{free_port()}"
    running = _start(folder, address)
    try:
        assert _answer(f"http://{address}", "nv_inference_request_success")
        _ask(server, seconds=4)
        yield f"http://{address}"
    finally:
        running.terminate()
        running.wait(30)


def _start(folder: Path, address: str) -> subprocess.Popen[bytes]:
    command = [
        program("prometheus", remedy=REMEDY),
        f"--config.file={folder / 'prometheus.yaml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={address}",
    ]
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(command, stdout=log, stderr=log)


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def _ask(server: Server, *, seconds: float) -> None:
    end = time.monotonic() + seconds
    with Client(server.grpc_url) as client:
        while time.monotonic() < end:
            client.classify("tiny", ["a text", "long " * 1000])
            with suppress(ClientError):
                client.classify("tiny", "a text", top_k=-1)
            time.sleep(0.1)


def _answer(prometheus: str, query: str, *, patience: float = 30) -> list[Any]:
    """What it knows, as soon as it knows something."""
    url = f"{prometheus}/api/v1/query?{urllib.parse.urlencode({'query': query})}"
    end = time.monotonic() + patience
    while True:
        with suppress(ConnectionError, urllib.error.URLError), urllib.request.urlopen(url) as answer:  # noqa: S310
            result: list[Any] = json.load(answer)["data"]["result"]
            if result or time.monotonic() > end:
                return result
        time.sleep(0.2)


@pytest.mark.parametrize("name", QUERIES)
def test_every_query_of_the_dashboard_has_an_answer(prometheus: str, name: str) -> None:
    """Whatever server and model are chosen."""
    query = QUERIES[name].replace("$instance", ".*").replace("$model", ".*")
    assert "$" not in query
    assert _answer(prometheus, query)


def test_a_real_servers_refusals_are_mistakes_and_not_errors(prometheus: str) -> None:
    """Triton counts them as failures; the rules tell them apart."""
    assert _answer(prometheus, 'tritext:mistakes:rate5m{family="tiny"} > 0')
    assert _answer(prometheus, 'tritext:failures:rate5m{family="tiny"} > 0')
    assert _answer(prometheus, 'tritext:turned_away:rate5m{family="tiny"} == 0')


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_alerts_ask_for_what_a_real_server_tells(prometheus: str, alert: dict[str, Any]) -> None:
    """An alert over numbers that nobody reports would never ring."""
    for name in re.findall(r"\b(?:tritext:[\w:]+|up|nv_\w+)", alert["expr"]):
        assert _answer(prometheus, name), name


def test_the_dashboard_asks_the_source_that_is_provisioned() -> None:
    (source,) = yaml.safe_load(
        (GRAFANA / "provisioning/datasources/prometheus.yaml").read_text(encoding="utf-8")
    )["datasources"]
    used = {panel["datasource"]["uid"] for panel in DASHBOARD["panels"] if "datasource" in panel}
    assert used == {source["uid"]}


def test_panels_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        own = {
            (place["x"] + column, place["y"] + row)
            for column in range(place["w"])
            for row in range(place["h"])
        }
        assert not own & taken, panel["title"]
        assert all(x < 24 for x, _ in own)
        taken |= own
