"""A GPU whose memory is too small: micro-batches have the loss and the gradients of the whole batch, for all types."""

import gc
import json
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
import tiny
import torch
from tiny import weights

from codestilts.errors import CodeStiltsError
from codestilts.tasktypes.base import IGNORE, encoder_inputs
from codestilts.tasktypes.registry import TYPES, task_type
from codestilts.training import loop, models, seed_jobs
from codestilts.training.devices import PRETEND
from codestilts.training.microbatches import backward
from codestilts.training.models import TaskModel
from codestilts.training.out_of_memory import PRETEND_SEQUENCES, unless_out_of_memory

KINDS = [(kind, {}) for kind in TYPES] + [("classification", {"pairs": "dual"}), ("classification", {"multi": True})]
PLAIN = torch.amp.GradScaler("cpu", enabled=False)


def train(folder, tokenizer, kind="classification", checkpoint=None, **changes):
    changes = {"dropout": 0.0, "tokens_per_step": 200} | changes
    return tiny.train(folder, tokenizer, (kind,), checkpoint=checkpoint, **changes)


@pytest.fixture(scope="module", autouse=True)
def frozen(folder) -> Iterator[None]:
    """What is imported is left out of the collection after each failed try, which would take most of the time."""
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture
def holds(monkeypatch):
    """A machine with one GPU that holds so many sequences at a time."""

    def hold(sequences: int) -> None:
        monkeypatch.setenv(PRETEND, "1")
        monkeypatch.setenv(PRETEND_SEQUENCES, str(sequences))

    return hold


@pytest.mark.parametrize(("kind", "options"), KINDS)
@pytest.mark.parametrize("parts", [2, 4, 64])
def test_parts_have_the_loss_and_the_gradients_of_the_whole(kind, options, parts, folder, tokenizer):
    task = tiny.task(kind, **options)
    features = tiny.encode_features(tiny.examples(kind), tokenizer, task)[:13]
    batch = task_type(kind).collate(features, tokenizer, np.random.default_rng(0))
    encoder, mlm_head = models.load_encoder(folder, dropout=0.0, mlm=kind == "mlm")
    head = models.new_head(task, encoder, tokenizer, mlm_head, seed=0)
    both = torch.nn.ModuleList([encoder, head]).train()

    def gradients(parts: int) -> tuple[float, dict[str, torch.Tensor]]:
        both.zero_grad()
        loss = backward(TaskModel(encoder, head, task, tokenizer), batch, parts, 0, PLAIN)
        assert loss is not None
        return float(loss), {
            name: value.grad.clone() for name, value in both.named_parameters() if value.grad is not None
        }

    (whole, wanted), (loss, found) = gradients(1), gradients(parts)
    assert loss == pytest.approx(whole, rel=1e-5) and found.keys() == wanted.keys()
    largest = max(value.abs().max() for value in wanted.values())
    assert all(torch.allclose(found[name], wanted[name], rtol=1e-4, atol=1e-6 * largest) for name in wanted)


def test_no_scores_of_a_vocabulary_are_kept_for_a_whole_batch(folder, tokenizer):
    """Of a batch only outputs stay in memory, however small the parts: for XLM-R's words that would be gigabytes."""
    task = tiny.task("mlm")
    features = task_type("mlm").encode(tiny.examples("mlm"), tokenizer, task)
    batch = task_type("mlm").collate(features, tokenizer, np.random.default_rng(0))
    encoder, own = models.load_encoder(folder, mlm=True)
    head = models.new_head(task, encoder, tokenizer, own, seed=0)
    outputs, labels = head(encoder, batch), batch["labels"][batch["labels"] != IGNORE]
    assert outputs.shape == (len(labels), 1)
    encoder.config._attn_implementation = "eager"
    scores = own(encoder(**encoder_inputs(batch)).last_hidden_state[batch["labels"] != IGNORE])
    assert torch.allclose(head.loss(outputs, batch), torch.nn.functional.cross_entropy(scores, labels))


def test_a_step_without_room_is_done_again_in_halves(folder, tokenizer, holds, capsys):
    whole = train(folder, tokenizer)
    sizes = whole.curve["examples"].tolist()
    assert (whole.record["parts"], whole.record["doubled_at"]) == (1, []) and min(sizes) > 6
    holds(5)
    found = train(folder, tokenizer)
    assert found.record["parts"] == 4 and found.record["doubled_at"][0] == 1
    assert found.curve[["tokens", "examples"]].equals(whole.curve[["tokens", "examples"]])
    assert found.curve["loss"].tolist() == pytest.approx(whole.curve["loss"].tolist(), rel=1e-3)
    assert torch.allclose(weights(found), weights(whole), atol=1e-4)
    told = [line for line in capsys.readouterr().out.splitlines() if "memory" in line]
    assert "step 1 of 8" in told[0] and "2 micro-batches" in told[0]
    assert len(told) == 2


@pytest.mark.parametrize("where", ["forward", "backward"])
def test_a_failed_try_leaves_no_trace(where, folder, tokenizer, monkeypatch):
    """With dropout, weights are those of a run that had the same number of parts from the same step on."""
    calls = {"forward": (loop, "backward"), "backward": (torch.Tensor, "backward")}
    tries: list[int] = []
    attempt = loop.backward

    def fail_once(*args):
        tries.append(args[2])
        if len(tries) != 3:
            return attempt(*args)
        module, name = calls[where]
        if where == "forward":
            torch.rand(7)
            return None
        whole = torch.Tensor.backward

        def stop(self):
            whole(self)
            raise RuntimeError("HIP OUT OF MEMORY. Tried to allocate ...")

        with monkeypatch.context() as patch:
            patch.setattr(module, name, stop)
            return attempt(*args)

    def known(*args):
        tries.append(args[2])
        return None if len(tries) == 3 else attempt(*args)

    monkeypatch.setattr(loop, "backward", fail_once)
    failed = train(folder, tokenizer, dropout=0.1)
    assert tries == [1, 1, 1] + [2] * 6 and failed.record["doubled_at"] == [3]
    tries.clear()
    monkeypatch.setattr(loop, "backward", known)
    assert torch.equal(weights(failed), weights(train(folder, tokenizer, dropout=0.1)))


def test_a_resumed_run_knows_what_fits(folder, tokenizer, holds, tmp_path, monkeypatch):
    holds(5)
    whole = train(folder, tokenizer)
    with tiny.killed_after(5):
        train(folder, tokenizer, checkpoint=tmp_path / "state")
    tried, attempt = [], loop.backward
    monkeypatch.setattr(loop, "backward", lambda *args: tried.append(args[2]) or attempt(*args))
    rest = train(folder, tokenizer, checkpoint=tmp_path / "state")
    assert tried == [4] * 3
    assert (rest.record["parts"], rest.record["doubled_at"]) == (4, whole.record["doubled_at"])
    assert torch.equal(weights(whole), weights(rest))


def test_one_example_that_does_not_fit_is_one_clear_line(folder, tokenizer, holds):
    holds(1)  # a query and its document are two sequences
    with pytest.raises(CodeStiltsError, match=r"tiny.*seed 0, step 1 of 8.*one example.*tokens_per_step"):
        train(folder, tokenizer, "retrieval")


def test_other_errors_are_none_of_its_business():
    def broken() -> None:
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="mat1"):
        unless_out_of_memory(broken)


@pytest.mark.parametrize("kind", [kind for kind in TYPES if kind != "mlm"])
def test_predictions_do_not_depend_on_the_room(kind, folder, tokenizer, holds):
    task = tiny.task(kind)
    encoder, _ = models.load_encoder(folder)
    model = TaskModel(encoder, models.new_head(task, encoder, tokenizer, None, seed=0), task, tokenizer)
    wanted = tiny.predict(model, tiny.examples(kind))
    holds(3)
    found = tiny.predict(model, tiny.examples(kind))
    assert found["prediction"].equals(wanted["prediction"])
    assert np.allclose(found["score"], wanted["score"], atol=1e-5)
    holds(0)
    with pytest.raises(CodeStiltsError, match=rf"{kind}.*one example of \d+ tokens.*max_length"):
        tiny.predict(model, tiny.examples(kind))


def test_room_is_only_pretended_with_a_pretended_gpu(folder, tokenizer, monkeypatch):
    monkeypatch.delenv(PRETEND, raising=False)
    monkeypatch.setenv(PRETEND_SEQUENCES, "1")
    assert train(folder, tokenizer).record["parts"] == 1


def test_the_record_says_how_a_step_was_computed(folder, tmp_path, holds):
    tiny.examples("classification").to_parquet(tmp_path / "classification.parquet", index=False)
    holds(4)
    seed_jobs.train_seeds(tiny.target_job(folder, tmp_path, seeds=(0,)))
    record = json.loads((tmp_path / "out/0/run.json").read_text())
    assert record["parts"] > 1 and record["doubled_at"] and "parts" not in record["settings"]
    assert len(pd.read_parquet(tmp_path / "predictions.parquet")) == 10
