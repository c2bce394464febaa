"""Functions out of tables of the hub: one a row, documentation in a column, splits by file."""

import io
import textwrap
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from codestilts.errors import CodeStiltsError
from codestilts.examples.parsing import function_filter
from codestilts.examples.parsing.functions import SCHEMA, extract

SEARCHNET = ("repository_name", "func_path_in_repository", "whole_func_string", "func_documentation_string")
XGLUE = ("repo", "path", "original_string", "docstring")
Function = tuple[str | None, str | None, str | bytes | None, str | None]  # repository, path, text, documentation

# Each as such tables have them: the first line without the indentation of its file, documentation without its marks.
ROWS: dict[str, tuple[str, str, list[str], dict[str, str]]] = {
    "go": (
        """func (m *Market) PickFruit(basket *Basket, limit int) error {
        \tm.count++ // a remark
        \treturn m.weigh(basket, limit)
        }""",
        "// PickFruit chooses the ripest fruit of a basket.",
        [
            "func (m *Market) PickFruit(basket *Basket, limit int) error {",
            "\tm.count++",
            "\treturn m.weigh(basket, limit)",
            "}",
        ],
        {"basket": "", "limit": ""},
    ),
    "java": (
        """@Override
            public <T> List<T> pickFruit(final Map<String, T> basket, int limit) {
                // a remark
                return this.weigh(basket, limit);
            }""",
        "PickFruit chooses the ripest fruit of a {@link Basket}.\n\n@param basket where it lies\n@param limit how many",
        [
            "@Override",
            "public <T> List<T> pickFruit(final Map<String, T> basket, int limit) {",
            "    return this.weigh(basket, limit);",
            "}",
        ],
        {"basket": "where it lies", "limit": "how many"},
    ),
    "javascript": (
        """function pickFruit(basket, limit) {
          /* a remark */
          return weigh(basket.items, limit || null);
        }""",
        "PickFruit chooses the ripest fruit of all.\n@param {Fruit} basket where it lies */\n@param [limit=1] how many",
        ["function pickFruit(basket, limit) {", "  return weigh(basket.items, limit || null);", "}"],
        {"basket": "where it lies */", "limit": "how many"},
    ),
    "php": (
        """public static function pickFruit(array $basket, ?int $limit = null)
            {
                return self::weigh($basket, $limit); # a remark
            }""",
        "PickFruit chooses the ripest fruit of all.\n\n@param array $basket where it lies\n@param ?int $limit how many",
        [
            "public static function pickFruit(array $basket, ?int $limit = null)",
            "{",
            "    return self::weigh($basket, $limit);",
            "}",
        ],
        {"$basket": "where it lies", "$limit": "how many"},
    ),
    "python": (
        """def pick_fruit(self, basket, limit=10):
                \'\'\'PickFruit chooses the ripest fruit of a basket.

                :param basket: where it lies
                :param limit: how many
                \'\'\'
                text = """
        + '"""\nas it is"""'
        + """  # a remark
                return self.weigh(basket, limit, text)""",
        "Another text about the same function, which is not its own.",
        [
            "def pick_fruit(self, basket, limit=10):",
            '    text = """',
            'as it is"""',
            "    return self.weigh(basket, limit, text)",
        ],
        {"basket": "where it lies", "limit": "how many"},
    ),
    "ruby": (
        """def self.pick_fruit(basket, limit: 10)
            # a remark
            basket.select { |fruit| weigh(fruit, limit) }
          end""",
        " PickFruit chooses the ripest fruit of all.\n @param basket [B] where it lies\n @param [Set] limit how many",
        ["def self.pick_fruit(basket, limit: 10)", "  basket.select { |fruit| weigh(fruit, limit) }", "end"],
        {"basket": "where it lies", "limit": "how many"},
    ),
}


def table(functions: list[Function], columns: tuple[str, ...] = SEARCHNET) -> bytes:
    """A parquet file with some columns that nothing asks for."""
    data: dict[str, Any] = {name: [row[place] for row in functions] for place, name in enumerate(columns)}
    data["url"] = data["func_code_url"] = [""] * len(functions)
    stream = io.BytesIO()
    pq.write_table(pa.table(data), stream)
    return stream.getvalue()


def archive(folder: Path, files: dict[str, bytes], compression: int = zipfile.ZIP_STORED, name: str = "search") -> Path:
    path = folder / f"{name}.zip"
    with zipfile.ZipFile(path, "w", compression) as bundle:
        for member, content in files.items():
            bundle.writestr(member, content)
    return path


def rows(path: Path, name: str = "python") -> tuple[list[dict[str, Any]], dict[str, int]]:
    found, counts = extract(name, [path], {path.stem: "hub"})
    assert found.schema == SCHEMA
    return found.to_pylist(), {reason: count for reason, count in counts.items() if count and reason != "kept"}


def function(name: str) -> str:
    return f"def {name}(alpha, beta):\n    alpha += beta\n    alpha *= {len(name)}\n    return {name}(alpha)"


def train(functions: list[Function], columns: tuple[str, ...] = SEARCHNET) -> dict[str, bytes]:
    return {"python/train-00000-of-00001.parquet": table(functions, columns)}


@pytest.mark.parametrize("name", ROWS)
def test_row_of_every_language(tmp_path: Path, name: str) -> None:
    text, doc, lines, params = ROWS[name]
    path = archive(tmp_path, {f"{name}/train-00000-of-00001.parquet": table([("fruit/market", "src/a", text, doc)])})
    [row], counts = rows(path, name)
    assert row["code"].split("\n") == lines and counts == {}
    assert row["doc"].startswith("PickFruit chooses the ripest fruit of ") and "@" not in row["doc_full"]
    assert {param["name"]: param["doc"] for param in row["params"]} == params
    assert all(row["code"][param["start"] : param["end"]] == param["name"] for param in row["params"])
    assert row["code"].startswith(row["tokens"][0]) and row["tags"][row["tokens"].index(row["name"])] == "FUNCTION"
    assert (row["source"], row["path"], row["package_split"]) == ("fruit/market", "src/a", "train")


@pytest.mark.parametrize("name", ROWS)
def test_row_in_one_line(tmp_path: Path, name: str) -> None:
    """Where the grammar allows it, a function without line breaks is one too, if it is not too short for one."""
    text = {
        "go": "func ( m * Market ) Pick ( a , b int ) int { if a < b { return m . weigh ( a ) } ; return b }",
        "java": "private int pick ( int a , int b ) { if ( a < b ) { return weigh ( a ) ; } return b ; }",
        "javascript": "function pick ( a , b ) { if ( a < b ) { return weigh ( a ) ; } return b ; }",
        "php": "private function pick ( $a , $b ) { if ( $a < $b ) { return weigh ( $a ) ; } return $b ; }",
        "python": "def pick ( a , b ) : return weigh ( a , b ) if a < b else pick ( b , a )",
        "ruby": "def pick(a, b); if a < b then return weigh(a, b) end; return b; end",
    }[name]
    short = {"python": "def f(a): return a", "ruby": "def f(a) ; a ; end", "go": "func f(a int) { g(a) }"}.get(
        name, "function f(a) { g(a); }" if name == "javascript" else "private function f($a) { g($a); }"
    )
    path = archive(tmp_path, {f"{name}/test/0000.parquet": table([("", "", text, ""), ("", "", short, "")])})
    [row], counts = rows(path, name)
    assert row["code"] == text and row["n_lines"] == 1 and row["doc"] == "" and len(row["params"]) == 2
    assert counts == ({"row not parsed": 1} if name == "java" else {"too short": 1})


@pytest.mark.parametrize("columns", [SEARCHNET, XGLUE])
@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize(
    "member", ["python/{}-00000-of-00001.parquet", "python/{}/0000.parquet", "data/python/x-{}.parquet"]
)
def test_splits_are_told_by_the_files(tmp_path: Path, columns: tuple[str, ...], compression: int, member: str) -> None:
    files = {
        member.format(split): table([(f"fruit/{split}", "a.py", function(f"pick_{split}"), "")], columns)
        for split in ("train", "validation", "test")
    }
    files["ruby/train-00000-of-00001.parquet"] = b"not read"
    found, counts = rows(archive(tmp_path, files, compression))
    assert [(row["source"], row["package_split"], row["name"]) for row in found] == [
        ("fruit/test", "test", "pick_test"),
        ("fruit/validation", "dev", "pick_validation"),
        ("fruit/train", "train", "pick_train"),
    ]
    assert found[0]["id"] == f"search:{member.format('test')}:0" and counts == {}


def test_repositories_do_not_straddle_splits(tmp_path: Path) -> None:
    """What is in the test set stays there: by repository across archives, and as a function."""
    both, alone, unknown = "fruit/both", "fruit/alone", ""
    one = {
        "python/train.parquet": table(
            [(both, "a.py", function("a"), ""), (alone, "b.py", function("b"), ""), (unknown, "", function("c"), "")]
        ),
        "python/validation.parquet": table([(both, "a.py", function("d"), ""), (unknown, "", function("e"), "")]),
        "python/test.parquet": table([(unknown, None, function("f"), ""), (unknown, "", function("b"), "")]),
    }
    two = {"python/test.parquet": table([(both, "a.py", function("g"), "")])}
    paths = [archive(tmp_path, one, name="one"), archive(tmp_path, two, name="two")]
    found, counts = extract("python", paths, {"one": "hub", "two": "hub"})
    names = zip(*(found[column].to_pylist() for column in ("source", "package_split", "name")), strict=True)
    assert list(names) == [
        ("one", "test", "f"),
        ("one", "test", "b"),
        (both, "test", "g"),
        ("one", "dev", "e"),
        ("one", "train", "c"),
    ]
    assert counts["repository in another split"] == 2 and counts["duplicate"] == 1
    assert found["path"].to_pylist()[0] == "python/test.parquet"


def test_files_and_tables_together(tmp_path: Path) -> None:
    files = archive(tmp_path, {"lib/a.py": function("file").encode()}, name="zoo")
    tables = archive(tmp_path, train([("fruit/market", "a.py", function("row"), "")]))
    found, _ = extract("python", [files, tables], {"zoo": "dev", "search": "hub"})
    assert found["source"].to_pylist() == ["zoo", "fruit/market"]
    assert found["package_split"].to_pylist() == ["dev", "train"]
    assert found["id"].to_pylist() == ["zoo:lib/a.py:0", "search:python/train-00000-of-00001.parquet:0"]


def test_junk_is_counted(tmp_path: Path) -> None:
    junk: list[str | bytes | None] = [
        "def f(a): x = a y = <mask> return x",
        "\0\ufeff\u2028",
        function("good") + "\n)",
        "x = 1",
        function("\udcff".encode("utf-8", "surrogatepass").decode("latin-1")),
        None,
        " \n",
        "def f():\n    return [" + "0, " * 9000 + "]",
        "\n".join(["def f(a):", *["    a += 1"] * 90]),
        function("good"),
    ]
    functions: list[Function] = [("fruit/market", f"{place}.py", text, "") for place, text in enumerate(junk)]
    functions += [("fruit/market", "tests/a.py", function("tested"), None)]
    found, counts = rows(archive(tmp_path, train(functions)))
    assert [row["name"] for row in found] == ["good"]
    assert counts == {
        "row not parsed": 4,
        "no function": 1,
        "empty": 2,
        "too long": 2,
        "file skipped by its path": 1,
    }


def test_the_mark_of_a_cloze_test_stands_for_a_name(tmp_path: Path) -> None:
    found, _ = rows(archive(tmp_path, train([("fruit/market", "a.py", function("<mask>"), "")])))
    assert [row["name"] for row in found] == ["mask"]


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    binary = [("r", "a.py", function("bad").encode() + b"  # \xff\xfe", b""), ("r", "b.py", b"\xff\xfe", b"")]
    binary += [
        ("r", "c.py", function("good").encode(), b"\xff"),
        ("r", "d.py", function("old").replace("\n", "\r"), ""),
    ]
    found, counts = rows(archive(tmp_path, train(binary)))  # type: ignore[arg-type]
    assert [row["name"] for row in found] == ["good"]
    assert counts == {"invalid UTF-8 or lost characters (U+FFFD)": 2, "carriage returns as line ends": 1}


def test_documentation_of_the_text_goes_first(tmp_path: Path) -> None:
    body = "int pick(int a) {\n    a += 1;\n    a -= 2;\n    return a;\n  }"
    own = f"/** Chooses the ripest fruit of all. */\n  {body}"
    marked = "/**\n * Chooses the largest fruit of all.\n */"
    texts = [own, body.replace("pick", "other"), body.replace("pick", "third")]
    docs = ["A text of the column about it.", marked, "too short"]
    functions: list[Function] = [("r", "a.java", text, doc) for text, doc in zip(texts, docs, strict=True)]
    found, _ = rows(archive(tmp_path, {"java/test.parquet": table(functions)}), "java")
    assert [row["doc"] for row in found] == [
        "Chooses the ripest fruit of all.",
        "Chooses the largest fruit of all.",
        "",
    ]
    assert all(row["code"].startswith("int ") and row["code"].endswith("\n}") for row in found)


def test_no_more_than_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a file, a repository and a split; which ones does not depend on their order."""
    for name, most in (("PER_FILE", 2), ("PER_SOURCE", 4), ("PER_SPLIT", 7)):
        monkeypatch.setattr(function_filter, name, (most, most))
    functions: list[Function] = [
        (f"r{repository}", f"{file}.py", function(f"f{repository}{file}{number}"), "")
        for repository in range(3)
        for file in range(3)
        for number in range(3)
    ]
    found, counts = rows(archive(tmp_path, train(functions)))
    again, _ = rows(archive(tmp_path, train(functions[::-1])))
    assert len(found) == 7 and counts == {"more than enough of a file, source or split": 20}
    assert {row["name"] for row in found} == {row["name"] for row in again}
    assert max(sum(row["source"] == f"r{repository}" for row in found) for repository in range(3)) <= 4
    assert len({(row["source"], row["path"]) for row in found}) >= 4


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"go/train.parquet": b""}, r"search\.zip has no table of python.*go/train\.parquet.*sources\.csv"),
        ({"python/a.py": b"def f(): pass"}, "has no table of python.*only other files"),
        ({"python/all.parquet": table([])}, "has no table of python"),
        ({"python/train.parquet": b"PAR1 damaged"}, r"search\.zip, python/train\.parquet: cannot be read"),
        (
            {"python/train.parquet": table([], ("a", "b", "c", "d"))},
            "no column with the text of functions.*a, b",
        ),
        ({"python/train.parquet": table([])}, r"no usable python function \(dropped: nothing\)"),
        (train([("r", "a.py", "def f(<mask>)", "")]), r"no usable python function \(dropped: row not parsed 1\)"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, files: dict[str, bytes], message: str) -> None:
    with pytest.raises(CodeStiltsError, match=message):
        rows(archive(tmp_path, files))


def test_column_that_holds_no_text(tmp_path: Path) -> None:
    stream = io.BytesIO()
    pq.write_table(pa.table({"code": [["def", "f"]]}), stream)
    with pytest.raises(CodeStiltsError, match="cannot be read"):
        rows(archive(tmp_path, {"python/train.parquet": stream.getvalue()}))


def test_damaged_archive(tmp_path: Path) -> None:
    path = tmp_path / "search.zip"
    path.write_bytes(b"PK\x03\x04 no zip")
    with pytest.raises(CodeStiltsError, match=r"search\.zip cannot be read"):
        rows(path)


def test_indentation_of_python_methods(tmp_path: Path) -> None:
    """Whatever the file's: tabs, two or four blanks, a function at the margin."""
    bodies = ["\t\t", "    ", "        ", "  "]
    texts = [textwrap.dedent(function(f"f{place}")).replace("    ", body) for place, body in enumerate(bodies)]
    found, _ = rows(archive(tmp_path, train([("r", f"{place}.py", text, "") for place, text in enumerate(texts)])))
    assert [row["code"].split("\n")[1].partition("alpha")[0] for row in found] == ["\t", "    ", "    ", "  "]
