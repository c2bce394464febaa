"""Budgets, determinism, resuming, what a model folder holds, and errors with names."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
import tiny
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from transformers import AutoModel

from codestilts import checkpoints, jobs, models, probing, training
from codestilts.batching import plan_batches, task_schedule
from codestilts.errors import CodeStiltsError
from codestilts.provenance import file_digest
from codestilts.selection import select


def train(folder, tokenizer, kinds=("classification",), seed=0, checkpoint=None, **changes):
    tables = {kind: tiny.examples(kind) for kind in kinds}
    settings = tiny.settings({kind: tiny.task_settings(kind) for kind in kinds}, **changes)
    return training.train(folder, tables, tokenizer, settings, seed, checkpoint)


def weights(trained) -> torch.Tensor:
    return torch.cat([value.flatten() for value in trained.encoder.state_dict().values()])


@given(
    st.dictionaries(st.sampled_from("abcd"), st.lists(st.integers(1, 60), min_size=1, max_size=80), min_size=1),
    st.integers(120, 300),
    st.integers(1, 60),
)
def test_any_mixture_spends_the_same_tokens(lengths, tokens_per_step, steps):
    plan = [sorted(lengths)[step % len(lengths)] for step in range(steps)]
    batches = plan_batches(lengths, plan, tokens_per_step, seed=1)
    assert all(batches)
    spent = [sum(lengths[name][index] for index in batch) for name, batch in zip(plan, batches, strict=True)]
    assert abs(sum(spent) - steps * tokens_per_step) <= 30
    assert abs(np.array(spent) - tokens_per_step).max() <= 60


def test_a_pass_has_every_example_once_and_like_lengths_together():
    lengths = list(range(10, 74))
    batches = plan_batches({"a": lengths}, ["a"] * 20, sum(lengths) // 16, seed=0)
    flat = [index for batch in batches for index in batch]
    assert sorted(flat[:64]) == list(range(64))
    assert np.mean([np.ptp([lengths[index] for index in batch]) for batch in batches]) < np.ptp(lengths) / 3


@given(st.dictionaries(st.sampled_from("abcd"), st.integers(1, 5000), min_size=1), st.integers(1, 200))
def test_the_schedule_is_proportional_up_to_the_cap(sizes, steps):
    plan = task_schedule(sizes, dict.fromkeys(sizes, 10.0), cap=1000, steps=steps, seed=0)
    total = sum(min(size, 1000) for size in sizes.values())
    assert len(plan) == steps
    for name, size in sizes.items():
        assert abs(plan.count(name) - steps * min(size, 1000) / total) < 1


def test_arms_match_in_steps_and_tokens(folder, tokenizer):
    changes = {"steps": 64, "tokens_per_step": 400}
    spent = {
        kinds: train(folder, tokenizer, kinds, phase="intermediate", **changes).record["tokens"]
        for kinds in [("classification",), ("tagging",), ("mlm",), ("classification", "multiple_choice", "retrieval")]
    }
    assert max(spent.values()) / min(spent.values()) < 1.01


def test_same_seed_same_bits_other_seed_other_bits(folder, tokenizer):
    first, again, other = (weights(train(folder, tokenizer, seed=seed)) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_it_learns(folder, tokenizer):
    curve = train(folder, tokenizer, steps=60).curve
    assert curve["loss"].tail(5).mean() < curve["loss"].head(5).mean()
    assert curve["dev"].dropna().iloc[-1] > 0.6


def test_a_resumed_run_ends_with_the_same_bits(folder, tokenizer, tmp_path, monkeypatch):
    whole = train(folder, tokenizer)
    add = checkpoints.Progress.add

    def stop(self, row, done):
        self.rows.append(row)
        if done == 5:
            self.save(done)
            raise KeyboardInterrupt

    monkeypatch.setattr(checkpoints.Progress, "add", stop)
    with pytest.raises(KeyboardInterrupt):
        train(folder, tokenizer, checkpoint=tmp_path / "state")
    monkeypatch.setattr(checkpoints.Progress, "add", add)
    rest = train(folder, tokenizer, checkpoint=tmp_path / "state")
    assert torch.equal(weights(whole), weights(rest))
    assert rest.curve["step"].tolist() == whole.curve["step"].tolist()


def test_progress_is_shown_between_evaluations(folder, tokenizer, monkeypatch, capsys):
    monkeypatch.setattr(training, "SHOWN_EVERY", 0)
    train(folder, tokenizer, steps=4, evaluations=1)
    lines = capsys.readouterr().out.splitlines()
    assert ["step 1/4" in lines[0], "step 4/4" in lines[-1], len(lines)] == [True, True, 4]
    assert "loss" in lines[0] and "dev" not in lines[0] and "dev" in lines[-1]


def test_a_loss_that_is_not_finite_names_job_task_and_step(folder, tokenizer):
    with pytest.raises(CodeStiltsError, match=r"tiny, seed 0: the loss of task classification is nan at step \d+"):
        train(folder, tokenizer, learning_rate=1e30, clip=1e30, steps=30)


def test_an_empty_split_is_named(folder, tokenizer):
    rows = tiny.examples("classification").assign(split="test")
    settings = tiny.settings({"classification": tiny.task_settings("classification")})
    with pytest.raises(CodeStiltsError, match="classification: the train split is empty"):
        training.train(folder, {"classification": rows}, tokenizer, settings, 0)


def test_random_weights_are_not_the_encoder(folder):
    torch.manual_seed(0)
    pretrained, _ = models.load_encoder(folder)
    drawn, _ = models.load_encoder(folder, init="random")
    assert not torch.equal(pretrained.get_input_embeddings().weight, drawn.get_input_embeddings().weight)


def test_weights_of_another_architecture_are_refused(folder, tmp_path):
    broken = tmp_path / "broken"
    broken.mkdir()
    for path in folder.iterdir():
        (broken / path.name).write_bytes(path.read_bytes())
    config = json.loads((broken / "config.json").read_text())
    (broken / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 3}))
    with pytest.raises(CodeStiltsError, match="encoder tensors are missing"):
        models.load_encoder(broken)


@pytest.fixture(scope="module")
def chain(folder, tmp_path_factory):
    """Phase 2, phase 3 and predictions by the functions the scripts call."""
    home = tmp_path_factory.mktemp("chain")
    for kind in ("classification", "tagging", "retrieval"):
        tiny.examples(kind).to_parquet(home / f"{kind}.parquet", index=False)
    first = tiny.settings({"tagging": tiny.task_settings("tagging")}, phase="intermediate")
    jobs.train_batch(folder, None, [home / "tagging.parquet"], first, home / "phase2", home / "work2")
    chosen = {"target": "classification", "source_language": "python", "selection": ["dev", "last", "oracle"]}
    second = tiny.settings({"classification": tiny.task_settings("classification")}, **chosen)
    out = home / "models" / "classification" / "0-1"
    predictions = home / "predictions/classification/0-1.parquet"
    table = home / "classification.parquet"
    jobs.train_batch(folder, home / "phase2", [table], second, out, home / "work3", predictions)
    tasks = {"retrieval": tiny.task_settings("retrieval") | {"trained": False}}
    third = {
        "study": "tiny",
        "encoder": "tiny",
        "arm": "tagging",
        "seeds": [0, 1],
        "layers": [0, 2],
        "precision": "fp32",
        "tf32": False,
    }
    third |= {"init": "pretrained", "tasks": tasks}
    probing.probe_batch(
        folder,
        home / "phase2",
        [home / "retrieval.parquet"],
        third,
        {"retrieval": home / "predictions/retrieval/0-1.parquet"},
        home / "predictions/0-1.run.json",
        home / "predictions/0-1.layers.csv",
    )
    return home


def test_a_model_folder_is_complete_and_anyone_can_load_it(chain):
    model = chain / "models/classification/0-1/1"
    assert {path.name for path in model.iterdir()} == set(models.FILES)
    assert AutoModel.from_pretrained(model).config.hidden_size == 16
    assert not (chain / "work3").exists()


def test_frozen_word_embeddings_are_a_link_to_the_encoders(chain, folder):
    words = chain / "models/classification/0-1/0" / models.EMBEDDINGS
    assert words.is_symlink() and words.resolve() == (folder / models.EMBEDDINGS).resolve()


def test_the_record_tells_the_run(chain):
    record = json.loads((chain / "models/classification/0-1/1/run.json").read_text())
    assert record["seed"] == 1 and record["steps"] == 8 and record["parent"].endswith("phase2/1")
    assert record["tokens"] == record["curve"][-1]["tokens"]
    assert {"device", "processor", "threads", "versions", "data", "code", "parents", "dev"} <= record.keys()


def test_probes_have_a_record_too(chain):
    record = json.loads((chain / "predictions/0-1.run.json").read_text())
    assert record["parents"]["1"] == file_digest(chain / "phase2/1" / models.ENCODER)
    assert {"settings", "data", "code", "versions", "seconds", "peak_memory_mb"} <= record.keys()


def test_the_last_layer_of_the_sweep_is_what_is_predicted(chain):
    sweep = pd.read_csv(chain / "predictions/0-1.layers.csv")
    found = pd.read_parquet(chain / "predictions/retrieval/0-1.parquet")
    assert sorted(set(sweep["layer"])) == [0, 2] and len(sweep) == 4
    for seed, rows in found.groupby("seed"):
        (value,) = sweep.loc[(sweep["seed"] == seed) & (sweep["layer"] == 2), "value"]
        assert value == pytest.approx(rows["score"].mean())


def test_predictions_cover_seeds_checkpoints_and_test_rows_only(chain):
    found = pd.read_parquet(chain / "predictions/classification/0-1.parquet")
    sizes = found.groupby(["checkpoint", "seed"]).size()
    assert sizes.to_dict() == {(kind, seed): 10 for kind in ("dev", "last", "oracle") for seed in (0, 1)}
    assert found["split"].eq("test").all() and set(found.loc[found["checkpoint"] == "last", "step"]) == {8}
    last = found[found["checkpoint"] == "last"]
    scores = last.pivot(index="id", columns="seed", values="score").to_numpy()
    assert not np.array_equal(scores[:, 0], scores[:, 1])


def checks(**dev):
    """Predictions of a step: of ten dev and ten test rows in two languages, so many dev rows right."""
    rows = []
    for language, right in dev.items():
        for split in ("dev", "test"):
            for number in range(10):
                rows.append({"split": split, "language": language, "gold": "a", "prediction": "ab"[number >= right]})
    return pd.DataFrame(rows).assign(id=range(len(rows)))


def test_the_source_languages_dev_selects_and_the_oracle_sees_every_language():
    steps = {2: checks(python=3, go=9), 4: checks(python=8, go=1), 6: checks(python=8, go=5), 8: checks(python=4, go=4)}
    found = select(steps, "accuracy", ["dev", "last", "oracle"], "python")
    picked = found.groupby(["checkpoint", "language"])["step"].agg(set)
    assert picked["dev", "python"] == picked["dev", "go"] == {6}, "among equals the later one"
    assert picked["last", "go"] == {8}
    assert picked["oracle", "go"] == {2} and picked["oracle", "python"] == {6}
    assert found["split"].eq("test").all()


def test_models_that_are_not_kept_leave_predictions_and_records(folder, tmp_path):
    tiny.examples("classification").to_parquet(tmp_path / "classification.parquet", index=False)
    chosen = {"target": "classification", "source_language": "python", "selection": ["last"], "keep_models": False}
    settings = tiny.settings({"classification": tiny.task_settings("classification")}, **chosen)
    files = (tmp_path / "out", tmp_path / "work", tmp_path / "predictions.parquet")
    jobs.train_batch(folder, None, [tmp_path / "classification.parquet"], settings, *files)
    assert {path.name for path in (tmp_path / "out/1").iterdir()} == {"run.json"}
    assert len(pd.read_parquet(tmp_path / "predictions.parquet")) == 20


def test_the_best_learning_rate_of_the_trials_is_taken(folder, tmp_path):
    tiny.examples("classification").to_parquet(tmp_path / "classification.parquet", index=False)
    chosen = {"target": "classification", "source_language": "python", "selection": ["last"], "seeds": [0]}
    settings = tiny.settings({"classification": tiny.task_settings("classification")}, **chosen)
    rates = {"learning_rates": [1e-6, 5e-3, 1e30], "clip": 1e30, "steps": 60}
    out = tmp_path / "trials.json"
    jobs.try_rates(folder, None, tmp_path / "classification.parquet", settings | rates, out)
    trials = json.loads(out.read_text())
    assert [trial["learning_rate"] for trial in trials] == [1e-6, 5e-3, 1e30]
    assert trials[2]["dev"] == -1 and "nan" in trials[2]["error"] and jobs.best_rate(trials) == 5e-3
    files = (tmp_path / "out", tmp_path / "work", tmp_path / "predictions.parquet")
    jobs.train_batch(folder, None, [tmp_path / "classification.parquet"], settings, *files, out)
    assert json.loads((tmp_path / "out/0/run.json").read_text())["settings"]["learning_rate"] == 5e-3


def test_finished_trials_of_a_killed_job_are_kept(folder, tmp_path, monkeypatch):
    tiny.examples("classification").to_parquet(tmp_path / "classification.parquet", index=False)
    chosen = {"target": "classification", "source_language": "python", "seeds": [0], "learning_rates": [1e-4, 1e-3]}
    settings = tiny.settings({"classification": tiny.task_settings("classification")}, **chosen)
    files = (folder, None, tmp_path / "classification.parquet", settings, tmp_path / "trials.json")
    train_one, started = training.train, []

    def stop(parent, tables, tokenizer, settings, *rest):
        started.append(settings["learning_rate"])
        if len(started) == 2:
            raise KeyboardInterrupt
        return train_one(parent, tables, tokenizer, settings, *rest)

    monkeypatch.setattr(training, "train", stop)
    with pytest.raises(KeyboardInterrupt):
        jobs.try_rates(*files)
    assert not (tmp_path / "trials.json").exists()
    jobs.try_rates(*files)
    assert started == [1e-4, 1e-3, 1e-3]
    assert [trial["learning_rate"] for trial in json.loads((tmp_path / "trials.json").read_text())] == [1e-4, 1e-3]
    assert not list(tmp_path.glob(".trials*"))


def test_adapters_train_and_are_merged(folder, tokenizer):
    full, lora = train(folder, tokenizer), train(folder, tokenizer, method="lora")
    start, _ = models.load_encoder(folder)
    assert set(lora.encoder.state_dict()) == set(start.state_dict())
    changed = {
        name
        for name, value in lora.encoder.state_dict().items()
        if "pooler" not in name and not torch.equal(value, start.state_dict()[name])
    }
    assert changed and all(name.endswith(("query.weight", "value.weight")) for name in changed)
    assert not torch.equal(weights(full), weights(lora))


def test_a_published_recipe_is_epochs_of_so_many_examples(folder, tokenizer):
    curve = train(folder, tokenizer, epochs=3, batch_size=4).curve
    assert len(curve) == 15 and curve["examples"].eq(4).all()


@pytest.mark.parametrize(("parent", "trained"), [("first", [0, 1, 1]), ("second", [0, 1, 0, 1])])
def test_finished_seeds_of_a_killed_batch_are_kept_unless_the_parent_changed(
    parent, trained, folder, tmp_path, monkeypatch
):
    tiny.examples("classification").to_parquet(tmp_path / "classification.parquet", index=False)
    settings = tiny.settings({"classification": tiny.task_settings("classification")})
    for name, factor in (("first", 1.0), ("second", 0.5)):
        for seed in ("0", "1"):
            shutil.copytree(folder, tmp_path / name / seed)
            tensors = load_file(folder / models.ENCODER)
            scaled = {key: value * factor for key, value in tensors.items()}
            save_file(scaled, tmp_path / name / seed / models.ENCODER)
    train_one, started = training.train, []

    def stop(parent, tables, tokenizer, settings, seed, *rest):
        started.append(seed)
        if started == [0, 1]:
            raise KeyboardInterrupt
        return train_one(parent, tables, tokenizer, settings, seed, *rest)

    monkeypatch.setattr(training, "train", stop)
    call = ([tmp_path / "classification.parquet"], settings, tmp_path / "out", tmp_path / "work")
    with pytest.raises(KeyboardInterrupt):
        jobs.train_batch(folder, tmp_path / "first", *call)
    assert not (tmp_path / "out").exists()
    jobs.train_batch(folder, tmp_path / parent, *call)
    assert started == trained
    record = json.loads((tmp_path / "out/1/run.json").read_text())
    assert record["parents"]["1"] == file_digest(tmp_path / parent / "1" / models.ENCODER) and record["code"]
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"0", "1"}
