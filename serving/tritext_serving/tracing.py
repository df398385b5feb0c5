"""What Triton tells of single requests: traces for a collector, and the quantiles of its times. Neither holds a text.

Triton's levels of tracing are times and tensors; the second would send customers' texts, and is not offered.
https://github.com/triton-inference-server/server/blob/main/docs/user_guide/trace.md
"""

from urllib.parse import urlsplit, urlunsplit

from tritext_serving.errors import ServingError
from tritext_serving.settings import ServeSettings

SERVICE = "tritext"
"""The resource's `service.name`."""

PATH = "/v1/traces"
"""Where a collector takes traces over HTTP, https://opentelemetry.io/docs/specs/otlp/#otlphttp-request."""


class BadCollector(ServingError):
    """The address of a collector that is none."""

    def __init__(self, url: str) -> None:
        super().__init__(
            f"--trace-otlp takes the address of a collector over HTTP, such as http://collector:4318, not {url!r}"
        )


def arguments(settings: ServeSettings) -> list[str]:
    """Tritonserver's options.

    Raises:
        BadCollector: The address cannot be one.
    """
    quantiles = ["--metrics-config=summary_latencies=true"]
    if settings.trace_otlp is None:
        return quantiles
    traces = (
        "mode=opentelemetry",
        f"rate={settings.trace_rate}",
        "level=TIMESTAMPS",
        f"opentelemetry,url={_endpoint(settings.trace_otlp)}",
        f"opentelemetry,resource=service.name={SERVICE}",
    )
    return [*quantiles, *(f"--trace-config={each}" for each in traces)]


def _endpoint(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise BadCollector(url)
    return urlunsplit(parts._replace(path=parts.path if parts.path.strip("/") else PATH))
