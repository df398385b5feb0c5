"""Whether a loaded version answers what it answered when it was built: the same texts, the same words, figures within a tolerance."""

import json
from typing import Any

from tritext_serving.control import Control
from tritext_serving.errors import Refused
from tritext_serving.rollouts.answers import Difference, compare

PARAMETER = "probes"
"""Of an ensemble beside the live one: JSON with a tolerance, requests as Triton takes them, and the answers to them."""


def difference(control: Control, model: str) -> str:
    """What the model answers otherwise; empty if nothing, or if the build left no probes."""
    held = control.config(model).get("parameters", {}).get(PARAMETER, {}).get("string_value", "")
    if not held:
        return ""
    stored = json.loads(held)
    found = [_difference(control, model, probe, stored["tolerance"]) for probe in stored["probes"]]
    failed = [each for each in found if each]
    if len(failed) <= stored["may_fail"]:
        return ""
    return f"{len(failed)} of {len(found)} probes differ, {failed[0]}"


def _difference(control: Control, model: str, probe: dict[str, Any], tolerance: float) -> str:
    try:
        answer = outputs(control.infer(model, probe["request"]))
    except Refused as error:
        return f"one is refused with {error.message.strip().rstrip('.')!r}"
    found = (compare(answer.get(name), wanted) for name, wanted in probe["answer"].items())
    return next((said for said in (_said(each, tolerance) for each in found) if said), "")


def outputs(answer: dict[str, Any]) -> dict[str, Any]:
    """By name; JSON in strings is read."""
    return {output["name"]: [_value(value) for value in output["data"]] for output in answer["outputs"]}


def _value(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


def _said(found: Difference, tolerance: float) -> str:
    if found.words:
        return f"one with {found.words}"
    if found.figures > tolerance:
        return f"one in a figure by {found.figures:.2g}, where {tolerance:.2g} is allowed"
    return ""
