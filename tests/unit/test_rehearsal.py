"""A rehearsal uses what a hub has, covers what it can, and names what it leaves out."""

import itertools
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codestilts.config.study import Study
from codestilts.config.validation import load_study, read_configs
from codestilts.examples.readers.repository import Repository
from codestilts.workflow.rehearsal import Gaps, covering_runs, find_available, make_rehearsal
from codestilts.workflow.rehearsal_coverage import coverage_text

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


def rehearse(study: Study, missing: set[str] = frozenset(), languages: set[str] | None = None):
    """The rehearsal with such a hub: its overlay, and what it leaves out or replaces."""
    made = make_rehearsal(study, find_available(study, hub(study, missing, languages)))
    return made.overlay, made.gaps


@pytest.fixture(scope="module")
def complete(paper: Study):
    return rehearse(paper)


def test_with_a_complete_hub_nothing_is_left_out(paper: Study, complete) -> None:
    overlay, gaps = complete
    assert overlay["arms"] == list(paper.arms) and overlay["targets"] == paper.targets
    assert not gaps.arms and not gaps.substitutes and not gaps.arm_substitutes


def test_targets_of_archives_are_replaced_by_their_substitutes(paper: Study) -> None:
    overlay, gaps = rehearse(paper, {name for name, source in paper.sources.items() if source.kind == "url"})
    assert gaps.substitutes == {"bucc": "bucc-gold", "udpos": "udpos-hub"}
    assert overlay["targets"] == [gaps.substitutes.get(name, name) for name in paper.targets]
    assert "bucc-" in gaps.tasks["bucc"]


def test_every_encoder_arm_and_target_is_covered(paper: Study, complete) -> None:
    overlay, _ = complete
    for key, wanted in (("encoders", paper.encoders), ("arms", list(paper.arms)), ("targets", paper.trained_targets)):
        assert {name for block in overlay["grid"] for name in block.get(key, [])} == set(wanted)
    assert len(overlay["grid"]) < 2 * len(paper.arms)


def test_rates_are_tried_on_the_studys_own_trial_targets(paper: Study, complete) -> None:
    wanted = set(paper.config.intermediate.trial_targets)
    for overlay, now_wanted in (complete[0], wanted), (rehearse(paper, {"ud-treebanks"})[0], wanted | {"udpos-hub"}):
        tried = overlay["intermediate"]["trial_targets"]
        for encoder in paper.encoders:
            own = {name for block in overlay["grid"] if encoder in block["encoders"] for name in block["targets"]}
            assert own & set(tried) if not own & now_wanted else own & now_wanted <= set(tried)
        assert len(set(tried) - now_wanted) <= len(paper.encoders)
        assert len(tried) < len(paper.trained_targets) and set(tried) <= set(overlay["targets"])
    assert "udpos-hub" in tried and "udpos" not in tried


def test_without_trial_targets_all_targets_are_tried(paper: Study) -> None:
    merged = read_configs(FILES)
    study = load_study(merged | {"intermediate": merged["intermediate"] | {"trial_targets": []}}, ROOT)
    assert rehearse(study)[0]["intermediate"]["trial_targets"] == []


def test_the_lab_study_is_rehearsed_whole() -> None:
    files = [ROOT / "config.yaml", ROOT / "studies/lab.yaml"]
    lab = load_study(read_configs(files), ROOT, files)
    overlay, gaps = rehearse(lab)
    assert not gaps.tasks and not gaps.arms
    assert (overlay["arms"], overlay["targets"]) == (list(lab.arms), lab.targets)


def test_the_overlay_is_a_valid_study(paper: Study) -> None:
    merged = read_configs(FILES)
    overlay, _ = rehearse(paper, {"ccg", "wikipedia"})
    definitions = merged["definitions"] | overlay["definitions"] | {"encoders": merged["definitions"]["encoders"]}
    budgets = {phase: merged[phase] | overlay[phase] for phase in ("intermediate", "target")}
    study = load_study(merged | overlay | budgets | {"definitions": definitions}, ROOT)
    assert study.config.rehearsal and study.config.seeds == [0] and study.runs
    assert study.arms["ccg"].tasks == ["supertags"] and "mlm-xtreme" in study.arms["mnli-mlm"].tasks


def test_a_substitute_takes_part_in_the_grid(paper: Study) -> None:
    overlay, gaps = rehearse(paper, {"ud-treebanks"})
    assert overlay["targets"] == ["udpos-hub" if name == "udpos" else name for name in paper.targets]
    assert any("udpos-hub" in block["targets"] for block in overlay["grid"])
    assert not any("udpos" in block["targets"] for block in overlay["grid"])
    assert gaps.substitutes == {"udpos": "udpos-hub"} and "ud-treebanks" in gaps.tasks["udpos"]
    assert "thai" in overlay["data"]["tasks"]["udpos-hub"]["languages"]  # which has no dev rows
    _, without = rehearse(paper, {"ud-treebanks", "xtreme"})
    assert not without.substitutes and {"udpos", "udpos-hub"} <= without.tasks.keys()


def test_without_functions_no_target_is_built_from_them(paper: Study) -> None:
    overlay, gaps = rehearse(paper, {"code-search-net"})
    assert "tags" not in overlay["targets"] and "functions" in gaps.tasks["tags"]


def test_unavailable_tasks_are_left_out_with_a_reason(paper: Study) -> None:
    languages = {"english", "german", "python", "go", "java", "csharp", "c", "cpp"}
    overlay, gaps = rehearse(paper, {"xcodeeval", "poj104"}, languages)
    assert "topics" not in overlay["targets"] and "xcodeeval" in gaps.tasks["topics"]
    assert "poj104" not in overlay["arms"] and "poj104" in gaps.arms["poj104"]
    assert gaps.arm_substitutes["code-multi"]["poj104"] is None
    assert set(overlay["data"]["tasks"]["xquad"]["languages"]) == {"english", "german"}
    own = overlay["data"]["tasks"]["xquad-generated"]  # the study's sizes for it would otherwise stay
    assert own == {"languages": ["english", "german"], "test": 6, "test_source": 6}


@given(
    st.lists(st.tuples(*[st.sampled_from("abcd")] * 3), min_size=1, max_size=40, unique=True), st.sampled_from([1, 2])
)
def test_covering_runs_have_every_value_or_pair_of_all_runs(runs, strength) -> None:
    def combinations(chosen):
        return {part for run in chosen for part in itertools.combinations(enumerate(run), strength)}

    chosen = covering_runs(runs, strength)
    assert combinations(chosen) == combinations(runs) and set(chosen) <= set(runs) and len(chosen) == len(set(chosen))


def test_coverage_counts_what_was_covered_and_gives_reasons(paper: Study) -> None:
    rows = [("xlm-r-large", "none", "xnli", "german"), ("codebert", "mnli", "bugs", "go")]
    scores = pd.DataFrame(rows, columns=["encoder", "arm", "target", "language"]).assign(family="english")
    gaps = Gaps(
        {"topics": "no rows", "bucc": "no archive"}, {}, {"bucc": "bucc-gold"}, {"mnli-mlm": {"a": "b", "c": None}}
    )
    lines = coverage_text(paper, paper, scores, gaps).splitlines()
    assert "encoders: 2 of 7" in lines and "  not topics: no rows" in lines
    assert "  not bucc: replaced by bucc-gold" in lines
    assert any(line.startswith("languages of xnli: 1 of 15, not ") for line in lines)
    assert f"pairs encoder x arm: 2 of {len({run[:2] for run in paper.runs})}" in lines
    assert any("mnli-mlm" in line and "with b for a" in line and "without c" in line for line in lines)
