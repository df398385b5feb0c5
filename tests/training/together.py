"""What a launcher starts in each process: the runs that its argument names, in fp32, so that they can be compared."""

import json
import sys
from pathlib import Path
from typing import Any

from tritext_training import run
from tritext_training.options import TrainingOptions

PATHS = {"data", "output", "eval_data"}


def main() -> None:
    setattr(run, "fastest_precision", lambda: "fp32")  # noqa: B010 - the name is run's own import
    for given in json.loads(sys.argv[1]):
        options: dict[str, Any] = {
            key: Path(value) if key in PATHS else value for key, value in given.items()
        }
        run.train(TrainingOptions(**options))


if __name__ == "__main__":
    main()
