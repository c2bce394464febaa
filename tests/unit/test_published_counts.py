"""The rows that are read against those that were published."""

from pathlib import Path
from typing import Any

import pytest
from natural_archives import TASKS, archive, spec, task_file
from task_builds import build
from test_conllu import TREEBANKS

from codestilts.config.schema_task import TaskSpec
from codestilts.config.task_checks import task_errors
from codestilts.config.task_files import load_tasks
from codestilts.config.validation import load_study, read_configs
from codestilts.errors import CodeStiltsError
from codestilts.examples.published_counts import count_in_language
from codestilts.sources.archive import matches
from codestilts.sources.table import read_sources
from codestilts.workflow.task_sizes import published_rows

ROOT = TASKS.parent


def rows(task: str, split: str, language: str, key: str = "rows", entry: int = 0) -> int | None:
    """What a task file says of a split of a language."""
    entries = [each for each in spec(task)["read"] if each["as"] == split]
    return count_in_language(entries[entry].get(key), language)


def test_xtremes_table_1() -> None:
    """Hu et al. 2020 (arXiv 2003.11080), table 1; again in Chung et al. 2021 (arXiv 2010.12821), table 11."""
    assert [rows("xnli", split, "english") for split in ("train", "test")] == [392_702, 5_010]
    assert rows("xnli", "dev", "german", entry=-1) == 2_490
    assert [rows("paws-x", split, "english") for split in ("train", "dev", "test")] == [49_401, 2_000, 2_000]
    assert [rows("udpos", split, "english") for split in ("train", "dev")] == [21_253, 3_974]
    tests = spec("udpos")["read"][-1]["rows"]
    assert min(tests.values()) == 47 and max(tests.values()) == 20_436 + 1_922  # with German LIT, as its script has it
    assert [rows("panx", split, "english") for split in ("train", "dev", "test")] == [20_000, 10_000, 10_000]
    assert (rows("xquad", "train", "english"), rows("xquad", "test", "thai")) == (87_599, 1_190)
    tests = spec("mlqa")["read"][-1]["rows"]
    assert (min(tests.values()), max(tests.values())) == (4_517, 11_590)
    assert rows("tydiqa", "train", "english") == 3_696
    assert rows("tatoeba", "test", "german") == 1_000


def test_parts_of_speech_are_the_hubs_rows_without_other_languages() -> None:
    """The card of google/xtreme; sizes of treebanks of Universal Dependencies 2.5."""
    hub = {"chinese": (3_038, 5_528), "french": (5_979, 9_465), "greek": (2_559, 2_809), "german": (19_233, 22_458)}
    perseus, proiel, srcmf, kyoto = (1_137, 1_306), (1_019, 1_047), (1_842, 1_927), (2_038, 2_073)
    unread = {"chinese": [kyoto], "french": [srcmf, (1_235, 2_541)], "greek": [perseus, proiel], "german": [(0, 100)]}
    for language, counts in hub.items():
        for place, split in enumerate(("dev", "test")):
            wanted = counts[place] - sum(treebank[place] for treebank in unread[language])
            assert rows("udpos", split, language) == wanted
    assert (rows("udpos", "dev", "greek"), rows("udpos", "test", "greek")) == (403, 456)  # UD_Greek-GDT
    assert rows("udpos", "test", "chinese") == 500 + 500 + 1_004 + 451 + 1_000  # GSD, GSDSimp, HK, CFL, PUD
    assert rows("udpos", "test", "german") == 977 + 18_459 + 1_922 + 1_000  # GSD, HDT, LIT, PUD


@pytest.mark.parametrize(
    ("task", "split", "languages", "source", "rows"),
    [
        ("xnli", "train", ["english"], "english", {"english": 392_702}),
        ("xnli", "test", ["german", "thai"], "english", {"german": 5_010, "thai": 5_010}),  # a column has the language
        ("paws-x", "test", ["german", "korean"], "english", {"german": 2_000, "korean": 2_000}),  # a config of each
        ("nl-code", "train", ["python"], "python", {"python": 251_820}),
        ("tydiqa", "test", ["bengali", "telugu"], "english", {"bengali": 113, "telugu": 669}),
        ("udpos", "test", ["marathi", "russian"], "english", {"marathi": 47}),  # Russian is not known
        ("java-csharp", "train", ["java", "csharp"], "python", {"csharp": 10_295}),
        ("refinement", "train", ["java"], "python", {"java": 46_680 + 52_364}),  # two entries
        ("bugs", "test", ["go", "rust"], "python", {"go": 328, "rust": 328}),  # its own key, not the 164 that are read
        ("cosqa", "train", ["python"], "python", {"python": 20_000}),
        ("topics", "test", ["go"], "python", {}),
    ],
)
def test_rows_that_a_plan_counts_with(
    task: str, split: str, languages: list[str], source: str, rows: dict[str, int]
) -> None:
    assert published_rows(TaskSpec.model_validate(load_tasks(TASKS)[task]), split, languages, source) == rows


def test_the_treebanks_that_are_fetched_are_those_that_are_read() -> None:
    source = read_sources(ROOT / "sources.csv")["ud-treebanks"]
    for code in spec("udpos")["codes"].values():
        for split in ("dev", "test"):
            assert matches(f"ud-treebanks-v2.5/UD_X-Y/{code}_y-ud-{split}.conllu", source.keep)
    assert matches("ud-treebanks-v2.5/UD_English-EWT/en_ewt-ud-train.conllu", source.keep)
    for name in ("grc_proiel-ud-test", "fro_srcmf-ud-dev", "lzh_kyoto-ud-test", "orv_rnc-ud-test", "gsw_uzh-ud-test",
                 "yue_hk-ud-test", "qhe_hiencs-ud-dev", "de_gsd-ud-train"):  # fmt: skip
        assert not matches(f"ud-treebanks-v2.5/UD_X-Y/{name}.conllu", source.keep)


def test_sums_of_sets_in_many_languages() -> None:
    """The cards of google/xtreme and of the sets themselves."""
    tests = spec("tydiqa")["read"][-1]["rows"]
    assert sum(tests.values()) == 5_077 and len(tests) == 9
    assert sum(number < 1_000 for number in spec("tatoeba")["read"][0]["rows"].values()) == 8
    tests = spec("panx")["read"][-1]["rows"]
    assert sorted(set(tests.values())) == [100, 1_000, 10_000] and len(tests) == 40
    assert sorted(name for name, number in tests.items() if number == 100) == ["burmese", "javanese", "yoruba"]
    assert sum(spec("mlqa")["read"][-1]["rows"].values()) == 42_245  # Lewis et al. 2020 (arXiv 1910.07475)


@pytest.mark.parametrize("task", sorted(path.stem for path in TASKS.glob("*/*.yaml")))
def test_rows_are_told_of_the_languages_that_are_read(task: str) -> None:
    for entry in spec(task).get("read", []):
        for key in ("rows", "found"):
            if isinstance(entry.get(key), dict):
                assert set(entry[key]) <= set(spec(task)["languages"])


# ------------------------------------------------------------------ a set that is short

PAIR = {"sentence1": "a", "sentence2": "b", "label": "1"}
SIZES = {"role": "target", "source_language": "english", "languages": ["english", "korean"]}


def paws(folder: Path, train: int = 5, korean: int = 3, **settings: Any) -> list[str]:
    """The notes on a set of made rows whose task file says: 5 to train, 3 for each test, of which Korean has 2."""
    folder.mkdir()
    text = task_file("paws-x").read_text()
    swaps = {"49401, found: 49175": "5", "rows: 2000\n    found: {korean: 1999}": "rows: 3\n    found: {korean: 2}"}
    swaps["rows: 2000,\n    found: {spanish: 1961, french: 1988}"] = "rows: 3"
    for old, new in swaps.items():
        assert old in text
        text = text.replace(old, new)
    (folder / "paws-x.yaml").write_text(text)
    made = {"PAWS-X.en/train": train, "PAWS-X.en/test": 3, "PAWS-X.ko/test": korean}
    made |= {f"PAWS-X.{code}/validation": 3 for code in ("en", "ko")}
    members = {
        f"{name}-00000-of-00001.parquet": [PAIR | {"sentence1": f"{name} {n}"} for n in range(count)]
        for name, count in made.items()
    }
    inputs = {"xtreme": archive(folder / "xtreme.zip", members)}
    return [note for note in build(folder / "paws-x.yaml", inputs, **SIZES | settings)[1] if "published" in note]


def test_a_set_with_a_row_less_is_told(tmp_path: Path) -> None:
    assert paws(tmp_path / "as published") == []
    assert paws(tmp_path / "cut", train=4) == [
        "task paws-x: train english: 4 rows read (xtreme PAWS-X.en train), 5 published: not comparable"
    ]
    with pytest.raises(CodeStiltsError, match=r"train english: 4 rows read .* 5 published: fetch xtreme again"):
        paws(tmp_path / "study", train=4, study="mine")
    with pytest.raises(CodeStiltsError, match="train english: 6 rows read"):
        paws(tmp_path / "more", train=6, study="mine")
    assert paws(tmp_path / "rehearsed", train=4, study="mine", rehearsal=2000) == []


def test_a_difference_that_the_task_file_tells_is_said_with_its_reason(tmp_path: Path) -> None:
    (note,) = paws(tmp_path / "told", korean=2, study="mine")
    assert (
        "test korean: 2 rows read (xtreme PAWS-X.ko test)" in note
        and "3 published: not comparable: the hub's copy lacks rows" in note
    )
    with pytest.raises(CodeStiltsError, match=r"1 rows read .*, 3 published, 2 expected"):
        paws(tmp_path / "other", korean=1, study="mine")
    assert paws(tmp_path / "drawn", train=5, test=1, study="mine") == []  # counted before any is drawn


def test_sentences_of_treebanks_are_counted(tmp_path: Path) -> None:
    members = {f"ud-treebanks-v2.5/{name}": text for name, text in TREEBANKS.items()}
    members |= {
        f"x/en_ewt-ud-{split}.conllu": TREEBANKS["UD_French-PUD/fr_pud-ud-test.conllu"] for split in ("train", "dev")
    }
    members["x/de_gsd-ud-dev.conllu"] = members["x/en_ewt-ud-dev.conllu"]
    members["x/en_ewt-ud-test.conllu"] = members["x/en_ewt-ud-dev.conllu"]
    inputs = {"ud-treebanks": archive(tmp_path / "ud.zip", members)}
    notes = build(task_file("udpos"), inputs, **SIZES | {"languages": ["english", "german"]})[1]
    told = [note for note in notes if "published" in note]
    assert "task udpos: test german: 3 rows read (ud-treebanks), 22,358 published: not comparable" in told
    assert len(told) == 5


@pytest.mark.parametrize("key", ["published", "incomparable"])
def test_a_task_file_says_who_counted_and_why_it_differs(key: str) -> None:
    config = read_configs([ROOT / "config.yaml"])
    study = load_study(config, ROOT)
    tasks = load_tasks(ROOT / "tasks")
    del tasks["paws-x"][key]
    (problem,) = task_errors(tasks, study.sources, ROOT)
    assert problem.startswith(f"{task_file('paws-x')}: {key}: ")
