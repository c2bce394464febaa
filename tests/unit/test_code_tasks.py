from contextlib import nullcontext
from pathlib import Path

import pandas as pd
import pytest
import yaml
from audited import audited
from functions_table import function, package, write
from task_builds import build, make_settings

from codestilts.config.schema_task import TaskFile
from codestilts.errors import CodeStiltsError
from codestilts.evaluation.leakage import violations
from codestilts.examples import build as build_module
from codestilts.examples.build import check_test_sets
from codestilts.examples.contract import validate_examples

ROOT = Path(__file__).parents[2]
SIZES = {"train": 40, "dev": 12, "test": 8, "source_language": "python"}
CODE = ["code-search", "cloze", "defect", "naming"]
TARGETS = ["match", "search", "search-untrained", "tags", "param-qa"]


def task_file(name: str) -> Path:
    return next(ROOT.glob(f"tasks/*/{name}.yaml"))


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    rows = [row for name in ("ada", "bob") for row in package(name, "intermediate")]
    rows += [row for name in ("cy", "dan") for row in package(name, "train")]
    rows += package("eve", "dev") + package("fay", "test") + package("gus", "test")
    rows += package("hal", "test", "javascript") + package("ida", "test", "javascript")
    return write(tmp_path_factory.mktemp("functions"), rows)


def made(name: str, inputs, **settings):
    tolerant = {"tolerance": 1.0} if name == "match" else {}
    settings = {**SIZES, "languages": ["python", "javascript"], **tolerant, **settings}
    return build(task_file(name), inputs, **settings)[0]


@pytest.mark.parametrize("name", CODE + TARGETS)
def test_sizes_splits_and_determinism(name, inputs):
    frame = made(name, inputs)
    assert frame.equals(made(name, inputs))
    sizes = frame.groupby(["split", "language"]).size()
    splits = {"test"} if name == "search-untrained" else {"train", "dev", *(["test"] if name in TARGETS else [])}
    assert set(frame["split"]) == splits
    assert (sizes.xs("test") == 8).all() if name in TARGETS else sizes["train", "python"] <= 40
    assert frame.groupby("cluster")["split"].nunique().max() == 1


def test_a_smaller_study_has_part_of_the_examples_of_a_larger_one(inputs):
    assert set(made("search", inputs, train=10)["id"]) < set(made("search", inputs)["id"])


@pytest.mark.parametrize("name", ["code-search", "search"])
def test_no_own_name_in_the_code(name, inputs):
    for row in made(name, inputs).to_dict("records"):
        assert row["id"].split(":")[1].removesuffix(".py") not in row["document"]


def test_untrained_search_has_the_examples_of_search(inputs):
    trained, untrained = made("search", inputs), made("search-untrained", inputs)
    assert set(untrained["id"]) == set(trained.loc[trained["split"] == "test", "id"])


def test_cloze_masks_the_operator(inputs):
    for row in made("cloze", inputs).to_dict("records"):
        assert row["text_a"].count("[MASK]") == 1


def test_defect_never_shows_a_function_both_ways(inputs):
    frame = made("defect", inputs)
    assert not frame["id"].duplicated().any()
    assert set(frame["label"]) == {"buggy", "correct"}
    assert set(frame["kind"]) <= set(yaml.safe_load(task_file("defect").read_text())["build"]["kinds"])


def test_naming_offers_the_own_name_once(inputs):
    for row in made("naming", inputs).to_dict("records"):
        name = row["id"].split(":")[1].removesuffix(".py").replace("_", " ")
        assert list(row["choices"]).index(name) == row["label"]
        assert len(set(row["choices"])) == 4
        assert "[MASK](" in row["context"]


def test_match_pairs_each_code_with_both_documentations(inputs):
    frame = made("match", inputs)
    for _, pair in frame.groupby("cluster"):
        assert sorted(pair["label"]) == ["match", "other"]
        assert pair["text_b"].nunique() == 1
        assert pair["text_a"].nunique() == 2
        assert pair["package"].nunique() == 1


def test_parameter_questions(inputs):
    frame = made("param-qa", inputs)
    for row in frame.to_dict("records"):
        assert row["answer_text"] in row["options"]
        assert row["answer_start"] in row["option_starts"]
        assert row["answer_text"][: -len(row["package"])] not in row["question"].split()


@pytest.mark.parametrize("negatives", ["matched", "random"])
def test_wrong_documentation_comes_from_where_the_task_says(inputs, negatives):
    for within, alike in [("language", {False}), ("package", {True})]:
        frame = made("match", inputs, within=within, negatives=negatives)
        wrong = frame[(frame["label"] == "other") & (frame["split"] != "dev")]  # dev has one package only
        assert {
            other.startswith(package) for other, package in zip(wrong["other"], wrong["package"], strict=True)
        } == alike


def test_wrong_documentation_in_a_language_of_one_package(tmp_path):
    rows = [*package("fit", "train"), *package("eve", "dev"), *package("own", "test"), *package("other", "test")]
    rows += package("only", "test", "php")
    frame = made("match", write(tmp_path, rows), languages=["python", "php"])
    wrong = frame[(frame["label"] == "other") & (frame["split"] == "test")]
    assert set(wrong["language"]) == {"python", "php"}
    for row in wrong.to_dict("records"):
        assert row["other"].startswith({"own": "other", "other": "own", "only": "only"}[row["package"]])
        assert not row["id"].startswith(row["other"])


def test_a_description_that_names_its_parameter(tmp_path):
    params = {"node": "where the node with nodes begins", "width": "how many columns it has"}
    splits = ("train", "dev", "test")
    rows = [function(split, split, f"f{n}", params, f"return {n}", "") for split in splits for n in range(4)]
    inputs = write(tmp_path, rows)
    asked = {"languages": ["python"], "train": 99, "dev": 99, "test": 99}
    masked = made("param-qa", inputs, hide_names="mask", **asked)
    assert set(masked["question"]) == {"where the [MASK] with nodes begins", "how many columns it has"}
    assert set(made("param-qa", inputs, hide_names="drop", **asked)["answer_text"]) == {"width"}
    kept = made("param-qa", inputs, hide_names="keep", **asked)
    assert set(kept["question"]) == set(params.values())
    few = made("param-qa", inputs, hide_names="keep", **{**asked, "train": 4, "dev": 4, "test": 4})
    assert not few["cluster"].duplicated().any()  # each function's first question comes before any second


def test_windows_of_whole_tokens(inputs):
    frame = made("tags", inputs, tokens=10, characters=4)
    assert frame["tokens"].map(len).max() == 10
    assert frame["tokens"].map(lambda tokens: max(map(len, tokens))).max() == 4


def test_members_outside_their_clusters_split_are_not_used(tmp_path):
    rows = package("ada", "train") + package("bob", "dev") + package("cy", "test")
    clusters = pd.DataFrame({"id": [row["id"] for row in rows], "split": [row["package_split"] for row in rows]})
    clusters["cluster"] = clusters["id"]
    near = clusters["id"].str.contains("open_")
    clusters.loc[near, ["cluster", "split"]] = ["open", "test"]
    frame = made("search", write(tmp_path, rows, clusters), languages=["python"])
    assert set(frame.loc[frame["cluster"] == "open", "split"]) == {"test"}


def test_no_leakage_between_the_built_tasks(inputs):
    targets = {name: made(name, inputs) for name in TARGETS}
    table = audited({name: made(name, inputs) for name in CODE} | targets, targets)
    assert violations(table) == []
    pairs = (len(CODE) + len(TARGETS) - 1) * len(TARGETS)  # search-untrained has no training set, nor a dev set
    assert table["split"].value_counts().to_dict() == {"train": pairs, "dev": len(TARGETS) - 1}
    assert table["copies"].sum() == 0


def test_leakage_is_found(inputs):
    search = made("search", inputs)
    leaking = search.assign(split="train", id=search["id"] + "#again")
    table = audited({"naming": leaking}, {"search": search})
    assert table.loc[0, "functions"] == table.loc[0, "source_clusters"] == table.loc[0, "clusters"] == 1
    assert violations(table)[0].startswith("task naming trains on 100.00% of the functions")


def test_source_language_without_training_packages(inputs):
    with pytest.raises(CodeStiltsError, match="javascript has the split train"):
        made("search", inputs, source_language="javascript")


def test_language_without_test_examples(inputs):
    only_python = {name: path for name, path in inputs.items() if name != "javascript"}
    with pytest.raises(CodeStiltsError, match="search: no test example of javascript"):
        made("search", only_python)


def test_fewer_test_examples_are_noted(inputs):
    _, notes = build(task_file("search"), inputs, **SIZES | {"languages": ["python", "javascript"], "test": 1000})
    assert any("javascript has" in note for note in notes)


def test_a_test_set_with_one_label_is_noted():
    rows = [ROW | {"id": str(n), "language": "c" if n < 3 else "go", "label": "xy"[n == 4]} for n in range(6)]
    rows += [ROW | {"id": split, "split": split} for split in ("train", "dev")]
    settings = make_settings(task="t", languages=["c", "go"])
    (note,) = check_test_sets(pd.DataFrame(rows), SPEC, settings, allow_empty=False)
    assert note.startswith("t: all test examples of c are 'x'")


SPEC = TaskFile(
    type="classification", builder="a:b", labels=["x"], group="classification",
    description="", languages=["c"], metric="accuracy", licence="",
)  # fmt: skip
ROW = {
    "id": "1",
    "language": "c",
    "split": "test",
    "cluster": "1",
    "package": "p",
    "text_a": "",
    "text_b": "",
    "label": "x",
}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"label": "y"}, "label 'y' is not declared"),
        ({"text_a": None}, "example 1: 'text_a' is missing"),
        ({"split": "dev"}, "split test is empty"),
    ],
)
def test_bad_examples(change, message):
    with pytest.raises(CodeStiltsError, match=message):
        validate_examples(pd.DataFrame([{**ROW, **change}]), "t", SPEC.model_copy(update={"trained": False}))


SPAN = {"question": "", "context": "a b", "answer_start": 0, "answer_text": "a"}
CHOICE = {"context": "", "choices": ["a", "b"], "label": 0}
TAGS = {"tokens": ["a"], "tags": ["x"]}


@pytest.mark.parametrize(
    ("kind", "fields", "change", "message"),
    [
        ("span_qa", SPAN, {}, ""),
        ("span_qa", SPAN, {"answer_text": 3}, "example 1: answer_text is 3, not text"),
        ("span_qa", SPAN, {"answer_start": 0.0}, "example 1: answer_start is 0.0, not a whole number"),
        ("span_qa", SPAN, {"answer_start": "0"}, "example 1: answer_start is '0', not a whole number"),
        ("multiple_choice", CHOICE, {}, ""),
        ("multiple_choice", CHOICE, {"label": "a"}, "example 1: label is 'a', not a whole number"),
        ("multiple_choice", CHOICE, {"choices": ["a"]}, "example 1: its fields don't fit each other"),
        ("multiple_choice", CHOICE, {"choices": "ab"}, "example 1: choices is 'ab', not a list of texts"),
        ("multiple_choice", CHOICE, {"choices": 2}, "example 1: choices is 2, not a list of texts"),
        ("tagging", TAGS, {}, ""),
        ("tagging", TAGS, {"tokens": "a"}, "example 1: tokens is 'a', not a list of texts"),
    ],
)
def test_fields_of_the_wrong_kind(kind, fields, change, message):
    about = {name: ROW[name] for name in ("id", "language", "split", "cluster", "package")}
    spec = SPEC.model_copy(update={"trained": False, "type": kind, "labels": ["x"]})
    with pytest.raises(CodeStiltsError, match=message) if message else nullcontext():
        validate_examples(pd.DataFrame([{**about, **fields, **change}]), "t", spec)


def test_repeated_id():
    with pytest.raises(CodeStiltsError, match="two examples have the id 1"):
        validate_examples(pd.DataFrame([ROW, ROW]), "t", SPEC)


def test_unknown_builder():
    with pytest.raises(CodeStiltsError, match="task t: builder"):
        build_module.load_builder("t", "codestilts.examples.builders.code:no_such")
