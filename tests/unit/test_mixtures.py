"""What arms of the paper study train on, counted: tasks of a mixture, MLM mixed in, languages of translations."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from task_builds import make_settings

from codestilts.config import training_jobs
from codestilts.config.study import Study
from codestilts.config.validation import load_study, read_configs
from codestilts.examples.sampling import sample_rows
from codestilts.training.batching import plan_steps

ROOT = Path(__file__).parents[2]
CAP = 2**17
# Training examples and mean tokens of one: sizes as published (Phang et al. 2020, table 1; CodeXGLUE), lengths made up.
SIZES = {
    "anli-plus": (1_104_934, 40),
    "mnli": (392_702, 40),
    "qqp": (363_846, 30),
    "squad2": (130_319, 200),
    "squad": (87_599, 200),
    "hellaswag": (39_905, 300),
    "ccg": (38_015, 30),
    "cosmosqa": (25_262, 400),
    "commonsenseqa": (9_741, 90),
    "devign": (21_854, 300),
    "bigclonebench": (90_103, 350),
    "poj104": (32_000, 500),
    "advtest": (251_820, 200),
    "cosqa": (20_000, 120),
    "cloze-csn": (500_000, 150),
    "code-to-text": (900_000, 200),
    "concode": (100_000, 120),
    "refinement": (93_360, 100),
    "java-csharp": (10_295, 150),
    "mlm-multilingual": (40_000 * 40, 200),
}


@pytest.fixture(scope="module")
def paper() -> Study:
    files = [ROOT / "config.yaml", ROOT / "studies/paper.yaml"]
    return load_study(read_configs(files), ROOT, files)


def trained(study: Study, arm: str) -> tuple[Counter[str], int]:
    """How many examples of each task an arm's phase 2 trains on, and their tokens, with a tenth of the sets."""
    phase_2 = training_jobs.intermediate_settings(study, "xlm-r-large", arm, "0-1")
    names = list(phase_2.tasks)
    rng = np.random.default_rng(0)
    features = {}
    for name in names:
        size, mean = SIZES[name]
        lengths = rng.integers(mean // 2, mean + mean // 2, size // 10)
        features[name] = lengths
    plan = plan_steps(features, replace(phase_2, steps=6000, cap=CAP // 10), seed=1)
    counts: Counter[str] = Counter()
    tokens = 0
    for step in plan:
        counts[step.task] += len(step.indices)
        tokens += int(features[step.task][step.indices].sum())
    return counts, tokens


@pytest.mark.parametrize("arm", ["english-multi", "code-multi", "all-multi"])
def test_a_mixture_is_proportional_to_examples_up_to_the_cap(paper: Study, arm: str) -> None:
    counts, _ = trained(paper, arm)
    assert set(counts) == set(paper.arms[arm].tasks) and paper.config.intermediate.cap == CAP
    wanted = {name: min(SIZES[name][0], CAP) for name in counts}
    for name, count in counts.items():
        share = wanted[name] / sum(wanted.values())
        assert count / counts.total() == pytest.approx(share, rel=0.06), name


@pytest.mark.parametrize("arm", ["mnli-mlm", "squad-mlm", "hellaswag-mlm"])
def test_mlm_is_one_more_task_of_the_mixture_at_half_the_rate(paper: Study, arm: str) -> None:
    counts, _ = trained(paper, arm)
    task = paper.arms[arm].base
    wanted = min(SIZES[task][0], CAP) / (min(SIZES[task][0], CAP) + CAP)
    assert counts[task] / counts.total() == pytest.approx(wanted, rel=0.06)
    rates = [
        training_jobs.intermediate_settings(paper, "xlm-r-large", name, "0-1").learning_rate for name in (arm, task)
    ]
    assert rates[0] == pytest.approx(rates[1] / 2)


def test_all_arms_read_the_same_number_of_tokens(paper: Study) -> None:
    spent = {
        arm: trained(paper, arm)[1] for arm in ("mnli", "squad", "english-multi", "code-multi", "all-multi", "mnli-mlm")
    }
    assert max(spent.values()) / min(spent.values()) < 1.01


@pytest.mark.parametrize(
    "arm", ["mnli-translated", "squad-translated", "paws-x-translated", "tydiqa-translated", "tpp"]
)
def test_translations_are_of_all_languages_alike(paper: Study, arm: str) -> None:
    (task,) = paper.arms[arm].tasks
    languages = paper.task_languages(task)
    assert len(languages) > 4
    table = pd.DataFrame([(f"{language}{number}", language) for language in languages for number in range(60)])
    table = table.set_axis(["id", "language"], axis=1).assign(split="train", package="x")
    table["cluster"] = table["id"]
    drawn = sample_rows(table, make_settings(task=task, role="intermediate", train=20 * len(languages), dev=1))
    assert set(drawn["language"].value_counts()) == {20} and set(drawn["language"]) == set(languages)


def test_single_translations_are_in_one_language(paper: Study) -> None:
    for arm, language in {"mnli-german": "german", "mnli-russian": "russian", "mnli-swahili": "swahili"}.items():
        (task,) = paper.arms[arm].tasks
        assert paper.task_languages(task) == [language]
