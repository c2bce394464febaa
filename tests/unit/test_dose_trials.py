"""Trials of the intermediate learning rate: what chooses, what does not, and what is forgotten."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tiny
import torch
from safetensors.torch import load_file, save_file
from torch.nn import functional as F
from transformers import AutoModelForMaskedLM

from codestilts.code_digest import stage_digest
from codestilts.config.training_settings import DoseSettings
from codestilts.tasktypes import generation
from codestilts.tasktypes.mlm import collate
from codestilts.training import dose_trials, loop, models
from codestilts.training.dose_trials import DoseJob, mean_of_groups, try_doses
from codestilts.training.held_out_loss import held_out_losses
from codestilts.training.inputs import EncodedTask
from codestilts.training.pretrained import ENCODER, INDEX
from codestilts.training.seed_jobs import best_learning_rate, train_seeds

KINDS = ("tagging", "classification", "retrieval", "mlm")
ROOT = Path(__file__).parents[2]
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def home(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with encoded tasks: one to train before, two targets (one in two languages), texts."""
    home = tmp_path_factory.mktemp("doses")
    for kind in KINDS:
        table = tiny.examples(kind)
        if kind == "classification":
            elsewhere = (table["split"] != "train") & (np.arange(len(table)) % 8 > 3)
            table.loc[elsewhere, "language"] = "go"
        table.to_parquet(home / f"{kind}.parquet", index=False)
        tiny.encode(folder, home, kind)
    return home


def job(folder: Path, home: Path, out: Path, rates: tuple[float, ...] = (1e-4, 5e-3), **changes: Any) -> DoseJob:
    """Trials of an arm that trains tagging, by two targets."""

    def settings(kind: str, **own: Any) -> Any:
        fixed = {"seeds": (0,), "arm": "tagging", "dropout": 0.0, "evaluations": 1}
        return tiny.settings({kind: tiny.task_settings(kind)}, **fixed | own)

    targets = {
        kind: settings(kind, target=kind, source_language="python", selection=("last",), steps=6)
        for kind in ("classification", "retrieval")
    }
    chosen = DoseSettings(
        intermediate=settings("tagging", phase="intermediate", learning_rate=0.0, clip=1e30),
        learning_rates=rates,
        targets=targets,
        groups={kind: kind for kind in targets},
        held_out={"mlm": tiny.task_settings("mlm")},
    )
    encoded = tuple(home / "encoded/tiny" / kind for kind in KINDS)
    return DoseJob(replace(chosen, **changes), folder, encoded, out / "tagging.json", out / "tagging.csv")


def trial(rate: float, dev: float) -> dict[str, float]:
    """A trial as far as the choice reads it."""
    return {"learning_rate": rate, "dev": dev}


@pytest.mark.parametrize(
    ("trials", "chosen"),
    [
        ([trial(1e-5, 0.50), trial(3e-5, 0.60), trial(1e-4, 0.55)], 3e-5),
        ([trial(1e-4, 0.6), trial(1e-5, 0.5), trial(3e-5, 0.6)], 3e-5),
        ([trial(1e-5, 0.0), trial(1e-4, -1.0)], 1e-5),
        ([trial(1e-4, -1.0), trial(1e-5, 0.01)], 1e-5),
        ([trial(1e-4, -1.0), trial(1e-5, -1.0)], 1e-5),
    ],
    ids=["best", "tie", "failed", "failed first", "all failed"],
)
def test_the_best_trial_is_chosen_and_the_smaller_of_equals(trials: list[dict[str, float]], chosen: float) -> None:
    assert best_learning_rate(trials) == chosen


def test_groups_weigh_the_same_however_many_targets_they_have() -> None:
    """(.2 + .4) / 2 = .3 and .9: their mean is .6, that of the targets would be .5."""
    values, groups = {"a": 0.2, "b": 0.4, "c": 0.9}, {"a": "qa", "b": "qa", "c": "retrieval"}
    assert mean_of_groups(values, groups) == pytest.approx(0.6)


@pytest.fixture(scope="module")
def tried(folder: Path, home: Path, tmp_path_factory: pytest.TempPathFactory) -> DoseJob:
    """Finished trials, one of which diverges, without test rows."""
    done = job(folder, home, tmp_path_factory.mktemp("tried"), rates=(1e-4, 5e-3, 1e30))
    try_doses(done)
    return done


def test_a_trial_records_its_dose_and_the_dev_metric_of_each_target(tried: DoseJob) -> None:
    trials = json.loads(tried.out.read_text())
    assert [found["learning_rate"] for found in trials] == [1e-4, 5e-3, 1e30]
    assert [found["dose"] for found in trials[:2]] == pytest.approx([8e-4, 4e-2]), "8 steps"
    for found in trials[:2]:
        assert found["dev"] == pytest.approx(sum(found["targets"].values()) / 2) and not found["error"]
    assert "tests" not in trials[0]
    assert not list(tried.out.parent.glob(".*")), "no model of a trial stays"


def test_one_model_is_in_memory_at_a_time(folder: Path, home: Path, tmp_path: Path, models_left: list[int]) -> None:
    """Two rates, each with intermediate training and two targets: six runs in one process."""
    try_doses(job(folder, home, tmp_path))
    assert models_left == [0] * 6


def test_a_diverged_trial_loses_and_says_why(tried: DoseJob) -> None:
    diverged = json.loads(tried.out.read_text())[2]
    assert diverged["dev"] == -1 and "the loss of task tagging is nan" in diverged["error"]
    table = pd.read_csv(tried.table)
    failed = table[table["measure"] == "failed"]
    assert failed["learning_rate"].tolist() == [1e30] and not failed["chosen"].any()
    chosen = table.loc[table["chosen"], "learning_rate"].unique().tolist()
    assert chosen == [best_learning_rate(json.loads(tried.out.read_text()))]


def test_intermediate_training_takes_the_chosen_rate(tried: DoseJob, folder: Path, home: Path, tmp_path: Path) -> None:
    training = tiny.target_job(folder, home)
    settings = tried.settings.intermediate
    assert settings
    encoded = (home / "encoded/tiny/tagging",)
    train_seeds(
        replace(training, settings=settings, encoded=encoded, out=tmp_path / "out", predictions=None, trials=tried.out)
    )
    record = json.loads((tmp_path / "out/0/run.json").read_text())
    assert record["settings"]["learning_rate"] == best_learning_rate(json.loads(tried.out.read_text()))


def test_only_dev_rows_of_the_source_language_choose(folder: Path, home: Path, tmp_path: Path) -> None:
    """The same trials when all test rows and all rows of another language have other answers, or are predicted."""
    try_doses(job(folder, home, tmp_path / "plain"))
    plain = (tmp_path / "plain/tagging.json").read_bytes()
    try_doses(job(folder, home, tmp_path / "tested", tests=True))
    assert (tmp_path / "tested/tagging.json").read_bytes() == plain
    rows = pd.read_csv(tmp_path / "tested/tagging.csv")
    tests = rows[rows["measure"] == "test"]
    assert set(tests["language"]) == {"python", "go"} and "test" not in set(
        pd.read_csv(tmp_path / "plain/tagging.csv")["measure"]
    )

    changed = tmp_path / "changed"
    changed.mkdir()
    for kind in KINDS:
        table = pd.read_parquet(home / f"{kind}.parquet")
        if kind == "classification":
            others = (table["split"] == "test") | (table["language"] != "python")
            swapped = table["label"].map({"animal": "weather", "weather": "animal"})
            table["label"] = table["label"].where(~others, swapped)
        table.to_parquet(changed / f"{kind}.parquet", index=False)
        tiny.encode(folder, changed, kind)
    try_doses(job(folder, changed, changed / "out", tests=True))
    assert (changed / "out/tagging.json").read_bytes() == plain
    other = pd.read_csv(changed / "out/tagging.csv").query("measure == 'test' and task == 'classification'")
    before = tests.query("task == 'classification'")
    assert other["value"].tolist() == pytest.approx((1 - before["value"]).tolist())


def test_trials_say_how_many_outputs_are_in_the_right_language(
    folder: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of ten test rows in English and of ten in French, all outputs are French; the English ones have no end."""
    rows = tiny.examples("generation", 80)
    rows["output_language"] = rows["language"] = np.where(np.arange(80) % 8 > 3, "french", "english")
    rows.loc[rows["split"] != "test", ["language", "output_language"]] = "english"
    rows.to_parquet(tmp_path / "generation.parquet", index=False)
    encoded = tiny.encode(folder, tmp_path, "generation")
    written = {"prediction": "Le conseil municipal a voté hier le budget de la ville", "score": 0.0}

    def decode(outputs: Any, features: Any, examples: pd.DataFrame, *rest: Any) -> pd.DataFrame:
        answered = examples.assign(gold=examples["reference"], cut=examples["language"] == "english", **written)
        return answered[["gold", "prediction", "score", "cut", "source", "output_language"]]

    monkeypatch.setattr(generation, "decode", decode)
    whole = job(folder, home, tmp_path / "out", tests=True, rates=(0.0,), intermediate=None, held_out={})
    settings = whole.settings.targets["classification"]
    metric = tiny.task_settings("generation", {"metric": "generated_f1"})
    target = replace(settings, target="generation", tasks={"generation": metric}, source_language="english")
    chosen = replace(whole.settings, targets={"generation": target}, groups={"generation": "generation"})
    try_doses(replace(whole, settings=chosen, encoded=(encoded,)))
    table = pd.read_csv(whole.table).query("measure != 'dev'")
    values = table.set_index(["measure", "language"])["value"].to_dict()
    assert values.pop(("test", "english")) == values.pop(("test", "french")) == 0
    assert values == {
        ("right_language", "english"): 0,
        ("right_language", "french"): 1,
        ("other_language", "english"): 1,
        ("other_language", "french"): 0,
        ("cut", "english"): 1,
        ("cut", "french"): 0,
    }


def test_the_arm_none_is_tried_once_without_intermediate_training(folder: Path, home: Path, tmp_path: Path) -> None:
    try_doses(job(folder, home, tmp_path, rates=(0.0,), intermediate=None))
    (found,) = json.loads((tmp_path / "tagging.json").read_text())
    assert (found["learning_rate"], found["steps"], found["dose"]) == (0, 0, 0)
    trained = tiny.target_job(folder, home, seeds=(0,), dropout=0.0, evaluations=1, steps=6)
    train_seeds(replace(trained, out=tmp_path / "out", predictions=None, checkpoints=tmp_path / "work"))
    record = json.loads((tmp_path / "out/0/run.json").read_text())
    assert found["targets"]["classification"] == record["dev"]["classification"], "as the study itself trains it"


def test_finished_parts_of_a_killed_trial_are_kept(
    folder: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    try_doses(job(folder, home, tmp_path / "whole"))
    started = []

    def stop(inputs: Any, *rest: Any) -> Any:
        started.append((inputs.settings.target, inputs.settings.learning_rate))
        if len(started) == 3:
            raise KeyboardInterrupt
        return loop.train(inputs, *rest)

    monkeypatch.setattr(dose_trials, "train", stop)
    killed = job(folder, home, tmp_path / "killed")
    with pytest.raises(KeyboardInterrupt):
        try_doses(killed)
    assert not killed.out.exists()
    code = json.loads((killed.work / "key.json").read_text())["code"]
    assert code == stage_digest(ROOT, "codestilts.training.dose_trials"), "a change of the trials' code repeats them"
    try_doses(killed)
    assert started[:2] == [("", 1e-4), ("classification", 5e-3)]
    assert started[2:] == [("retrieval", 5e-3)] * 2 + [("", 5e-3), ("classification", 5e-3), ("retrieval", 5e-3)]
    assert killed.out.read_bytes() == (tmp_path / "whole/tagging.json").read_bytes()


def texts(home: Path, tokenizer: Any) -> dict[str, EncodedTask]:
    return {"mlm": EncodedTask.load(home / "encoded/tiny/mlm", tiny.task_settings("mlm"), tokenizer)}


def test_the_held_out_loss_is_that_of_transformers(folder: Path, home: Path, tokenizer: Any) -> None:
    found = held_out_losses(folder, folder, texts(home, tokenizer), CPU, "fp32")
    features = texts(home, tokenizer)["mlm"].select(["dev"]).features
    batch = collate(features, tokenizer, np.random.default_rng(0))
    model = AutoModelForMaskedLM.from_pretrained(folder).eval()
    with torch.no_grad():
        logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits
    expected = F.cross_entropy(logits.flatten(0, 1), batch["labels"].flatten())
    assert found["mlm"] == pytest.approx(expected.item(), rel=1e-5)


def test_the_held_out_loss_is_read_by_the_published_head(tried: DoseJob) -> None:
    """Before: the arm none. A larger dose moves the encoder farther from what the head reads."""
    small, large = (found["held_out_loss"]["mlm"] for found in json.loads(tried.out.read_text())[:2])
    assert small != large and small > 0
    table = pd.read_csv(tried.table).query("measure == 'held_out_loss'")
    assert table["value"].tolist()[:2] == pytest.approx([small, large])


def test_an_encoder_without_a_head_has_no_held_out_loss(
    folder: Path, home: Path, tokenizer: Any, tmp_path: Path
) -> None:
    headless = tmp_path / "headless"
    headless.mkdir()
    for path in folder.iterdir():
        (headless / path.name).write_bytes(path.read_bytes())
    tensors = {name: value for name, value in load_file(folder / ENCODER).items() if not name.startswith("cls.")}
    save_file(tensors, headless / ENCODER, metadata={"format": "pt"})
    index = json.loads((folder / INDEX).read_text())
    index["weight_map"] = {name: file for name, file in index["weight_map"].items() if not name.startswith("cls.")}
    (headless / INDEX).write_text(json.dumps(index))
    assert models.load_mlm_head(folder) is not None
    assert held_out_losses(headless, headless, texts(home, tokenizer), CPU, "fp32") == {"mlm": None}
