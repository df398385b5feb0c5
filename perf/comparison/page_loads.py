"""The page's sections on users: a lone one, crowds, and those who arrive at random."""

from collections.abc import Iterator

from comparison.samples import Samples
from comparison.tables import care, number, row, table_head, times, title_of


def alone(samples: Samples) -> Iterator[str]:
    """What the way through the server costs a lone user."""
    ours = [name for name in samples.of_kind("tritext") if samples.median(f"offline_{name}", users=1)]
    if not ours:
        return
    yield "A lone user, median milliseconds:"
    yield ""
    yield from table_head(["", "precision", "through the server", "the network's bare call", "the way"])
    for name in ours:
        facts = samples.systems[name]
        through, bare = (samples.median(one, "p50", users=1) or 0.0 for one in (name, f"offline_{name}"))
        yield row(
            title_of(facts), facts["precision"], *(f"{wait:.1f}" for wait in (through, bare, through - bare))
        )


def crowds(samples: Samples) -> Iterator[str]:
    """Whether more users than a batch holds cost speed, and how unequal their waits are."""
    loads = [int(load) for load in samples.loads("users")]
    fewest, most = min(loads), max(loads)
    yield f"Texts per second; and the 99th percentile of latency as a multiple of the mean wait, users / (texts/s), {care(samples)}:"
    yield ""
    yield from table_head(
        ["system", "precision", *(f"{load} users · p99" for load in loads), f"{most} over {fewest} users"]
    )
    for name in samples.of_kind("tritext"):
        facts = samples.systems[name]
        cells = []
        for load in loads:
            rate, p99 = (samples.median(name, figure, users=load) or 0.0 for figure in ("throughput", "p99"))
            cells.append(f"{number(rate)} · {p99 / 1000 * rate / load:.2f}")
        yield row(title_of(facts), facts["precision"], *cells, times(samples.growth(name, fewest, most)))


def arrivals(samples: Samples) -> Iterator[str]:
    """Latency at random arrivals."""
    rates = samples.loads("rate")
    yield "![The 99th percentile of latency by rate](performance_arrivals.png)"
    yield ""
    yield "p50 / p99 in milliseconds when texts arrive at random, so many a second, whether or not the server keeps up:"
    yield ""
    yield from table_head(["system", "precision", *(f"{rate:g}/s" for rate in rates)])
    for name in samples.of_kind("tritext", "triton", "peer"):
        facts = samples.systems[name]
        cells = [
            " / ".join(number(samples.median(name, figure, rate=rate)) for figure in ("p50", "p99"))
            for rate in rates
        ]
        yield row(title_of(facts), facts["precision"], *cells)
