"""Laws of smaller models, and of the search: students learn from their teacher, and the best trial is what is kept."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.training.conftest import options
from tests.training.tiny_base import write_several_topics
from tritext_training.concerns import concerns
from tritext_training.errors import BadOption, LayersNotFound, TeacherUnusable
from tritext_training.run import train
from tritext_training.searching import search


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRITEXT_CACHE", str(tmp_path / "cache"))


def test_a_student_has_fewer_layers_and_is_told_beside_its_teacher(
    tmp_path: Path, base: Path, topics: Path, single: Path
) -> None:
    given = options(data=topics, base=str(base), layers=1, teacher=str(single), output=tmp_path / "student")
    report = train(given)
    beside = report["distillation"]
    assert json.loads((given.output / "config.json").read_text())["num_hidden_layers"] == 1
    assert (beside["student"]["layers"], beside["teacher"]["layers"]) == (1, 2)
    assert beside["student"]["bytes"] < beside["teacher"]["bytes"]
    assert beside["student"]["macro_f1"] == report["metrics"]["test"]["macro_f1"]
    assert len(list((tmp_path / "cache" / "teachers").iterdir())) == 2, "training and test rows, once each"


def test_teachers_of_other_labels_and_layers_that_are_not_there_are_refused(
    tmp_path: Path, base: Path, topics: Path, multi: Path, single: Path
) -> None:
    given = options(data=topics, base=str(base), output=tmp_path / "out")
    with pytest.raises(LayersNotFound, match=r"--layers is 3, but .* it has 2"):
        train(replace(given, layers=3))
    with pytest.raises(TeacherUnusable, match="multi_label_classification"):
        train(replace(given, teacher=str(multi)))
    other = tmp_path / "other.csv"
    other.write_text("text,label\n" + "".join(f"apple {n},x\niron {n},y\n" for n in range(20)))
    with pytest.raises(TeacherUnusable, match="it has 3, the data 2; it lacks x, y"):
        train(replace(given, data=other, teacher=str(single)))
    assert not given.output.exists()


def test_a_multi_label_student_learns_from_its_teacher(tmp_path: Path, base: Path, multi: Path) -> None:
    data = write_several_topics(tmp_path / "data.json", rows=60, seed=3)
    report = train(
        options(data=data, base=str(base), teacher=str(multi), output=tmp_path / "student", epochs=1)
    )
    assert set(report["distillation"]) == {"student", "teacher"}


def test_a_search_publishes_its_best_trial_and_tells_of_all(tmp_path: Path, base: Path, topics: Path) -> None:
    given = options(data=topics, base=str(base), output=tmp_path / "out", batch_size=16)
    report = search(replace(given, learning_rate=None, epochs=None), trials=3)
    trials = report["search"]["trials"]
    assert [trial["trial"] for trial in trials] == [1, 2, 3]
    figures = {trial["trial"]: trial["figure"] for trial in trials if trial["state"] == "complete"}
    assert figures[report["search"]["winner"]] == max(figures.values()) == report["training"]["best_figure"]
    assert "search" in json.loads((given.output / "training_report.json").read_text())
    assert "data:image/png;base64," in (given.output / "search_report.html").read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["out"], "nothing else is left"


def test_a_search_without_anything_to_choose_is_refused(tmp_path: Path, base: Path, topics: Path) -> None:
    with pytest.raises(BadOption, match="at least one of --learning-rate, --batch-size, --epochs left open"):
        search(options(data=topics, base=str(base), output=tmp_path / "out"), trials=3)


def test_leaks_rare_labels_and_untested_ones_are_told() -> None:
    counts = {"often": 3000, "seldom": 3}
    facts = {
        "duplicates": {"leaks": [{"between": ["train", "test"], "rows": 2}]},
        "splits": {"train": {"label_counts": counts}, "test": {"label_counts": {"often": 300, "seldom": 0}}},
    }
    leak, rare, untested = concerns(facts, class_weights=None)
    assert leak.startswith("2 of the test rows are also in train")
    assert rare.startswith("'often' has 3,000 training rows, 'seldom' 3: accuracy says little")
    assert "--class-weights balanced" in rare
    assert "--class-weights" not in concerns(facts, class_weights="balanced")[1]
    assert untested.startswith("1 of 2 labels have no test row ('seldom')")
