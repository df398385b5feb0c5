"""`tritext train`: its options; the work is done by `tritext_training`."""

import os
from pathlib import Path
from typing import Annotated, Any

import typer


def train(
    data: Annotated[
        Path,
        typer.Option(
            help="Labelled texts: CSV, TSV, JSON, JSON Lines or Parquet. Validation rows are split off from it."
        ),
    ],
    base: Annotated[
        str,
        typer.Option(
            help="The checkpoint to fine-tune: a Hugging Face Hub id, a folder, or `minilm`, a small English "
            "encoder that trains in minutes without a GPU."
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            help="The folder to write. It appears only when complete; an interrupted run goes on when the same "
            "command is given again."
        ),
    ],
    task: Annotated[str, typer.Option(help="What to learn, by Hugging Face's name.")] = "text-classification",
    eval_data: Annotated[
        Path | None,
        typer.Option(
            help="Test rows, scored once at the end and never used to choose anything. Without it, a tenth of "
            "the data is held out."
        ),
    ] = None,
    text_column: Annotated[
        str | None,
        typer.Option(
            help="The column of texts: a name, or a number from 0 if the file has no header. Default: guessed."
        ),
    ] = None,
    label_column: Annotated[str | None, typer.Option(help="The column of labels, likewise.")] = None,
    label_separator: Annotated[
        str | None,
        typer.Option(
            help="What separates several labels in one field, such as a comma; makes the task multi-label, as "
            "lists of labels in JSON or Parquet do by themselves."
        ),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(help="Passes over the data. Default: as many as make about 1,500 updates, 3 to 10."),
    ] = None,
    max_samples: Annotated[
        int | None,
        typer.Option(help="Use only so many rows of the data, every label among them: for a first try."),
    ] = None,
    learning_rate: Annotated[
        float | None,
        typer.Option(
            help="Default: 5e-5 for an encoder as wide as BERT-base, more for narrower ones (`minilm`: 2e-4)."
        ),
    ] = None,
    batch_size: Annotated[int, typer.Option(help="Texts per update.")] = 16,
    max_length: Annotated[
        int | None,
        typer.Option(
            help="Tokens read of a text, in training and later in serving; longer texts are cut. Short texts cost "
            "no more for it. Default: 256, or the model's limit if that is less."
        ),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            help="Multi-label only: the probability from which a label counts as given. Default: the best one on "
            "the validation rows."
        ),
    ] = None,
    validation_split: Annotated[
        float, typer.Option(help="Share of the data that chooses the best epoch by macro-F1.")
    ] = 0.1,
    early_stopping: Annotated[
        int, typer.Option(help="Stop after so many epochs without a better macro-F1; 0 never stops early.")
    ] = 3,
    seed: Annotated[int, typer.Option(help="Of splits, head and order; the same seed repeats the run.")] = 42,
    revision: Annotated[
        str | None, typer.Option(help="Branch, tag or commit of a base from the Hub; name one to pin it.")
    ] = None,
    overwrite: Annotated[bool, typer.Option(help="Replace what is at the output.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report's summary as JSON.")] = False,
) -> None:
    """Turn labelled text into a checkpoint and a report about how good it is.

    Ctrl+C stops early and keeps the best epoch so far.
    """
    # Must be set before torch is loaded: threads that wait by spinning slow training several times over as soon
    # as anything else runs on the machine.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")

    from tritext_training.options import TrainingOptions
    from tritext_training.run import train as run

    report = run(
        TrainingOptions(
            task=task,
            data=data,
            output=output,
            base=base,
            revision=revision,
            eval_data=eval_data,
            text_column=text_column,
            label_column=label_column,
            label_separator=label_separator,
            epochs=epochs,
            max_samples=max_samples,
            learning_rate=learning_rate,
            batch_size=batch_size,
            max_length=max_length,
            threshold=threshold,
            validation_split=validation_split,
            early_stopping=early_stopping,
            seed=seed,
            overwrite=overwrite,
        )
    )
    _show(output, report, as_json=as_json)


def _show(output: Path, report: dict[str, Any], *, as_json: bool) -> None:
    from tritext.console import err, print_json

    summary = _summary(output, report)
    if as_json:
        print_json(summary)
        return
    test = summary["metrics"]["test"]
    err.print(
        f"[bold]{output}[/]: macro-F1 {test['macro_f1']:.4f}, accuracy {test['accuracy']:.4f} on "
        f"{summary['rows']['test']:,} test rows; best epoch {summary['best_epoch']:.4g} of {summary['epochs']:.4g}; "
        f"{summary['seconds']:.0f} s.\nRead {output / 'training_report.html'}; serve it: "
        f"`tritext build {output} --name NAME`.",
        highlight=False,
        soft_wrap=True,
    )


def _summary(output: Path, report: dict[str, Any]) -> dict[str, Any]:
    run = report["training"]
    return {
        "output": str(output),
        "task": report["task"],
        "labels": len(report["data"]["labels"]),
        "rows": {name: split["rows"] for name, split in report["data"]["splits"].items()},
        "metrics": report["metrics"],
        "best_epoch": run["best_epoch"],
        "epochs": run["epochs"],
        "interrupted": run["interrupted"],
        "resumed": run["resumed"],
        "model": report["model"],
        "seconds": report["seconds"],
    }
