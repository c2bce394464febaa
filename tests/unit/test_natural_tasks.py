"""The task files of the paper study's natural-language tasks, and the builders of those that need one."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from natural_archives import CCG, MNLI, ROUNDS, Members, Rows, archive, nli, sources, spec, splits, task_file
from task_builds import build

from codestilts.config.schema_errors import schema_errors
from codestilts.config.schema_task import TaskFile
from codestilts.errors import CodeStiltsError
from codestilts.examples.parsing.natural_languages import identified_languages

TARGETS = ["paws-x", "udpos", "udpos-hub", "panx", "mlqa", "tydiqa", "bucc", "bucc-gold", "tatoeba", "xnli", "xquad"]
ENGLISH = [
    "anli-plus",
    "mnli",
    "qqp",
    "cola",
    "squad",
    "squad2",
    "hellaswag",
    "cosmosqa",
    "commonsenseqa",
    "ccg",
    "supertags",
]
TRANSLATED = ["mnli-german", "mnli-russian", "mnli-swahili", "mnli-translated"]
TRANSLATED += ["squad-german", "squad-russian", "squad-translated", "paws-x-translated", "tydiqa-translated"]
CONTROLS = ["tpp", "mlm-multilingual"]
LANGUAGES = {"paws-x": 7, "udpos": 33, "udpos-hub": 33, "panx": 40, "mlqa": 7, "tydiqa": 9, "bucc": 4, "bucc-gold": 4}
LANGUAGES |= {"tatoeba": 36}
GENERATED = ["xquad-generated", "mlqa-generated", "tydiqa-generated", "xlsum"]
ENGLISH_GENERATED = ["squad-generated", "xlsum-english"]
ROLE = {task: "target" if task in TARGETS else "intermediate" for task in [*TARGETS, *ENGLISH, *TRANSLATED, *CONTROLS]}
ROLE |= dict.fromkeys(GENERATED, "target") | dict.fromkeys(ENGLISH_GENERATED, "intermediate")


def made(task: str, inputs: list[Path], **settings: Any) -> pd.DataFrame:
    common = {"role": ROLE.get(task, "intermediate"), "source_language": "english"}
    return build(task_file(task), {path.stem: path for path in inputs}, **common | settings)[0]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("natural")
    for name, members in sources().items():
        archive(place / f"{name}.zip", members)
    return place


def inputs_of(task: str, folder: Path) -> list[Path]:
    declared = spec(task)
    named = [*declared.get("sources", []), *(entry["source"] for entry in declared.get("read", []))]
    return [folder / f"{name}.zip" for name in dict.fromkeys(named)]


# ------------------------------------------------------------------ every task file


@pytest.mark.parametrize("task", [*ROLE, "mlm-xtreme"])
def test_a_task_file_is_valid_and_tells_its_terms(task: str) -> None:
    declared = spec(task)
    assert schema_errors(TaskFile, declared) == []
    assert declared["licence"] and declared["citation"] and declared["defects"]
    assert len(declared["languages"]) == LANGUAGES.get(task, len(declared["languages"]))
    if task in TARGETS:
        assert declared["group"] and (declared.get("recipe") or declared.get("trained") is False)


@pytest.mark.parametrize("task", ROLE)
def test_a_task_builds_from_rows_in_the_schemas_of_the_hub(task: str, folder: Path) -> None:
    frame = made(task, inputs_of(task, folder))
    declared = spec(task)
    tested = "test" if ROLE[task] == "target" else "train"
    assert set(frame.loc[frame["split"] == tested, "language"]) == set(declared["languages"])
    if ROLE[task] == "target" and declared.get("trained", True):
        assert set(frame.loc[frame["split"] == "train", "language"]) == {"english"}


@pytest.mark.parametrize(
    ("task", "selected_on", "oracle_on"),
    [("xnli", "glue:", "xtreme:"), ("mlqa", "xtreme/en:SQuAD:", "xtreme/"), ("xquad", "xtreme/en:SQuAD:", "")],
)
def test_a_checkpoint_is_selected_on_the_training_set_s_own_dev(
    task: str, selected_on: str, oracle_on: str, folder: Path
) -> None:
    """As jiant stops (xtreme_runconfig_writer.py: TRAIN_TASK_DICT); the oracle looks at each language's own."""
    frame = made(task, inputs_of(task, folder))
    dev = frame[frame["split"] == "dev"]
    english = dev["language"] == "english"
    where = dev["package"] + ":" if task == "xnli" else dev["id"]
    assert english.any() and where[english].str.startswith(selected_on).all()
    assert not (oracle_on and where[~english].str.startswith(selected_on).any())
    others = set(spec(task)["languages"]) - {"english"} if oracle_on else set()
    assert set(dev.loc[~english, "language"]) == others and where[~english].str.startswith(oracle_on).all()


# ------------------------------------------------------------------ builders


def test_pooled_keeps_the_proportions_of_the_sets(tmp_path: Path) -> None:
    many = [row | {"premise": f"{k} {row['premise']}"} for k in range(20) for row in nli("snli")]
    few = nli("anli")
    inputs = [
        archive(tmp_path / "snli.zip", splits("plain_text/{}-0.parquet", lambda split: many)),
        archive(tmp_path / "anli.zip", splits("plain_text/{}-0.parquet", lambda split: few, ROUNDS)),
        archive(tmp_path / "glue.zip", splits("mnli/{}-0.parquet", nli, MNLI)),
    ]
    share = made("anli-plus", inputs, train=100)["package"].where(lambda p: p == "snli")
    assert share.notna().mean() > 0.5
    assert set(made("anli-plus", inputs)["label"]) == {"entailment", "neutral", "contradiction"}


def test_unanswerable_questions_are_kept_by_squad2_alone(folder: Path) -> None:
    assert (made("squad2", inputs_of("squad2", folder))["answer_text"] == "").sum() == 2
    assert "" not in set(made("squad", inputs_of("squad", folder))["answer_text"])


def test_tydiqa_reads_the_language_of_an_id_and_selects_on_english(folder: Path) -> None:
    frame = made("tydiqa", inputs_of("tydiqa", folder), test=2, languages=["english", "swahili"])
    assert frame[frame["split"] == "test"].groupby("language").size().to_dict() == {"english": 2, "swahili": 2}
    assert set(frame.loc[frame["split"] != "test", "language"]) == {"english"}
    assert frame["id"].is_unique
    assert made("tydiqa", inputs_of("tydiqa", folder))["moved"].sum() == 1 + 1 + 9  # one a split and language


def test_a_held_out_question_is_held_out_in_all_languages(folder: Path) -> None:
    frame = made("tydiqa-translated", inputs_of("tydiqa-translated", folder))
    assert frame.groupby("cluster")["split"].nunique().max() == 1
    assert frame.groupby("cluster")["language"].nunique().min() == 8


def test_supertags_say_the_side_of_the_head(folder: Path) -> None:
    row = made("supertags", inputs_of("supertags", folder)).iloc[0]
    assert row["tokens"] == ["I", "do", "n't", "know"]
    assert row["tags"] == ["PRON|nsubj|R", "AUX|aux|R", "PART|advmod|R", "VERB|root|0"]


def test_supertags_may_be_ready_made(tmp_path: Path) -> None:
    rows = splits(
        "data/{}-0.parquet", lambda split: [{"tokens": ["Go", "!"], "supertags": ["VERB|root|0", "PUNCT|punct|L"]}]
    )
    frame = made("supertags", [archive(tmp_path / "ud-english.zip", rows)])
    assert frame["tags"].tolist() == [["VERB|root|0", "PUNCT|punct|L"]] * 2


@pytest.mark.parametrize("text", [CCG, "The\tNP/N\ncat\tN\nsleeps\tS\\NP\n\nIt\tNP\ndoes\tS\\NP"])
def test_ccg_is_a_sentence_or_a_word_a_line(tmp_path: Path, text: str) -> None:
    frame = made("ccg", [archive(tmp_path / "ccg.zip", {"ccg.train": text, "ccg.dev": text})])
    train = frame[frame["split"] == "train"].sort_values("id")
    assert train["tokens"].tolist() == [["The", "cat", "sleeps"], ["It", "does"]]
    assert train["tags"].tolist() == [["NP/N", "N", "S\\NP"], ["NP", "S\\NP"]]


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"ccg.train": CCG}, "no file ccg.dev in .*LDC2005T13.*resources/local/ccg, or use the task supertags"),
        ({"ccg.train": CCG, "ccg.dev": "The cat\tN"}, "ccg.dev, line 1: 2 words but 1 tags"),
    ],
)
def test_ccg_tells_what_it_lacks(tmp_path: Path, members: Members, message: str) -> None:
    with pytest.raises(CodeStiltsError, match=message):
        made("ccg", [archive(tmp_path / "ccg.zip", members)])


def translations(**changed: Rows) -> Members:
    """English and German rows with the same number in the text."""
    rows = {
        code: [{"premise": f"{word} {'x' * (n % 7)} {n}", "hypothesis": "", "label": n % 3} for n in range(101)]
        for code, word in (("en", "the"), ("de", "der"))
    }
    return {
        f"{code}/{split}-0.parquet": part
        for code, part in (rows | changed).items()
        for split in ("train", "validation")
    }


def test_half_of_the_translation_pairs_are_true_and_the_others_are_as_long(tmp_path: Path) -> None:
    frame = made("tpp", [archive(tmp_path / "xnli-translated.zip", translations())], languages=["german"])
    number = frame[["text_a", "text_b"]].map(lambda text: text.split()[-1])
    assert ((number["text_a"] == number["text_b"]) == (frame["label"] == "translation")).all()
    assert frame["text_a"].str.startswith("the").all() and frame["text_b"].str.startswith("der").all()
    assert 0.35 < (frame["label"] == "other").mean() < 0.65
    wrong = frame[frame["label"] == "other"]
    assert ((wrong["text_a"].str.len() - wrong["text_b"].str.len()).abs() <= 2).all()
    assert len(frame) == 200  # the odd one of each split is left out


def test_translation_pairs_have_to_be_line_parallel(tmp_path: Path) -> None:
    shifted = [{"premise": f"der {n}", "hypothesis": "", "label": (n + 1) % 3} for n in range(101)]
    with pytest.raises(CodeStiltsError, match="german and english are not line-parallel"):
        made("tpp", [archive(tmp_path / "xnli-translated.zip", translations(de=shifted))], languages=["german"])
    short = [{"premise": f"der {n}", "hypothesis": "", "label": n % 3} for n in range(50)]
    with pytest.raises(CodeStiltsError, match="not line-parallel: 100 and 202 rows"):
        made("tpp", [archive(tmp_path / "xnli-translated.zip", translations(de=short))], languages=["german"])


def test_paragraphs_are_long_enough_and_an_article_is_in_one_split(folder: Path) -> None:
    frame = made("mlm-multilingual", inputs_of("mlm-multilingual", folder), dev=40)
    assert (frame["text"].str.len() >= 100).all()
    assert frame.groupby("cluster")["split"].nunique().max() == 1
    assert set(frame["split"]) == {"train", "dev"}


def test_mlm_of_the_targets_trains_on_all_languages_but_no_test_row(tmp_path: Path) -> None:
    kinds = [("english", "train"), ("english", "test"), ("thai", "dev"), ("thai", "test")]
    names = [(f"{language} {split} {n}", language, split) for language, split in kinds for n in range(40)]
    rows = [{"id": name, "language": language, "split": split, "text_a": name} for name, language, split in names]
    rows = [row | {"cluster": row["id"], "package": "p", "text_b": ""} for row in rows]
    pd.DataFrame(rows).to_parquet(tmp_path / "xnli.parquet")
    frame = made("mlm-xtreme", [tmp_path / "xnli.parquet"], dev=8)
    assert set(frame.loc[frame["split"] == "train", "language"]) == {"english", "thai"}
    assert not frame["text"].str.contains("test").any()


# ------------------------------------------------------------------ generation


@pytest.mark.parametrize("name", ["xquad", "mlqa", "tydiqa", "squad"])
def test_generated_answers_are_those_of_the_spans(name: str, folder: Path) -> None:
    spans = made(name, inputs_of(name, folder)).set_index("id")
    frame = made(f"{name}-generated", inputs_of(name, folder)).set_index("id")
    assert set(frame.index) == set(spans.index)
    spans = spans.loc[frame.index]
    assert (frame["source"] == spans["question"] + "\n" + spans["context"]).all()
    assert (frame["reference"] == spans["answer_text"]).all() and (frame["answers"] == spans["answers"]).all()
    assert (frame["output_language"] == frame["language"]).all()
    assert all(part in text for part, text in zip(frame["copied"], spans["context"], strict=True))
    assert name == "squad" or (frame["unit"] == spans["unit"]).all()


def asked(split: str, *texts: str) -> Members:
    """A question of SQuAD with these answers; its passage ends with the last of them."""
    context = f"In {split} the sea was calm. The boat was {texts[-1]}"
    answers = {"text": list(texts), "answer_start": [context.find(text) for text in texts]}
    row = {"id": split, "context": context, "question": f"Which colour did it have in {split}?", "answers": answers}
    return {f"plain_text/{split}-0.parquet": [row]}


def test_all_accepted_answers_are_kept(tmp_path: Path) -> None:
    members = asked("train", "blue") | asked("validation", "red", "The boat was red")
    frame = made("squad-generated", [archive(tmp_path / "squad-v1.zip", members)]).set_index("split")
    found = {split: list(answers) for split, answers in frame["answers"].items()}
    assert found == {"train": ["blue"], "dev": ["red", "The boat was red"]}


def test_an_empty_reference_is_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (name, rows), (_, empty) = (next(iter(asked("train", text).items())) for text in ("blue", " \u200b"))
    assert isinstance(rows, list) and isinstance(empty, list)
    members: Members = {name: [*rows, empty[0] | {"id": "empty"}], **asked("validation", "red")}
    frame = made("squad-generated", [archive(tmp_path / "squad-v1.zip", members)])
    assert set(frame["reference"]) == {"blue", "red"} and frame.attrs["dropped"] == {"its reference is empty": 1}
    assert "squad-generated: 1 of 3 rows dropped: its reference is empty" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("texts", "starts", "reference", "answers"),
    [
        (["", "1884"], [0, 3], "1884", ["1884"]),
        ([" ", "in 1884", "1884", "in 1884"], [6, 0, 3, 0], "in 1884", ["in 1884", "1884"]),
        (["eighteen eighty-four"], [-1], "eighteen eighty-four", ["eighteen eighty-four"]),
    ],
    ids=["empty first", "blank first, repeated", "not in the passage"],
)
def test_an_answer_in_words_is_the_first_that_has_any(
    texts: list[str], starts: list[int], reference: str, answers: list[str], tmp_path: Path
) -> None:
    """An answer in words need not be in the passage, and none of its rows goes missing."""
    (row,) = next(iter(asked("train", "blue").values()))
    odd = row | {"id": "odd", "answers": {"text": texts, "answer_start": starts}}
    members = {"plain_text/train-0.parquet": [row, odd], **asked("validation", "red")}
    frame = made("squad-generated", [archive(tmp_path / "squad-v1.zip", members)]).set_index("id")
    (found,) = [values for key, values in frame.iterrows() if str(key).endswith(":odd")]
    assert found["reference"] == reference and list(found["answers"]) == answers
    assert frame.attrs == {}


def test_questions_that_are_left_out_are_counted(tmp_path: Path) -> None:
    """A span has to be in the passage; in words, only what is empty is left out."""
    (row,) = next(iter(asked("train", "blue").values()))
    odd = {
        "none": row | {"answers": {"text": [], "answer_start": []}},
        "elsewhere": row | {"answers": {"text": ["green"], "answer_start": [3]}},
        "no passage": row | {"context": " "},
    }
    rows = [row, *(values | {"id": name} for name, values in odd.items())]
    squad = archive(tmp_path / "squad-v1.zip", {"plain_text/train-0.parquet": rows, **asked("validation", "red")})
    spans, words = (made(name, [squad]) for name in ("squad", "squad-generated"))
    assert spans.attrs["dropped"] == {"its answer is not in the passage": 2, "it has no answer": 1}
    assert set(spans["answer_text"]) == {"blue", "red"}
    assert words.attrs["dropped"] == {"its context is empty": 1, "its reference is empty": 1}
    assert set(words["reference"]) == {"blue", "red", "green"}


@pytest.mark.parametrize("task", ["squad", "squad-generated"])
def test_answers_that_are_no_list_are_one_line(task: str, tmp_path: Path) -> None:
    """The letters of a text would be taken for answers."""
    (row,) = next(iter(asked("train", "blue").values()))
    members = {"plain_text/train-0.parquet": [row | {"answers": {"text": "blue", "answer_start": 3}}]}
    members |= asked("validation", "red")
    with pytest.raises(CodeStiltsError, match=f"^task {task}, example .*:train: texts is 'blue', not a list: map an"):
        made(task, [archive(tmp_path / "squad-v1.zip", members)])


def test_an_article_without_a_summary_is_counted(tmp_path: Path) -> None:
    summaries = {"1": "It says so.", "2": "", "3": None}
    members: Members = {
        f"english/{split}/0000.parquet": [
            {"id": name, "url": f"{split}{name}", "text": "Some text.", "summary": summary}
            for name, summary in summaries.items()
        ]
        for split in ("train", "validation")
    }
    frame = made("xlsum-english", [archive(tmp_path / "xlsum.zip", members)])
    assert set(frame["reference"]) == {"It says so."} and len(frame) == 2
    assert frame.attrs["dropped"]["its reference is empty"] == 2
    assert frame.attrs["dropped"]["xlsum/english:english:train: no reference"] == 1


def test_outputs_in_a_language_that_nothing_identifies_are_refused(tmp_path: Path) -> None:
    declared = spec("xlsum") | {"languages": ["english", "burmese"]}
    for entry in declared["read"]:
        entry.pop("rows")
    (tmp_path / "odd.yaml").write_text(yaml.safe_dump(declared))
    rows: Members = {"burmese/test/0000.parquet": [{"id": "1", "url": "1", "text": "x", "summary": "y"}]}
    odd = archive(tmp_path / "xlsum.zip", sources()["xlsum"] | rows)
    line = "^task odd: nothing can tell whether an output is in burmese, .*: remove it from the task's languages$"
    with pytest.raises(CodeStiltsError, match=line):
        build(tmp_path / "odd.yaml", {"xlsum": odd}, role="target", source_language="english")


@pytest.mark.parametrize("task", GENERATED)
def test_the_languages_of_all_outputs_are_identified(task: str) -> None:
    assert set(spec(task)["languages"]) <= set(identified_languages())


# ------------------------------------------------------------------ against a hub on loopback

SERVED: dict[str, str | None] = {
    **dict.fromkeys(["paws-x", "mlqa", "tatoeba", "xnli", "xquad", *ENGLISH, "paws-x-translated"]),
    "tydiqa": "english arabic russian",
    "udpos-hub": "english german spanish french chinese arabic hindi russian turkish korean portuguese indonesian thai",
    "panx": "english german portuguese russian chinese",
    **dict.fromkeys(["xquad-generated", "mlqa-generated", *ENGLISH_GENERATED]),
    "tydiqa-generated": "english arabic russian",
    "xlsum": "english arabic chinese thai",
}
del SERVED["ccg"]  # it is sold, so no hub has it


@pytest.mark.parametrize("task", SERVED)
def test_a_task_builds_from_the_hub(task: str, fetched: Callable[[str], Path]) -> None:
    languages = (SERVED[task] or " ".join(spec(task)["languages"])).split()
    inputs = [fetched(path.stem) for path in inputs_of(task, Path())]
    frame = made(task, inputs, train=50, dev=10, test=10, languages=languages)
    counts = frame.groupby("split").size()
    assert counts.get("train", 0) == (0 if spec(task).get("trained") is False else 50)
    if ROLE[task] == "target":
        assert counts["test"] == 10 * len(languages)
