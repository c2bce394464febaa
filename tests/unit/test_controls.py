"""Control tasks made of other tasks' examples."""

import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from task_builds import build, inputs_of, make_settings

from codestilts.errors import CodeStiltsError
from codestilts.examples.builders.controls import collect_texts, replace_random_words

TASKS = Path(__file__).parents[2] / "tasks"
WORDS = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa"]


def table(folder: Path, task: str, rows: list[dict[str, Any]], language: str = "english") -> Path:
    common = [
        {"id": f"r{n}", "language": language, "split": "dev" if n % 5 == 0 else "train", "cluster": f"{language}{n}"}
        for n in range(len(rows))
    ]
    path = folder / f"{task}.parquet"
    pd.DataFrame([a | {"package": "p"} | b for a, b in zip(common, rows, strict=True)]).to_parquet(path)
    return path


def inputs(folder: Path) -> dict[str, Path]:
    tagged = [{"tokens": ["Go", str(n), "!"], "tags": ["verb", "cardinal", "sentence-end"]} for n in range(10)]
    choice = [{"context": f"I went {n}", "choices": ["no", "home", "so"], "label": 1} for n in range(10)]
    bugs = [
        {"text_a": f"def f(): return {n} + {WORDS[n]}", "text_b": "", "label": "buggy" if n % 2 else "correct"}
        for n in range(10)
    ]
    search = [{"query": f"The sum of {n} and more", "document": f"def f(x): return x + {n}"} for n in range(10)]
    return {
        "pos": table(folder, "pos", tagged),
        "completion": table(folder, "completion", choice),
        "defect": table(folder, "defect", bugs, "python"),
        "code-search": table(folder, "code-search", search, "python"),
    }


def test_texts_are_what_the_tasks_show(tmp_path: Path) -> None:
    found = collect_texts(inputs_of(inputs(tmp_path)), make_settings(task="mlm", leave_out=["buggy"]))
    shown = set(found["text"])
    assert {"Go 3 !", "I went 3 home", "def f(): return 2 + gamma", "The sum of 3 and more"} <= shown
    assert "def f(): return 3 + delta" not in shown  # a bug was put there
    assert len(shown) == len(found) == 10 + 10 + 5 + 20
    assert found["id"].is_unique


def test_what_one_task_holds_out_is_held_out(tmp_path: Path) -> None:
    files = inputs(tmp_path)
    moved = pd.read_parquet(files["completion"])
    moved["split"] = "train"
    moved.to_parquet(files["completion"])
    found = collect_texts(inputs_of(files), make_settings(task="mlm"))
    train, dev = (found[found["split"] == split] for split in ("train", "dev"))
    assert not set(train["cluster"]) & set(dev["cluster"])
    assert "I went 5 home" in set(dev["text"])  # its cluster is in the tagging task's dev set


def test_the_same_text_in_train_and_dev_is_held_out(tmp_path: Path) -> None:
    rows = [{"text_a": "same" if n < 2 else f"text {n}", "text_b": "", "label": "x"} for n in range(5)]
    found = collect_texts(inputs_of({"gloss": table(tmp_path, "gloss", rows)}), make_settings(task="mlm"))
    assert found.loc[found["text"] == "same", "split"].tolist() == ["dev"]


def test_mlm_takes_turns_among_tasks(tmp_path: Path) -> None:
    settings = {"train": 1, "dev": 4, "seed": 0, "texts": 12}
    frame, _ = build(TASKS / "control/mlm-english.yaml", inputs(tmp_path), **settings)
    assert frame["split"].value_counts().to_dict() == {"train": 12, "dev": 4}
    counts = frame[frame["split"] == "train"]["task"].value_counts()
    assert len(counts) == 4 and counts.max() - counts.min() <= 2


def test_synthetic(tmp_path: Path) -> None:
    rows = [{"text_a": f"{' '.join(WORDS[n % 9 :])} of part {n}", "text_b": "", "label": "same"} for n in range(60)]
    code = [{"query": f"adds {n} to a number", "document": f"def f(x): return x + {n}"} for n in range(60)]
    files = {"gloss": table(tmp_path, "gloss", rows), "code-search": table(tmp_path, "code-search", code, "python")}
    originals = {row["text_a"] for row in rows} | {text for row in code for text in row.values()}
    frame, _ = build(TASKS / "control/synthetic.yaml", files, train=40, dev=8)
    train = frame[frame["split"] == "train"]
    assert len(train) == 40 and (train["language"] == "english").sum() == 20
    assert train["label"].value_counts().to_dict() == {"real": 20, "corrupted": 20}
    assert set(frame.loc[frame["label"] == "real", "text_a"]) <= originals
    assert not set(frame.loc[frame["label"] == "corrupted", "text_a"]) & originals


def test_no_text_is_an_error(tmp_path: Path) -> None:
    path = table(tmp_path, "gloss", [{"text_a": "a", "text_b": "", "label": "buggy"}])
    with pytest.raises(CodeStiltsError, match=r"task mlm: .*gloss.* no text"):
        collect_texts(inputs_of({"gloss": path}), make_settings(task="mlm", leave_out=["buggy"]))


@given(st.text("ab ,", min_size=1).filter(lambda text: re.search(r"\w", text)), st.floats(0.1, 0.9), st.floats(0, 1))
def test_corrupt_replaces_the_declared_share(text: str, share: float, seed: float) -> None:
    before, after = (
        re.findall(r"\w+|\W+", version) for version in (text, replace_random_words(text, WORDS, share, seed))
    )
    assert len(before) == len(after)
    words = [(a, b) for a, b in zip(before, after, strict=True) if re.match(r"\w", a)]
    assert sum(a != b for a, b in words) == max(1, round(share * len(words)))
    assert all(a == b or b in WORDS for a, b in zip(before, after, strict=True))


def test_controls_read_tasks_that_exist() -> None:
    known = {path.stem for path in TASKS.glob("*/*.yaml")}
    for path in (TASKS / "control").glob("*.yaml"):
        assert set(yaml.safe_load(path.read_text()).get("examples_of", [])) <= known
