"""What training jobs leave behind: model folders, records, predictions; trials of learning rates; killed jobs."""

import json
import os
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import tiny
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModel

from codestilts.config.training_settings import TuningSettings
from codestilts.provenance import file_digest
from codestilts.training import checkpoints, frozen_retrieval, loop, models, seed_jobs
from codestilts.training.checkpoint_selection import select
from codestilts.training.checkpoints import TrainingState
from codestilts.training.seed_jobs import TrainingJob, TuningJob


@pytest.fixture(scope="module")
def chain(folder, tmp_path_factory):
    """Both phases and frozen retrieval, by the functions that the scripts call."""
    home = tmp_path_factory.mktemp("chain")
    for kind in ("classification", "tagging", "retrieval"):
        tiny.examples(kind).to_parquet(home / f"{kind}.parquet", index=False)
    intermediate = TrainingJob(
        settings=tiny.settings({"tagging": tiny.task_settings("tagging")}, phase="intermediate"),
        encoder=folder,
        encoded=(tiny.encode(folder, home, "tagging"),),
        out=home / "intermediate",
    )
    seed_jobs.train_seeds(intermediate)
    job = tiny.target_job(folder, home, home / "intermediate", selection=("dev", "last", "oracle"))
    seed_jobs.train_seeds(job)
    tasks = {"retrieval": tiny.task_settings("retrieval")}
    retrieval = frozen_retrieval.RetrievalJob(
        settings=tiny.retrieval_settings(tasks, arm="tagging", seeds=(0, 1), layers=(0, 2)),
        encoder=folder,
        parent=home / "intermediate",
        predictions={tiny.encode(folder, home, "retrieval"): home / "predictions/retrieval/0-1.parquet"},
        record=home / "predictions/0-1.run.json",
        sweep=home / "predictions/0-1.layers.csv",
    )
    frozen_retrieval.predict_targets(retrieval, torch.device("cpu"))
    return home


def test_a_model_folder_is_complete_and_anyone_can_load_it(chain):
    model = chain / "out/1"
    assert {path.name for path in model.iterdir()} == set(models.FILES)
    assert AutoModel.from_pretrained(model).config.hidden_size == 16
    assert not (chain / "work").exists()


def test_frozen_word_embeddings_are_a_link_to_the_encoders(chain, folder):
    words = chain / "out/0" / models.EMBEDDINGS
    assert words.is_symlink() and words.resolve() == (folder / models.EMBEDDINGS).resolve()


def test_the_record_tells_the_run(chain):
    record = json.loads((chain / "out/1/run.json").read_text())
    assert record["seed"] == 1 and record["steps"] == 8 and record["parent"].endswith("intermediate/1")
    assert record["tokens"] == record["curve"][-1]["tokens"]
    assert {"device", "processor", "threads", "versions", "data", "code", "parents", "dev"} <= record.keys()


def test_frozen_retrieval_has_a_record_too(chain):
    record = json.loads((chain / "predictions/0-1.run.json").read_text())
    assert record["parents"]["1"] == file_digest(chain / "intermediate/1" / models.ENCODER)
    assert {"settings", "data", "code", "versions", "seconds", "peak_memory_mb"} <= record.keys()


def test_the_last_layer_of_the_sweep_is_what_is_predicted(chain):
    sweep = pd.read_csv(chain / "predictions/0-1.layers.csv")
    found = pd.read_parquet(chain / "predictions/retrieval/0-1.parquet")
    assert sorted(set(sweep["layer"])) == [0, 2] and len(sweep) == 4
    for seed, rows in found.groupby("seed"):
        (value,) = sweep.loc[(sweep["seed"] == seed) & (sweep["layer"] == 2), "value"]
        assert value == pytest.approx(rows["score"].mean())


def test_predictions_cover_seeds_checkpoints_and_test_rows_only(chain):
    found = pd.read_parquet(chain / "predictions.parquet")
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


@pytest.fixture
def home(tmp_path):
    """A folder with a table of examples."""
    tiny.examples("classification").to_parquet(tmp_path / "classification.parquet", index=False)
    return tmp_path


def tuning_job(encoder, home, rates, **changes):
    """Trials of learning rates with the first seed."""
    training = tiny.target_job(encoder, home, seeds=(0,), learning_rate=0.0, **changes).settings
    settings = TuningSettings(training, tuple(rates))
    return TuningJob(settings, encoder, [tiny.encode(encoder, home, "classification")], home / "trials.json")


def test_models_that_are_not_kept_leave_predictions_and_records(folder, home):
    seed_jobs.train_seeds(tiny.target_job(folder, home, keep_models=False))
    assert {path.name for path in (home / "out/1").iterdir()} == {"run.json"}
    assert len(pd.read_parquet(home / "predictions.parquet")) == 20


def test_records_stay_without_the_models(folder, home):
    job = replace(tiny.target_job(folder, home), records=home / "records")
    seed_jobs.train_seeds(job)
    for seed in ("0", "1"):
        assert (home / "records" / seed / "run.json").read_bytes() == (home / "out" / seed / "run.json").read_bytes()
    assert {path.name for path in (home / "records/1").iterdir()} == {"run.json"}


@pytest.mark.parametrize(("precision", "error"), [("bf16", 2**-8), ("fp16", 2**-11)])
def test_weights_in_16_bits_take_half_the_space_and_are_rounded(precision, error, folder, home):
    """Relative errors of rounding are half a unit in the last of 8 or 11 significant bits."""
    whole = tiny.target_job(folder, home)
    seed_jobs.train_seeds(whole)
    half = replace(
        tiny.target_job(folder, home, store_precision=precision), out=home / "half", predictions=home / "half.parquet"
    )
    seed_jobs.train_seeds(half)
    pd.testing.assert_frame_equal(pd.read_parquet(whole.predictions), pd.read_parquet(half.predictions))
    for name in (models.ENCODER, models.HEAD):
        exact, rounded = load_file(home / "out/0" / name), load_file(home / "half/0" / name)
        for key, value in exact.items():
            assert rounded[key].dtype == models.DTYPES[precision]
            assert torch.allclose(rounded[key].float(), value, rtol=error, atol=2**-24)  # the smallest number of fp16
    assert (home / "half/0" / models.EMBEDDINGS).is_symlink(), "they are the encoder's, in fp32"
    encoder, _ = models.load_encoder(home / "half/0")
    assert {value.dtype for value in encoder.parameters()} == {torch.float32}
    child = replace(
        tiny.target_job(folder, home, home / "half"), out=home / "child", predictions=home / "child.parquet"
    )
    seed_jobs.train_seeds(child)
    assert (home / "child/0" / models.EMBEDDINGS).resolve() == (folder / models.EMBEDDINGS).resolve()


def test_trained_word_embeddings_in_16_bits_are_read_by_a_child_that_freezes_them(folder, home):
    parent = tiny.target_job(folder, home, store_precision="bf16", freeze_embeddings=False)
    seed_jobs.train_seeds(parent)
    assert not (home / "out/0" / models.EMBEDDINGS).is_symlink()
    child = replace(tiny.target_job(folder, home, home / "out"), out=home / "child", predictions=home / "child.parquet")
    seed_jobs.train_seeds(child)
    assert (home / "child/0" / models.EMBEDDINGS).resolve() == (home / "out/0" / models.EMBEDDINGS).resolve()


def test_the_best_learning_rate_of_the_trials_is_taken(folder, home):
    seed_jobs.try_learning_rates(tuning_job(folder, home, [1e-6, 5e-3, 1e30], clip=1e30, steps=200))
    trials = json.loads((home / "trials.json").read_text())
    assert [trial["learning_rate"] for trial in trials] == [1e-6, 5e-3, 1e30]
    assert trials[2]["dev"] == -1 and "nan" in trials[2]["error"] and seed_jobs.best_learning_rate(trials) == 5e-3
    assert trials[1]["settings"]["learning_rate"] == 5e-3
    job = tiny.target_job(folder, home, seeds=(0,), learning_rate=0.0, trial_factor=3.0)
    seed_jobs.train_seeds(replace(job, trials=home / "trials.json"))
    record = json.loads((home / "out/0/run.json").read_text())
    assert record["settings"]["learning_rate"] == pytest.approx(1.5e-2)
    assert [(trial["learning_rate"], trial["chosen"]) for trial in record["trials"]] == [
        (1e-6, False), (5e-3, True), (1e30, False)
    ]  # fmt: skip
    assert [trial["dev"] for trial in record["trials"]] == [trial["dev"] for trial in trials]


def test_only_dev_rows_of_the_source_language_choose_the_rate(folder, home):
    """With and without test rows, and with all test rows and all rows of another language answered otherwise."""
    file, found = home / "classification.parquet", {}
    table = pd.read_parquet(file)
    table.loc[(table["split"] != "train") & (np.arange(len(table)) % 8 > 3), "language"] = "go"
    others = (table["split"] == "test") | (table["language"] != "python")
    swapped = table["label"].map({"animal": "weather", "weather": "animal"})
    changed = table.assign(label=table["label"].where(~others, swapped))
    for name, rows, tests in (("plain", table, False), ("tested", table, True), ("changed", changed, True)):
        rows.to_parquet(file, index=False)
        job = tuning_job(folder, home, [1e-5, 5e-3], dropout=0.0)
        seed_jobs.try_learning_rates(replace(job, settings=replace(job.settings, tests=tests)))
        found[name] = json.loads(job.out.read_text())
    for trials in found.values():
        assert [trial["dev"] for trial in trials] == [trial["dev"] for trial in found["plain"]]
        assert seed_jobs.best_learning_rate(trials) == seed_jobs.best_learning_rate(found["plain"])
    assert "tests" not in found["plain"][0] and "zero_shot" not in seed_jobs.summary_of_trials(found["plain"])[0]
    for before, after in zip(found["tested"], found["changed"], strict=True):
        assert [(row["measure"], row["language"]) for row in before["tests"]] == [("test", "go"), ("test", "python")]
        assert before["zero_shot"] == {"test": before["tests"][0]["value"]}
        assert after["zero_shot"]["test"] == pytest.approx(1 - before["zero_shot"]["test"])
    best = [{**trial, "zero_shot": {"test": 1 - trial["zero_shot"]["test"]}} for trial in found["tested"]]
    assert seed_jobs.best_learning_rate(best) == seed_jobs.best_learning_rate(found["plain"])
    kept = seed_jobs.summary_of_trials(found["tested"])
    assert [trial["zero_shot"] for trial in kept] == [trial["zero_shot"] for trial in found["tested"]]


def test_the_model_of_a_finished_run_leaves_memory_before_the_next(folder, home, models_left):
    seed_jobs.try_learning_rates(tuning_job(folder, home, [1e-4, 5e-3, 1e30], clip=1e30))
    seed_jobs.train_seeds(tiny.target_job(folder, home, seeds=(0, 1, 2)))
    assert models_left == [0] * 6


def test_finished_trials_of_a_killed_job_are_kept(folder, home, monkeypatch):
    job = tuning_job(folder, home, [1e-4, 1e-3])
    started = []

    def stop(inputs, *rest):
        started.append(inputs.settings.learning_rate)
        if len(started) == 2:
            raise KeyboardInterrupt
        return loop.train(inputs, *rest)

    monkeypatch.setattr(seed_jobs, "train", stop)
    with pytest.raises(KeyboardInterrupt):
        seed_jobs.try_learning_rates(job)
    assert not job.out.exists()
    seed_jobs.try_learning_rates(job)
    assert started == [1e-4, 1e-3, 1e-3]
    assert [trial["learning_rate"] for trial in json.loads(job.out.read_text())] == [1e-4, 1e-3]
    assert not list(home.glob(".trials*"))


@pytest.mark.parametrize(("parent", "trained"), [("first", [0, 1, 1]), ("second", [0, 1, 0, 1])])
def test_finished_seeds_of_a_killed_batch_are_kept_unless_the_parent_changed(
    parent, trained, folder, home, monkeypatch
):
    for name, factor in (("first", 1.0), ("second", 0.5)):
        for seed in ("0", "1"):
            shutil.copytree(folder, home / name / seed)
            tensors = load_file(folder / models.ENCODER)
            scaled = {key: value * factor for key, value in tensors.items()}
            save_file(scaled, home / name / seed / models.ENCODER)
    started = []

    def stop(inputs, seed, *rest):
        started.append(seed)
        if started == [0, 1]:
            raise KeyboardInterrupt
        return loop.train(inputs, seed, *rest)

    monkeypatch.setattr(seed_jobs, "train", stop)
    with pytest.raises(KeyboardInterrupt):
        seed_jobs.train_seeds(tiny.target_job(folder, home, home / "first"))
    assert not (home / "out").exists()
    seed_jobs.train_seeds(tiny.target_job(folder, home, home / parent))
    assert started == trained
    record = json.loads((home / "out/1/run.json").read_text())
    assert record["parents"]["1"] == file_digest(home / parent / "1" / models.ENCODER) and record["code"]
    assert {path.name for path in (home / "out").iterdir()} == {"0", "1"}


@pytest.mark.parametrize("moved", [0, 1, 2])
def test_a_kill_while_models_are_published_leaves_no_half_model(moved, folder, home, monkeypatch):
    """Before the job runs again, Snakemake deletes the outputs of one that did not finish."""
    job = tiny.target_job(folder, home)
    seed_jobs.train_seeds(job)
    whole = pd.read_parquet(job.predictions)
    shutil.rmtree(job.out)
    move, remove, done = shutil.move, shutil.rmtree, []

    def killed_move(*paths):
        if len(done) == moved:
            raise KeyboardInterrupt
        done.append(move(*paths))

    def killed_removal(path, **options):
        if path == job.work and done:  # a part of a seed on another disk, say, is still there
            (job.work / "0").mkdir()
            shutil.copyfile(job.out / "0/run.json", job.work / "0/run.json")
            raise KeyboardInterrupt
        remove(path, **options)

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "move", killed_move)
        patch.setattr(shutil, "rmtree", killed_removal)
        with pytest.raises(KeyboardInterrupt):
            seed_jobs.train_seeds(job)
    assert len(done) == moved and job.work.exists()
    shutil.rmtree(job.out, ignore_errors=True)
    seed_jobs.train_seeds(job)
    for seed in ("0", "1"):
        assert {path.name for path in (job.out / seed).iterdir()} == set(models.FILES)
        AutoModel.from_pretrained(job.out / seed)
    pd.testing.assert_frame_equal(pd.read_parquet(job.predictions), whole)
    assert not job.work.exists()


@pytest.mark.parametrize("file", ["state.safetensors", "state.json", "2.parquet"])
def test_a_damaged_checkpoint_is_named_and_the_run_starts_again(file, folder, home, capsys):
    job = tiny.target_job(folder, home, seeds=(0,), selection=("dev", "last"), evaluations=4)
    seed_jobs.train_seeds(job)
    whole = pd.read_parquet(job.predictions)
    shutil.rmtree(job.out)
    with tiny.killed_after(5):
        seed_jobs.train_seeds(job)
    path = job.work / "0.state" / file
    path.write_bytes(path.read_bytes()[:-9])
    seed_jobs.train_seeds(job)
    assert f"{file}: " in capsys.readouterr().out
    pd.testing.assert_frame_equal(pd.read_parquet(job.predictions), whole)


def test_others_may_read_weights_as_the_umask_says(folder, home):
    before = os.umask(0o027)
    try:
        seed_jobs.train_seeds(tiny.target_job(folder, home))
    finally:
        os.umask(before)
    modes = {path.name: path.stat().st_mode & 0o777 for path in (home / "out/0").iterdir() if not path.is_symlink()}
    assert set(modes.values()) == {0o640}, modes


def test_what_another_process_made_meanwhile_is_taken(folder, home, monkeypatch, capsys):
    job = tiny.target_job(folder, home)
    seed_jobs.train_seeds(job)
    before = file_digest(job.predictions), file_digest(home / "out/1/run.json")
    monkeypatch.setattr(seed_jobs, "train", lambda *_: pytest.fail("trained again"))
    seed_jobs.train_seeds(job)
    assert before == (file_digest(job.predictions), file_digest(home / "out/1/run.json"))
    assert "earlier run" in capsys.readouterr().out
    monkeypatch.undo()
    seed_jobs.train_seeds(tiny.target_job(folder, home, weight_decay=0.5))
    assert before[1] != file_digest(home / "out/1/run.json"), "other settings make other models"


@pytest.mark.parametrize("selection", [("last",), ("dev", "last", "oracle")])
def test_a_resumed_run_has_the_predictions_of_a_whole_one(selection, folder, home):
    """Those of evaluations before the kill come out of the checkpoint."""
    job = tiny.target_job(folder, home, seeds=(0,), selection=selection, evaluations=4)
    seed_jobs.train_seeds(job)
    whole = pd.read_parquet(job.predictions)
    shutil.rmtree(job.out)
    with tiny.killed_after(5):
        seed_jobs.train_seeds(job)
    seed_jobs.train_seeds(job)
    pd.testing.assert_frame_equal(pd.read_parquet(job.predictions), whole)


def test_a_slow_disk_gets_fewer_checkpoints(folder, tokenizer, tmp_path, monkeypatch):
    """They take three per cent of the time of a training at most, however often they are asked for."""
    clock, saved, write, add = [0.0], [], checkpoints.save_file, TrainingState.add

    def one_second_a_step(self, record):
        clock[0] += 1.0
        add(self, record)

    def six_tenths_a_write(*about):
        saved.append(clock[0])
        clock[0] += 0.6
        write(*about)

    monkeypatch.setattr(TrainingState, "add", one_second_a_step)
    monkeypatch.setattr(checkpoints, "save_file", six_tenths_a_write)
    monkeypatch.setattr(checkpoints, "time", type("Clock", (), {"monotonic": lambda: clock[0]}))
    tiny.train(folder, tokenizer, checkpoint=tmp_path / "state", steps=100, checkpoint_minutes=0)
    assert len(saved) >= 4 and all(0.6 / gap <= 0.03 for gap in np.diff(saved))
