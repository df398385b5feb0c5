"""What transformers' own pipeline for question answering says, for the tests to compare with.

The pipeline left transformers with version 5, so it is asked in another process: this file, run by a Python that
has transformers 4.57 and torch. `make oracle` installs one; the environment variable TRITEXT_TRANSFORMERS4_PYTHON
names another.

Nothing here but the standard library and numpy is imported at the top, since both Pythons must be able to.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

VARIABLE = "TRITEXT_TRANSFORMERS4_PYTHON"
INSTALLED = Path(__file__).parents[2] / ".venv-transformers4" / "bin" / "python"


def oracle_python() -> str | None:
    """The Python that has the pipeline, if there is one."""
    return os.environ.get(VARIABLE) or (str(INSTALLED) if INSTALLED.is_file() else None)


def ask_oracle(
    checkpoint: Path, asks: Sequence[dict[str, Any]], *, input_names: Sequence[str], stand_in: bool = False
) -> list[Any]:
    """The pipeline's answer to each ask, or `{"error": sentence}` where it refuses.

    Args:
        checkpoint: A folder; with `stand_in` its tokenizer is all that it needs.
        asks: The keyword arguments of one call each: `question`, `context` and parameters.
        input_names: What the tokenizer makes for the model.
        stand_in: Whether `stand_in_logits` take the place of a model's.
    """
    python = oracle_python()
    if python is None:
        raise RuntimeError(f"{VARIABLE} names no Python to ask")
    asked = {
        "checkpoint": str(checkpoint),
        "asks": list(asks),
        "input_names": list(input_names),
        "stand_in": stand_in,
    }
    done = subprocess.run(
        [python, __file__],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error"},
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    answers: list[Any] = json.loads(done.stdout)
    return answers


def stand_in_logits(ids: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Start and end logits that depend on a row's tokens and their places only: FP32 [tokens] each."""
    places = np.arange(len(ids))
    waves = 1.7 * ids + 0.9 * places, 2.3 * ids + 0.4 * places + 1
    start, end = ((5 * np.sin(wave)).astype(np.float32) for wave in waves)
    return start, end


# ---- the other process


def main() -> None:
    """Answer the asks of standard input on standard output."""
    asked = json.load(sys.stdin)
    folder = Path(asked["checkpoint"])
    transformers = import_module("transformers")
    model = _stand_in() if asked["stand_in"] else _model(folder)
    pipeline = transformers.QuestionAnsweringPipeline(model, _tokenizer(folder, asked["input_names"]))
    json.dump([_answer(pipeline, ask) for ask in asked["asks"]], sys.stdout)


def _answer(pipeline: Any, ask: dict[str, Any]) -> Any:
    try:
        return pipeline(**ask)
    except BaseException as error:  # noqa: BLE001 - tokenizers panics with what is no Exception
        return {"error": f"{type(error).__name__}: {error}"}


def _model(folder: Path) -> Any:
    return import_module("transformers").AutoModelForQuestionAnswering.from_pretrained(folder).eval()


def _tokenizer(folder: Path, input_names: Sequence[str]) -> Any:
    """`tokenizer.json` as it stands: the classes of version 5 have names that version 4 does not know."""
    settings = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    kept = ("model_max_length", "padding_side", "truncation_side", "pad_token", "cls_token", "sep_token")
    return import_module("transformers").PreTrainedTokenizerFast(
        tokenizer_file=str(folder / "tokenizer.json"),
        model_input_names=input_names,
        **{name: settings[name] for name in kept if name in settings},
    )


def _stand_in() -> Any:
    """A model that answers with `stand_in_logits`; what it is otherwise made of does not matter."""
    torch, transformers = import_module("torch"), import_module("transformers")

    def forward(input_ids: Any, **_: Any) -> Any:
        return [torch.from_numpy(logits)[None] for logits in stand_in_logits(input_ids[0].numpy())]

    tiny = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 8}
    model = transformers.BertForQuestionAnswering(transformers.BertConfig(vocab_size=8, **tiny))
    model.forward = forward
    return model.eval()


if __name__ == "__main__":
    main()
