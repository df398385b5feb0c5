"""`tritext serve` as a person sees it: progress while models load, the addresses when they are ready, a clean end."""

import os
import shlex
import signal
from pathlib import Path

from rich.markup import escape
from rich.status import Status

from tritext.console import err
from tritext_serving.errors import BadPidFile
from tritext_serving.repository import Repository
from tritext_serving.server import Server
from tritext_serving.settings import ServeSettings


def run(settings: ServeSettings, *, pid_file: Path | None = None) -> None:
    """Serve until Ctrl+C or SIGTERM, which end it with success; errors are raised."""
    if pid_file:
        check(pid_file)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    server = Server(settings, say=_say, pass_on_log=_pass_on)
    try:
        _start(server)
        if pid_file:
            pid_file.write_text(f"{os.getpid()}\n", encoding="utf-8")
        server.wait()
    except KeyboardInterrupt:
        _say("Stopping: no new requests, those in flight are answered first.")
    finally:
        finished = server.stop()
        if pid_file:
            pid_file.unlink(missing_ok=True)
    _say(
        "Stopped."
        if finished
        else f"Stopped; some requests took longer than {settings.exit_timeout:g} s and were cut."
    )


def check(pid_file: Path) -> None:
    """Raise BadPidFile, if the file could not be written when the server is ready."""
    if pid_file.is_dir() or not os.access(pid_file.parent, os.W_OK):
        raise BadPidFile(pid_file)


def _start(server: Server) -> None:
    for name, reason in server.repository.skipped.items():
        _say(f"Not served: {name}, {reason}.")
    with err.status("Starting Triton …") as spinner:
        server.start(lambda waiting: _show_progress(spinner, waiting))
    for line in _welcome(server):
        err.print(line, highlight=False, soft_wrap=True)


def _show_progress(spinner: Status, waiting: frozenset[str]) -> None:
    shown = ", ".join(sorted(waiting)[:4]) + (", …" if len(waiting) > 4 else "")  # noqa: PLR2004 - one line's worth
    spinner.update(f"Loading models: {len(waiting)} to go ({escape(shown)}) …")


def _welcome(server: Server) -> list[str]:
    names = ", ".join(_public(server.repository))
    lines = [
        f"[bold green]Ready:[/] {escape(names)}",
        f"  HTTP     http://{server.http_url}",
        f"  gRPC     {server.grpc_url}{', with TLS' if server.settings.tls_cert else ''}",
        f"  metrics  {server.metrics_url}",
    ]
    example = _example(server)
    return [*lines, f"Try: {escape(example)}"] if example else lines


def _public(repository: Repository) -> list[str]:
    """The models that are no step of another: what clients call."""
    steps = {step for model in repository.models.values() for step in model.steps}
    return sorted(set(repository.models) - steps)


def _example(server: Server) -> str | None:
    """A request with curl, for a model that takes one text and nothing else."""
    for name in _public(server.repository):
        if [tensor.name for tensor in server.repository.models[name].config.input] == ["TEXT"]:
            body = shlex.quote('{"TEXT": "I was charged twice for one order"}')
            return f"curl -s http://{server.http_url}/v2/models/{name}/generate -d {body}"
    return None


def _say(line: str) -> None:
    err.print(f"[dim]tritext:[/] {escape(line)}", highlight=False, soft_wrap=True)


def _pass_on(line: str) -> None:
    err.print(line, markup=False, highlight=False, soft_wrap=True)
