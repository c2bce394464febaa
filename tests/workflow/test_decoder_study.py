"""A rehearsal of a study of encoder-decoders like mT5 and mBART-50, with tokenizers of their shape, to the report."""

import csv
import json
import subprocess
from pathlib import Path

import packages
import pandas as pd
import yaml
from projects import copy_project, environment

STUDY = {
    "study": "decoders",
    "encoders": ["mt5", "mbart"],
    "arms": ["none", "pos", "lora", "frozen-embeddings", "frozen-decoder"],
    "targets": ["describe", "tags"],
    "languages": ["python", "javascript"],
    "intermediate": {"learning_rates": [], "held_out_texts": [], "trial_targets": []},
    "target": {"tasks": {}, "freeze_embeddings": False},
    "definitions": {
        "encoders": {
            "mt5": {"source": "mt5-like", "decoder": "pretrained", "lora_modules": ["q", "v"]},
            "mbart": {"source": "mbart-like", "decoder": "pretrained", "lora_modules": ["q_proj", "v_proj"]},
        },
        "arms": {
            "lora": {"family": "variant", "base": "none", "method": "lora"},
            "frozen-embeddings": {"family": "variant", "base": "none", "frozen": ["embeddings"]},
            "frozen-decoder": {"family": "variant", "base": "none", "frozen": ["decoder"]},
        },
    },
}


def write_sources(folder: Path) -> None:
    """Made-up packages, and both encoders beside them."""
    from hub import encoders  # with torch, which the other tests of the workflow do without

    packages.make(folder)
    texts = [path.read_text() for path in sorted((folder / "packages").rglob("*.py"))]
    encoders.mt5(folder / "packages/mt5-like", texts)
    encoders.mbart50(folder / "packages/mbart-like", texts)
    with (folder / "sources.csv").open("a", newline="") as stream:
        for name in ("mt5-like", "mbart-like"):
            row = [name, "local", f"packages/{name}", "", "", "", "", "encoder", "", "", "Apache-2.0", "made up", ""]
            csv.writer(stream).writerow(row)


def test_encoder_decoders_are_rehearsed_to_the_report(tmp_path: Path) -> None:
    project = copy_project(tmp_path)
    write_sources(project)
    (project / "studies/decoders.yaml").write_text(yaml.safe_dump(STUDY))
    folder = project / "results/decoders-rehearsal"
    configs = ["micro.yaml", "studies/decoders.yaml"]

    def call(*command: str) -> None:
        told = subprocess.run(
            command, cwd=project, env=environment(project), text=True, stdout=-1, stderr=subprocess.STDOUT
        )
        assert told.returncode == 0, told.stdout[-6000:]

    overlay = str(folder / "overlay.yaml")
    call("python", "scripts/rehearse.py", "--configs", "config.yaml", *configs, "--overlay", overlay)
    call("snakemake", "--cores", "2", "--configfile", *configs, overlay)
    scores = pd.read_csv(folder / "scores.csv", keep_default_na=False)
    scores = scores[~scores["arm"].str.startswith("baseline:")]
    assert set(scores["encoder"]) == set(STUDY["encoders"]) and set(scores["arm"]) == set(STUDY["arms"])
    assert set(scores["target"]) == {"describe", "tags"}
    records = [json.loads(path.read_text()) for path in folder.glob("records/**/run.json")]
    targets = {(record.get("target"), record["arm"]): record["trained"] for record in records}
    assert {tuple(record["carried_over"]) for record in records} == {("encoder", "decoder")}
    for (target, arm), trained in targets.items():
        expected = ["encoder", "decoder"] if target == "describe" and arm != "frozen-decoder" else ["encoder"]
        assert [part for part in trained if part != "heads"] == expected
    assert "Its numbers mean nothing" in (folder / "report.html").read_text()
