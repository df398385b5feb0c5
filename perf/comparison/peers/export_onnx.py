"""Writes a checkpoint's classifier as ONNX, fused by ONNX Runtime's own optimizer; with `--int8` its weights quantized."""

import argparse
from pathlib import Path

import torch
from onnx import TensorProto
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.transformers.fusion_options import FusionOptions
from onnxruntime.transformers.optimizer import optimize_model
from transformers import AutoModelForSequenceClassification, AutoTokenizer

INPUTS = ("input_ids", "attention_mask", "token_type_ids")
"""In the order of BERT's `forward`, each [batch, length]."""


def export(checkpoint: str, path: Path) -> None:
    """The checkpoint's logits [batch, labels], for any batch and length."""
    # The optimizer knows eager attention by its operators, not torch's fused one.
    model = AutoModelForSequenceClassification.from_pretrained(checkpoint, attn_implementation="eager").eval()
    rows = AutoTokenizer.from_pretrained(checkpoint)(
        ["one text", "and another one"], padding=True, return_tensors="pt"
    )
    model.config.return_dict = False
    torch.onnx.export(
        model,
        tuple(rows[name] for name in INPUTS),
        str(path),
        dynamo=False,
        input_names=list(INPUTS),
        output_names=["logits"],
        dynamic_axes={**{name: {0: "batch", 1: "length"} for name in INPUTS}, "logits": {0: "batch"}},
        opset_version=17,
    )
    fuse(path, heads=model.config.num_attention_heads, width=model.config.hidden_size)


def fuse(path: Path, *, heads: int, width: int) -> None:
    optimized = optimize_model(
        str(path),
        model_type="bert",
        num_heads=heads,
        hidden_size=width,
        optimization_options=FusionOptions("bert"),
        opt_level=1,
    )
    print(optimized.get_fused_operator_statistics())
    optimized.save_model_to_file(str(path))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint")
    parser.add_argument("path", type=Path)
    parser.add_argument("--int8", action="store_true")
    options = parser.parse_args()
    options.path.parent.mkdir(parents=True, exist_ok=True)
    if not options.int8:
        export(options.checkpoint, options.path)
        return
    exact = options.path.with_name("exact.onnx")
    export(options.checkpoint, exact)
    # The types behind the optimizer's own operators cannot be inferred, and must be told.
    told = {"DefaultTensorType": TensorProto.FLOAT}
    quantize_dynamic(exact, options.path, per_channel=True, weight_type=QuantType.QInt8, extra_options=told)
    exact.unlink()


if __name__ == "__main__":
    main()
