"""What anyone gets from a checkpoint with stock tools, for the ceilings: `python -m comparison.stock CHECKPOINT FOLDER`.

torch's exporter and ONNX Runtime's optimizer for transformers (`fp32.onnx`), and its dynamic quantization, one scale
for each output channel (`int8.onnx`).
"""

import sys
from pathlib import Path

import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.transformers import optimizer
from transformers import AutoModelForSequenceClassification

OPSET = 20


class Logits(torch.nn.Module):
    """A classifier with nothing but its logits."""

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, token_type_ids: torch.Tensor
    ) -> torch.Tensor:
        output = self.model(input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids)
        logits: torch.Tensor = output.logits
        return logits


def main(checkpoint: str, folder: str) -> None:
    model = AutoModelForSequenceClassification.from_pretrained(checkpoint, attn_implementation="eager").eval()
    plain, fp32, int8 = (Path(folder, f"{name}.onnx") for name in ("plain", "fp32", "int8"))
    example = tuple(torch.ones(2, 16, dtype=torch.int64) for _ in range(3))
    sizes = {0: torch.export.Dim("rows"), 1: torch.export.Dim("tokens")}
    torch.onnx.export(
        Logits(model),
        example,
        plain,
        dynamo=True,
        opset_version=OPSET,
        input_names=["input_ids", "attention_mask", "token_type_ids"],
        output_names=["logits"],
        dynamic_shapes=(sizes, sizes, sizes),
        external_data=False,
    )
    config = model.config
    fused = optimizer.optimize_model(
        str(plain), model_type="bert", num_heads=config.num_attention_heads, hidden_size=config.hidden_size
    )
    fused.model.graph.ClearField("value_info")  # shapes that the exporter noted, and fusion left behind
    fused.save_model_to_file(str(fp32))
    quantize_dynamic(
        fp32,
        int8,
        per_channel=True,
        weight_type=QuantType.QInt8,
        extra_options={"DefaultTensorType": 1, "MatMulConstBOnly": True},
    )
    plain.unlink()


if __name__ == "__main__":
    main(*sys.argv[1:])
