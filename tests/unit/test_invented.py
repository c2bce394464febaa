"""An invented language: another one under other names, with the same labels, units and grammar."""

import io
import itertools
import keyword
import token
import tokenize
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from functions_table import package, write
from grid_study import study_of
from synthetic import SETTINGS
from task_builds import build

from codestilts.config.analysis_jobs import comparison_settings
from codestilts.config.claim_jobs import claim_settings
from codestilts.config.preparation_jobs import build_settings
from codestilts.evaluation.statistics.design import design_of
from codestilts.invented import is_invented, real_language, renaming

ROOT = Path(__file__).parents[2]
NAMES = renaming("invented")
ONE = "languages: [python, javascript, c, invented]"


def made(name: str, folder: Path, test: int, rows: list[dict] | None = None) -> pd.DataFrame:
    rows = rows or [*package("fit", "train"), *package("eve", "dev"), *package("own", "test"), *package("two", "test")]
    sizes = {"train": 40, "dev": 8, "test": test, "test_source": 60, "source_language": "python"}
    tolerant = {"tolerance": 1.0} if name == "match" else {}
    languages = ["python", "invented"]
    return build(ROOT / f"tasks/pl/{name}.yaml", write(folder, rows), languages=languages, **sizes, **tolerant)[0]


def test_every_word_and_mark_of_python_has_a_name_of_its_own() -> None:
    assert set(keyword.kwlist) <= set(NAMES.words)
    assert set(token.EXACT_TOKEN_TYPES) - {"!"} <= set(NAMES.marks)  # that one occurs within strings only
    for table in (NAMES.words, NAMES.marks):
        assert len(set(table.values())) == len(table)
    assert not set(NAMES.words) & set(NAMES.words.values())
    assert all(new.isidentifier() and "_" not in new for new in NAMES.words.values())
    # Marks can be told apart without spaces between them, and none looks like part of a string or a number.
    assert not any(one.startswith(other) for one, other in itertools.permutations(NAMES.marks.values(), 2))
    assert not set("".join(NAMES.marks.values())) & set("\"'._\\0123456789")


def test_names_by_hand() -> None:
    old = "def load_node(self, x_0, _key=1.5e-3):\n    return not f'a, {b}' + self.path[-1:]  == None"
    new = "triv node_load^kimov! x_0! key_&1.5e-3$?\n    draral vig f'a, {b}' %; kimov~path|%:1?;  #& Fikrog"
    assert NAMES.apply(old) == new
    assert NAMES.inverse.apply(new) == old
    assert NAMES.apply("'cut, off (") == "'cut, off ("  # a token that a task has truncated
    assert NAMES.inverse.apply(NAMES.apply("def triv(): pass")) == "def def(): pass"  # not restored, so left out


@pytest.mark.parametrize("file", sorted(ROOT.glob("src/codestilts/examples/**/*.py")), ids=lambda file: file.stem)
def test_it_renames_what_pythons_own_tokenizer_finds(file: Path) -> None:
    wholes = {tokenize.STRING, tokenize.NUMBER}
    left_out = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    old, new = [], []
    for item in tokenize.generate_tokens(io.StringIO(file.read_text()).readline):
        if item.type in left_out or "FSTRING" in tokenize.tok_name[item.type]:
            continue
        old.append(item.string)
        if item.type == tokenize.OP:
            new.append(NAMES.marks[item.string])
        elif item.type in wholes:
            new.append(item.string)
        else:
            parts = item.string.split("_")
            other = item.string if parts[-1][:1].isdigit() else "_".join(parts[::-1])
            new.append(NAMES.words.get(item.string, other))
    assert NAMES.apply("\n".join(old)) == "\n".join(new)
    assert NAMES.inverse.apply("\n".join(new)) == "\n".join(old)


def test_tagged_rows_are_those_of_the_real_language(tmp_path: Path) -> None:
    frame = made("tags", tmp_path, test=10)
    rows = frame[frame["language"] == "invented"]
    real = frame[frame["language"] == "python"].set_index("id")
    assert len(rows) == 10 and set(rows["split"]) == {"test"}
    for row in rows.to_dict("records"):
        original = real.loc[row["id"].removesuffix("#invented")]
        assert list(row["tags"]) == list(original["tags"])
        assert row["tokens"] == [NAMES.apply(text) for text in original["tokens"]] != original["tokens"]
        assert (row["unit"], row["package"], original["split"]) == (original["unit"], original["package"], "test")


def test_both_rows_of_a_function_are_matched(tmp_path: Path) -> None:
    frame = made("match", tmp_path, test=11)
    rows = frame[frame["language"] == "invented"]
    real = frame[frame["language"] == "python"].set_index("id")
    assert rows["label"].value_counts().to_dict() == {"match": 5, "other": 5}  # as many whole pairs as fit
    assert rows.groupby("unit")["label"].agg(set).map(len).eq(2).all()
    for row in rows.to_dict("records"):
        original = real.loc[row["id"].removesuffix("#invented")]
        assert (row["text_a"], row["label"], row["unit"]) == tuple(original[["text_a", "label", "unit"]])
        assert row["text_b"] == NAMES.apply(original["text_b"])
        assert row["text_b"].startswith("triv f^")


def test_a_function_that_has_a_new_word_is_left_out(tmp_path: Path) -> None:
    def with_new_word(row: dict) -> dict:
        return {**row, "tokens": [*row["tokens"], "triv"], "tags": [*row["tags"], "VARIABLE"]}

    tested = [with_new_word(row) if number < 40 else row for number, row in enumerate(package("own", "test"))]
    frame = made("tags", tmp_path, 100, [*package("fit", "train"), *package("eve", "dev"), *tested])
    assert frame["language"].value_counts()["invented"] == 8  # of 48
    assert sum(frame.attrs["dropped"].values()) == 40


def test_only_tags_and_match_have_it_and_nothing_is_extracted_for_it(tmp_path: Path) -> None:
    study = study_of(ONE, folder=tmp_path)
    assert [name for name in study.targets if "invented" in study.tested_languages[name]] == ["match", "tags"]
    assert study.code_languages == ["c", "javascript", "python"]
    assert build_settings(study, "tags").languages == ("python", "javascript", "c", "invented")
    assert is_invented("invented") and real_language("invented") == "python" == real_language("python")


def test_it_needs_the_real_language(tmp_path: Path) -> None:
    alone = study_of(
        "languages: [javascript, c, invented]\nsource_language: javascript\ntargets: [tags]", folder=tmp_path
    )
    assert alone.tested_languages["tags"] == ["javascript", "c"]


def test_it_is_a_set_of_its_own(tmp_path: Path) -> None:
    study = study_of(ONE, folder=tmp_path)
    settings = comparison_settings(study)
    assert settings.languages == ("python", "javascript", "c")
    similarity = pd.DataFrame({"language": ["python", "javascript", "c"], "near": [True, True, False]})
    sets = design_of(settings, similarity, "bert-tiny").language_sets
    assert sets["unseen"] == ["c"] and sets["zero_shot"] == ["c", "javascript"]
    assert {name for name, languages in sets.items() if "invented" in languages} == {"invented"}
    assert design_of(replace(SETTINGS, invented_languages=()), similarity, "tiny").language_sets["invented"] == []


def test_claims_have_it_only_if_they_ask_for_it(tmp_path: Path) -> None:
    study = study_of("study: pocket", folder=tmp_path)
    asked = claim_settings(study, "domain-invented")
    assert not asked.missing
    assert {name: set(own) for name, own in asked.languages["bert-tiny"].items() if own} == {
        "match": {"invented"},
        "tags": {"invented"},
    }
    other = claim_settings(study, "code-gain").languages["bert-tiny"]
    assert "php" in other["match"] and not any("invented" in own for own in other.values())
