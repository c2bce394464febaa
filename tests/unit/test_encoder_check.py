"""An encoder whose states of a text depend on the texts beside it is refused when it is imported."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import torch
from projects import ROOT
from transformers import AutoConfig, AutoModelForMaskedLM

from codestilts.errors import CodeStiltsError
from codestilts.training.encoder_check import validate_states
from codestilts.training.models import load_encoder
from codestilts.training.pretrained import import_encoder
from codestilts.training.tokenizers import load_tokenizer

SHAPE = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
CLEAN = {
    "roberta": {},
    "deberta-v2": {"relative_attention": True, "pos_att_type": ["c2p", "p2c"], "conv_kernel_size": 3},
    "modernbert": {"cls_token_id": 2, "sep_token_id": 3, "bos_token_id": 2, "eos_token_id": 3, "local_attention": 8},
    "distilbert": {"dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 32},
    "big_bird": {"block_size": 4, "num_random_blocks": 1},
}
MIXING = {
    "fnet": {},  # a Fourier transform over all tokens, padding included (Lee-Thorp et al. 2022, arXiv 2105.03824)
    "convbert": {"embedding_size": 16, "head_ratio": 1},  # a convolution over them
    "nystromformer": {"num_landmarks": 4, "segment_means_seq_len": 4},  # landmarks that are means with padding
    "yoso": {},  # attention by random hashes
}


def published(model_type: str, folder: Path, tiny_encoder: Path) -> Path:
    """Published files of an encoder with random weights, and with the tokenizer of the tests' own."""
    options = SHAPE | (CLEAN | MIXING)[model_type]
    tokens = len(load_tokenizer(tiny_encoder))
    config = AutoConfig.for_model(
        model_type, **{"vocab_size": tokens, "max_position_embeddings": 64, "pad_token_id": 0, **options}
    )
    torch.manual_seed(0)
    AutoModelForMaskedLM.from_config(config).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(tiny_encoder / name, folder)
    return folder


@pytest.mark.parametrize("model_type", CLEAN)
def test_padding_changes_no_state(model_type: str, folder: Path, tmp_path: Path) -> None:
    import_encoder(published(model_type, tmp_path / "files", folder), tmp_path / "mine")
    validate_states(tmp_path / "mine")


@pytest.mark.parametrize("model_type", MIXING)
def test_an_encoder_that_mixes_texts_is_refused(model_type: str, folder: Path, tmp_path: Path) -> None:
    import_encoder(published(model_type, tmp_path / "files", folder), tmp_path / "mine")
    with pytest.raises(CodeStiltsError, match=f"encoder mine: the states of a text change .*{model_type}, is not supp"):
        validate_states(tmp_path / "mine")


def test_one_that_takes_no_texts_is_refused(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import_encoder(published("roberta", tmp_path / "files", folder), tmp_path / "mine")
    forward = "transformers.models.roberta.modeling_roberta.RobertaModel.forward"
    monkeypatch.setattr(forward, lambda self, pixels: None)
    with pytest.raises(
        CodeStiltsError, match="encoder mine: its architecture, roberta, cannot encode a batch of texts"
    ):
        validate_states(tmp_path / "mine")


def test_the_import_fails_in_one_line_and_leaves_nothing(folder: Path, tmp_path: Path) -> None:
    files = published("fnet", tmp_path / "files", folder)
    with zipfile.ZipFile(tmp_path / "archive.zip", "w") as archive:
        for file in files.iterdir():
            archive.write(file, f"model/{file.name}")
    command = [sys.executable, str(ROOT / "scripts/import_encoder.py"), "--archive", str(tmp_path / "archive.zip")]
    command += ["--folder", "model", "--out", str(tmp_path / "encoders/imported")]
    told = subprocess.run(command, capture_output=True, text=True)
    assert told.returncode == 1 and "Traceback" not in told.stderr
    assert told.stderr.splitlines()[-1].startswith("error: encoder imported: the states of a text change")
    assert not (tmp_path / "encoders").exists()


def test_every_dropout_of_modernbert_is_set(folder: Path, tmp_path: Path) -> None:
    import_encoder(published("modernbert", tmp_path / "files", folder), tmp_path / "encoder")
    encoder, _ = load_encoder(tmp_path / "encoder", dropout=0.25)
    config = encoder.config
    assert [config.attention_dropout, config.embedding_dropout, config.mlp_dropout] == [0.25] * 3
    found = [module.p for module in encoder.modules() if isinstance(module, torch.nn.Dropout)]
    assert found and set(found) == {0.25}
