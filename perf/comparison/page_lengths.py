"""The page's sections on lengths of texts: beside ceilings, padded, and in processor time."""

from collections.abc import Iterator, Sequence
from typing import Any

from comparison.parts import BUSY
from comparison.samples import Samples
from comparison.tables import care, mean_tokens, number, row, share, table_head, times, title_of


def beside_ceilings(samples: Samples) -> Iterator[str]:
    """Each of ours over the loop on its own file, and over the best stock loop of its runtime's family and precision."""
    mixes = list(samples.mixes)
    yield f"Through the whole ensemble at {BUSY} users, in texts per second, and as a share of two ceilings, {care(samples)}:"
    yield ""
    yield from table_head(
        ["", "precision", *(f"`{mix}`: texts/s · of our graph · of stock" for mix in mixes)]
    )
    for name in samples.of_kind("tritext"):
        facts = samples.systems[name]
        cells = []
        for mix in mixes:
            case: dict[str, Any] = {"mix": mix, "users": BUSY}
            own = samples.ratio(name, f"offline_{name}", **case)
            stock = [share(samples.ratio(name, other, **case)) for other in _stock(samples, name)]
            cells.append(" · ".join([number(samples.median(name, **case)), share(own), *stock]))
        yield row(title_of(facts), facts["precision"], *cells)


def _stock(samples: Samples, name: str) -> list[str]:
    """The loop of the same runtime and precision on the stock model, where there is one."""
    engine = {"onnx": "onnxruntime", "torchscript": "torch", "openvino": "openvino"}[name.split("_")[1]]
    precision = samples.systems[name]["precision"]
    names = (f"offline_{engine}_{precision}", f"offline_{engine}_{precision}_{precision}")
    return [other for other in names if other in samples.of_kind("ceiling")]


def lengths(samples: Samples) -> Iterator[str]:
    """Real tokens per second over all mixes, and what padding would cost."""
    mixes = list(samples.mixes)
    if len(mixes) < 3:  # noqa: PLR2004 - two say nothing of lengths
        return
    yield f"Real tokens per second at {BUSY} users (mean tokens of a text):"
    yield ""
    yield from table_head(["", "precision", *(f"`{mix}` ({mean_tokens(samples, mix)})" for mix in mixes)])
    for name in samples.of_kind("tritext"):
        facts = samples.systems[name]
        rates = [samples.median(name, mix=mix, users=BUSY) for mix in mixes]
        tokens = [rate and rate * mean_tokens(samples, mix) for rate, mix in zip(rates, mixes, strict=True)]
        yield row(title_of(facts), facts["precision"], *map(number, tokens))
    padded = [name for name in samples.of_kind("tritext") if name.endswith("_padded")]
    for name in padded:
        ratios = [samples.ratio(name.removesuffix("_padded"), name, mix=mix, users=BUSY) for mix in mixes]
        yield row("unpadded over padded", samples.systems[name]["precision"], *map(times, ratios))


def processor(samples: Samples) -> Iterator[str]:
    """What a text costs, which other work on the machine hardly changes."""
    mixes = list(samples.mixes)
    ours = samples.of_kind("tritext")
    if not any(samples.median(name, "processor", users=BUSY) for name in ours):
        return
    if samples.document["settings"].get("busy"):
        yield "The machine had other work meanwhile, so that only processor time is told, and no texts per second."
        yield ""
    yield f"Processor time of a text at {BUSY} users in microseconds, of all the server's processes (the load generator's aside), {care(samples)}:"
    yield ""
    yield from table_head(
        ["", "precision", *(f"`{mix}` ({mean_tokens(samples, mix)} tokens)" for mix in mixes)]
    )
    for name in (*ours, *samples.of_kind("ceiling")):
        costs = [samples.median(name, "processor", mix=mix, users=BUSY) for mix in mixes]
        yield row(title_of(samples.systems[name]), samples.systems[name]["precision"], *map(number, costs))
    yield ""
    yield "What the same text costs in another way, as a multiple of what it costs in Tritext:"
    yield ""
    yield from table_head(["", "precision", *(f"`{mix}`" for mix in mixes)])
    for name in (name for name in ours if not name.endswith("_padded")):
        for other in (f"{name}_padded", *_stock(samples, name)):
            ratios = [samples.ratio(other, name, "processor", mix=mix, users=BUSY) for mix in mixes]
            if any(ratios) and other in samples.systems:
                title = samples.systems[other]["title"]
                yield row(
                    f"{title}, over {title_of(samples.systems[name])}",
                    samples.systems[name]["precision"],
                    *map(times, ratios),
                )
    yield from _tokens_for_a_second(samples, ours)


def _tokens_for_a_second(samples: Samples, names: Sequence[str]) -> Iterator[str]:
    """Whether all lengths are served at one speed."""
    mixes = list(samples.mixes)
    yield ""
    yield "Real tokens for a second of one processor:"
    yield ""
    yield from table_head(["", "precision", *(f"`{mix}`" for mix in mixes)])
    for name in names:
        costs = [samples.median(name, "processor", mix=mix, users=BUSY) for mix in mixes]
        tokens = [
            cost and mean_tokens(samples, mix) / cost * 1e6 for cost, mix in zip(costs, mixes, strict=True)
        ]
        yield row(title_of(samples.systems[name]), samples.systems[name]["precision"], *map(number, tokens))
