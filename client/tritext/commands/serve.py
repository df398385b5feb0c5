"""`tritext serve`: its options; the work is done by `tritext_serving`."""

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer


class LogLevel(str, Enum):
    """How much of Triton's log is passed on."""

    error = "error"
    warning = "warning"
    info = "info"
    verbose = "verbose"


def serve(
    repository: Annotated[
        Path, typer.Option(help="The model repository: one folder per model, as `tritext build` writes it.")
    ] = Path("model_repository"),
    tritonserver: Annotated[
        Path | None,
        typer.Option(
            help="The tritonserver to run. Default: the one on PATH, as in NVIDIA's container, else the one of "
            "NVIDIA's wheel, which runs on any Linux machine."
        ),
    ] = None,
    host: Annotated[
        str,
        typer.Option(
            help="The address to listen on. 0.0.0.0 admits other machines, to ask models, not to control the server; "
            "Triton asks nobody who wants an answer for a password, so put a proxy in front."
        ),
    ] = "127.0.0.1",
    http_port: Annotated[int, typer.Option(min=0, max=65535, help="For HTTP; 0 takes a free one.")] = 8000,
    grpc_port: Annotated[int, typer.Option(min=0, max=65535, help="For gRPC; 0 takes a free one.")] = 8001,
    metrics_port: Annotated[
        int, typer.Option(min=0, max=65535, help="For Prometheus; 0 takes a free one.")
    ] = 8002,
    instances: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Copies of each network that run at once. More of them answer more users, fewer answer one user "
            "sooner. Default: as many as there are cores; on a GPU, what Triton chooses.",
        ),
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Threads of one copy; instances times threads should be the number of cores. Default: 1.",
        ),
    ] = None,
    queue_limit: Annotated[
        float,
        typer.Option(
            min=0,
            help="Seconds of work that may wait before each step of a model, at the rate that its build measured; what "
            "comes beyond that is refused at once, with 503. 0 leaves the queues as the configs have them.",
        ),
    ] = 2.0,
    max_request_mb: Annotated[
        int,
        typer.Option(
            min=1,
            max=2047,
            help="Megabytes of a request over HTTP, where Triton is new enough to limit them.",
        ),
    ] = 64,
    cache_mb: Annotated[
        int,
        typer.Option(
            min=0,
            help="Megabytes for the networks' answers to texts that come again, letter by letter. 0 keeps none.",
        ),
    ] = 0,
    tls_cert: Annotated[
        Path | None,
        typer.Option(
            help="The server's certificate, in PEM: gRPC is encrypted, and HTTP and metrics, which Triton cannot encrypt, "
            "are open to this machine only."
        ),
    ] = None,
    tls_key: Annotated[Path | None, typer.Option(help="The key to --tls-cert.")] = None,
    tls_ca: Annotated[
        Path | None,
        typer.Option(help="Only clients with a certificate of these authorities are let in, over gRPC."),
    ] = None,
    api_key_file: Annotated[
        Path | None,
        typer.Option(
            envvar="TRITEXT_API_KEY_FILE",
            help="A file with the key to loading and unloading models, shared memory, tracing and logging. Default: a key "
            "made up at each start, which the commands of the same user on this machine find by themselves.",
        ),
    ] = None,
    log_level: Annotated[
        LogLevel, typer.Option(help="How much of Triton's own log is shown.", case_sensitive=False)
    ] = LogLevel.warning,
    trace_otlp: Annotated[
        str | None,
        typer.Option(
            help="A collector of OpenTelemetry's over HTTP, such as http://collector:4318: it is sent the times that requests "
            "spend in each step, below the caller's span, and no text."
        ),
    ] = None,
    trace_rate: Annotated[
        int, typer.Option(min=1, help="One of so many requests is traced, if there is a --trace-otlp.")
    ] = 100,
    live_file: Annotated[
        Path | None,
        typer.Option(
            help="Where the server remembers which versions `tritext deploy` and `tritext rollback` have made live, so that "
            "it comes back with them. Default: .tritext-live.json in the repository; servers that share a repository share "
            "that, unless each is given its own."
        ),
    ] = None,
    timeout: Annotated[
        float,
        typer.Option(min=1, help="Seconds until every model must be ready; big ones take long to load."),
    ] = 300.0,
    exit_timeout: Annotated[
        float,
        typer.Option(
            min=0, help="Seconds that requests in flight get to be answered when the server is stopped."
        ),
    ] = 30.0,
    detach: Annotated[
        bool,
        typer.Option(
            "--detach",
            help="Return when every model is ready and leave the server running; its log goes to a file.",
        ),
    ] = False,
    pid_file: Annotated[
        Path | None,
        typer.Option(
            help="Where the server writes its process number once it is ready; `kill $(cat FILE)` stops it. Default: "
            "none, with --detach tritext-serve.pid."
        ),
    ] = None,
) -> None:
    """Serve a model repository on Triton, and keep it served.

    Every model is loaded before the ports open: the newest version of each, or the one that `tritext deploy` made live.
    If Triton or one of its Python processes dies, it is started again; on Ctrl+C and SIGTERM the requests in flight are
    answered first.
    """
    from tritext_serving import ServeSettings, background, foreground

    settings = ServeSettings(
        repository=repository,
        tritonserver=tritonserver,
        host=host,
        http_port=http_port,
        grpc_port=grpc_port,
        metrics_port=metrics_port,
        instances=instances,
        threads=threads,
        queue_limit=queue_limit,
        max_request_mb=max_request_mb,
        cache_mb=cache_mb,
        tls_cert=tls_cert,
        tls_key=tls_key,
        tls_ca=tls_ca,
        api_key_file=api_key_file,
        log_level=log_level.value,
        trace_otlp=trace_otlp,
        trace_rate=trace_rate,
        live_file=live_file,
        timeout=timeout,
        exit_timeout=exit_timeout,
    )
    if detach:
        background.start(settings, pid_file=pid_file or Path("tritext-serve.pid"))
    else:
        foreground.run(settings, pid_file=pid_file)
