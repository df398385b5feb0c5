"""What serves and what asks never loads the libraries that train and build."""

import subprocess
import sys

HEAVY = {"torch", "transformers", "onnx", "tokenizers", "sklearn", "openvino"}

IMPORT_ALL = """
import importlib, pkgutil, sys
for name in ("tritext", "tritext_serving"):
    package = importlib.import_module(name)
    for module in pkgutil.walk_packages(package.__path__, f"{name}."):
        if ".backends" not in module.name and not module.name.endswith((".guard", ".__main__")):
            importlib.import_module(module.name)
print(*sys.modules)
"""


def modules_after(code: str) -> set[str]:
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(result.stdout.split())


def test_client_and_serving_import_neither_torch_nor_transformers() -> None:
    loaded = modules_after(IMPORT_ALL)
    assert {"tritext.cli", "tritext_serving.server", "tritext_serving.status"} <= loaded
    assert not loaded & HEAVY


def test_a_stub_that_imports_our_backends_does_not_load_the_server_too() -> None:
    loaded = modules_after("import tritext_serving.backends.config, sys; print(*sys.modules)")
    assert not loaded & {"tritext_serving.server", "tritonclient", "google.protobuf", "rich", "psutil"}
