"""Changing some fields of a config.pbtxt and no other character of it. Knows protobuf's text format, and no meaning of any field.

Its grammar: https://protobuf.dev/reference/protobuf/textformat-spec
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from google.protobuf import text_format
from tritonclient.grpc.model_config_pb2 import ModelConfig

TOKEN = re.compile(
    r"""#[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|[{}<>\[\]]|[\s;,]+|[^\s;,#"'{}<>\[\]]+"""
)
"""A comment, a string, a bracket, what separates fields, or anything else."""

Key = tuple[str, str]
"""A field's name and, in a map, the entry's key."""


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """One field of the message as it stands in the text, with the comments before it."""

    before: str
    field: str

    @property
    def key(self) -> Key:
        """What it says something about."""
        return next(iter(_parts(text_format.Parse(self.field, ModelConfig()))), ("", ""))


def rewritten(text: str, new: ModelConfig) -> str:
    """`text` with what `new` says in place of what it says now; what both say the same is left as it was written.

    Raises:
        text_format.ParseError: `text` is no model configuration.
    """
    before, wanted = _parts(text_format.Parse(text, ModelConfig())), _parts(new)
    changed = {key for key in {*before, *wanted} if before.get(key) != wanted.get(key)}
    with suppress(text_format.ParseError):
        result = _replaced(text, {key: wanted.get(key, "") for key in sorted(changed)})
        if text_format.Parse(result, ModelConfig()) == new:
            return result
    # Our reading of the text is simple, protobuf's is right: where they differ, comments are lost rather than a setting.
    return str(text_format.MessageToString(new))


def _replaced(text: str, changes: Mapping[Key, str]) -> str:
    """The text with other fields where the changed ones stood, and new ones at its end."""
    chunks, rest = _chunks(text)
    pieces = []
    left = dict(changes)
    for chunk in chunks:
        key = chunk.key
        field = left.pop(key, "").rstrip("\n") if key in changes else chunk.field
        pieces.append(chunk.before + field)
    return "".join([*pieces, rest.rstrip("\n"), "\n", *left.values()])


def _parts(config: ModelConfig) -> dict[Key, str]:
    """What the message says, field by field, an entry of a map by itself."""
    parts = {}
    for descriptor, value in config.ListFields():
        is_map = descriptor.message_type is not None and descriptor.message_type.GetOptions().map_entry
        alone = ModelConfig()
        alone.CopyFrom(config)
        for other, _ in config.ListFields():
            if other.name != descriptor.name:
                alone.ClearField(other.name)
        for entry in sorted(value) if is_map else [""]:
            parts[descriptor.name, str(entry)] = _text(alone, descriptor.name, entry)
    return parts


def _text(alone: ModelConfig, field: str, entry: str) -> str:
    """A message of one field as text; of a map, only the entry."""
    shown = ModelConfig()
    shown.CopyFrom(alone)
    if entry:
        entries = getattr(shown, field)
        for other in [key for key in entries if key != entry]:
            del entries[other]
    return str(text_format.MessageToString(shown))


# ---- the text


def _chunks(text: str) -> tuple[list[Chunk], str]:
    """The fields of the message in order, and what follows the last one."""
    found = []
    start = 0
    for begin, end in _fields(text):
        found.append(Chunk(before=text[start:begin], field=text[begin:end]))
        start = end
    return found, text[start:]


def _fields(text: str) -> Iterator[tuple[int, int]]:
    """Where each field begins and ends: a name, perhaps a colon, and a value, which may be several strings in a row."""
    begin = end = depth = 0
    is_open = wants_value = False
    for match in TOKEN.finditer(text):
        word = match[0]
        if word[0] in "#;," or word.isspace():
            continue
        if depth == 0 and not wants_value and word[0] not in "{<[:\"'":
            if is_open:
                yield begin, end
            begin, is_open = match.start(), True
        if depth == 0:
            wants_value = word.endswith(":")
        depth += (word in "{<[") - (word in "}>]")
        end = match.end()
    if is_open:
        yield begin, end
