"""Repositories of the hub in odd shapes: what a task asks for is there by the card, or is one clear error."""

import csv
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from task_builds import build, inputs_of, make_settings

from codestilts.errors import CodeStiltsError
from codestilts.examples.builder_settings import RowLog
from codestilts.examples.readers.hub_tables import read
from codestilts.examples.readers.repository import Archive, Repository

FIELDS = {"text_a": "text", "label": {"column": "label", "names": ["no", "yes"]}}
quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def front(configs: Any, **other: Any) -> str:
    return f"---\n{yaml.safe_dump({'license': 'mit', 'configs': configs, **other})}---\n# Card\n"


def config(name: str, **splits: Any) -> dict[str, Any]:
    return {"config_name": name, "data_files": [{"split": key, "path": path} for key, path in splits.items()]}


def parquet(**columns: Any) -> bytes:
    stream = io.BytesIO()
    pq.write_table(pa.table(columns), stream)
    return stream.getvalue()


def archive(folder: Path, files: dict[str, str | bytes]) -> dict[str, Path]:
    path = folder / "src.zip"
    with zipfile.ZipFile(path, "w") as bundle:
        for name, content in files.items():
            bundle.writestr(name, content)
    return {"src": path}


def ask(inputs: dict[str, Path], entry: dict[str, Any], **other: Any) -> pd.DataFrame:
    entry = {"source": "src", "as": "train", **entry}
    task = {"task": "demo", "languages": ["english"], "source_language": "english", "fields": FIELDS, "read": [entry]}
    return read(inputs_of(inputs), make_settings(**task | other))


def task_file(folder: Path, *splits: str) -> Path:
    """The file of a task that reads these splits of the source."""
    task = {"type": "classification", "builder": "codestilts.examples.readers.hub_tables:rows"}
    task |= {"languages": ["english"], "fields": {**FIELDS, "text_b": "text"}, "labels": ["no", "yes"]}
    task |= {"metric": "accuracy", "description": "", "licence": ""}
    file = folder / "demo.yaml"
    file.write_text(yaml.safe_dump(task | {"read": [{"source": "src", "as": split} for split in splits]}))
    return file


TWO = front([config("easy", train="data/train-*.parquet"), config("hard", train="extra/train-*.parquet")])
TABLES = {
    "data/train-0.parquet": parquet(text=["easy 1", "easy 2"], label=[0, 1]),
    "extra/train-0.parquet": parquet(text=["hard 1", "hard 2"], label=[0, 1]),
}
SPOILT = {
    "as it is": TWO.encode(),
    "line ends of Windows": TWO.replace("\n", "\r\n").encode(),
    "byte order mark": ("\ufeff" + TWO).encode(),
    "Latin-1 below": TWO.encode() + b"caf\xe9",
}


@pytest.mark.parametrize("card", SPOILT)
def test_a_config_is_the_one_that_the_card_declares_however_it_was_saved(tmp_path: Path, card: str) -> None:
    inputs = archive(tmp_path, {"README.md": SPOILT[card], **TABLES})
    assert ask(inputs, {"config": "hard"})["text_a"].tolist() == ["hard 1", "hard 2"]
    with pytest.raises(CodeStiltsError, match=r"src.zip: no config hrad: .*'hard'.* easy, hard$"):
        ask(inputs, {"config": "hrad"})
    with pytest.raises(CodeStiltsError, match=r"no split 'trian' .*'train'"):
        ask(inputs, {"config": "easy", "split": "trian"})
    with pytest.raises(CodeStiltsError, match=r"default config.*easy, hard$"):
        ask(inputs, {})
    with pytest.raises(CodeStiltsError, match=r"column 'txt'.*'text'.*label, text"):
        ask(inputs, {"config": "easy"}, fields={**FIELDS, "text_a": "txt"})
    with pytest.raises(CodeStiltsError, match=r"no file extra/tain-\*.*'extra/train-0.parquet'"):
        ask(inputs, {"files": "extra/tain-*"})


@pytest.mark.parametrize(
    ("card", "word"),
    [
        (TWO.replace("license: mit", "license: [mit"), "YAML|parsing"),
        ("---\n- a\n---\n", "dict"),
        ("---\nconfigs: easy\n---\n", "list"),
        (front([{"data_files": "a"}]), "config_name"),
        (front([config("easy"), config("easy")]), "same name"),
        (front([{"config_name": "easy", "data_files": {"train": "data/*"}}]), "data_files"),
        (front([{"config_name": "easy", "data_files": [{"split": "train"}]}]), "data_files"),
        (front([{"config_name": "easy", "data_files": [{"split": "train", "path": 3}]}]), "data_files"),
        (front([{"config_name": "easy", "data_files": [{"split": "train", "path": [3]}]}]), "data_files"),
        (front([{"config_name": "easy", "data_files": [{"split": "train", "path": "a"}] * 2}]), "duplicated"),
        (front([config("easy", **{"train-1": "data/*"})]), "dashes|data_files"),
        (front([config("easy", train="a**b")]), r"a\*\*b"),
    ],
)
def test_a_card_that_the_hubs_libraries_refuse_is_one_line(tmp_path: Path, card: str, word: str) -> None:
    inputs = archive(tmp_path, {"README.md": card, **TABLES})
    with pytest.raises(CodeStiltsError, match=f"README.md has .*({word})") as caught:
        ask(inputs, {"config": "easy"})
    assert "\n" not in str(caught.value)
    assert len(ask(inputs, {"files": "data/*.parquet"})) == 2  # whatever the card says


@pytest.mark.parametrize(
    ("declared", "first"),
    [
        ({"data_files": "data/train-*.parquet"}, "easy 1"),  # patterns without a split are the split train
        ({"data_files": ["extra/train-0.parquet"]}, "hard 1"),
        ({"data_files": ["extra/*", "data/*"]}, "hard 1"),  # in the order of the patterns
        ({"data_dir": "extra"}, "hard 1"),
        ({"data_dir": "extra", "data_files": "train-*"}, "hard 1"),
        ({"data_files": [{"split": "train", "path": ["extra/train-0.parquet"]}]}, "hard 1"),
        ({"data_files": "**/train-0.parquet"}, "easy 1"),
    ],
)
def test_patterns_are_read_as_the_hubs_libraries_read_them(tmp_path: Path, declared: dict, first: str) -> None:
    inputs = archive(tmp_path, {"README.md": front([{"config_name": "only", **declared}]), **TABLES})
    assert ask(inputs, {})["text_a"].iloc[0] == first  # the only config is the default one
    assert ask(inputs, {"config": "only"})["text_a"].iloc[0] == first


def test_a_star_ends_at_a_slash_and_a_file_that_is_named_must_be_there() -> None:
    names = ["a/b/train.parquet", "a/test.parquet"]
    with pytest.raises(CodeStiltsError, match=r"no file a/\*rain.parquet"):
        Repository(names, front([config("c", train="a/*rain.parquet")]), "here").files({"config": "c", "as": "train"})
    card = front([config("c", train=["a/test.parquet", "a/tset.parquet"])])
    with pytest.raises(CodeStiltsError, match=r"no file a/tset.parquet.*'a/test.parquet'"):
        Repository(names, card, "here").files({"config": "c", "as": "train"})


def test_without_a_card_a_config_is_a_folder_and_a_split_a_name(tmp_path: Path) -> None:
    lines = '{"text": "a", "label": 1}\n'
    inputs = archive(tmp_path, {"train.jsonl": lines, "de/train/0000.parquet": TABLES["extra/train-0.parquet"]})
    assert ask(inputs, {})["text_a"].tolist() == ["a"]
    assert ask(inputs, {"config": "de"})["text_a"].tolist() == ["hard 1", "hard 2"]
    for entry, message in [
        ({"config": "fr"}, "no config fr.*de"),
        ({"split": "test"}, "split test.*de/train"),
        ({"config": "de", "split": "test"}, "split test of config de"),
    ]:
        with pytest.raises(CodeStiltsError, match=message):
            ask(inputs, entry)


SPLITS = st.from_regex(r"[abAB01_é]{1,4}", fullmatch=True)
NAMES = st.text("abAB01 .-_é", min_size=1, max_size=4).filter(lambda name: name.strip(" .") == name and "/" not in name)


@quick
@given(st.data())
def test_what_is_asked_is_what_the_card_says_or_an_error(data: st.DataObject) -> None:
    """Cards of known configs, saved in any way: the files of exactly what was asked, an error for all else."""
    drawn = st.dictionaries(NAMES, st.dictionaries(SPLITS, st.integers(1, 2), max_size=2), max_size=3)
    known: dict[str, dict[str, list[str]]] = {}
    for at, (name, splits) in enumerate(data.draw(drawn).items()):
        known[name] = {key: [f"{at}/{key}/{n}.jsonl" for n in range(count)] for key, count in splits.items()}
    card = front([config(name, **splits) for name, splits in known.items()])
    if data.draw(st.booleans()):
        card = card.replace("\n", "\r\n")
    card = data.draw(st.sampled_from(["", "\ufeff"])) + card + data.draw(st.text(max_size=5))
    files = [file for splits in known.values() for own in splits.values() for file in own]
    repository = Repository([*files, "data/train-0.parquet"], card, "here")
    name = data.draw(st.sampled_from([*known, "other"]))
    split = data.draw(st.sampled_from([*known.get(name, {}), "train", "0"]))
    entry = {"config": name, "split": split, "as": "train"}
    if split in known.get(name, {}):
        assert repository.files(entry) == known[name][split]
    else:
        with pytest.raises(CodeStiltsError, match=r"^here: no "):
            repository.files(entry)


JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.text(max_size=4)
    | st.sampled_from(["train", "a/*", "**", "[", "../x"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["config_name", "data_files", "split", "path", "default", "data_dir", "configs"]), inner
        )
    ),
    max_leaves=8,
)


@quick
@given(
    st.one_of(
        JUNK.map(lambda value: front(value).encode()),
        st.text(max_size=60).map(lambda text: f"---\n{text}\n---\n".encode(errors="replace")),
        st.text("-\n :[]{}&*!|>'\"%@`,?#=~ab0.\r\t\ufeff", max_size=60).map(lambda text: f"---\n{text}\n---".encode()),
        st.binary(max_size=60).map(lambda data: b"---\nconfigs:\n- " + data + b"\n---\n"),
    ),
    st.sampled_from([None, "default", "train", "a"]),
)  # fmt: skip
def test_any_card_gives_files_or_one_line(card: bytes, name: str | None) -> None:
    repository = Repository(["a/train-0.parquet", "train.jsonl"], card.decode(errors="replace"), "here")
    try:
        assert set(repository.files({"config": name, "as": "train"})) <= set(repository.names)
    except CodeStiltsError as error:
        assert "\n" not in str(error)


def written(kind: str, rows: list[dict[str, Any]], types: dict[str, pa.DataType]) -> bytes:
    if kind == "parquet":
        return parquet(**{name: pa.array([row[name] for row in rows], types[name]) for name in types})
    if kind == "json":
        return json.dumps(rows).encode()
    if kind == "jsonl":
        return "".join(json.dumps(row) + "\n" for row in rows).encode()
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, list(types), quoting=csv.QUOTE_ALL)
    writer.writeheader()
    writer.writerows(rows)  # a null is an empty cell
    return stream.getvalue().encode()


TEXT = st.text(st.characters(codec="utf-8"), min_size=1, max_size=6).filter(lambda text: text.rstrip("\r\n") == text)
TYPES = {"text": pa.string(), "label": pa.int64(), "number": pa.int64(), "words": pa.list_(pa.string())}


@quick
@given(
    st.sampled_from(["parquet", "json", "jsonl", "csv"]),
    st.lists(
        st.fixed_dictionaries(
            {
                "text": st.none() | TEXT,
                "label": st.sampled_from([None, -1, 0, 1]),
                "number": st.none() | st.integers(-(2**63), 2**63 - 1),
                "words": st.none() | st.lists(TEXT, max_size=2),
            }
        ),
        min_size=1,
        max_size=6,
    ),
)
def test_rows_with_nulls_are_left_out_and_change_no_other(
    tmp_path: Path, kind: str, rows: list[dict[str, Any]]
) -> None:
    if kind == "csv":  # which has no lists, and cannot tell a null from an empty text
        rows = [{**row, "words": None, "text": row["text"] or "x"} for row in rows]
    inputs = archive(tmp_path, {f"train.{kind}": written(kind, rows, TYPES)})
    fields: dict[str, Any] = {**FIELDS, "text_b": "{text}: {number}", **({} if kind == "csv" else {"tokens": "words"})}
    log = RowLog()
    whole = [row for row in rows if row["label"] in (0, 1)]
    if kind != "csv":
        whole = [row for row in whole if None not in row.values()]
    try:
        frame = ask(inputs, {}, fields=fields, log=log)
    except CodeStiltsError as error:
        assert "no row of split train has a label" in str(error)
        assert not whole
        return
    assert frame["text_a"].tolist() == [row["text"] for row in whole]
    assert frame["label"].tolist() == ["yes" if row["label"] else "no" for row in whole]
    said = [f"{row['text']}: {'' if row['number'] is None else row['number']}".strip() for row in whole]
    assert frame["text_b"].tolist() == said
    assert sum(log.dropped.values()) == len(rows) - len(whole)
    frame.to_parquet(tmp_path / "examples.parquet")
    assert pd.read_parquet(tmp_path / "examples.parquet")["text_a"].tolist() == frame["text_a"].tolist()


def test_hidden_labels_are_told_and_what_is_left_out_stands_with_the_examples(tmp_path: Path) -> None:
    table = parquet(text=["a", "b", "c", None], label=[-1, 0, None, 1])
    inputs = archive(
        tmp_path, {"train.parquet": table, "dev.parquet": table, "test.parquet": parquet(text=["a"], label=[-1])}
    )
    frame, _ = build(task_file(tmp_path, "train", "dev"), inputs, source_language="english")
    assert frame["text_a"].tolist() == ["b", "b"]
    frame.to_parquet(tmp_path / "demo.parquet")
    noted = pd.read_parquet(tmp_path / "demo.parquet").attrs["dropped"]
    assert noted["src/english:train: no label"] == 2
    assert noted["src/english:train: no text_a"] == 1
    with pytest.raises(CodeStiltsError, match=r"split test.*label"):
        build(task_file(tmp_path, "train", "dev", "test"), inputs, source_language="english")


def test_half_a_character_is_counted_and_its_row_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [json.dumps({"text": text, "label": 1}) for text in ("a\ud800b", "\U0001f600", "c\0\r\u202e")]
    frame = ask(archive(tmp_path, {"train.jsonl": "\n".join(lines)}), {})
    assert frame["text_a"].tolist() == ["\U0001f600", "c\0\r\u202e"]
    assert "train.jsonl: 1 rows dropped: half of a surrogate pair" in capsys.readouterr().out


def test_a_number_where_a_text_should_be_is_refused(tmp_path: Path) -> None:
    table = parquet(text=[1], label=[0])
    inputs = archive(tmp_path, {"train.parquet": table, "dev.parquet": table})
    with pytest.raises(CodeStiltsError, match=r"is 1, not text"):
        build(task_file(tmp_path, "train", "dev"), inputs, source_language="english")


def listed(value: Any) -> Any:
    """A value of a table as `datasets` gives it: lists in place of arrays."""
    if isinstance(value, dict):
        return {key: listed(part) for key, part in value.items()}
    return [listed(part) for part in value] if isinstance(value, np.ndarray | list) else value


def test_files_and_rows_of_a_split_are_those_that_datasets_reads(
    hub_repositories: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first and the last config of every repository of the tests' hub, in a copy of the repository."""
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path)
    cards = sorted((hub_repositories / "datasets").glob("*/*/README.md"))
    compared = 0
    for card in cards:
        names = [path.relative_to(card.parent).as_posix() for path in card.parent.rglob("*") if path.is_file()]
        inputs = archive(tmp_path, {name: (card.parent / name).read_bytes() for name in names})
        ours = Archive(inputs["src"], "here")
        for name in {*list(ours.configs)[:1], *list(ours.configs)[-1:]}:
            for split, theirs in datasets.load_dataset(str(card.parent), name, streaming=True).items():
                entry = {"config": name, "split": str(split)}
                rows = [
                    {key: listed(value) for key, value in row.items()} for row in ours.table(entry).to_dict("records")
                ]
                assert rows == list(theirs), (card.parent.name, name, split)
                compared += len(rows)
    assert compared > 100
