"""A plain workflow to compare planning with: as many jobs as a study has, each with one input and one output."""

from pathlib import Path

# Chains of four rules, as a study has encoders, intermediate models, target models and scores.
SNAKEFILE = """\
rule all:
    input:
        expand("score/{{job}}.txt", job=range({chains})),
rule encoder:
    output:
        "encoder/{{job}}.txt",
    shell:
        "touch {{output}}"
rule intermediate:
    input:
        "encoder/{{job}}.txt",
    output:
        "intermediate/{{job}}.txt",
    shell:
        "cp {{input}} {{output}}"
rule target:
    input:
        "intermediate/{{job}}.txt",
    output:
        "target/{{job}}.txt",
    shell:
        "cp {{input}} {{output}}"
rule score:
    input:
        "target/{{job}}.txt",
    output:
        "score/{{job}}.txt",
    shell:
        "cp {{input}} {{output}}"
"""


def write_plain_workflow(folder: Path, jobs: int) -> None:
    """Write a Snakefile with ``jobs`` jobs, rounded to a multiple of four."""
    folder.mkdir()
    (folder / "Snakefile").write_text(SNAKEFILE.format(chains=round(jobs / 4)))
