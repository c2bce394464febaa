"""An encoder comes out of an archive as data, checked, in the layout of our model folders."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from codestilts.errors import CodeStiltsError
from codestilts.training.pretrained import EMBEDDINGS, ENCODER, INDEX, import_encoder, unpack

WORDS = np.arange(12, dtype=np.float32).reshape(4, 3)
TENSORS = {"bert.embeddings.word_embeddings.weight": WORDS, "bert.encoder.layer.0.bias": np.ones(3, np.float32)}
FILES = {
    "config.json": json.dumps({"model_type": "bert", "vocab_size": 4}).encode(),
    "model.safetensors": save(TENSORS),
    "tokenizer.json": json.dumps({"model": {}, "added_tokens": [{"content": "[MASK]"}]}).encode(),
}


def archive(folder: Path, files: dict[str, bytes]) -> Path:
    path = folder / "tiny.zip"
    with zipfile.ZipFile(path, "w") as stream:
        for name, content in files.items():
            stream.writestr(f"package/model/{name}", content)
    return path


def test_only_data_is_unpacked_and_a_missing_tokenizer_config_is_made(tmp_path: Path) -> None:
    path = archive(tmp_path, FILES | {"pytorch_model.bin": b"pickle", "modeling.py": b"import os"})
    unpack(path, "package/model/", tmp_path / "out")
    names = {file.name for file in (tmp_path / "out").iterdir()}
    assert names == {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}
    made = json.loads((tmp_path / "out/tokenizer_config.json").read_text())
    assert made["mask_token"] == "[MASK]" and "cls_token" not in made


def test_word_embeddings_go_into_a_file_of_their_own(tmp_path: Path) -> None:
    unpack(archive(tmp_path, FILES), "package/model", tmp_path / "published")
    import_encoder(tmp_path / "published", tmp_path / "out")
    where = json.loads((tmp_path / "out" / INDEX).read_text())["weight_map"]
    assert where == {
        "bert.embeddings.word_embeddings.weight": EMBEDDINGS,
        "bert.encoder.layer.0.bias": ENCODER,
    }
    assert (tmp_path / "out/tokenizer.json").exists()


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("model.safetensors", b"short", "damaged"),
        ("config.json", b"{", "damaged"),
        ("config.json", b"{}", "model_type"),
        ("tokenizer.json", b"{}", "damaged"),
    ],
)
def test_a_damaged_file_is_an_error(name: str, content: bytes, expected: str, tmp_path: Path) -> None:
    with pytest.raises(CodeStiltsError, match=f"tiny.zip.*{expected}"):
        unpack(archive(tmp_path, FILES | {name: content}), "package/model", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_tokenizer_that_cannot_be_converted_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    older = {"vocab.json": b"{", "merges.txt": b"a b", "tokenizer_config.json": b'{"tokenizer_class": "GPT2Tokenizer"}'}
    files = {name: content for name, content in FILES.items() if name != "tokenizer.json"}
    with pytest.raises(CodeStiltsError, match=r"tiny\.zip: its tokenizer cannot be converted to tok") as caught:
        unpack(archive(tmp_path, files | older), "package/model", tmp_path / "out")
    assert "\n" not in str(caught.value) and not (tmp_path / "out").exists()


def test_a_wrong_folder_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(CodeStiltsError, match=r"elsewhere/config\.json"):
        unpack(archive(tmp_path, FILES), "elsewhere", tmp_path / "out")
