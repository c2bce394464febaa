"""Make the archive of a finished study: all that it takes to draw its report again, and what describes it."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from codestilts.archiving.contents import Members, config_members, project_members, result_members, starting_point
from codestilts.archiving.data_cards import data_cards
from codestilts.archiving.disclosure import check_members
from codestilts.archiving.licences import licence_members, text_policy
from codestilts.archiving.markdown import render
from codestilts.archiving.model_cards import model_cards
from codestilts.archiving.zipped import write_archive
from codestilts.config.plan_record import PLAN, read_entries
from codestilts.config.study import Study
from codestilts.provenance import commit, environment, file_digest
from codestilts.release.snapshot import run_records
from codestilts.result_files import finished_files
from codestilts.workflow.crate import METADATA, SHOWN, CrateInputs, commits_text, crate_metadata
from codestilts.workflow.redraw import STUDY, ArchivedStudy
from codestilts.workflow.snakemake_internals import JobRecord, read_job_record

README = "report/archive.md.j2"
# What a study reads or makes and its archive leaves out, because of its size or licence: the archive has its digests.
LEFT_OUT = ["examples/*.parquet", "functions/*.parquet", "*.parquet", "encoders/*/*", "intermediate/**/*.safetensors"]
LEFT_OUT += ["target/**/*.safetensors"]


def make_archive(study: Study, configs: Sequence[Path], root: Path, out: Path) -> Members:
    """Write the archive of a finished study.

    Args:
        study: The study.
        configs: Its config files, ``config.yaml`` first.
        root: The project's folder.
        out: The zip.

    Returns:
        The members of the archive.

    Raises:
        CodeStiltsError: The study is not finished, or a file holds an absolute path or a secret.
    """
    results = root / "results" / study.name
    resources = (results if study.config.rehearsal else root) / "resources"
    start = starting_point(study)
    names, overlays = config_members(root, configs)
    described = ArchivedStudy(
        study=study.name,
        configs=names,
        start=start,
        version=metadata.version("codestilts"),
        commit=commit(),
        versions=environment("cpu", 1)["versions"] | {"snakemake": metadata.version("snakemake")},
    )
    files = project_members(root) | overlays | result_members(study, results, start)
    files |= dict(data_cards(study, results, root)) | dict(model_cards(study, results, root))
    files |= licence_members(study, results, resources) | {STUDY: described.to_bytes()}
    files["digests.csv"] = digests_table(left_out(study, results, resources))
    citation: dict[str, Any] = yaml.safe_load((root / "CITATION.cff").read_text(encoding="utf-8"))
    commits = sorted({str(record["commit"]) for record in run_records(results)})
    files["README.md"] = readme(study, root, described, citation, commits)
    files[METADATA] = crate_metadata(
        CrateInputs(
            study=study,
            archived=described,
            citation=citation,
            files={name: size_and_digest(content) for name, content in files.items()},
            jobs=shown_jobs(files, root),
            began=datetime.fromisoformat(read_entries(results / PLAN)[0].date),
            ended=datetime.fromtimestamp((results / "report.html").stat().st_mtime, UTC).replace(microsecond=0),
            commits=commits,
        )
    )
    check_members(files, root)
    write_archive(files, out)
    return files


def left_out(study: Study, results: Path, resources: Path) -> Iterator[tuple[str, Path]]:
    """Yield the files that an archive leaves out and has the digests of, with their names in the project."""
    for source in study.used_sources:
        if (path := resources / f"{source}.zip").exists():
            yield f"resources/{source}.zip", path
    for pattern in LEFT_OUT:
        for path in finished_files(results, pattern):
            if path.is_file():
                yield f"results/{study.name}/{path.relative_to(results).as_posix()}", path


def digests_table(files: Iterator[tuple[str, Path]]) -> bytes:
    """The table of digests of some files (CSV)."""
    rows = [(name, path.stat().st_size, file_digest(path)) for name, path in files]
    return pd.DataFrame(rows, columns=["path", "bytes", "sha256"]).to_csv(index=False).encode()


def size_and_digest(content: Path | bytes) -> tuple[int, str]:
    """The size and SHA-256 of a member."""
    raw = content if isinstance(content, bytes) else content.read_bytes()
    return len(raw), sha256(raw).hexdigest()


def shown_jobs(files: Members, root: Path) -> dict[str, JobRecord]:
    """How each figure and table that notebooks make was made, as far as Snakemake's notes tell."""
    records = {name: read_job_record(root, name) for name in files if SHOWN.match(name)}
    return {name: record for name, record in records.items() if record}


def readme(
    study: Study, root: Path, described: ArchivedStudy, citation: dict[str, Any], commits: Sequence[str]
) -> bytes:
    """What the archive is and how to use it (Markdown)."""
    policy = text_policy(study)
    values = {"study": study, "archived": described, "citation": citation, "policy": policy}
    values["runs"] = commits_text(commits)
    return render(root / README, values).encode()
