"""Targets whose answer is generated: references, what is masked, and what is left out."""

from pathlib import Path

import pandas as pd
import pytest
from functions_table import function as function_row
from functions_table import write
from task_builds import build

from codestilts.columns import MASK
from codestilts.config.schema_task import TaskFile
from codestilts.errors import CodeStiltsError
from codestilts.examples.builders.code_lines import text_before, whole_lines
from codestilts.examples.builders.generation import first_sentence, is_description
from codestilts.examples.builders.mutations import Function
from codestilts.examples.builders.program_text import tokenize_program
from codestilts.examples.contract import validate_examples
from codestilts.examples.parsing.definitions import parses
from codestilts.examples.parsing.functions import render_code
from codestilts.files import read_yaml
from codestilts.invented import renaming

TASKS = Path(__file__).parents[2] / "tasks/pl"
SIZES = {"train": 99, "dev": 99, "test": 99, "source_language": "python", "role": "target"}


def parsed(code: str, language: str) -> Function:
    tokens, data = tokenize_program(code, language)
    starts, text = render_code(tokens, data)
    return Function(text, [token.text for token in tokens], starts, [token.tag for token in tokens])


LINES = {
    "python": (
        """
@cached
def f(a, b):
    total = 0
    for x in a:
        total += x * b
    values = call(
        total,
        total + 1
    )
    if total > b and \\
            values > 3:
        return None
    else:
        text = '''one
        two''' + b
    return values or total
""",
        ["total = 0", "for x in a:", "total += x * b", "return values or total"],
    ),
    "java": (
        """
int f(int a, List<String> names)
        throws OtherError {
    int n = a + 1;
    if (n > 3) {
        log(n, a);
    } else {
        run(() -> {
            n = n - a;
        });
    }
    String s = a > 1 ? "x" :
        names.get(0);
    String t = a > 1
        ? "x"
        : names.get(0);
    return n;
}
""",
        ["int n = a + 1;", "if (n > 3) {", "log(n, a);", "n = n - a;"],
    ),
    "rust": (
        """
fn f<T>(v: &Vec<T>) -> i32
where T: Copy + Clone
{
    let n = v.len();
    let m = v
        .iter()
        .sum();
    let p = Point {
        x: n + 1,
        y: m + 2,
    };
    p.x * n
}
""",
        ["let n = v.len();", "let p = Point {", "p.x * n"],
    ),
    "c": (
        """
static int f(const char *s,
             int n) {
    int i = 0;
#if LIMIT > 3
    n = n - 1;
#endif
    *s = i + n + 1 + 2 + 3 + 4 + 5 + 6 + 7 + 8 + 9;
    i++;
    while (i < n)
    {
        i += 2;
    }
    return i;
}
""",
        ["int i = 0;", "n = n - 1;", "while (i < n)", "i += 2;"],
    ),
    "go": (
        """
func f(a map[string]int, key string) (int, error) {
	value, ok := a[key]
	if !ok {
		return 0, errors.New("none " +
			key)
	}
	return value + 1, nil
}
""",
        ["value, ok := a[key]", "if !ok {", "return value + 1, nil"],
    ),
}


@pytest.mark.parametrize("language", LINES)
def test_whole_lines(language: str) -> None:
    code, lines = LINES[language]
    function = parsed(code, language)
    assert [function.code[line.start : line.end] for line in whole_lines(function)] == lines


def test_the_line_above_that_says_something() -> None:
    function = parsed(LINES["c"][0], "c")
    above = [text_before(function, line) for line in whole_lines(function)]
    assert above[:2] == ["static int f(const char *s,", "#if LIMIT > 3"]  # `int n) {` has two words
    assert above[2:] == ["*s = i + n + 1 + 2 + 3 + 4 + 5 + 6 + 7 + 8 + 9;", "while (i < n)"]
    short = parsed("def f():\n    x = 1", "python")
    assert text_before(short, whole_lines(short)[0]) == "def f():"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("Opens a file. It must exist.", "Opens a file"),
        ("Opens a file, e.g. a log (cf. close). It must exist.", "Opens a file, e.g. a log (cf. close)"),
        ("Version 1.2 of os.path.join. Or not.", "Version 1.2 of os.path.join"),
        ("Is it open? If so, closes it.", "Is it open?"),
        ("Closes it (at once.) Then", "Closes it (at once.)"),
        ("Closes the file", "Closes the file"),
        ("", ""),
    ],
)
def test_first_sentence(text: str, sentence: str) -> None:
    assert first_sentence(text) == sentence


@pytest.mark.parametrize(
    ("sentence", "whole"),
    [
        ("Opens the file of this name", True),
        ("Opens the file", False),  # fewer than five words
        ("The following files are opened:", False),
        ("Opens the file and the socket of", False),
        ("See https://example.org for the file format", False),
        ("Licensed under the terms of MIT", False),
        ("", False),
    ],
)
def test_fragments_are_no_descriptions(sentence: str, whole: bool) -> None:
    assert is_description(sentence) == whole


def rows(**docs: str) -> list[dict]:
    """A function of each name in every split; its body depends on the name and the package."""
    made = []
    for package, split in [("fit", "train"), ("eve", "dev"), ("own", "test")]:
        for name, doc in docs.items():
            body = f"{name} = {package} + 1\n    if {name} < 5:\n        call({name}, {package})\n    return {name}"
            made.append(function_row(package, split, f"get_{name}", {package: ""}, body, doc))
    return made


def made(task: str, folder: Path, table: list[dict], *others: str, **options: object) -> pd.DataFrame:
    """The examples of a task in Python and ``others``."""
    languages = ["python", *others]
    return build(TASKS / f"{task}.yaml", write(folder, table), languages=languages, **SIZES, **options)[0]


def test_descriptions(tmp_path: Path) -> None:
    docs = {
        "good": "Returns whether it is good, i.e. not bad. Never raises.",
        "same": "returns whether it is GOOD, i.e. not bad",
        "part": "Returns the part: of what?",
        "long": "Returns " + "very " * 30 + "long things.",
        "none": "",
        "brief": "Is brief.",
        "other": "Returns what is neither good nor bad.",
    }
    frame = made("describe", tmp_path, rows(**docs), code_tokens=11)
    tested = frame[frame["split"] == "test"].set_index("copied")
    assert tested["reference"].to_dict() == {
        "get good": "Returns whether it is good, i.e. not bad",
        "get part": "Returns the part: of what?",
        "get other": "Returns what is neither good nor bad",
    }
    assert tested.loc["get good", "source"] == "def get_good(own):\n    good = own + 1"
    assert set(frame["output_language"]) == {"english"}
    assert frame.attrs["dropped"] == {  # of each package
        "its first sentence describes nothing": 3,
        "its first sentence is too long": 3,
        "another row has the reference": 3,
    }


def test_a_description_that_the_code_shows_is_left_out(tmp_path: Path) -> None:
    docs = {
        "shown": "It must be given by all of the subclasses.",
        "on_received_http_auth_request": "On received HTTP auth request.",
        "new": "It must be given by all of the classes.",
    }
    body, splits = "raise Error('It must be given ' 'by all of ' 'the subclasses')", ("train", "dev", "test")
    table = [function_row(split, split, name, {"a": ""}, body, doc) for split in splits for name, doc in docs.items()]
    frame = made("describe", tmp_path, table)
    assert set(frame["copied"]) == {"new"} and len(frame) == 3
    assert frame.attrs["dropped"] == {"its code has the reference": 6}


def test_a_masked_line_completes_the_function(tmp_path: Path) -> None:
    table = rows(value="Any.", other="Any.")
    table[0]["tokens"] = table[0]["tokens"] * 9
    frame = made("complete", tmp_path, table)
    codes = {row["id"]: row["code"] for row in table}
    for row in frame.to_dict("records"):
        assert row["source"].count(MASK) == 1
        assert row["source"].replace(MASK, row["reference"]) == codes[row["id"].partition("#")[0]]
    assert set(frame["output_language"]) == {"python"}
    tested = frame[frame["id"].str.startswith("own:get_value")].set_index("id").sort_index()
    assert tested["reference"].tolist() == ["value = own + 1", "if value < 5:", "call(value, own)"]
    assert tested["copied"].tolist() == ["def get_value(own):", "value = own + 1", "if value < 5:"]
    assert not frame["id"].str.startswith("fit:get_value").any()
    assert frame.attrs["dropped"] == {"more than 64 tokens of code": 1}
    assert (frame["unit"] == "function:" + frame["cluster"]).all()


def test_a_line_in_the_invented_language_is_that_of_python_renamed(tmp_path: Path) -> None:
    frame = made("complete", tmp_path, rows(value="", odd_name=""), "invented")
    names, python = renaming("invented"), frame[frame["split"] == "test"].set_index("id")
    found = frame[frame["language"] == "invented"]
    assert len(found) == 6 and set(found["output_language"]) == {"invented"}
    for row in found.to_dict("records"):
        old = python.loc[row["id"].removesuffix("#invented")]
        assert row["reference"] == names.apply(old["reference"]) != old["reference"]
        assert row["copied"] == names.apply(old["copied"])
        before, after = row["source"].split(MASK)
        assert names.inverse.apply(before) + MASK + names.inverse.apply(after) == old["source"]


def test_a_repaired_line_restores_the_function(tmp_path: Path) -> None:
    table = rows(value="Any.", other="Any.")
    frame = made("repair", tmp_path, table, kinds=["wrong operator", "swapped arguments", "off by one"])
    codes = {row["id"]: row["code"] for row in table}
    for row in frame.to_dict("records"):
        buggy, _, masked = row["source"].partition("\n")
        assert buggy == row["copied"] != row["reference"]
        assert masked.replace(MASK, row["reference"]) == codes[row["id"].partition("#")[0]]
        assert parses(masked.replace(MASK, buggy), "python")
        assert row["id"].endswith(f"#{row['kind']}")
    swapped = frame[frame["id"] == "own:get_value.py:0#swapped arguments"].iloc[0]
    assert (swapped["reference"], swapped["copied"]) == ("call(value, own)", "call(own, value)")
    assert frame["kind"].value_counts().to_dict() == dict.fromkeys(
        ["wrong operator", "swapped arguments", "off by one"], 6
    )


def repaired(tmp_path: Path, bodies: dict[str, str], kind: str) -> pd.DataFrame:
    """The examples of `repair` with one kind of bug, of functions with these bodies in each split."""
    splits = ("train", "dev", "test")
    table = [function_row(split, split, name, {"a": ""}, bodies[name], "") for split in splits for name in bodies]
    return made("repair", tmp_path, table, kinds=[kind])


def test_bugs_that_do_not_parse_are_counted(tmp_path: Path) -> None:
    # This table has `**` as two tokens, of which a wrong operator replaces the first one: `a +* 3`.
    bodies = {"f": "x = a ** 3\n    return x", "g": "x = a + 3\n    return x"}
    frame = repaired(tmp_path, bodies, "wrong operator")
    assert set(frame["id"]) == {f"{split}:g.py:0#wrong operator" for split in ("train", "dev", "test")}
    assert frame.attrs["dropped"] == {"with the bug, the function does not parse or its spelling is the same": 3}


def test_a_bug_changes_what_the_metric_compares(tmp_path: Path) -> None:
    """Swapped, two names that differ only in capitals make a bug of which a copy would be exactly right."""
    bodies = {"f": "x = isinstance(box, Box)\n    return x", "g": "x = call(box, Box)\n    call(x, box)\n    return x"}
    frame = repaired(tmp_path, bodies, "swapped arguments")
    assert set(frame["id"]) == {f"{split}:g.py:0#swapped arguments" for split in ("train", "dev", "test")}
    assert set(frame["copied"]) == {"call(box, x)"}
    assert frame.attrs["dropped"] == {"with the bug, the function does not parse or its spelling is the same": 3}


@pytest.mark.parametrize("task", ["complete", "repair"])
def test_functions_without_lines_are_one_error(task: str, tmp_path: Path) -> None:
    table = [function_row(split, split, "f", {"a": ""}, "return a", "") for split in ("train", "dev", "test")]
    with pytest.raises(CodeStiltsError, match=f"task {task}: no function has a line to generate: add packages"):
        made(task, tmp_path, table)


def test_methods_of_javascript_parse_alone() -> None:
    assert parses("get(a) {\n  return this.b + a;\n}", "javascript")
    assert not parses("get(a) {\n  return this.b + ;\n}", "javascript")


@pytest.mark.parametrize(
    ("value", "message"),
    [(" \n", "no words in reference"), (3, "reference is 3, not text"), (None, "'reference' is missing")],
)
def test_a_reference_is_a_text(value: object, message: str) -> None:
    spec = TaskFile.model_validate(read_yaml(TASKS / "complete.yaml"))
    frame = pd.DataFrame({"id": ["a", "b", "c"], "language": "python", "split": ["train", "dev", "test"]})
    frame = frame.assign(cluster=frame["id"], package="p", source="x", output_language="python")
    frame["reference"] = ["x", "x", value]
    with pytest.raises(CodeStiltsError, match=f"task complete, example c: {message}"):
        validate_examples(frame, "complete", spec)
