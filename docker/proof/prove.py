"""Starts a server's image as production would, and asks it: not root, a read-only root, no capability, no network but loopback.

    python3 docker/proof/prove.py IMAGE MODEL [TEXT]       needs root, buildah and runc

What it starts, it ends. It knows images and containers; it knows nothing of Tritext but the question it asks.
"""

import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

BUILDAH = ("buildah", "--storage-driver", "vfs")
NAME = "tritext-proof"
PATIENCE = 120.0
"""Seconds until the image's own health check must succeed."""

ASK = """
import http.client, json, sys
connection = http.client.HTTPConnection("127.0.0.1", 8000, timeout=30)
connection.request("POST", f"/v2/models/{sys.argv[1]}/generate", json.dumps({"TEXT": sys.argv[2]}))
answer = connection.getresponse()
print(answer.status, answer.read().decode())
"""

LOOK = """
import json, os, pathlib, socket
def writable(folder):
    try:
        pathlib.Path(folder, "x").write_text("x")
        return True
    except OSError:
        return False
status = dict(line.split(":\\t", 1) for line in open("/proc/1/status").read().splitlines() if ":\\t" in line)
probe = socket.socket()
probe.settimeout(3)
print(json.dumps({
    "users of all processes": sorted({str(os.stat(f"/proc/{each}").st_uid) for each in os.listdir("/proc") if each.isdigit()}),
    "capabilities": status["CapEff"].strip(),
    "no new privileges": status["NoNewPrivs"].strip(),
    "writable": [folder for folder in ("/", "/models", "/opt", "/etc", "/usr", "/var", "/root", "/tmp", "/dev/shm") if writable(folder)],
    "network": os.listdir("/sys/class/net") if os.path.isdir("/sys/class/net") else [line.split(":")[0].strip() for line in open("/proc/net/dev").readlines()[2:]],
    "reaches others": probe.connect_ex(("192.0.2.1", 80)) == 0,
}))
"""


def output(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@contextlib.contextmanager
def unpacked(image: str) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The image's files, and how it wants to be run."""
    container = output(*BUILDAH, "from", "--pull-never", image)
    try:
        found = json.loads(output(*BUILDAH, "inspect", "--type", "container", container))
        yield Path(output(*BUILDAH, "mount", container)), found["Docker"]["config"]
    finally:
        output(*BUILDAH, "rm", container)


def bundle(root: Path, wanted: dict[str, Any]) -> dict[str, Any]:
    """A runtime configuration, https://github.com/opencontainers/runtime-spec, as strict as docs/deploy.md asks for."""
    user, _, group = wanted["User"].partition(":")
    held = ["nosuid", "nodev"]
    return {
        "ociVersion": "1.0.2",
        "root": {"path": str(root), "readonly": True},
        "hostname": NAME,
        "process": {
            "user": {"uid": int(user), "gid": int(group or user)},
            "args": [*wanted["Entrypoint"], *(wanted.get("Cmd") or ())],
            "env": wanted["Env"],
            "cwd": wanted["WorkingDir"],
            "noNewPrivileges": True,
            "capabilities": {kind: [] for kind in ("bounding", "effective", "permitted")},
        },
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
            {
                "destination": "/dev/shm",
                "type": "tmpfs",
                "source": "shm",
                "options": [*held, "noexec", "size=64m"],
            },
            {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": [*held, "size=1g"]},
            {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": [*held, "noexec", "ro"]},
        ],
        "linux": {"namespaces": [{"type": kind} for kind in ("pid", "network", "ipc", "uts", "mount")]},
    }


def inside(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["runc", "exec", NAME, *command], check=False, capture_output=True, text=True)


def wait_until_well(check: list[str]) -> float:
    """Seconds until the image's own health check, which is a CMD, first succeeds."""
    start = time.monotonic()
    while (asked := inside(*check[1:])).returncode:
        if time.monotonic() - start > PATIENCE:
            sys.exit(f"Its health check does not succeed: {asked.stdout}{asked.stderr}")
        time.sleep(0.2)
    return time.monotonic() - start


def main(image: str, model: str, text: str = "I was charged twice for the same order!!") -> None:
    with unpacked(image) as (root, wanted), tempfile.TemporaryDirectory() as place:
        Path(place, "config.json").write_text(json.dumps(bundle(root, wanted)), encoding="utf-8")
        print(
            "image:     ",
            json.dumps(
                {"labels": wanted.get("Labels"), "user": wanted["User"], "runs": wanted["Entrypoint"]}
            ),
        )
        with Path(place, "log").open("w", encoding="utf-8") as log:
            server = subprocess.Popen(["runc", "run", "--bundle", place, NAME], stdout=log, stderr=log)
            try:
                print(f"healthy:    after {wait_until_well(wanted['Healthcheck']['Test']):.1f} s")
                print("confined:  ", inside("python3", "-c", LOOK).stdout.strip())
                print("asked:     ", json.dumps(text))
                print("answered:  ", inside("python3", "-c", ASK, model, text).stdout.strip())
                output("runc", "kill", NAME, "TERM")
                print("stopped:    exit status", server.wait(timeout=60))
            finally:
                if server.poll() is None:
                    subprocess.run(["runc", "delete", "--force", NAME], check=False)
                print(Path(place, "log").read_text(encoding="utf-8"), file=sys.stderr)


if __name__ == "__main__":
    main(*sys.argv[1:])
