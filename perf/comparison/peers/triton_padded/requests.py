"""What a client of the bare model sends: its texts tokenized, padded to 128 and written as Triton's JSON bodies."""

import json
import sys
from pathlib import Path

from tokenizers import Tokenizer

LENGTH = 128


def bodies(checkpoint: Path, texts: list[str]) -> list[str]:
    tokenizer = Tokenizer.from_file(str(checkpoint / "tokenizer.json"))
    tokenizer.enable_truncation(LENGTH)
    pad = json.loads((checkpoint / "tokenizer_config.json").read_text()).get("pad_token", "[PAD]")
    tokenizer.enable_padding(length=LENGTH, pad_token=pad, pad_id=tokenizer.token_to_id(pad))
    return [
        _body({"input_ids": row.ids, "attention_mask": row.attention_mask, "token_type_ids": row.type_ids})
        for row in tokenizer.encode_batch(texts)
    ]


def _body(inputs: dict[str, list[int]]) -> str:
    return json.dumps(
        {
            "inputs": [
                {"name": n, "shape": [1, LENGTH], "datatype": "INT64", "data": ids}
                for n, ids in inputs.items()
            ]
        }
    )


if __name__ == "__main__":
    checkpoint, texts, out = map(Path, sys.argv[1:])
    out.write_text(json.dumps(bodies(checkpoint, json.loads(texts.read_text()))))
