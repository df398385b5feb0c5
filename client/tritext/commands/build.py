"""`tritext build`: a checkpoint becomes a verified model version."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from tritext_build import Manifest


def build(
    checkpoint: Annotated[
        str,
        typer.Argument(
            help="A folder in Hugging Face's layout, a Hub id such as `org/model`, the output of `tritext train`, or a "
            "registered version: `models:/NAME/7`, `models:/NAME@alias`, `models:/NAME` (the newest)."
        ),
    ],
    name: Annotated[
        str,
        typer.Option(
            help="What clients will call the model; also its folder's name. A registered version brings its own."
        ),
    ] = "",
    task: Annotated[
        str | None,
        typer.Option(
            help="What the model does, by Hugging Face's name; the checkpoint's architecture decides if not given; "
            "sentence-transformers' cross-encoders are served for `text-ranking`. A classifier of sentence pairs can "
            "also serve `zero-shot-classification` (if it knows entailment) or `text-ranking` (if it has one output), "
            "an encoder without a head `feature-extraction`."
        ),
    ] = None,
    pairs: Annotated[
        bool,
        typer.Option(
            "--pairs", help="text-classification: every text comes with a second one, in the input TEXT_PAIR."
        ),
    ] = False,
    version: Annotated[
        int | None,
        typer.Option(
            help="Triton version, 1 or more; the next free one if not given, and the same number for a registered "
            "version. Versions never change."
        ),
    ] = None,
    format: Annotated[  # noqa: A002
        str, typer.Option(help="`onnx` (ONNX Runtime), `torchscript` (LibTorch) or `openvino`.")
    ] = "onnx",
    precision: Annotated[
        str,
        typer.Option(
            help="`fp32` is exact. `int8` (onnx, openvino) is faster on CPUs. `bf16` (torchscript, openvino) is nearly "
            "lossless and fast on CPUs that have it. `fp16` is meant for GPUs. Gates measure what each costs. `auto` "
            "tries all that this CPU is for, and takes the fastest whose gates hold."
        ),
    ] = "fp32",
    max_length: Annotated[
        int | None,
        typer.Option(
            help="Longest input in tokens; longer texts are cut. The checkpoint's own limit if not given."
        ),
    ] = None,
    explain: Annotated[
        bool,
        typer.Option(
            "--explain",
            help="text-classification: also build NAME_explain, which `tritext explain` asks what each word of a text "
            "adds to the answer.",
        ),
    ] = False,
    repository: Annotated[Path, typer.Option(help="Triton's model repository.")] = Path("model_repository"),
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit of a Hub checkpoint.")] = None,
    allow_pickle: Annotated[
        bool,
        typer.Option(
            "--allow-pickle",
            help="Read weights from `pytorch_model.bin` where there are no safetensors. Only for checkpoints whose "
            "author you trust.",
        ),
    ] = False,
    eval_data: Annotated[
        Path | None,
        typer.Option(
            help="Labelled texts (CSV, TSV, JSONL, Parquet): adds the gate on macro-F1, and makes the other gates use your texts."
        ),
    ] = None,
    text_column: Annotated[
        str | None, typer.Option(help="Column of the texts in the evaluation data.")
    ] = None,
    label_column: Annotated[
        str | None, typer.Option(help="Column of the labels in the evaluation data.")
    ] = None,
    label_separator: Annotated[
        str | None, typer.Option(help="What separates several labels in one field, such as ','.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the manifest as JSON.")] = False,
) -> None:
    """Build one version of a served model: export, check, publish.

    A version is published only if its gates hold: logits and decisions against the original checkpoint,
    independence of a text's scores from the texts beside it, and macro-F1 on your evaluation data. Exit
    status 3 says that a gate failed; the repository is then as it was.
    """
    from tritext.console import print_json, progress
    from tritext.records import read_labelled_texts

    data = (
        read_labelled_texts(
            eval_data, text_column=text_column, label_column=label_column, label_separator=label_separator
        )
        if eval_data
        else None
    )
    with progress() as bar:
        bar_task = bar.add_task("starting", total=1.0)
        from tritext_build import BuildRequest, TaskOptions
        from tritext_build import build as build_version

        manifest = build_version(
            BuildRequest(
                checkpoint=checkpoint,
                name=name,
                repository=repository,
                task=task,
                options=TaskOptions(pairs=pairs),
                revision=revision,
                allow_pickle=allow_pickle,
                version=version,
                format=format,
                precision=precision,
                max_length=max_length,
                evaluation=data,
                explain=explain,
            ),
            tell=lambda what, done: bar.update(bar_task, description=what, completed=done),
        )
    if as_json:
        print_json(manifest.as_dict())
    else:
        _show(manifest, repository)


def _show(manifest: "Manifest", repository: Path) -> None:
    from rich.table import Table

    from tritext.console import out

    table = Table(
        title=f"{manifest.name} version {manifest.version}, {manifest.recipe}: gates", title_justify="left"
    )
    for column in ("gate", "what", "measured", "limit", "texts"):
        table.add_column(column, justify="left" if column in {"gate", "what"} else "right")
    for gate in manifest.gates:
        sign = "≥" if gate.at_least else "≤"
        table.add_row(gate.name, gate.what, f"{gate.measured:.3g}", f"{sign} {gate.limit:g}", str(gate.texts))
    if manifest.tried:
        out.print(_tried(manifest))
    out.print(table)
    out.print(
        f"Published in {repository}. Serve it with: tritext serve --repository {repository}", highlight=False
    )


def _tried(manifest: "Manifest") -> "Table":
    from rich.table import Table

    table = Table(title="Precisions that were tried, on mixed lengths", title_justify="left")
    for column, justify in (("precision", "left"), ("rows/s here", "right"), ("", "left")):
        table.add_column(column, justify=justify)  # type: ignore[arg-type]
    for attempt in manifest.tried:
        taken = "taken" if attempt.precision == manifest.precision else ""
        speed = f"{attempt.rows_per_second:.0f}" if attempt.rows_per_second else "-"
        table.add_row(attempt.recipe or attempt.precision, speed, attempt.failure or taken)
    return table
