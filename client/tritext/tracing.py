"""The caller's trace, carried to the server, so that Triton's spans become its children: https://www.w3.org/TR/trace-context/.

Costs a look into a dictionary where the caller has no OpenTelemetry. Starts no span, and sends nothing but numbers.
"""

import sys
from collections.abc import Mapping
from functools import cache
from typing import Any

API = "opentelemetry.trace"


def headers() -> Mapping[str, str]:
    """`traceparent`, and `tracestate` if there is one, of the span that is active in this thread or task."""
    api = sys.modules.get(API)
    if api is None:
        return {}
    carrier: dict[str, str] = {}
    # This propagator alone: baggage may hold what the caller tells nobody.
    _propagator().inject(carrier)
    return carrier


@cache
def _propagator() -> Any:
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415

    return TraceContextTextMapPropagator()
