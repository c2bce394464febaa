"""Tables from the records of training runs."""

import json
from pathlib import Path

import pandas as pd
import pytest
from made_up_results import write_run

from codestilts.config.analysis_settings import ReportedArm
from codestilts.errors import CodeStiltsError
from codestilts.reporting.run_records import budgets, curves_table, learned, runs_table, tried_rates
from codestilts.training.curve import downsample_curve


def test_losses_of_tasks_are_each_compared_with_their_own_start():
    steps = pd.DataFrame({"step": range(1, 101), "task": ["large", "small"] * 50, "tokens": 1, "dev": None})
    losses = [point["loss"] for point in downsample_curve(steps.assign(loss=[10.0, 0.1] * 5 + [5.0, 0.05] * 45))]
    assert losses[0] == pytest.approx(1) and losses[-1] == pytest.approx(0.5)


def test_intermediate_tasks_are_shown_by_kind_of_arm(tmp_path: Path):
    arms = {
        "pos": ReportedArm("english", ("pos",)),
        "both": ReportedArm("english", ("pos", "qa")),
        "shuffled": ReportedArm("english", ("pos", "qa"), shuffle_labels=True),
        "mlm": ReportedArm("english", ("mlm",)),
    }
    dev = {"pos": {"pos": 0.9}, "both": {"pos": 0.6, "qa": 0.5}, "shuffled": {"pos": 0.2, "qa": 0.1}, "mlm": {}}
    paths = [write_run(tmp_path, arm, seed) for arm in arms for seed in (0, 1)]
    for path in paths:
        path.write_text(json.dumps(json.loads(path.read_text()) | {"dev": dev[path.parts[-3]]}))
    table = learned(runs_table(paths), arms)
    assert table.columns.tolist() == ["alone", "among its family", "labels shuffled"]
    assert table.loc["pos"].tolist() == pytest.approx([90, 60, 20])
    assert table.loc["qa"].tolist()[1:] == pytest.approx([50, 10])


def test_budgets_tell_who_is_off(tmp_path: Path):
    paths = [write_run(tmp_path, "a", 0, tokens=99), write_run(tmp_path, "b", 0, tokens=101)]
    table = budgets(runs_table(paths))
    assert table["deviation"].tolist() == pytest.approx([-1, 1])


def test_all_rates_that_were_tried_are_shown_and_not_only_the_best(tmp_path: Path):
    dev = {"a": [0.5, 0.7, -1.0], "b": [0.6, 0.4, 0.2]}  # -1: failed
    paths = [write_run(tmp_path, arm, seed, target="match") for arm in ("a", "b", "fixed") for seed in (0, 1)]
    for path in paths:
        values = dev.get(path.parts[-4], [])
        errors = ["the loss is nan" if value < 0 else None for value in values]
        trials = [
            {"learning_rate": rate, "dev": value, "error": error, "chosen": value == max(values)}
            for rate, value, error in zip((1e-5, 1e-4, 1e-3), values, errors, strict=False)
        ]
        path.write_text(json.dumps(json.loads(path.read_text()) | {"trials": trials}))
    table = tried_rates(runs_table([*paths, write_run(tmp_path, "a", 0)]))
    assert table[["target", "learning_rate", "arms", "chosen", "failed"]].to_numpy().tolist() == [
        ["match", 1e-5, 2, 1, 0], ["match", 1e-4, 2, 1, 0], ["match", 1e-3, 2, 0, 1]
    ]  # fmt: skip
    assert table["dev"].tolist() == pytest.approx([55, 55, 20])
    assert tried_rates(runs_table(paths[4:])).empty and tried_rates(runs_table([])).empty


def test_the_shares_of_trials_are_means_of_arms_by_trained_weights(tmp_path: Path):
    """An adapter's rate is ten times that of its trial. Right are .9 and .5, in another language .1
    and .3, so 20 % are wrong and 10 % unknown; cut are .25 and .75."""
    shares = {"a": (0.9, 0.1, 0.25), "b": (0.5, 0.3, 0.75), "adapted": (0.0, 1.0, 0.5)}
    for arm, (right, other, cut) in shares.items():
        path = write_run(tmp_path, arm, 0, target="describe")
        means = {"test": 0.2, "right_language": right, "other_language": other, "cut": cut}
        trial = {"learning_rate": 1e-4, "dev": 0.5, "error": None, "chosen": True, "zero_shot": means}
        record = json.loads(path.read_text()) | {"trials": [trial]}
        if arm == "adapted":
            record["settings"] = {"learning_rate": 1e-4, "lora": {"learning_rate_factor": 10}}
        path.write_text(json.dumps(record))
    table = tried_rates(runs_table(sorted(tmp_path.rglob("run.json"))))
    assert table[["method", "learning_rate", "arms"]].to_numpy().tolist() == [["full", 1e-4, 2], ["lora", 1e-3, 1]]
    assert table["wrong_language"].tolist() == pytest.approx([20, 100])
    assert table["unknown_language"].tolist() == pytest.approx([10, 0])
    assert table["cut"].tolist() == pytest.approx([50, 50]) and table["quality"].tolist() == pytest.approx([20, 20])


def test_curves_are_thinned_but_keep_their_dev_values(tmp_path: Path):
    table = curves_table([write_run(tmp_path, "a", 0, target="match")])
    assert len(table) == 40
    assert table["step"].iloc[-1] == 100
    assert table["tokens"].iloc[-1] == 100 * 100
    assert table["dev"].dropna().tolist() == [0.5]


def test_a_broken_record_is_named(tmp_path: Path):
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(CodeStiltsError, match=r"run\.json"):
        runs_table([tmp_path / "run.json"])
