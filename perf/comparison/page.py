"""The page of all raw files: tables in Markdown, and pictures. Knows the raw files, and nothing of how they came to be."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from comparison import picture
from comparison.page_lengths import beside_ceilings, lengths, processor
from comparison.page_loads import alone, arrivals, crowds
from comparison.parts import BUSY
from comparison.samples import Samples
from comparison.tables import care, mean_tokens, number, row, table_head, times, title_of

HEAD = """\
# Performance: ceilings, Tritext, peers

Made by `make bench`. All of a table was measured in one run: the systems stood side by side and were measured in turn,
several times, the others stopped or idle, with the same weights, texts and load generator, which shares the processors. A
figure is the median, a ratio the median of the ratios within each turn. Machines are noisy: differences below about 10 % mean
nothing.

{runs}
- *offline* is a ceiling: no server, no requests, one process of one thread on each core, texts sorted by length and padded
  to the longest of each batch, tokenization included. *offline, our graph* loops over the very file that Triton serves.
- *agreement* is the share of texts that got the label which the checkpoint gives in torch, FP32.
"""

RUN = "- {parts}: {cpu}, {cores} cores, {memory} GiB, {system}; {date}; {versions}; raw files in `{folder}`."

PICTURES = {"peers": picture.throughput, "base": picture.throughput, "arrivals": picture.arrivals}

TITLES = {
    "peers": "A small model: {checkpoint}",
    "ceilings": "Ceilings: {checkpoint}",
    "lengths": "Lengths: {checkpoint}",
    "crowds": "Crowds: {checkpoint}",
    "arrivals": "Random arrivals: {checkpoint}",
    "base": "A network of BERT-base's size, random weights",
    "base_lengths": "Lengths, a network of BERT-base's size",
}

REMARKS = {
    "base": "Weights are random, so this is of speed alone: every text gets the same label, whose bias is the largest, and neither "
    "agreement nor accuracy says anything.",
}
"""What must be known to read a part."""

PARTS = tuple(TITLES)
"""In the order of the page."""


def write(folders: Sequence[Path], path: Path) -> None:
    """The page of the raw files, its pictures beside it; nothing where there are none.

    Args:
        folders: Of one run each. A part is shown from the last of them that has it.
        path: Of the page.
    """
    found = _found(folders)
    if not found:
        return
    path.write_text(_rendered(found), encoding="utf-8")
    for part, draw in PICTURES.items():
        if part in found:
            path.with_name(f"performance_{part}.png").write_bytes(draw(found[part][1]))


def render(*folders: Path) -> str:
    """All parts that have a raw file in one of the folders; an empty page where none has."""
    found = _found(folders)
    return _rendered(found) if found else ""


Found = Mapping[str, tuple[Path, Samples]]
"""By part, where it was found, and what."""


def _found(folders: Sequence[Path]) -> Found:
    return {
        path.stem: (folder, samples)
        for folder in folders
        for path in sorted(folder.glob("*.json"))
        if path.stem in PARTS and (samples := Samples.read(path))
    }


def _rendered(found: Found) -> str:
    parts = [_head(found)]
    parts += [text for name in PARTS if name in found for text in _part(name, found[name][1])]
    return "\n\n".join(part.strip() for part in parts if part.strip()) + "\n"


def _part(name: str, samples: Samples) -> Iterator[str]:
    title = TITLES.get(name, "").format(checkpoint=samples.document["checkpoint"])
    yield f"## {title}" if title else ""
    yield REMARKS.get(name, "")
    if name in ("peers", "base"):
        yield f"![Texts per second of each system](performance_{name}.png)"
        sections = [_systems, _beside_peers, alone]
    elif name in ("ceilings", "lengths", "base_lengths"):
        is_busy = samples.document["settings"].get("busy")
        sections = [processor] if is_busy else [beside_ceilings, lengths, processor]
    else:
        sections = [crowds if name == "crowds" else arrivals]
    for section in sections:
        yield "\n".join(section(samples))


def _head(found: Found) -> str:
    folders = dict.fromkeys(folder for folder, _ in found.values())
    return HEAD.format(runs="\n".join(_run(folder, found) for folder in folders))


def _run(folder: Path, found: Found) -> str:
    """Where and with what the parts of one folder were measured."""
    parts = {name: samples for name, (place, samples) in found.items() if place == folder}
    document = next(iter(parts.values())).document
    machine = document["machine"]
    return RUN.format(
        parts=", ".join(f"`{name}`" for name in parts),
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
    yield f"Texts per second on `{mix}` ({mean_tokens(samples, mix)} tokens on average), one text per request, {care(samples)}:"
    yield ""
    yield from table_head([*head, f"p50 / p99 ms at {BUSY}", "agreement", "accuracy", "errors"])
    ran = samples.of_kind("tritext", "triton", "peer", "ceiling")
    for name in sorted(ran, key=lambda one: -(samples.median(one, mix=mix, users=BUSY) or 0.0)):
        facts = samples.systems[name]
        is_ceiling = facts["kind"] == "ceiling"
        rates = [number(samples.median(name, mix=mix, users=load)) for load in loads]
        waits = [samples.median(name, figure, mix=mix, users=BUSY) for figure in ("p50", "p99")]
        quality = facts["quality"][mix]
        yield row(
            title_of(facts),
            facts["precision"],
            *rates,
            "" if is_ceiling else " / ".join(number(wait) for wait in waits),
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
    yield from table_head(
        [
            "",
            "precision",
            *(f"over {title}: {samples.systems[name]['title']}" for title, name in shown.items()),
        ]
    )
    for name in samples.of_kind("tritext"):
        facts = samples.systems[name]
        ratios = [samples.ratio(name, other, **case) for other in shown.values()]
        yield row(title_of(facts), facts["precision"], *map(times, ratios))


def _chosen(samples: Samples, kinds: Sequence[str], precision: str) -> list[str]:
    return [
        name
        for name in samples.of_kind(*kinds)
        if samples.systems[name]["precision"] == precision or not precision
    ]
