"""Budgets, determinism, resuming, what a model folder holds, and errors with names."""

import copy
import json
import math
from dataclasses import replace

import numpy as np
import pytest
import tiny
import torch
from hypothesis import given
from hypothesis import strategies as st
from tiny import train, weights

from codestilts.errors import CodeStiltsError
from codestilts.tasktypes.registry import new_head
from codestilts.training import loop, models, seed_jobs
from codestilts.training.batching import plan_batches, plan_steps, task_schedule
from codestilts.training.inputs import prepare_inputs


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
    own = tiny.settings({}, cap=1000)
    plan = task_schedule({name: own.task_weight(size, 10.0) for name, size in sizes.items()}, steps, seed=0)
    total = sum(min(size, 1000) for size in sizes.values())
    assert len(plan) == steps
    for name, size in sizes.items():
        assert abs(plan.count(name) - steps * min(size, 1000) / total) < 1


@pytest.mark.parametrize(("mixture", "steps"), [("examples", 8), ("steps", 20)])
def test_long_examples_take_more_steps_or_fewer_examples(mixture, steps):
    """As many examples of 10 and of 40 tokens are 1 to 4 in steps; as many steps are 4 to 1 in examples."""
    own = tiny.settings({}, steps=40, tokens_per_step=400, mixture=mixture)
    plan = plan_steps({"short": np.full(500, 10), "long": np.full(500, 40)}, own, seed=0)
    short = [step for step in plan if step.task == "short"]
    assert len(plan) == 40 and len(short) == steps
    examples = {name: sum(len(step.indices) for step in plan if step.task == name) for name in ("short", "long")}
    assert examples["short"] / examples["long"] == pytest.approx({"examples": 1, "steps": 4}[mixture], rel=0.03)


def test_new_heads_have_a_rate_of_their_own_but_not_the_pretrained_one(folder, tokenizer):
    """With a rate too small to move anything, only the heads that start from random weights move."""
    kinds = ("classification", "mlm")
    run = loop.Run(tiny.inputs(tokenizer, kinds, learning_rate=1e-12, head_learning_rate=1e-2), 0, folder, None)
    parts = {"encoder": run.model.encoder, **run.model.heads}
    before = {part: copy.deepcopy(module.state_dict()) for part, module in parts.items()}
    for step in range(1, len(run.plan) + 1):
        run.step(step)
    run.batches.close()
    moved = {
        part: max(float((value - before[part][name]).abs().max()) for name, value in module.state_dict().items())
        for part, module in parts.items()
    }
    assert moved["classification"] > 1e-3
    assert moved["encoder"] < 1e-6 and moved["mlm"] < 1e-6


def test_the_factor_of_lora_scales_adapters_only(folder, tokenizer):
    """A rate of 1e-3 times ten for adapters; heads keep it, or have their own."""
    for own, expected in ((None, 1e-3), (4e-3, 4e-3)):
        rates = {"learning_rate": 1e-3, "head_learning_rate": own}
        lora = replace(tiny.LORA, learning_rate_factor=10.0)
        run = loop.Run(tiny.inputs(tokenizer, ("generation",), lora=lora, **rates), 0, folder, None)
        run.batches.close()
        names = {value: name for name, value in run.model.encoder.named_parameters()}
        found = {"adapters": set(), "head": set()}
        for group in run.optimisation.optimiser.param_groups:
            for value in group["params"]:
                found["adapters" if "lora" in names.get(value, "") else "head"].add(group["initial_lr"])
        assert found == {"adapters": {1e-2}, "head": {expected}}


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


def test_a_resumed_run_ends_with_the_same_bits(folder, tokenizer, tmp_path):
    whole = train(folder, tokenizer)
    with tiny.killed_after(5):
        train(folder, tokenizer, checkpoint=tmp_path / "state")
    rest = train(folder, tokenizer, checkpoint=tmp_path / "state")
    assert torch.equal(weights(whole), weights(rest))
    assert rest.curve["step"].tolist() == whole.curve["step"].tolist()


def test_progress_is_shown_between_evaluations(folder, tokenizer, monkeypatch, capsys):
    monkeypatch.setattr(loop, "PROGRESS_SECONDS", 0)
    train(folder, tokenizer, steps=4, evaluations=1)
    lines = capsys.readouterr().out.splitlines()
    assert ["step 1/4" in lines[0], "step 4/4" in lines[-1], len(lines)] == [True, True, 4]
    assert "loss" in lines[0] and "dev" not in lines[0] and "dev" in lines[-1]


def test_a_loss_that_is_not_finite_names_job_task_and_step(folder, tokenizer):
    with pytest.raises(CodeStiltsError, match=r"tiny.*seed 0.*step \d+.*classification.*nan"):
        train(folder, tokenizer, learning_rate=1e30, clip=1e30, steps=30)


def test_a_model_that_diverged_is_not_asked_for_texts(folder, tokenizer, tmp_path):
    """The first step has a finite loss; its update ruins the weights, and a trial of this rate has failed."""
    rates = {"learning_rate": 1e38, "clip": 1e30, "warmup": 0.0, "steps": 6, "evaluations": 6}
    inputs = tiny.inputs(tokenizer, ("generation",), target="generation", **rates)
    with pytest.raises(CodeStiltsError, match=r"step 2 of 6: the loss of task generation is nan: lower learning_rate"):
        loop.train(inputs, 0, folder)
    trial = seed_jobs._trial(inputs, {0: folder}, tmp_path / "trial.state")
    assert trial["dev"] == seed_jobs.FAILED and "lower learning_rate" in trial["error"]


@pytest.mark.parametrize("kind", ["classification", "multiple_choice", "tagging", "span_qa", "retrieval"])
def test_outputs_that_are_not_finite_are_no_predictions(kind, folder, tokenizer):
    """Vectors of a collapsed retriever would all tie, and those that are no numbers rank first."""
    encoder, task = models.load_encoder(folder)[0], tiny.task(kind)
    encoder.get_input_embeddings().weight.data.fill_(math.nan)
    examples = tiny.examples(kind)
    model = models.TaskModel(encoder, new_head(task, encoder, tokenizer, None, 0.0), task, tokenizer)
    with pytest.raises(CodeStiltsError, match=r"outputs of the model are not finite.*learning rate") as caught:
        tiny.predict(model, examples)
    assert "\n" not in str(caught.value)


def test_a_model_that_its_last_step_ruins_has_failed(folder, tokenizer, tmp_path):
    """Losses are computed before updates, so none shows what the last update did."""
    rates = {"learning_rate": 1e38, "clip": 1e30, "warmup": 0.0, "steps": 1, "evaluations": 1}
    trial = seed_jobs._trial(
        tiny.inputs(tokenizer, ("retrieval",), target="retrieval", **rates), {0: folder}, tmp_path / "x"
    )
    assert trial["dev"] == seed_jobs.FAILED and "not finite" in trial["error"]


def test_an_empty_split_is_named(tokenizer):
    rows = tiny.examples("classification").assign(split="test")
    settings = tiny.settings({"classification": tiny.task_settings("classification")})
    with pytest.raises(CodeStiltsError, match=r"classification.*train.*empty"):
        prepare_inputs(
            settings,
            tokenizer,
            [tiny.encoded_task("classification", rows, settings.tasks["classification"], tokenizer)],
        )


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
    with pytest.raises(CodeStiltsError, match=r"tensors.*missing"):
        models.load_encoder(broken)


def test_adapters_train_and_are_merged(folder, tokenizer):
    full, lora = train(folder, tokenizer), train(folder, tokenizer, lora=tiny.LORA)
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
