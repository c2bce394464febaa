"""Mistakes in the tables of programming languages are one line each, before anything runs."""

from dataclasses import fields
from pathlib import Path

import pytest

from codestilts import invented
from codestilts.config.language_files import LANGUAGES, ProgrammingLanguage, table_errors
from codestilts.examples.parsing import languages

LUA = """\
lua:
  suffixes: [.lua]
  grammar: tree_sitter_lua.language
  docs: ["--"]
  functions: [function_declaration]
"""
MADE_UP = "new:\n  of: go\n  words: {func: fx, if: fi}\n  marks: {'+': '-'}\n"


def errors(folder: Path, real: str = "", made_up: str = "") -> list[str]:
    """The errors of the project's tables with these lines added."""
    (folder / "languages.yaml").write_text(languages.TABLE.read_text() + real)
    (folder / "invented.yaml").write_text(invented.TABLE.read_text() + made_up)
    return list(table_errors(folder / "languages.yaml", folder / "invented.yaml"))


def test_the_keys_are_those_that_the_library_reads() -> None:
    known = {field.name for field in fields(languages.Language)} - {"name"}
    assert set(ProgrammingLanguage.model_fields) == known | {"like"} and languages.TABLE == LANGUAGES


def test_good_entries_have_no_errors(tmp_path: Path) -> None:
    assert errors(tmp_path, LUA, MADE_UP) == []


@pytest.mark.parametrize(
    ("old", "new", "key", "words"),
    [
        ("  grammar: tree_sitter_lua.language\n", "", "lua.grammar", "missing"),
        ("tree_sitter_lua.language", "lua", "lua.grammar", "module.function"),
        ("suffixes", "sufixes", "lua.sufixes", "'suffixes'"),
        ("[.lua]", ".lua", "lua.suffixes", "list"),
        ("functions: [function_declaration]", "like: pyton", "lua.like", "'python'"),
        (LUA, "lua:\n", "lua", "no value"),
        (LUA, "lua: [a]\n", "lua", "keys with values"),
        (LUA, LUA + "  slots: [a]\n", "lua.slots", "keys with values"),
    ],
)
def test_a_bad_language_is_named(tmp_path: Path, old: str, new: str, key: str, words: str) -> None:
    (found,) = [
        error for error in errors(tmp_path, LUA.replace(old, new)) if error.startswith(f"languages.yaml: {key}: ")
    ]
    assert words in found


@pytest.mark.parametrize(
    ("old", "new", "key", "words"),
    [
        ("  of: go\n", "", "new.of", "missing"),
        ("of: go", "of: golang", "new.of", "no programming language"),
        ("words", "word", "new.word", "'words'"),
        ("fi}", "fx}", "new.words.if", "'fx' is the new name of 'func' too"),
        ("fx,", "3,", "new.words.func", "quotes"),
        ("{'+': '-'}", "{}", "new.marks", "empty"),
        (MADE_UP, "new: [a]\n", "new", "keys with values"),
    ],
)
def test_a_bad_invented_language_is_named(tmp_path: Path, old: str, new: str, key: str, words: str) -> None:
    found = [error for error in errors(tmp_path, "", MADE_UP.replace(old, new)) if f"invented.yaml: {key}: " in error]
    assert len(found) == 1 and words in found[0], found
