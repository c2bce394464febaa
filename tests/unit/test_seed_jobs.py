"""What training jobs leave behind: model folders, records, predictions; trials of learning rates; killed jobs."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
import tiny
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModel

from codestilts.provenance import file_digest
from codestilts.training import checkpoints, frozen_retrieval, loop, models, seed_jobs
from codestilts.training.checkpoint_selection import select


@pytest.fixture(scope="module")
def chain(folder, tmp_path_factory):
    """Phase 2, phase 3 and predictions by the functions the scripts call."""
    home = tmp_path_factory.mktemp("chain")
    for kind in ("classification", "tagging", "retrieval"):
        tiny.examples(kind).to_parquet(home / f"{kind}.parquet", index=False)
    first = tiny.settings({"tagging": tiny.task_settings("tagging")}, phase="intermediate")
    seed_jobs.train_batch(folder, None, [home / "tagging.parquet"], first, home / "phase2", home / "work2")
    chosen = {"target": "classification", "source_language": "python", "selection": ["dev", "last", "oracle"]}
    second = tiny.settings({"classification": tiny.task_settings("classification")}, **chosen)
    out = home / "models" / "classification" / "0-1"
    predictions = home / "predictions/classification/0-1.parquet"
    table = home / "classification.parquet"
    seed_jobs.train_batch(folder, home / "phase2", [table], second, out, home / "work3", predictions)
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
    frozen_retrieval.probe_batch(
        folder,
        home / "phase2",
        [home / "retrieval.parquet"],
        third,
        {"retrieval": home / "predictions/retrieval/0-1.parquet"},
        home / "predictions/0-1.run.json",
        home / "predictions/0-1.layers.csv",
        torch.device("cpu"),
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
    seed_jobs.train_batch(folder, None, [tmp_path / "classification.parquet"], settings, *files)
    assert {path.name for path in (tmp_path / "out/1").iterdir()} == {"run.json"}
    assert len(pd.read_parquet(tmp_path / "predictions.parquet")) == 20


def test_the_best_learning_rate_of_the_trials_is_taken(folder, tmp_path):
    tiny.examples("classification").to_parquet(tmp_path / "classification.parquet", index=False)
    chosen = {"target": "classification", "source_language": "python", "selection": ["last"], "seeds": [0]}
    settings = tiny.settings({"classification": tiny.task_settings("classification")}, **chosen)
    rates = {"learning_rates": [1e-6, 5e-3, 1e30], "clip": 1e30, "steps": 60}
    out = tmp_path / "trials.json"
    seed_jobs.try_rates(folder, None, tmp_path / "classification.parquet", settings | rates, out)
    trials = json.loads(out.read_text())
    assert [trial["learning_rate"] for trial in trials] == [1e-6, 5e-3, 1e30]
    assert trials[2]["dev"] == -1 and "nan" in trials[2]["error"] and seed_jobs.best_rate(trials) == 5e-3
    files = (tmp_path / "out", tmp_path / "work", tmp_path / "predictions.parquet")
    seed_jobs.train_batch(folder, None, [tmp_path / "classification.parquet"], settings, *files, out)
    assert json.loads((tmp_path / "out/0/run.json").read_text())["settings"]["learning_rate"] == 5e-3


def test_finished_trials_of_a_killed_job_are_kept(folder, tmp_path, monkeypatch):
    tiny.examples("classification").to_parquet(tmp_path / "classification.parquet", index=False)
    chosen = {"target": "classification", "source_language": "python", "seeds": [0], "learning_rates": [1e-4, 1e-3]}
    settings = tiny.settings({"classification": tiny.task_settings("classification")}, **chosen)
    files = (folder, None, tmp_path / "classification.parquet", settings, tmp_path / "trials.json")
    train_one, started = loop.train, []

    def stop(parent, tables, tokenizer, settings, *rest):
        started.append(settings["learning_rate"])
        if len(started) == 2:
            raise KeyboardInterrupt
        return train_one(parent, tables, tokenizer, settings, *rest)

    monkeypatch.setattr(loop, "train", stop)
    with pytest.raises(KeyboardInterrupt):
        seed_jobs.try_rates(*files)
    assert not (tmp_path / "trials.json").exists()
    seed_jobs.try_rates(*files)
    assert started == [1e-4, 1e-3, 1e-3]
    assert [trial["learning_rate"] for trial in json.loads((tmp_path / "trials.json").read_text())] == [1e-4, 1e-3]
    assert not list(tmp_path.glob(".trials*"))


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
    train_one, started = loop.train, []

    def stop(parent, tables, tokenizer, settings, seed, *rest):
        started.append(seed)
        if started == [0, 1]:
            raise KeyboardInterrupt
        return train_one(parent, tables, tokenizer, settings, seed, *rest)

    monkeypatch.setattr(loop, "train", stop)
    call = ([tmp_path / "classification.parquet"], settings, tmp_path / "out", tmp_path / "work")
    with pytest.raises(KeyboardInterrupt):
        seed_jobs.train_batch(folder, tmp_path / "first", *call)
    assert not (tmp_path / "out").exists()
    seed_jobs.train_batch(folder, tmp_path / parent, *call)
    assert started == trained
    record = json.loads((tmp_path / "out/1/run.json").read_text())
    assert record["parents"]["1"] == file_digest(tmp_path / parent / "1" / models.ENCODER) and record["code"]
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"0", "1"}


def classification(seeds, **changes):
    """Settings of a target's job."""
    target = {"target": "classification", "source_language": "python", "seeds": seeds, "selection": ["last"]}
    return tiny.settings({"classification": tiny.task_settings("classification")}, **target, **changes)


def test_what_another_process_made_meanwhile_is_taken(folder, tmp_path, monkeypatch, capsys):
    tiny.examples("classification").to_parquet(tmp_path / "classification.parquet", index=False)
    files = (folder, None, [tmp_path / "classification.parquet"])
    out, predictions = tmp_path / "models", tmp_path / "predictions.parquet"
    seed_jobs.train_batch(*files, classification([0, 1]), out, None, predictions)
    before = file_digest(predictions), file_digest(out / "1/run.json")
    monkeypatch.setattr(loop, "train", lambda *_: pytest.fail("trained again"))
    seed_jobs.train_batch(*files, classification([0, 1]), out, None, predictions)
    assert before == (file_digest(predictions), file_digest(out / "1/run.json"))
    assert "done by the job of an earlier run" in capsys.readouterr().out
    monkeypatch.undo()
    seed_jobs.train_batch(*files, classification([0, 1], weight_decay=0.5), out, None, predictions)
    assert before[1] != file_digest(out / "1/run.json"), "other settings make other models"


def test_a_slow_disk_gets_fewer_checkpoints(folder, tokenizer, tmp_path, monkeypatch):
    """They take three per cent of the time of a training at most, however often they are asked for."""
    clock, saved, write, add = [0.0], [], checkpoints.save_file, checkpoints.Progress.add

    def one_second_a_step(self, row, done):
        clock[0] += 1.0
        add(self, row, done)

    def six_tenths_a_write(*about):
        saved.append(clock[0])
        clock[0] += 0.6
        write(*about)

    monkeypatch.setattr(checkpoints.Progress, "add", one_second_a_step)
    monkeypatch.setattr(checkpoints, "save_file", six_tenths_a_write)
    monkeypatch.setattr(checkpoints, "time", type("Clock", (), {"monotonic": lambda: clock[0]}))
    tiny.train(folder, tokenizer, checkpoint=tmp_path / "state", steps=100, checkpoint_minutes=0)
    assert len(saved) >= 4 and all(0.6 / gap <= 0.03 for gap in np.diff(saved))
