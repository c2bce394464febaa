"""What is checked before the first job, on the default study."""

from pathlib import Path

import pytest
from filelock import FileLock

from codestilts.config.plan_record import PLAN, read_entries
from codestilts.config.study import Study
from codestilts.config.validation import load_study, read_configs
from codestilts.errors import CodeStiltsError
from codestilts.workflow import startup

ROOT = Path(__file__).parents[2]


@pytest.fixture
def study() -> Study:
    return load_study(read_configs([ROOT / "config.yaml"]), ROOT)


@pytest.fixture
def gpu_study(tmp_path: Path) -> Study:
    """The same on GPUs, with two of them for each model."""
    overlay = tmp_path / "gpu.yaml"
    overlay.write_text("device: gpu\ndefinitions: {encoders: {minilm: {gpus: 2}}}\nencoders: [minilm]\n")
    return load_study(read_configs([ROOT / "config.yaml", overlay]), ROOT)


def test_a_job_gets_all_the_gpus_that_it_requests(study: Study, gpu_study: Study) -> None:
    for available in (None, 2, 8):
        startup.check_gpus(gpu_study, available)
    startup.check_gpus(study, 0)
    with pytest.raises(CodeStiltsError, match="there are 1 GPUs"):
        startup.check_gpus(gpu_study, 1)


def test_the_image_and_its_digest_are_in_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "containers").mkdir()
    monkeypatch.chdir(tmp_path)
    for name in (startup.IMAGE, startup.IMAGE_DIGEST):
        with pytest.raises(CodeStiltsError, match="make container"):
            startup.check_image(Path())
        Path(name).touch()
    startup.check_image(Path())
    monkeypatch.chdir(tmp_path / "elsewhere")
    with pytest.raises(CodeStiltsError, match="--use-apptainer"):
        startup.check_image(Path(".."))


def test_a_study_has_one_run_at_a_time(study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(startup, "LOCK_SECONDS", 0)
    monkeypatch.chdir(tmp_path)  # the run notes its plan below results/
    with FileLock(tmp_path / "study.lock"), pytest.raises(CodeStiltsError, match="another run"):
        startup.begin_run(study, FileLock(tmp_path / "study.lock"))
    lock = FileLock(tmp_path / "study.lock")
    startup.begin_run(study, lock)
    assert lock.is_locked
    assert [entry.kind for entry in read_entries(tmp_path / "results" / study.name / PLAN)] == ["registration"]
    lock.release()


def test_sources_are_pinned_unless_it_is_a_rehearsal(tmp_path: Path) -> None:
    paper = [ROOT / "config.yaml", ROOT / "studies/paper.yaml"]
    study = load_study(read_configs(paper), ROOT)
    assert study.unpinned, "the paper study has sources that nobody has pinned yet"
    with pytest.raises(CodeStiltsError, match="make pins"):
        startup.check_pins(study)
    overlay = tmp_path / "rehearsal.yaml"
    overlay.write_text("rehearsal: 20\n")
    startup.check_pins(load_study(read_configs([*paper, overlay]), ROOT))


def test_a_mistake_ends_with_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="1"), startup.errors_as_one_line():
        raise CodeStiltsError("config.yaml: seeds: is empty")
    assert capsys.readouterr().err == "error: config.yaml: seeds: is empty\n"
