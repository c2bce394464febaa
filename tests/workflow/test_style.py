"""The workflow's own style."""

import re
import subprocess

from projects import ROOT, environment


def test_snakemakes_linter_finds_only_the_rules_that_run_outside_the_image() -> None:
    """``container: None`` opts out of the image of all rules; the linter takes it for a missing declaration."""
    command = ["snakemake", "--lint"]
    result = subprocess.run(command, cwd=ROOT, env=environment(ROOT), capture_output=True, text=True)
    text = result.stdout + result.stderr
    found = re.findall(r"^Lints for rule (\w+) .*\n((?:    .*\n)+)", text, re.MULTILINE)
    findings = {(rule, finding) for rule, block in found for finding in re.findall(r"^ +\* (.*)$", block, re.MULTILINE)}
    missing = "Specify a conda environment or container for each rule.:"
    assert findings == {("fetch", missing), ("slurm_efficiency", missing)}, text
    assert "Lints for snakefile" not in text, text


def test_no_file_is_long_and_the_snakefile_is_short() -> None:
    assert len((ROOT / "Snakefile").read_text().splitlines()) < 60
    patterns = ["src/**/*.py", "scripts/*.py", "rules/*.smk", "tests/hub/*.py"]
    files = [path for pattern in patterns for path in ROOT.glob(pattern)]
    lengths = {str(path.relative_to(ROOT)): len(path.read_bytes().splitlines()) for path in files}
    assert {name: length for name, length in lengths.items() if length > 320} == {}
