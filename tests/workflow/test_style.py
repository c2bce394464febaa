"""The workflow's own style."""

import subprocess

from projects import ROOT, environment


def test_snakemake_finds_no_fault() -> None:
    command = ["snakemake", "--lint"]
    result = subprocess.run(command, cwd=ROOT, env=environment(ROOT), capture_output=True, text=True)
    assert result.returncode == 0 and "Congratulations" in result.stdout + result.stderr, result.stdout + result.stderr


def test_no_file_is_long_and_the_snakefile_is_short() -> None:
    assert len((ROOT / "Snakefile").read_text().splitlines()) < 60
    patterns = ["src/**/*.py", "scripts/*.py", "rules/*.smk", "tests/hub/*.py"]
    files = [path for pattern in patterns for path in ROOT.glob(pattern)]
    lengths = {str(path.relative_to(ROOT)): len(path.read_bytes().splitlines()) for path in files}
    assert {name: length for name, length in lengths.items() if length > 320} == {}
