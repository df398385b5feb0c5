"""Tiny models that speak each task's contract: their answers tell what they were asked, so that tests can see it.

A text that begins with "refuse" is refused. Every answer tells the request's parameters, and how many strings
its first input held.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path

PRELUDE = """
import json

import numpy as np
import triton_python_backend_utils as pb_utils


class BadRequest(Exception):
    pass


def strings(request, name):
    found = [value.decode() for value in pb_utils.get_input_tensor_by_name(request, name).as_numpy().reshape(-1)]
    for row, text in enumerate(found):
        if text.startswith("refuse"):
            raise BadRequest(f"{name} row {row} says so; say something else")
    return found


def documents(values):
    array = np.empty(len(values), np.object_)
    array[:] = [json.dumps(value).encode() for value in values]
    return array


def counted(texts):
    return np.array([len(text.split()) + 2 for text in texts], np.int32)


class TritonPythonModel:
    def execute(self, requests):
        return [self.respond(request) for request in requests]

    def respond(self, request):
        wanted = set(request.requested_output_names())
        try:
            tensors = answer(request, json.loads(request.parameters() or "{}"))
        except BadRequest as mistake:
            error = pb_utils.TritonError(str(mistake), pb_utils.TritonError.INVALID_ARG)
            return pb_utils.InferenceResponse(output_tensors=[], error=error)
        return pb_utils.InferenceResponse(
            [pb_utils.Tensor(name, array) for name, array in tensors.items() if name in wanted]
        )
"""


@dataclass(frozen=True, kw_only=True)
class Tiny:
    """A model: its task, its tensors as (name, type, dims), and the body of `answer(request, parameters)`."""

    task: str
    inputs: dict[str, list[int]]
    outputs: dict[str, tuple[str, list[int]]]
    body: str
    max_batch_size: int = 0
    labels: dict[str, str] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        (folder / "1").mkdir(parents=True)
        (folder / "config.pbtxt").write_text(self._config(), encoding="utf-8")
        for name, content in self.labels.items():
            (folder / name).write_text(content, encoding="utf-8")
        body = "\n".join(f"    {line}" for line in self.body.strip().splitlines())
        code = f"{PRELUDE}\n\ndef answer(request, parameters):\n{body}\n"
        (folder / "1" / "model.py").write_text(code, encoding="utf-8")

    def _config(self) -> str:
        lines = ['backend: "python"', f"max_batch_size: {self.max_batch_size}"]
        lines += [
            f'input {{ name: "{n}" data_type: TYPE_STRING dims: {dims} }}' for n, dims in self.inputs.items()
        ]
        for name, (kind, dims) in self.outputs.items():
            labels = ' label_filename: "labels.txt"' if name == "PROBABILITIES" else ""
            lines.append(f'output {{ name: "{name}" data_type: TYPE_{kind} dims: {dims}{labels} }}')
        lines.append(f'parameters {{ key: "task" value {{ string_value: {json.dumps(self.task)} }} }}')
        return "\n".join(lines)


RESULT, COUNT = {"RESULT": ("STRING", [1])}, {"TOKEN_COUNT": ("INT32", [1])}

MODELS = {
    "pairs": Tiny(
        task="text-classification",
        max_batch_size=64,
        inputs={"TEXT": [1], "TEXT_PAIR": [1]},
        outputs={"PROBABILITIES": ("FP32", [2]), **RESULT, **COUNT},
        labels={"labels.txt": "same\nother\n"},
        body="""
texts, pairs = strings(request, "TEXT"), strings(request, "TEXT_PAIR")
same = [float(text == pair) for text, pair in zip(texts, pairs)]
rows = [[{"label": "same", "score": score}, {"label": "other", "score": 1 - score}] for score in same]
top = len(rows[0]) if parameters.get("top_k") == "all" else int(parameters.get("top_k", 1))
return {
    "RESULT": documents([sorted(row, key=lambda one: -one["score"])[:top] for row in rows]).reshape(-1, 1),
    "PROBABILITIES": np.array([[score, 1 - score] for score in same], np.float32),
    "TOKEN_COUNT": counted(f"{t} {p}" for t, p in zip(texts, pairs)).reshape(-1, 1),
}
""",
    ),
    "tagger": Tiny(
        task="token-classification",
        inputs={"TEXT": [-1, 1]},
        outputs={"RESULT": ("STRING", [-1, 1]), "TOKEN_COUNT": ("INT32", [-1, 1])},
        body="""
texts = strings(request, "TEXT")
if parameters.get("truncation") == "window" and (rows := sum(len(text.split()) for text in texts)) > 256:
    raise BadRequest(f"this request makes {rows} rows for the model, which takes 256 at once; send less")
key = "entity" if parameters.get("aggregation_strategy", "none") == "none" else "entity_group"
found = []
for text in texts:
    names = [word for word in text.split() if word.istitle()]
    entities = [{key: "NAME", "score": 0.5, "word": n, "start": text.index(n), "end": text.index(n) + len(n)} for n in names]
    if key == "entity":
        for index, entity in enumerate(entities):
            entity["index"] = index
    if "ignore_labels" in parameters:
        entities.append({key: str(len(texts)), "score": 1, "word": json.dumps(parameters), "start": 0, "end": 0})
    found.append(entities)
return {"RESULT": documents(found).reshape(-1, 1), "TOKEN_COUNT": counted(texts).reshape(-1, 1)}
""",
    ),
    "answerer": Tiny(
        task="question-answering",
        inputs={"QUESTION": [1], "CONTEXT": [1]},
        outputs={**RESULT, **COUNT},
        body="""
(question,), (context,) = strings(request, "QUESTION"), strings(request, "CONTEXT")
if len(question) > 99:
    raise BadRequest(f"QUESTION has {len(question)} tokens, more than max_question_len allows (64); shorten it")
if len(context) > 99:
    raise BadRequest("max_seq_len (9) leaves no token for CONTEXT; send a larger max_seq_len")
if parameters.get("doc_stride") == 0:
    raise BadRequest("the parameter doc_stride takes a whole number from 1 up, not 0")
words = parameters.get("max_answer_len", 2 if question.startswith("how") else 1)
answer = " ".join(context.split(" ")[:words])
found = {"score": 0.25, "start": 0, "end": len(answer), "answer": answer}
if (top := int(parameters.get("top_k", 1))) > 1:
    found = [found, {**found, "answer": json.dumps(parameters)}][:top]
return {"RESULT": documents([found]), "TOKEN_COUNT": counted([f"{question} {context}"])}
""",
    ),
    "zero": Tiny(
        task="zero-shot-classification",
        inputs={"TEXT": [1], "CANDIDATE_LABELS": [-1]},
        outputs={**RESULT, "TOKEN_COUNT": ("INT32", [-1])},
        body="""
(text,), labels = strings(request, "TEXT"), strings(request, "CANDIDATE_LABELS")
template = parameters.get("hypothesis_template", "{}")
scored = sorted(((float(label in text), template.format(label)) for label in labels), key=lambda one: -one[0])
if not parameters.get("multi_label", False):
    scored = [(score / len(labels), label) for score, label in scored]
result = {"sequence": text, "labels": [one[1] for one in scored], "scores": [one[0] for one in scored]}
return {"RESULT": documents([result]), "TOKEN_COUNT": counted([f"{text} {label}" for label in labels])}
""",
    ),
    "embedder": Tiny(
        task="feature-extraction",
        max_batch_size=64,
        inputs={"TEXT": [1]},
        outputs={
            "EMBEDDING": ("FP32", [8]),
            "EMBEDDING_SHORT": ("FP32", [-1]),
            "EMBEDDING_INT8": ("INT8", [-1]),
            "EMBEDDING_BINARY": ("UINT8", [-1]),
            **COUNT,
        },
        body="""
texts = strings(request, "TEXT")
prompted = [parameters.get("prompt", "") + text for text in texts]
whole = np.array([[len(text) + place for place in range(8)] for text in prompted], np.float32)
short = whole[:, : parameters.get("dimensions", 8)]
return {
    "EMBEDDING": whole,
    "EMBEDDING_SHORT": short,
    "EMBEDDING_INT8": short.astype(np.int8),
    "EMBEDDING_BINARY": np.packbits(short > 3, axis=-1),
    "TOKEN_COUNT": counted(texts).reshape(-1, 1),
}
""",
    ),
    "ranker": Tiny(
        task="text-ranking",
        inputs={"QUERY": [1], "TEXTS": [-1]},
        outputs={"SCORES": ("FP32", [-1]), **RESULT, "TOKEN_COUNT": ("INT32", [-1])},
        body="""
(query,), texts = strings(request, "QUERY"), strings(request, "TEXTS")
if len(texts) > 256:
    raise BadRequest(f"this request makes {len(texts)} rows for the model, which takes 256 at once; send less")
scores = [float(len(set(query) & set(text))) for text in texts]
order = sorted(range(len(texts)), key=lambda place: -scores[place])[: int(parameters.get("top_k", 256))]
return {
    "SCORES": np.array(scores, np.float32),
    "RESULT": documents([[{"corpus_id": place, "score": scores[place]} for place in order]]),
    "TOKEN_COUNT": counted([f"{query} {text}" for text in texts]),
}
""",
    ),
    "filler": Tiny(
        task="fill-mask",
        inputs={"TEXT": [-1, 1]},
        outputs={"RESULT": ("STRING", [-1, 1]), "TOKEN_COUNT": ("INT32", [-1, 1])},
        body="""
texts, words = strings(request, "TEXT"), json.loads(parameters.get("targets", '["one", "two", "three"]'))
words = words[: int(parameters.get("top_k", 5))]
found = []
for row, text in enumerate(texts):
    masks = text.count("[MASK]")
    if not masks:
        raise BadRequest(f"TEXT row {row} has no [MASK]; put one in")
    lists = [
        [
            {"score": 1 / (place + 1), "token": place, "token_str": word, "sequence": text.replace("[MASK]", word)}
            for place, word in enumerate(words)
        ]
        for _ in range(masks)
    ]
    found.append(lists[0] if masks == 1 else lists)
return {"RESULT": documents(found).reshape(-1, 1), "TOKEN_COUNT": counted(texts).reshape(-1, 1)}
""",
    ),
    "stranger": Tiny(
        task="image-classification",
        inputs={"TEXT": [-1, 1]},
        outputs={"RESULT": ("STRING", [-1, 1])},
        body="""
return {"RESULT": documents([text * parameters.get("times", 1) for text in strings(request, "TEXT")]).reshape(-1, 1)}
""",
    ),
    "unfinished": Tiny(
        task="question-answering",
        inputs={"QUESTION": [1]},
        outputs={**RESULT},
        body="raise BadRequest('no')",
    ),
    "garbled": Tiny(
        task="token-classification",
        inputs={"TEXT": [-1, 1]},
        outputs={"RESULT": ("STRING", [-1, 1])},
        body="""
texts = strings(request, "TEXT")
return {"RESULT": np.array([text.encode() for text in texts], np.object_).reshape(-1, 1)}
""",
    ),
}


def write_models(repository: Path) -> Path:
    for name, model in MODELS.items():
        model.write(repository / name)
    return repository
