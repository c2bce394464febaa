"""A rehearsal of a study with sources on the hub: from their repositories to the report and its coverage."""

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
from projects import ROOT, copy_project, environment

ARMS = ["none", "mnli", "java-csharp", "mnli-mlm", "none-lora"]
ARMS += ["xlsum-english", "squad-generated", "squad-generated-mlm", "code-to-text-generated", "none-slow"]
STUDY = f"""
study: small
encoders: [xlm-r-base, codebert]
arms: [{", ".join(ARMS)}]
targets: [xquad, bugs, topics, tatoeba, xquad-generated, xlsum]
grid:
  - {{arms: [none, mnli, mnli-mlm], encoders: [xlm-r-base], targets: [xquad]}}
  - {{arms: [none, java-csharp, none-lora], encoders: [codebert], targets: [bugs, topics]}}
  - {{arms: [none, xlsum-english, squad-generated, squad-generated-mlm, none-slow], encoders: [xlm-r-base],
    targets: [xquad-generated, xlsum]}}
  - {{arms: [none, xlsum-english, code-to-text-generated], encoders: [codebert], targets: [bugs]}}
languages: [python, java, go, english, german, greek, swahili]
"""


def test_a_study_on_the_hub_is_rehearsed_from_its_repositories_to_the_report(
    hub_environment: dict[str, str], tmp_path: Path
) -> None:
    project = copy_project(tmp_path)
    paper = (ROOT / "studies/paper.yaml").read_text()
    small = STUDY + paper[paper.index("source_language:") :].replace("trial_targets: [", "trial_targets: [xquad, ")
    (project / "studies/small.yaml").write_text(small)
    folder = project / "results/small-rehearsal"

    def call(*command: str, **hub: str) -> str:
        settings = environment(project, **hub)
        told = subprocess.run(command, cwd=project, env=settings, text=True, stdout=-1, stderr=subprocess.STDOUT)
        assert told.returncode == 0, told.stdout[-6000:]
        return told.stdout

    configs = ["--configs", "config.yaml", "studies/small.yaml", "--overlay", str(folder / "overlay.yaml")]
    call("python", "scripts/rehearse.py", *configs, **hub_environment)
    files = ["--configfile", "studies/small.yaml", str(folder / "overlay.yaml")]
    call("snakemake", "--cores", "2", "--until", "fetch", *files, **hub_environment)
    call("snakemake", "--cores", "2", *files)  # without access to the hub
    rates = pd.read_csv(folder / "tables/xlm-r-base/rates.csv").set_index("target")
    assert set(rates.index) == {"xquad", "xquad-generated", "xlsum"}
    assert set(rates["learning_rate"]) == {5e-6, 1e-5}
    assert (rates.groupby("target")["chosen"].sum() == rates.groupby("target")["arms"].first()).all()
    assert "Learning rates that were tried" in (folder / "report.html").read_text()
    scores = pd.read_csv(folder / "scores.csv", keep_default_na=False)
    found = set(scores.loc[~scores["arm"].str.startswith("baseline:"), "arm"])
    assert found == set(ARMS)
    assert set(scores["checkpoint"]) == {"", "dev", "last", "oracle"}
    assert {"english", "german", "greek"} <= set(scores.loc[scores["target"] == "xquad", "language"])
    assert set(scores.loc[scores["target"] == "xquad", "metric"]) == {"squad_mean", "f1", "squad_em"}
    assert set(scores.loc[scores["target"] == "xlsum", "language"]) == {"english", "swahili"}
    assert set(scores.loc[scores["target"] == "xlsum", "metric"]) == {
        "rouge_l",
        "rouge2",
        "chrf",
        "right_language",
        "other_language",
        "cut",
    }
    outputs = pd.read_parquet(next((folder / "predictions/xlm-r-base").glob("*/xquad-generated/*.parquet")))
    assert set(outputs["output_language"]) == {"english", "german", "greek"} and outputs["answers"].str.len().all()
    assert "Its numbers mean nothing" in (folder / "report.html").read_text()
    lines = call("python", "scripts/rehearse.py", *configs, "--scores", str(folder / "scores.csv"), **hub_environment)
    assert f"arms: {len(ARMS)} of {len(ARMS)}" in lines and "not topics: source xcodeeval" in lines
    assert "arm mnli-mlm: rehearsed with mlm-xtreme for mlm-multilingual" in lines
    real = subprocess.run(
        ["snakemake", "--cores", "1", "--configfile", "studies/small.yaml"],
        cwd=project, env=environment(project, **hub_environment), text=True, stdout=-1, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert real.returncode == 1 and "not pinned yet: `make pins`" in real.stdout
    assert not (project / "results/small").exists() or not list((project / "results/small").rglob("*.parquet"))


def test_a_hub_out_of_reach_is_one_line(tmp_path: Path) -> None:
    project = copy_project(tmp_path)
    (project / "studies/paper.yaml").write_text((ROOT / "studies/paper.yaml").read_text())
    configs = ["--configs", "config.yaml", "studies/paper.yaml", "--overlay", str(tmp_path / "overlay.yaml")]
    nowhere = os.environ | environment(project) | {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HUB_OFFLINE": "1"}
    told = subprocess.run(
        [sys.executable, "scripts/rehearse.py", *configs], cwd=project, env=nowhere, text=True, capture_output=True
    )
    assert told.returncode == 1 and "Traceback" not in told.stderr
    assert told.stderr.strip().splitlines()[-1].startswith("error: no target of the study")
