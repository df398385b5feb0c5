"""Whether training scales as it says: one process beside several, and a data file larger than the memory it may use.

    python perf/scaling.py processes train.csv --eval-data test.csv --base minilm --output processes.json
    python perf/scaling.py memory --megabytes 1300 --limit 1000 --base FOLDER --output memory.json

It runs `tritext train` as a program and reads its reports, as anyone could.
"""

import argparse
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from tritext_perf import facts

MIB = 2**20
LABELS = ("fruit", "metal", "river")


LOSSES = ("train_loss", "validation_loss")


def processes(given: argparse.Namespace) -> dict[str, Any]:
    """The same command in one process and in several, with each seed: curves, and how far apart they are."""
    counts = (1, given.count)
    found = {seed: {count: _trained(given, seed, count) for count in counts} for seed in given.seeds}
    return {
        "runs": found,
        "largest_difference": {
            name: max(
                abs(a[name] - b[name]) / a[name]
                for runs in found.values()
                for a, b in zip(*(runs[count]["curves"] for count in counts), strict=True)
            )
            for name in LOSSES
        },
        "last_losses": {name: _last(found, name, given.count) for name in LOSSES},
        "environment": facts.machine_here(),
    }


def _trained(given: argparse.Namespace, seed: int, count: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(dir=given.work) as folder:
        output = Path(folder) / "run"
        launcher = ["torch.distributed.run", "--nproc-per-node", str(count), "-m"] if count > 1 else []
        asked = [*_training(given), "--seed", str(seed), "--output", str(output)]
        _run([*launcher, "tritext", "train", *asked])
        report = json.loads((output / "training_report.json").read_text(encoding="utf-8"))
    training = {key: report["training"][key] for key in ("curves", "batch_size", "precision", "steps")}
    return {**training, "seconds": report["seconds"], "metrics": report["metrics"]}


def _last(found: dict[int, dict[int, Any]], name: str, count: int) -> dict[str, float]:
    """The last epoch's loss over all seeds: what seeds do to one process, and what several processes do to the mean."""
    one, several = ([runs[number]["curves"][-1][name] for runs in found.values()] for number in (1, count))
    mean = statistics.fmean(one)
    return {
        "mean_of_one_process": mean,
        "mean_of_several": statistics.fmean(several),
        "relative_difference": statistics.fmean(several) / mean - 1,
        "deviation_between_seeds": statistics.stdev(one) / mean if len(one) > 1 else 0.0,
    }


def memory(given: argparse.Namespace) -> dict[str, Any]:
    """Training on a quarter of a file and on all of it, within a limit that the whole file is larger than."""
    runs = []
    with tempfile.TemporaryDirectory(dir=given.work) as folder:
        for megabytes in (given.megabytes // 4, given.megabytes):
            data = _wide_file(Path(folder) / f"{megabytes}.jsonl", megabytes)
            output = Path(folder) / f"of-{megabytes}"
            command = ["tritext", "train", "--data", str(data), "--output", str(output), *_training(given)]
            started = time.monotonic()
            peaks = _run(command, limit=given.limit * MIB)
            runs.append(
                {
                    "file_bytes": data.stat().st_size,
                    "data_limit_bytes": given.limit * MIB,
                    **peaks,
                    "seconds": round(time.monotonic() - started, 1),
                    "report": json.loads((output / "training_report.json").read_text())["data"]["splits"],
                }
            )
            data.unlink()
    return {"limit": "RLIMIT_DATA", "runs": runs, "machine": facts.machine_here()}


def _training(given: argparse.Namespace) -> list[str]:
    chosen = ["--base", given.base, "--epochs", str(given.epochs), "--batch-size", str(given.batch_size)]
    chosen += ["--max-length", str(given.max_length), "--early-stopping", "0", "--no-tracking"]
    data = ["--data", str(given.data)] if given.data else []
    return [*chosen, *data, *(["--eval-data", str(given.eval_data)] if given.eval_data else [])]


def _run(module: list[str], *, limit: int | None = None) -> dict[str, int]:
    """Run `python -m MODULE …`, its data limited to `limit` bytes; the most memory that it had, in bytes."""

    def limited() -> None:
        if limit:
            resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))

    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen([sys.executable, "-m", *module], env=environment, preexec_fn=limited) as process:  # noqa: PLW1509
        peaks: dict[str, int] = {}
        watcher = threading.Thread(target=_watch, args=(process, peaks))
        watcher.start()
        code = process.wait()
        watcher.join()
    if code:
        sys.exit(code)
    return peaks


def _watch(process: subprocess.Popen[bytes], peaks: dict[str, int]) -> None:
    names = {"VmData": "peak_data_bytes", "RssAnon": "peak_anonymous_bytes", "RssFile": "peak_mapped_bytes"}
    while process.poll() is None:
        status = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
        for line in status.splitlines():
            name, _, value = line.partition(":")
            if name in names:
                peaks[names[name]] = max(peaks.get(names[name], 0), int(value.split()[0]) * 1024)
        time.sleep(0.2)


def _wide_file(path: Path, megabytes: int) -> Path:
    """Rows of about 4 KiB, whose label is the one short word among long ones that mean nothing."""
    chance = random.Random(1)  # noqa: S311 - data, no secret
    words = {"fruit": "apple pear plum", "metal": "iron zinc copper", "river": "nile rhine volga"}
    row = 0
    with path.open("w", encoding="utf-8") as file:
        while file.tell() < megabytes * MIB:
            label = LABELS[row % 3]
            noise = chance.randbytes(1900).hex()
            text = [noise[start : start + 95] for start in range(0, len(noise), 95)]
            text.insert(chance.randrange(5), chance.choice(words[label].split()))
            file.write(json.dumps({"text": " ".join(text), "label": label}) + "\n")
            row += 1
    return path


def main() -> None:
    """Measure, and write the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=["processes", "memory"])
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("--eval-data", type=Path)
    parser.add_argument("--base", default="minilm")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--max-length", type=int, default=64)
    parser.add_argument("--seeds", type=int, nargs="+", default=[42], help="each is trained with, each way")
    parser.add_argument("--count", type=int, default=2, help="how many processes are compared with one")
    parser.add_argument("--megabytes", type=int, default=1300, help="of the data file")
    parser.add_argument(
        "--limit", type=int, default=1000, help="MiB of data (RLIMIT_DATA) that training may have"
    )
    parser.add_argument("--work", type=Path, default=Path(), help="where files are made and removed")
    parser.add_argument("--output", type=Path, required=True)
    given = parser.parse_args()
    found = {"processes": processes, "memory": memory}[given.what](given)
    options = {name: str(value) for name, value in vars(given).items() if name not in {"work", "output"}}
    given.output.write_text(json.dumps({"command": options, **found}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
