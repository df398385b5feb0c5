"""How good answers to questions are: exact match and F1 of words, as SQuAD's official evaluation scripts count them.

https://rajpurkar.github.io/SQuAD-explorer/, versions 1.1 and 2.0: punctuation, case, articles and blanks do not count, and
of several right answers the nearest does. Knows answers, no contexts and no model.
"""

import re
import string
from collections import Counter
from collections.abc import Callable, Sequence

_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLES = re.compile(r"\b(a|an|the)\b")


def overall(expected: Sequence[Sequence[str]], given: Sequence[str]) -> dict[str, float]:
    """Exact match and F1 in percent, as the scripts print them.

    Args:
        expected: The right answers to each question; none where the context has no answer.
        given: The answer to each question; an empty one says that there is none.

    Where some questions have no answer, `has_ans_…` and `no_ans_…` are the figures over either kind of question.
    """
    scores = [
        (bool(right), exact_match(right, answer), f1(right, answer))
        for right, answer in zip(expected, given, strict=True)
    ]
    kinds = {"": scores}
    if not all(has for has, *_ in scores):
        kinds |= {
            "has_ans_": [row for row in scores if row[0]],
            "no_ans_": [row for row in scores if not row[0]],
        }
    return {
        f"{kind}{name}": 100 * sum(row[column] for row in rows) / len(rows)
        for kind, rows in kinds.items()
        if rows
        for column, name in ((1, "exact_match"), (2, "f1"))
    }


def exact_match(expected: Sequence[str], given: str) -> float:
    """1 if the answer is one of the right ones, else 0."""
    return _best(expected, given, lambda right, answer: float(right == answer))


def f1(expected: Sequence[str], given: str) -> float:
    """The harmonic mean of the answer's precision and recall in words, from 0 to 1, to the nearest right answer."""
    return _best(expected, given, _shared_words)


def normalized(answer: str) -> str:
    """Lower case, without punctuation and articles, with one blank between words."""
    return " ".join(_ARTICLES.sub(" ", answer.lower().translate(_PUNCTUATION)).split())


def _best(expected: Sequence[str], given: str, score: Callable[[str, str], float]) -> float:
    answers = [right for right in map(normalized, expected) if right] or [""]
    return max(score(right, normalized(given)) for right in answers)


def _shared_words(right: str, answer: str) -> float:
    one, other = right.split(), answer.split()
    if not one or not other:
        return float(one == other)
    shared = (Counter(one) & Counter(other)).total()
    return 2 * shared / (len(one) + len(other))
