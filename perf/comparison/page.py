"""The page of all raw files: tables in Markdown, and pictures. Knows the raw files, and nothing of how they came to be."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from comparison import picture
from comparison.parts import BUSY
from comparison.samples import Samples

HEAD = """\
# Performance: ceilings, Tritext, peers

Made by `make bench`; the raw files lie in `{folder}`. All of a table was measured in one
run: the systems stood side by side and were measured in turn, several times, the others stopped or idle, with the same weights,
texts and load generator, which shares the processors. A figure is the median, a ratio the median of the ratios within
each turn. Machines are noisy: differences below about 10 % mean nothing.

- Machine: {cpu}, {cores} cores, {memory} GiB, {system}; {date}.
- {versions}.
- *offline* is a ceiling: no server, no requests, one process of one thread on each core, texts sorted by length and padded
  to the longest of each batch, tokenization included. *offline, our graph* loops over the very file that Triton serves.
- *agreement* is the share of texts that got the label which the checkpoint gives in torch, FP32.
"""

PICTURES = {"peers": picture.throughput, "base": picture.throughput, "arrivals": picture.arrivals}

TITLES = {"peers": "A small model: {checkpoint}", "base": "A network of BERT-base's size, random weights"}


def write(folder: Path, path: Path) -> None:
    """The page of a folder's raw files, its pictures beside it; nothing where there are none."""
    text = render(folder)
    if not text:
        return
    path.write_text(text, encoding="utf-8")
    for part, draw in PICTURES.items():
        samples = Samples.read(folder / f"{part}.json")
        if samples:
            path.with_name(f"performance_{part}.png").write_bytes(draw(samples))


def render(folder: Path) -> str:
    """All parts that have a raw file in the folder; an empty page where none has."""
    found = {path.stem: samples for path in sorted(folder.glob("*.json")) if (samples := Samples.read(path))}
    if not found:
        return ""
    parts = [_head(next(iter(found.values())), folder)]
    for peers, lengths in (("peers", "lengths"), ("base", "base_lengths")):
        if peers in found:
            samples = found[peers]
            parts.append("## " + TITLES[peers].format(checkpoint=samples.document["checkpoint"]))
            parts.append(f"![Texts per second of each system](performance_{peers}.png)")
            parts.append("\n".join(_systems(samples)))
            parts.append("\n".join(_beside_peers(samples)))
        for name in (lengths, "ceilings" if lengths not in found and peers == "peers" else ""):
            if name in found:
                parts.append("\n".join(_beside_ceilings(found[name])))
                parts.append("\n".join(_lengths(found[name])))
    if "arrivals" in found:
        parts.append("\n".join(_arrivals(found["arrivals"])))
    return "\n\n".join(part.strip() for part in parts if part.strip()) + "\n"


def _head(samples: Samples, folder: Path) -> str:
    document = samples.document
    machine = document["machine"]
    return HEAD.format(
        folder=folder,
        versions=", ".join(f"{name} {version}" for name, version in document["versions"].items()),
        cpu=machine.get("cpu", "unknown"),
        cores=machine.get("usable_cores"),
        memory=machine.get("memory_gib"),
        system=machine.get("system"),
        date=document["made"][:10],
    )


def _systems(samples: Samples) -> Iterator[str]:
    """Everything under every load of users."""
    mix = next(iter(samples.mixes))
    loads = samples.loads("users")
    head = ["system", "precision", *(f"{load:g} user{'s' if load > 1 else ''}" for load in loads)]
    yield f"Texts per second on `{mix}` ({_tokens(samples, mix)} tokens on average), one text per request, {_care(samples)}:"
    yield ""
    yield from _table_head([*head, f"p50 / p99 ms at {BUSY}", "agreement", "accuracy", "errors"])
    ran = samples.of_kind("tritext", "triton", "peer", "ceiling")
    for name in sorted(ran, key=lambda one: -(samples.median(one, mix=mix, users=BUSY) or 0.0)):
        facts = samples.systems[name]
        is_ceiling = facts["kind"] == "ceiling"
        rates = [_number(samples.median(name, mix=mix, users=load)) for load in loads]
        waits = [samples.median(name, figure, mix=mix, users=BUSY) for figure in ("p50", "p99")]
        quality = facts["quality"][mix]
        yield _row(
            _title(facts),
            facts["precision"],
            *rates,
            "" if is_ceiling else " / ".join(_number(wait) for wait in waits),
            f"{quality['agreement']:.3%}",
            f"{quality['accuracy']:.2%}" if "accuracy" in quality else "",
            "" if is_ceiling else str(samples.errors(name)),
        )
    yield ""
    for name, facts in samples.systems.items():
        if "failed" in facts:
            yield f"- {facts['title']}, {facts['precision']}, gave no figures: {facts['failed']}"
        elif facts["kind"] in ("triton", "peer"):
            yield f"- {facts['title']}, {facts['precision']}: {facts['remark']} (`peers/{name}`)"


def _beside_peers(samples: Samples) -> Iterator[str]:
    """Each of ours over the best of each class."""
    case: dict[str, Any] = {"mix": next(iter(samples.mixes)), "users": BUSY}
    classes = {
        "best peer, fp32": _chosen(samples, ("peer",), "fp32"),
        "best peer, any precision": _chosen(samples, ("peer",), ""),
        "Triton, one text a call, fp32": _chosen(samples, ("triton",), "fp32"),
        "Triton, one text a call, int8": _chosen(samples, ("triton",), "int8"),
    }
    best = {title: samples.best(names, **case) for title, names in classes.items()}
    shown = {title: name for title, name in best.items() if name}
    if not shown:
        return
    yield f"How many times as many, at {BUSY} users:"
    yield ""
    yield from _table_head(
        [
            "",
            "precision",
            *(f"over {title}: {samples.systems[name]['title']}" for title, name in shown.items()),
        ]
    )
    for name in samples.of_kind("tritext"):
        facts = samples.systems[name]
        ratios = [samples.ratio(name, other, **case) for other in shown.values()]
        yield _row(_title(facts), facts["precision"], *(_ratio(ratio) for ratio in ratios))


def _chosen(samples: Samples, kinds: Sequence[str], precision: str) -> list[str]:
    return [
        name
        for name in samples.of_kind(*kinds)
        if samples.systems[name]["precision"] == precision or not precision
    ]


def _beside_ceilings(samples: Samples) -> Iterator[str]:
    """Each of ours over the loop on its own file, and over the best stock loop of its runtime's family and precision."""
    mixes = list(samples.mixes)
    yield f"Through the whole ensemble at {BUSY} users, in texts per second, and as a share of two ceilings, {_care(samples)}:"
    yield ""
    yield from _table_head(
        ["", "precision", *(f"`{mix}`: texts/s · of our graph · of stock" for mix in mixes)]
    )
    for name in samples.of_kind("tritext"):
        facts = samples.systems[name]
        cells = []
        for mix in mixes:
            case: dict[str, Any] = {"mix": mix, "users": BUSY}
            own = samples.ratio(name, f"offline_{name}", **case)
            stock = [_share(samples.ratio(name, other, **case)) for other in _stock(samples, name)]
            cells.append(" · ".join([_number(samples.median(name, **case)), _share(own), *stock]))
        yield _row(_title(facts), facts["precision"], *cells)


def _stock(samples: Samples, name: str) -> list[str]:
    """The loop of the same runtime and precision on the stock model, where there is one."""
    engine = {"onnx": "onnxruntime", "torchscript": "torch", "openvino": "openvino"}[name.split("_")[1]]
    precision = samples.systems[name]["precision"]
    names = (f"offline_{engine}_{precision}", f"offline_{engine}_{precision}_{precision}")
    return [other for other in names if other in samples.of_kind("ceiling")]


def _lengths(samples: Samples) -> Iterator[str]:
    """Real tokens per second over all mixes, and what padding would cost."""
    mixes = list(samples.mixes)
    if len(mixes) < 3:  # noqa: PLR2004 - two say nothing of lengths
        return
    yield f"Real tokens per second at {BUSY} users (mean tokens of a text):"
    yield ""
    yield from _table_head(["", "precision", *(f"`{mix}` ({_tokens(samples, mix)})" for mix in mixes)])
    for name in samples.of_kind("tritext"):
        facts = samples.systems[name]
        rates = [samples.median(name, mix=mix, users=BUSY) for mix in mixes]
        tokens = [rate and rate * _tokens(samples, mix) for rate, mix in zip(rates, mixes, strict=True)]
        yield _row(_title(facts), facts["precision"], *map(_number, tokens))
    padded = [name for name in samples.of_kind("tritext") if name.endswith("_padded")]
    for name in padded:
        ratios = [samples.ratio(name.removesuffix("_padded"), name, mix=mix, users=BUSY) for mix in mixes]
        yield _row("unpadded over padded", samples.systems[name]["precision"], *map(_ratio, ratios))


def _arrivals(samples: Samples) -> Iterator[str]:
    """Latency at random arrivals."""
    rates = samples.loads("rate")
    yield "## Random arrivals"
    yield ""
    yield "![The 99th percentile of latency by rate](performance_arrivals.png)"
    yield ""
    yield "p50 / p99 in milliseconds when texts arrive at random, so many a second, whether or not the server keeps up:"
    yield ""
    yield from _table_head(["system", "precision", *(f"{rate:g}/s" for rate in rates)])
    for name in samples.of_kind("tritext", "triton", "peer"):
        facts = samples.systems[name]
        cells = [
            " / ".join(_number(samples.median(name, figure, rate=rate)) for figure in ("p50", "p99"))
            for rate in rates
        ]
        yield _row(_title(facts), facts["precision"], *cells)


def _care(samples: Samples) -> str:
    settings = samples.document["settings"]
    return f"{settings['rounds']} times {settings['seconds']:g} seconds"


def _table_head(cells: Sequence[str]) -> Iterator[str]:
    yield _row(*cells)
    yield "|---" * len(cells) + "|"


def _row(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"


def _title(facts: object) -> str:
    title = facts["title"]  # type: ignore[index]
    return f"**{title}**" if facts["kind"] == "tritext" else str(title)  # type: ignore[index]


def _tokens(samples: Samples, mix: str) -> float:
    return float(samples.mixes[mix]["tokens"]["mean"])


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}" if value >= 10 else f"{value:.1f}"  # noqa: PLR2004


def _share(ratio: float | None) -> str:
    return "–" if ratio is None else f"{ratio:.0%}"


def _ratio(ratio: float | None) -> str:
    return "–" if ratio is None else f"{ratio:.2f}×"
