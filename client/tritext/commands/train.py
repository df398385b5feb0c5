"""`tritext train`: its options; the work is done by `tritext_training`."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

    from tritext_training.tracking import Tracking

COLUMNS = "Columns of the data (guessed from their names if not given; a number from 0 where the file has no header)"
SOME_TASKS = "Options of some tasks"
SMALLER = "Smaller and faster models"
TRACKING = "Tracking and registry (MLflow)"


def train(
    data: Annotated[
        Path,
        typer.Option(
            help="What to learn from: CSV, TSV, JSON, JSON Lines or Parquet; for token-classification also CoNLL's "
            "columns, for question-answering also SQuAD's JSON. Validation rows are split off from it."
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
    task: Annotated[
        str,
        typer.Option(
            help="What to learn, by Hugging Face's name: text-classification (labels, or a number; with pairs also "
            "natural-language inference, which zero-shot-classification serves), token-classification, "
            "question-answering, feature-extraction (sentence embeddings) or text-ranking (a cross-encoder)."
        ),
    ] = "text-classification",
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
            rich_help_panel=COLUMNS,
            help="The texts; of pairs the first one (in natural-language inference the premise). For text-ranking, "
            "the texts that are ranked.",
        ),
    ] = None,
    pair_column: Annotated[
        str | None,
        typer.Option(
            "--pair-column",
            "--text-pair-column",
            rich_help_panel=COLUMNS,
            help="The second text of each row. text-classification: makes the rows pairs, such as premise and "
            "hypothesis, so it is never guessed. feature-extraction: the text that belongs to the first.",
        ),
    ] = None,
    label_column: Annotated[
        str | None,
        typer.Option(
            rich_help_panel=COLUMNS,
            help="text-classification: the labels. text-ranking: the relevance, 0 or 1 or a grade.",
        ),
    ] = None,
    score_column: Annotated[
        str | None,
        typer.Option(
            rich_help_panel=COLUMNS,
            help="Numbers. text-classification: what to predict instead of labels, never guessed; makes it a "
            "regression. feature-extraction: how similar the pair is; without such a column every pair belongs "
            "together.",
        ),
    ] = None,
    query_column: Annotated[
        str | None, typer.Option(rich_help_panel=COLUMNS, help="text-ranking: the queries.")
    ] = None,
    tokens_column: Annotated[
        str | None, typer.Option(rich_help_panel=COLUMNS, help="token-classification: lists of tokens.")
    ] = None,
    tags_column: Annotated[
        str | None, typer.Option(rich_help_panel=COLUMNS, help="token-classification: lists of their tags.")
    ] = None,
    spans_column: Annotated[
        str | None,
        typer.Option(
            rich_help_panel=COLUMNS,
            help="token-classification: lists of `start`, `end` (characters) and `label`, where the data are texts "
            "rather than tokens.",
        ),
    ] = None,
    question_column: Annotated[
        str | None, typer.Option(rich_help_panel=COLUMNS, help="question-answering: the questions.")
    ] = None,
    context_column: Annotated[
        str | None,
        typer.Option(rich_help_panel=COLUMNS, help="question-answering: the texts that hold the answers."),
    ] = None,
    answer_column: Annotated[
        str | None,
        typer.Option(
            rich_help_panel=COLUMNS,
            help="question-answering: the answers as they stand in the context; empty if it has none.",
        ),
    ] = None,
    answer_start_column: Annotated[
        str | None,
        typer.Option(
            rich_help_panel=COLUMNS,
            help="question-answering: the answers' first characters, from 0. Without it, the first place where the "
            "answer stands.",
        ),
    ] = None,
    problem_type: Annotated[
        str | None,
        typer.Option(
            rich_help_panel=SOME_TASKS,
            help="text-classification: `single_label_classification`, `multi_label_classification` or `regression`. "
            "Default: several labels a row are multi-label; numbers, one of them with a fraction, are a regression; "
            "all else, whole numbers too, is single-label.",
        ),
    ] = None,
    label_separator: Annotated[
        str | None,
        typer.Option(
            rich_help_panel=SOME_TASKS,
            help="text-classification: what separates several labels in one field, such as a comma; makes the task "
            "multi-label, as lists of labels in JSON or Parquet do by themselves.",
        ),
    ] = None,
    label_names: Annotated[
        str | None,
        typer.Option(
            rich_help_panel=SOME_TASKS,
            help="text-classification, where the data give numbers for labels: their names from 0 on, "
            "separated by commas, or a file with one a line. Zero-shot classification needs a model that knows "
            "which of its labels is called entailment.",
        ),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            rich_help_panel=SOME_TASKS,
            help="text-classification, multi-label only: the probability from which a label counts as given. "
            "Default: the best one on the validation rows.",
        ),
    ] = None,
    doc_stride: Annotated[
        int | None,
        typer.Option(
            rich_help_panel=SOME_TASKS,
            help="question-answering: tokens that neighbouring windows of a long context share, so that an answer "
            "cut by one window is whole in another. Default: 128, or half of --max-length if that is less.",
        ),
    ] = None,
    class_weights: Annotated[
        str | None,
        typer.Option(
            rich_help_panel=SOME_TASKS,
            help="text-classification: `balanced` lets rare labels weigh as much in the loss as frequent ones.",
        ),
    ] = None,
    teacher: Annotated[
        str | None,
        typer.Option(
            rich_help_panel=SMALLER,
            help="text-classification: a finished checkpoint on the same labels (folder, Hub id or models:/NAME/7) "
            "whose probabilities the new model learns beside the labels (distillation). The report compares both.",
        ),
    ] = None,
    layers: Annotated[
        int | None,
        typer.Option(
            rich_help_panel=SMALLER,
            help="Keep only so many of the base's layers, the first, the last and some evenly between them.",
        ),
    ] = None,
    temperature: Annotated[
        float,
        typer.Option(
            rich_help_panel=SMALLER,
            help="With --teacher: how much its probabilities are evened out, 1 not at all.",
        ),
    ] = 2.0,
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
            help="Default: 5e-5 for an encoder as wide as BERT-base, more for narrower ones (`minilm`: 2e-4); for "
            "text-ranking half of that, for feature-extraction, where the base knows much already, a quarter."
        ),
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option(
            help="Rows per update, over all processes that train together. Default: 16; for feature-extraction 64, since a pair's competitors are the other "
            "pairs of its batch."
        ),
    ] = None,
    gradient_accumulation: Annotated[
        int,
        typer.Option(
            help="Compute each batch in so many pieces, one after the other: the same updates in less memory."
        ),
    ] = 1,
    gradient_checkpointing: Annotated[
        bool,
        typer.Option(
            help="Compute layers twice rather than remember what they computed: slower, in much less memory."
        ),
    ] = False,
    max_length: Annotated[
        int | None,
        typer.Option(
            help="Tokens read of a text, or of a pair together, in training and later in serving; what is longer is "
            "cut, or read in windows. Short texts cost no more for it. Default: 256, for question-answering 384, or "
            "the model's limit if that is less."
        ),
    ] = None,
    validation_split: Annotated[
        float,
        typer.Option(
            help="Share of the data that chooses the best epoch, by macro-F1 (text-classification), mean squared "
            "error (regression), entity F1 (token-classification), F1 (question-answering), MRR or Spearman's "
            "correlation (feature-extraction) or MAP (text-ranking)."
        ),
    ] = 0.1,
    early_stopping: Annotated[
        int, typer.Option(help="Stop after so many epochs without a better one; 0 never stops early.")
    ] = 3,
    seed: Annotated[int, typer.Option(help="Of splits, head and order; the same seed repeats the run.")] = 42,
    revision: Annotated[
        str | None, typer.Option(help="Branch, tag or commit of a base from the Hub; name one to pin it.")
    ] = None,
    search: Annotated[
        int | None,
        typer.Option(
            help="Train so many times with other learning rates, batch sizes and epochs (those that are not given) "
            "and keep the best by the validation rows; runs that fall behind are ended early. Ctrl+C keeps the best "
            "so far, and the same command goes on with a search that was killed."
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option(help="Replace what is at the output.")] = False,
    register: Annotated[
        str | None,
        typer.Option(
            rich_help_panel=TRACKING,
            help="Make the result a new version of this registered model, for `tritext build models:/NAME/VERSION`.",
        ),
    ] = None,
    experiment: Annotated[
        str | None,
        typer.Option(
            rich_help_panel=TRACKING,
            help="The experiment that the run belongs to. Default: what it is registered as, else the output's name.",
        ),
    ] = None,
    tracking: Annotated[
        bool,
        typer.Option(
            "--tracking/--no-tracking",
            rich_help_panel=TRACKING,
            help="Keep the run in MLflow: at MLFLOW_TRACKING_URI, or in ./mlruns.",
        ),
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report's summary as JSON.")] = False,
) -> None:
    """Turn labelled text into a checkpoint and a report about how good it is.

    Ctrl+C stops early and keeps the best epoch so far.
    """
    asked = dict(locals())
    # Must be set before torch is loaded: threads that wait by spinning slow training several times over as soon
    # as anything else runs on the machine; and of several processes, each would advise how to be faster.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")

    from dataclasses import fields

    from tritext.commands.trained import show
    from tritext_training.options import TrainingOptions

    report = _run(search)(
        TrainingOptions(**{field.name: asked[field.name] for field in fields(TrainingOptions)}),
        tracking=_tracking(output, experiment, register) if tracking or register else None,
    )
    if report:  # of processes that train together, the main one has it
        show(output, report, as_json=as_json)


def _run(trials: int | None) -> "Callable[..., dict[str, Any]]":
    """One run, or a search of so many."""
    from functools import partial

    if trials is None:
        from tritext_training.run import train

        return train
    from tritext_training.searching import search

    return partial(search, trials=trials)


def _tracking(output: Path, experiment: str | None, register: str | None) -> "Tracking":
    from tritext_training.tracking import Tracking

    return Tracking(experiment=experiment or register or output.absolute().name, register=register)
