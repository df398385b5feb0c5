"""What makes scores of logits. Knows nothing of tasks and nothing of Triton."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


def softmax(logits: Floats) -> Floats:
    """Softmax over the last axis, in FP32 and safe for large logits."""
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    quotient: Floats = exponentials / exponentials.sum(axis=-1, keepdims=True)
    return quotient


def sigmoid(logits: Floats) -> Floats:
    """The logistic function, element by element, in FP32; exact to the last digits however small it is.

    The exponential is always of a negative number, so that nothing overflows and nothing cancels out.
    """
    tail = np.exp(-np.abs(logits))
    result: Floats = np.where(logits >= 0, np.float32(1), tail) / (np.float32(1) + tail)
    return result


def identity(logits: Floats) -> Floats:
    return logits


FUNCTIONS: dict[str, Callable[[Floats], Floats]] = {"softmax": softmax, "sigmoid": sigmoid, "none": identity}
"""The values of the request parameter `function_to_apply`."""
