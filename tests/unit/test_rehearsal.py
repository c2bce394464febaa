"""A rehearsal takes what a hub has, covers what it can, and says what it could not."""

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codestilts.config.study import Study
from codestilts.config.validation import load_study, read_configs
from codestilts.examples.readers.repository import Repository
from codestilts.workflow.rehearsal import _cover, available, coverage, overlay

ROOT = Path(__file__).parents[2]
FILES = [ROOT / "config.yaml", ROOT / "studies/paper.yaml"]


@pytest.fixture(scope="module")
def paper() -> Study:
    return load_study(read_configs(FILES), ROOT, FILES)


def hub(study: Study, missing: set[str] = frozenset(), languages: set[str] | None = None):
    """A hub with every table that the study's tasks name, but not the ``missing`` sources or other languages."""

    def lookup(source: str) -> Repository | None:
        if source in missing:
            return None
        names = []
        for task in study.tasks.values():
            for entry in task.read:
                if entry.source == source:
                    for language in task.languages:
                        if languages is None or language in languages:
                            code = str(task.codes.get(language, language))
                            config = (entry.config or "default").replace("{code}", code)
                            split = entry.split or entry.as_
                            pattern = (entry.files or "").replace("{code}", code).replace("[!{]", "x")
                            names += [f"{config}/{split}-00000-of-00001.parquet", pattern.replace("*", "0")]
        return Repository(names, "", source)

    return lookup


def test_a_hub_that_has_everything_leaves_nothing_out(paper: Study) -> None:
    found = available(paper, hub(paper))
    made = overlay(paper, found)
    assert made["arms"] == list(paper.arms) and made["targets"] == paper.targets
    assert not [reason for reason in found.reasons.values() if reason.startswith("rehearsed")]


def test_a_target_of_an_archive_is_rehearsed_with_the_one_that_stands_in_for_it(paper: Study) -> None:
    archives = {name for name, source in paper.sources.items() if source.kind == "url"}
    found = available(paper, hub(paper, archives))
    made = overlay(paper, found)
    stands = {"bucc": "bucc-gold", "udpos": "udpos-hub"}
    assert made["targets"] == [stands.get(name, name) for name in paper.targets]
    assert found.reasons["bucc"].startswith("rehearsed with bucc-gold: there is no source bucc-")


def test_every_encoder_arm_and_target_is_covered(paper: Study) -> None:
    made = overlay(paper, available(paper, hub(paper)))
    for key, wanted in (("encoders", paper.encoders), ("arms", list(paper.arms)), ("targets", paper.trained_targets)):
        assert {name for block in made["grid"] for name in block.get(key, [])} == set(wanted)
    assert len(made["grid"]) < 2 * len(paper.arms)


def test_the_overlay_makes_a_valid_study_without_unpinned_sources_in_the_way(paper: Study, tmp_path: Path) -> None:
    merged = read_configs(FILES)
    made = overlay(paper, available(paper, hub(paper, {"ccg", "wikipedia"})))
    study = load_study(
        merged
        | made
        | {
            "definitions": merged["definitions"]
            | made["definitions"]
            | {"encoders": merged["definitions"]["encoders"]},
            "target": merged["target"] | made["target"],
            "intermediate": merged["intermediate"] | made["intermediate"],
        },
        ROOT,
    )
    assert study.config.rehearsal and study.config.seeds == [0] and study.runs
    assert study.arms["ccg"].tasks == ["supertags"] and "mlm-xtreme" in study.arms["mnli-mlm"].tasks


def test_a_target_is_rehearsed_with_the_one_that_stands_in_for_it(paper: Study) -> None:
    found = available(paper, hub(paper, {"ud-treebanks"}))
    made = overlay(paper, found)
    assert made["targets"] == ["udpos-hub" if name == "udpos" else name for name in paper.targets]
    assert any("udpos-hub" in block["targets"] for block in made["grid"])
    assert not any("udpos" in block["targets"] for block in made["grid"])
    assert found.reasons["udpos"] == "rehearsed with udpos-hub: there is no source ud-treebanks"
    assert "thai" in made["data"]["tasks"]["udpos-hub"]["languages"]  # which has no dev rows
    missing = available(paper, hub(paper, {"ud-treebanks", "xtreme"}))
    assert "udpos" in missing.reasons and "udpos-hub" in missing.reasons


def test_without_functions_there_are_no_targets_made_of_them(paper: Study) -> None:
    found = available(paper, hub(paper, {"code-search-net"}))
    assert "tags" not in overlay(paper, found)["targets"] and "functions" in found.reasons["tags"]


def test_what_is_missing_is_left_out_with_a_reason(paper: Study) -> None:
    found = available(
        paper, hub(paper, {"xcodeeval", "poj104"}, {"english", "german", "python", "go", "java", "csharp", "c", "cpp"})
    )
    made = overlay(paper, found)
    assert "topics" not in made["targets"] and "there is no source xcodeeval" in found.reasons["topics"]
    assert "poj104" not in made["arms"] and "without poj104" in found.reasons["arm code-multi"]
    assert set(found.languages["xquad"]) == {"english", "german"}


@given(
    st.lists(st.tuples(*[st.sampled_from("abcd")] * 3), min_size=1, max_size=40, unique=True), st.sampled_from([1, 2])
)
def test_a_cover_has_every_value_or_pair_of_the_runs(runs, strength) -> None:
    import itertools

    def parts(chosen):
        return {part for run in chosen for part in itertools.combinations(enumerate(run), strength)}

    chosen = _cover(runs, strength)
    assert parts(chosen) == parts(runs) and set(chosen) <= set(runs) and len(chosen) == len(set(chosen))


def test_coverage_names_what_was_not_covered(paper: Study) -> None:
    rows = [("xlm-r-large", "none", "xnli", "german"), ("codebert", "mnli", "bugs", "go")]
    scores = pd.DataFrame(rows, columns=["encoder", "arm", "target", "language"])
    lines = coverage(paper, paper, scores, {"topics": "there is no source xcodeeval"})
    assert "encoders: 2 of 7" in lines and "  not topics: there is no source xcodeeval" in lines
    assert any(line.startswith("languages of xnli: 1 of 15, not ") for line in lines)
    assert "pairs encoder x arm: 2 of" in "\n".join(lines)
