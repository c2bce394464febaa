"""What a study asks of an encoder's architecture, compared with what the encoder has."""

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save
from transformers import AutoConfig, AutoModel

from codestilts.config import preparation_jobs, training_jobs
from codestilts.config.encoder_limits import (
    DECODER_TYPES,
    OFFSET_POSITIONS,
    EncoderRequirements,
    linear_layers,
    max_tokens,
    unmet_requirements,
    validate_unpacked,
)
from codestilts.config.training_settings import LoraSettings
from codestilts.config.validation import load_study, read_configs
from codestilts.errors import CodeStiltsError
from codestilts.workflow.encoder_checks import check_encoders

ROOT = Path(__file__).parents[2]
SMALL = {"vocab_size": 30, "hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 8}
NEEDS = EncoderRequirements("tiny", {"a.yaml": 128}, {"layer": (-1, 2)}, {"m": ("query",)})


def study(tmp_path: Path, **overlay: Any) -> Any:
    path = tmp_path / "over.yaml"
    path.write_text(json.dumps(overlay))
    files = [ROOT / "config.yaml", path]
    return load_study(read_configs(files), ROOT, files)


@pytest.mark.parametrize(
    ("declared", "fix"), [(True, "has no pretrained decoder: remove the key"), (False, "write pretr")]
)
def test_a_decoder_is_declared_and_there(declared: bool, fix: str) -> None:
    """An encoder that is said to have a decoder has one, and one with a decoder says so."""
    kind = "bert" if declared else "mt5"
    found = list(
        unmet_requirements(EncoderRequirements("e", decoder=declared), AutoConfig.for_model(kind).to_dict(), None)
    )
    assert len(found) == 1 and found[0].startswith("definitions.encoders.e.decoder: encoder e has ") and fix in found[0]
    kind = "mt5" if declared else "bert"
    assert not list(
        unmet_requirements(EncoderRequirements("e", decoder=declared), AutoConfig.for_model(kind).to_dict(), None)
    )


@pytest.mark.parametrize("model_type", ["bert", "roberta", "xlm-roberta", "mpnet", "camembert", "electra"])
def test_one_token_more_than_the_positions_is_too_many(model_type: str) -> None:
    config = AutoConfig.for_model(model_type, **SMALL, max_position_embeddings=40, pad_token_id=1)
    places = max_tokens(config.to_dict())
    assert places == (38 if model_type in OFFSET_POSITIONS else 40)
    model = AutoModel.from_config(config).eval()
    model(input_ids=torch.full((1, places), 5))
    with pytest.raises((IndexError, RuntimeError)):
        model(input_ids=torch.full((1, places + 1), 5))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        (
            {"lengths": {"a.yaml: max_length": 129}},
            ["a.yaml: max_length: encoder tiny has 128 positions, not 129: lower it to 128"],
        ),
        ({"blocks": {"layers": [0, 3]}}, ["layers: encoder tiny has 2 blocks, so there is no block 3"]),
        ({"modules": {"m": ["quer"]}}, ["m: encoder tiny has no linear layer 'quer'; did you mean 'query'? allowed: "]),
        ({"modules": {"m": ["self.query", "output.dense"]}}, []),
        ({"modules": {"m": ["LayerNorm"]}}, ["m: encoder tiny has no linear layer 'LayerNorm'; "]),
    ],
)
def test_what_an_encoder_lacks_is_told(changes: dict[str, Any], expected: list[str]) -> None:
    config = AutoConfig.for_model("bert", **SMALL, max_position_embeddings=128)
    layers = linear_layers(io.BytesIO(save(AutoModel.from_config(config).state_dict())))
    found = list(unmet_requirements(replace(NEEDS, **changes), config.to_dict(), layers))
    assert len(found) == len(expected) and all(map(str.startswith, found, expected))


def test_a_decoder_can_be_made_where_a_task_needs_one(tmp_path: Path) -> None:
    files = [ROOT / "config.yaml", ROOT / "studies/generation.yaml"]
    generated = load_study(read_configs(files), ROOT, files)
    needs = preparation_jobs.encoder_requirements(generated, generated.encoders[0])
    assert needs.new_decoders == tuple(generated.tasks[name].file for name in sorted(generated.targets))
    assert not preparation_jobs.encoder_requirements(study(tmp_path), "bert-tiny").new_decoders
    asked, other = EncoderRequirements("e", new_decoders=("a.yaml", "b.yaml")), EncoderRequirements("e")
    for kind in ("mpnet", "distilbert", "deberta", "deberta-v2", "esm"):
        (problem,) = unmet_requirements(asked, {"model_type": kind}, None)
        assert problem.startswith(f"a.yaml, b.yaml: encoder e is of type {kind}: transformers has no decoder of this ")
        assert not list(unmet_requirements(other, {"model_type": kind}, None))
    for config in ({}, *({"model_type": kind} for kind in DECODER_TYPES)):
        assert not list(unmet_requirements(asked, config, None))
    pretrained = EncoderRequirements("e", decoder=True)
    assert not list(unmet_requirements(pretrained, {"model_type": "t5", "is_encoder_decoder": True}, None))


def test_an_unpacked_encoder_is_checked(tmp_path: Path) -> None:
    config = AutoConfig.for_model("distilbert", vocab_size=30, dim=8, n_layers=2, n_heads=2, hidden_dim=8)
    (tmp_path / "config.json").write_text(json.dumps(config.to_dict()))
    (tmp_path / "model.safetensors").write_bytes(save(AutoModel.from_config(config).state_dict()))
    validate_unpacked(replace(NEEDS, modules={"m": ("q_lin",)}), tmp_path)
    with pytest.raises(CodeStiltsError, match=r"'query'.*k_lin, lin1, lin2, out_lin, q_lin"):
        validate_unpacked(NEEDS, tmp_path)


def test_a_known_encoder_is_checked_before_anything_is_fetched(tmp_path: Path) -> None:
    check_encoders(study(tmp_path), tmp_path)
    tiny = {"encoders": {"bert-tiny": {"layer": 2, "layers": [0, 3]}}}
    with pytest.raises(CodeStiltsError, match=r"^definitions.encoders.bert-tiny.layers: .*2 blocks"):
        check_encoders(study(tmp_path, definitions=tiny), tmp_path)


def test_adapters_are_asked_for_where_an_arm_has_them(tmp_path: Path) -> None:
    assert preparation_jobs.encoder_requirements(study(tmp_path), "bert-tiny").modules == {}
    arms = {"none": {"family": "baseline", "method": "lora"}}
    own = {"tasks": {"match": {"lora": {"modules": ["key"]}}}, "lora": {"rank": 4}}
    made = study(tmp_path, arms=["none"], definitions={"arms": arms}, target=own)
    assert preparation_jobs.encoder_requirements(made, "bert-tiny").modules == {
        "target.lora.modules": ("query", "value"),
        "target.tasks.match.lora.modules": ("key",),
    }
    budget = training_jobs.target_settings(made, "bert-tiny", "none", "match", "0-2")
    assert budget.lora == LoraSettings(4, 16, ("key",), 10.0)
