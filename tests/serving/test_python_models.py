"""Python models get and give every type of tensor unharmed, whichever numpy the environment has."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import psutil
import pytest
import tritonclient.grpc as triton
from tritonclient.utils import np_to_triton_dtype

from tests.serving.asking import stubs_of
from tests.serving.repositories import write
from tritext_serving import Server, running_server

ECHO = """
import numpy as np
import triton_python_backend_utils as pb_utils

class TritonPythonModel:
    def execute(self, requests):
        return [pb_utils.InferenceResponse([self.echo(t) for t in request.inputs()]) for request in requests]

    def echo(self, tensor):
        assert isinstance(tensor, pb_utils.Tensor)
        array = tensor.as_numpy()
        if array.dtype != object:
            array = np.asfortranarray(array)
            array.setflags(write=False)
        return pb_utils.Tensor("OUT_" + tensor.name(), array)
"""

TYPES = {
    "BOOL": np.bool_,
    "UINT8": np.uint8,
    "UINT16": np.uint16,
    "UINT32": np.uint32,
    "UINT64": np.uint64,
    "INT8": np.int8,
    "INT16": np.int16,
    "INT32": np.int32,
    "INT64": np.int64,
    "FP16": np.float16,
    "FP32": np.float32,
    "FP64": np.float64,
    "STRING": np.object_,
}


@pytest.fixture(scope="module")
def echo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    repository = tmp_path_factory.mktemp("echo")
    tensors = "".join(
        f'input {{ name: "{name}" data_type: TYPE_{name} dims: [-1, -1] optional: true }}'
        f'output {{ name: "OUT_{name}" data_type: TYPE_{name} dims: [-1, -1] }}'
        for name in TYPES
    )
    write(repository / "echo/config.pbtxt", f'backend: "python" {tensors}')
    write(repository / "echo/1/model.py", ECHO)
    with running_server(repository) as server:
        yield server


@pytest.fixture(scope="module")
def client(echo: Server) -> Iterator[triton.InferenceServerClient]:
    with triton.InferenceServerClient(echo.grpc_url) as client:
        yield client


def sample(name: str, shape: tuple[int, int]) -> npt.NDArray[np.generic]:
    random = np.random.default_rng(7)
    if name == "STRING":
        texts = [("ünïcödé \x00" * int(n)).encode() for n in random.integers(0, 9, shape).ravel()]
        return np.array(texts, dtype=object).reshape(shape)
    return (random.standard_normal(shape) * 50).astype(TYPES[name])


def echoed(
    client: triton.InferenceServerClient, name: str, array: npt.NDArray[np.generic]
) -> npt.NDArray[np.generic]:
    given = triton.InferInput(name, list(array.shape), np_to_triton_dtype(array.dtype))
    given.set_data_from_numpy(array)
    wanted = [triton.InferRequestedOutput(f"OUT_{name}")]
    back: npt.NDArray[np.generic] = client.infer("echo", [given], outputs=wanted).as_numpy(f"OUT_{name}")
    return back


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (7, 1000), (64, 512), (1, 0)])
@pytest.mark.parametrize("name", TYPES)
def test_a_tensor_comes_back_as_it_went(
    client: triton.InferenceServerClient, name: str, shape: tuple[int, int]
) -> None:
    array = sample(name, shape)
    back = echoed(client, name, array)
    assert back.shape == shape
    assert back.dtype == array.dtype
    np.testing.assert_array_equal(back, array)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["FP32", "STRING"])
def test_a_thousand_tensors_leave_no_memory_behind(
    echo: Server, client: triton.InferenceServerClient, name: str
) -> None:
    array = sample(name, (16, 64) if name == "STRING" else (64, 512))
    sizes = []
    for _ in range(3):
        for _ in range(300):
            echoed(client, name, array)
        sizes.append(psutil.Process(stubs_of(echo.pid)[0].pid).memory_info().rss)
    # 300 of them together take 15 MB and more.
    assert sizes[2] - sizes[1] < 5_000_000
