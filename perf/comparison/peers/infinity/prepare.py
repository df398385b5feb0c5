"""Lays out a checkpoint as Infinity takes it: truncating at 128 tokens, since it truncates at what the tokenizer can take."""

import json
import shutil
import sys
from pathlib import Path

checkpoint, model = map(Path, sys.argv[1:])
model.mkdir(parents=True)
for name in ("config.json", "tokenizer.json"):
    shutil.copy(checkpoint / name, model)
(model / "model.safetensors").symlink_to(checkpoint / "model.safetensors")
tokenizer = json.loads((checkpoint / "tokenizer_config.json").read_text())
(model / "tokenizer_config.json").write_text(json.dumps({**tokenizer, "model_max_length": 128}))
