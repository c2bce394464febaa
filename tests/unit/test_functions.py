"""Functions of hand-written sources in every language: code without comments, exact offsets, complete tags."""

import tempfile
import textwrap
import zipfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from language_samples import SAMPLES, TAGS

from codestilts.errors import CodeStiltsError
from codestilts.examples.parsing.definitions import find_definitions, parses
from codestilts.examples.parsing.functions import SCHEMA, extract, render_code
from codestilts.examples.parsing.languages import language, languages, parser
from codestilts.examples.parsing.token_tags import Walk, tagged_leaves


def archive(folder: Path, files: dict[str, str], name: str = "market") -> Path:
    path = folder / f"{name}.zip"
    with zipfile.ZipFile(path, "w") as bundle:
        for member, text in files.items():
            bundle.writestr(member, textwrap.dedent(text).lstrip("\n"))
    return path


def rows(folder: Path, name: str, text: str) -> list[dict]:
    member = f"src/market{language(name).suffixes[0]}"
    table, _ = extract(name, [archive(folder, {member: text})], {"market": "test"})
    assert table.schema == SCHEMA
    return table.to_pylist()


def test_samples_cover_all_languages() -> None:
    assert set(SAMPLES) == set(languages())


@pytest.mark.parametrize("name", SAMPLES)
def test_function(tmp_path: Path, name: str) -> None:
    text, function, params, tags = SAMPLES[name]
    [row] = rows(tmp_path, name, text)
    assert row["name"] == function
    assert row["doc"].lower().startswith(("choose", "pickfruit chooses")) and "basket" in row["doc"].lower()
    assert "SECRET" not in row["code"] and "<" not in row["doc"] and "@" not in row["doc_full"]
    assert {param["name"]: param["doc"] for param in row["params"]} == params
    assert all(row["code"][param["start"] : param["end"]] == param["name"] for param in row["params"])
    for token, start in zip(row["tokens"], row["token_starts"], strict=True):
        assert row["code"][start : start + len(token)] == token
    assert "".join("".join(row["tokens"]).split()) == "".join(row["code"].split())
    assert "\n\n" not in row["code"] and not row["code"][0].isspace()
    assert row["n_lines"] == row["code"].count("\n") + 1
    assert len(row["tags"]) == len(row["roles"]) == len(row["tokens"]) and set(row["tags"]) <= set(TAGS)
    assert {role[2:] for role in row["roles"] if role != "O"} == {"FUNCTION_NAME", "PARAMETER", "CALLEE", "TYPE"}
    found = Counter(zip(row["tokens"], row["tags"], strict=True))
    assert {token: tag for token, tag in tags.items() if not found[token, tag]} == {}
    assert found[function, "FUNCTION"] == 1 and all(found[param, "PARAMETER"] == 1 for param in params)
    assert {"OPERATOR", "BRACKET", "DELIMITER", "KEYWORD", "VARIABLE", "STRING"} - set(row["tags"]) <= {"STRING"}


@pytest.mark.parametrize("name", SAMPLES)
def test_no_node_type_is_unknown(name: str) -> None:
    data = textwrap.dedent(SAMPLES[name][0]).encode()
    [found] = find_definitions(
        parser(name).parse(data.replace(b"MARKET_API", b"          ")).root_node, language(name), Counter()
    )
    assert [leaf.text for leaf in tagged_leaves(found.nodes[-1], data, language(name), Walk()) if not leaf.known] == []


LINE_COMMENTS = {
    "rust": ("///", "fn weigh(a: u32) -> u32 {\n    let b = a;\n    b\n}\n"),
    "csharp": ("///", "class A {\nint Weigh(int a) {\n    a += 1;\n    return a;\n}\n}\n"),
    "go": ("//", "func weigh(a int) int {\n    b := a\n    return b\n}\n"),
    "cpp": ("///", "int weigh(int a) {\n    a += 1;\n    return a;\n}\n"),
}


@pytest.mark.parametrize("name", LINE_COMMENTS)
def test_a_paragraph_goes_on_in_the_next_line_comment(tmp_path: Path, name: str) -> None:
    marks, code = LINE_COMMENTS[name]
    lines = ("weighs a basket of fruit and", "its lid.", "", "Twice.")
    doc = "".join(f"{marks} {line}".rstrip() + "\n" for line in lines)
    text = code.replace("{\n", "{\n" + doc, 1) if code.startswith("class") else doc + code
    [row] = rows(tmp_path, name, text)
    assert row["doc"] == "weighs a basket of fruit and its lid."
    assert row["doc_full"] == "weighs a basket of fruit and its lid.\n\nTwice."


def has_no_error(text: str, name: str) -> bool:
    return not parser(name).parse(text.encode()).root_node.has_error


@pytest.mark.parametrize("name", SAMPLES)
def test_cleaned_code_is_clean_already(tmp_path: Path, name: str) -> None:
    """Extracting the extracted code again changes nothing: it still parses, and no comment is left."""
    [row] = rows(tmp_path, name, SAMPLES[name][0])
    text = next(
        whole for place in language(name).alone if has_no_error(whole := place.replace("{}", row["code"]), name)
    )
    [again] = rows(tmp_path, name, text)
    assert again["code"] == row["code"] and again["doc"] == ""
    assert again["tokens"] == row["tokens"] and again["tags"] == row["tags"]


def test_python_docstring_only_block_is_dropped(tmp_path: Path) -> None:
    hollow = 'def a(x):\n    class B:\n        """Nothing else."""\n    x += 1\n    return B\n\n'
    text = hollow + "def b(x):\n    x += 1\n    y = x\n    return y\n"
    assert [row["name"] for row in rows(tmp_path, "python", text)] == ["b"]


def test_export_macros_hide_no_function(tmp_path: Path) -> None:
    body = "(int a) {\n    a += 1;\n    a -= 2;\n    return a;\n}\n"
    text = f"class MARKET_API Stall final : public Place {{\n  MARKET_API int pick{body}}};\nLARGE_TYPE other{body}"
    found = rows(tmp_path, "cpp", text)
    assert [(row["name"], row["tokens"][0]) for row in found] == [("pick", "int"), ("other", "LARGE_TYPE")]


def test_broken_function_is_counted_and_others_stay(tmp_path: Path) -> None:
    good = "int good(int a) {\n  a += 1;\n  a -= 2;\n  return a;\n}\n"
    path = archive(tmp_path, {"a.c": good + "int bad(int a) {\n  a += ;\n  a ( - 2;\n  return a;\n}\n"})
    table, counts = extract("c", [path], {"market": "test"})
    assert table["name"].to_pylist() == ["good"] and counts["parse error"] == 1


def test_damaged_files_are_named_and_others_stay(tmp_path: Path) -> None:
    path = tmp_path / "market.zip"
    with zipfile.ZipFile(path, "w") as bundle:
        bundle.writestr("good.py", "def good(a):\n    a += 1\n    a -= 2\n    return a\n")
        bundle.writestr("broken.py", ", # )")
        bundle.writestr("old.py", "# \u00e9".encode("latin-1"))
    table, counts = extract("python", [path], {"market": "test"})
    assert table["name"].to_pylist() == ["good"]
    assert counts["file not parsed (broken.py)"] == counts["file not UTF-8 (old.py)"] == 1


def test_skipped_files_and_order(tmp_path: Path) -> None:
    body = "function {}(a) {{\n  a += 1;\n  a -= 2;\n  return a;\n}}\n"
    files = {
        path: body.format(f"f{number}")
        for number, path in enumerate(
            ["lib/b.js", "lib/a.js", "test/a.js", "lib/a.test.js", "lib/a.min.js", "node_modules/x/a.js", "lib/a.d.ts"]
        )
    }
    files["lib/gen.js"] = "// Code generated by a tool. DO NOT EDIT.\n" + body.format("g")
    files["lib/one.js"] = "var x = 1;" * 100 + body.format("h").replace("\n", "")
    table, counts = extract("javascript", [archive(tmp_path, files)], {"market": "test"})
    assert table["path"].to_pylist() == ["lib/a.js", "lib/b.js"]
    assert counts["file generated"] == counts["file minified"] == 1 and counts["file skipped by its path"] == 4
    assert table["id"].to_pylist() == ["market:lib/a.js:0", "market:lib/b.js:0"]


def test_compiled_javascript_of_typescript_is_not_used(tmp_path: Path) -> None:
    body = "function f(a) {\n  a += 1;\n  a -= 2;\n  return a;\n}\n"
    path = archive(tmp_path, {"dist/a.js": body, "src/a.ts": body})
    with pytest.raises(CodeStiltsError, match=r"market\.zip .*no usable javascript function"):
        extract("javascript", [path], {"market": "test"})


def test_duplicates_are_dropped_within_a_language(tmp_path: Path) -> None:
    body = "def f(a):\n    a += 1\n    a -= 2\n    return a\n"
    paths = [
        archive(tmp_path, {"a.py": body, "b.py": "# x\n" + body}, "one"),
        archive(tmp_path, {"c.py": body + body.replace("def f", "def g")}, "two"),
    ]
    table, counts = extract("python", paths, {"one": "train", "two": "test"})
    assert table["source"].to_pylist() == ["one", "two"] and table["package_split"].to_pylist() == ["train", "test"]
    assert counts["duplicate"] == 2


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no zip", None])
def test_damaged_archive(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "market.zip"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CodeStiltsError, match=r"market\.zip cannot be read"):
        extract("python", [path], {"market": "test"})


def test_source_without_split_and_unknown_language(tmp_path: Path) -> None:
    with pytest.raises(CodeStiltsError, match="no split for go"):
        extract("go", [tmp_path / "market.zip"], {})
    with pytest.raises(CodeStiltsError, match="'pyhton': choose one of python"):
        language("pyhton")


WORDS = st.sampled_from(["alpha", "beta", "'# x'", '"""a\n\n  b"""', "1.5", "f(x, y=2)", "[a, b]", "a.b", "None", "é"])
COMMENTS = st.sampled_from(["", "  # HIDDEN", "\n    # HIDDEN é", "\n\n", " \\\n      + 1", "\n    'HIDDEN'\n"])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(WORDS, COMMENTS), min_size=4, max_size=12), st.integers(0, 3))
def test_tokens_make_the_code(lines: list[tuple[str, str]], depth: int) -> None:
    """Whatever stands in a body, tokens lie where they say, cover the code, and no comment survives."""
    body = "".join(f"    v{number} = {word}{comment}\n" for number, (word, comment) in enumerate(lines))
    text = f"def f(alpha, beta=1):\n{body}"
    for _ in range(depth):
        text = "class A:\n" + textwrap.indent(text, "    ")
    data = text.encode()
    [found] = find_definitions(parser("python").parse(data).root_node, language("python"), Counter())
    tokens = list(tagged_leaves(found.nodes[0], data, language("python"), Walk()))
    starts, code = render_code(tokens, data)
    assert all(code[start : start + len(leaf.text)] == leaf.text for start, leaf in zip(starts, tokens, strict=True))
    assert "".join("".join(leaf.text for leaf in tokens).split()) == "".join(code.split())
    assert "HIDDEN" not in code and code.startswith("def f(alpha, beta=1):\n    v0 = ")
    compile(code, "f", "exec")


# Functions without comments, each of which the grammar of its language reads.
PLAIN = {
    "python": """
def total(cart):
    price = 0
    for item in cart:
        price += item.cost
    return price
""",
    "c": """
int total(int *cart, int n) {
  int price = 0;
  for (int i = 0; i < n; i++) price += cart[i];
  return price;
}
""",
    "java": """
class A {
  int total(int[] cart) {
    int price = 0;
    for (int c : cart) price += c;
    return price;
  }
}
""",
    "javascript": """
function total(cart) {
  let price = 0;
  for (const c of cart) price += c.cost;
  return price;
}
""",
    "go": """
package a

func total(cart []int) int {
    price := 0
    for _, c := range cart {
        price += c
    }
    return price
}
""",
    "rust": """
fn total(cart: &[i32]) -> i32 {
    let mut price = 0;
    for c in cart {
        price += c;
    }
    price
}
""",
    "kotlin": """
fun total(cart: List<Int>): Int {
    var price = 0
    for (c in cart) {
        price += c
    }
    return price
}
""",
}
ODD = [
    "\r",
    "\0",
    "\x0b",
    "\x0c",
    "\x1a",
    "\x85",
    "\xa0",
    "\u2028",
    "\u200b",
    "\u200e",
    "\u202e",
    "\ufeff",
    " \\\n",
    "\r\n",
    ";",
]


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(PLAIN)), st.integers(0, 160), st.sampled_from(ODD) | st.characters(codec="utf-8"))
def test_what_is_read_is_what_is_written_or_it_is_dropped_and_counted(name: str, place: int, odd: str) -> None:
    """A letter anywhere in a function: but for white space, continuations and Kotlin's semicolons the text stays."""
    text = PLAIN[name][:place] + odd + PLAIN[name][place:]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "market.zip"
        with zipfile.ZipFile(path, "w") as bundle:
            bundle.writestr(f"src/market{language(name).suffixes[0]}", text.encode())
        table, counts = extract(name, [path], {"market": "test"}, allow_empty=True)
    for row in table.to_pylist():
        assert _bare(row["code"], name) in _bare(text, name) or (name, odd) == ("python", "#")  # a comment goes
        assert "".join("".join(row["tokens"]).split()) == "".join(row["code"].split())
    assert table.num_rows or sum(counts.values())


def _bare(text: str, name: str) -> str:
    text = text.replace("\\\r\n", "").replace("\\\n", "")
    return "".join((text.replace(";", "") if name == "kotlin" else text).split())


def test_a_file_whose_lines_end_in_carriage_returns_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "market.zip"
    with zipfile.ZipFile(path, "w") as bundle:
        bundle.writestr("src/old.py", "def total(cart):\r    # all of it\r    return sum(cart)\r")
    table, counts = extract("python", [path], {"market": "test"}, allow_empty=True)
    assert table.num_rows == 0
    assert counts["file with carriage returns as line ends"] == 1


def test_php_without_its_opening_tag_is_code_too() -> None:
    """Without the tag, PHP's grammar reads anything as plain text, in which there are no errors."""
    assert parses("function f($a) { return $a; }", "php") and parses("<?php f(1);", "php")
    assert not parses("function f($a { return $a; }", "php")
