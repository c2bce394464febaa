"""Draw the report of a study again from its archive: everything that follows from predictions, without training.

The archive is data. The code is this checkout's; a copy of it and the archive's config, tasks, sources and results make
a project of their own in which Snakemake runs, restricted to the rules that come after predictions. It takes all other
files as they are, because no rule that it may use makes them.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import zip_longest
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from codestilts.archiving.contents import REPORT, files_below, is_given, is_redrawn, project_members
from codestilts.archiving.zipped import check, digests, extract, read_member
from codestilts.config.plan_record import PLAN
from codestilts.errors import CodeStiltsError
from codestilts.provenance import atomic, commit, file_digest
from codestilts.release.comparison import Comparison, compare_results

STUDY = "study.json"
# What the archive says; everything else of a project is code, which comes from this checkout.
SETTINGS = re.compile(r"(config\.yaml|claims\.yaml|sources\.csv|(studies|tasks)/.*\.yaml|[\w.-]+\.yaml)$")
SCORING = ("score", "score_twins", "score_baselines", "claim")
COMPARED = (".csv", ".tex", ".json", ".parquet")  # the numbers; how figures look depends on the fonts of a machine
NOT_RECOMPUTED = ("plan", "examples", "runs", "doses", "predictions")  # a redraw takes them from the archive
TIMES = ("tables/stages.", "figures/jobs.")  # run times, of the redraw for what it makes
ANALYSIS = ("compare", "collect", "concatenate", "claims", "report")
NOTEBOOKS = re.compile(r"^rule (notebook_\w+):$", re.MULTILINE)


@dataclass(frozen=True)
class ArchivedStudy:
    """What ``study.json`` of an archive says.

    Attributes:
        study: The study's name.
        configs: Its config files, in the order of merging.
        start: What a redraw starts from: predictions, or scores if some predictions are withheld.
        version: The version of the project that made the archive.
        commit: The commit of its checkout.
        versions: Versions of Python and packages that made it.
    """

    study: str
    configs: list[str]
    start: Literal["predictions", "scores"]
    version: str
    commit: str
    versions: dict[str, str]

    def to_bytes(self) -> bytes:
        """Return the file."""
        return (json.dumps(asdict(self), indent=2, sort_keys=True) + "\n").encode()


def read_archived_study(archive: Path) -> ArchivedStudy:
    """Read ``study.json`` of an archive.

    Raises:
        CodeStiltsError: It is not a study archive.
    """
    try:
        study = TypeAdapter(ArchivedStudy).validate_json(read_member(archive, STUDY))
    except ValidationError as error:
        raise CodeStiltsError(f"{archive}: {STUDY}: {error.errors()[0]['msg']}: it is not a study archive") from None
    names = [study.study, *study.configs]
    if not re.fullmatch(r"[\w-]+", study.study) or any(
        not SETTINGS.fullmatch(name) or ".." in name for name in study.configs
    ):
        raise CodeStiltsError(f"{archive}: {STUDY}: unexpected names {', '.join(names)}: it is not a study archive")
    return study


def prepare(archive: Path, checkout: Path, folder: Path) -> Path:
    """Make the project of a redraw in a folder named after the study and the archive.

    If it is there and its files from the archive are unchanged, the redraw continues in it.

    Args:
        archive: The study archive.
        checkout: This checkout, whose code is used.
        folder: Where the projects of redraws are.

    Returns:
        The project's folder.

    Raises:
        CodeStiltsError: A file of the archive is not what ``files.csv`` says, or it lacks one that a redraw needs.
    """
    study = read_archived_study(archive)
    check(archive)
    digest = file_digest(archive) if archive.is_file() else "unpacked"
    project = folder / f"{study.study}-{digest[:8]}"
    listed = digests(archive)
    for name in (*study.configs, f"results/{study.study}/{PLAN}"):
        if name not in listed:
            raise CodeStiltsError(f"{archive}: has no {name}, which {STUDY} needs: it is not a study archive")

    def is_wanted(name: str) -> bool:
        return _is_given(name, study) or SETTINGS.fullmatch(name) is not None

    def is_kept(name: str) -> bool:  # jobs of the redraw write benchmarks of their own
        return is_wanted(name) and not name.startswith(f"results/{study.study}/benchmarks/")

    there = {path.relative_to(project).as_posix(): path for path in files_below(project)}
    kept = {name: file_digest(path) for name, path in there.items() if is_kept(name)}
    if not archive.is_file() or kept != {name: digest for name, digest in listed.items() if is_kept(name)}:
        shutil.rmtree(project, ignore_errors=True)
        with atomic(project) as temporary:
            extract(archive, temporary, is_wanted)
    (project / STUDY).write_bytes(study.to_bytes())
    for name, file in project_members(checkout).items():
        if not SETTINGS.fullmatch(name) and isinstance(file, Path):
            copy = project / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(file, copy)
    return project


def _is_given(name: str, study: ArchivedStudy) -> bool:
    results = f"results/{study.study}/"
    return name.startswith(results) and is_given(name.removeprefix(results), study.start)


def redraw(project: Path, archive: Path, cores: str) -> Path:
    """Run the rules after predictions in a project of :func:`prepare` for the archive.

    Returns:
        The report.

    Raises:
        CodeStiltsError: Snakemake failed; it has said why.
    """
    study = TypeAdapter(ArchivedStudy).validate_json((project / STUDY).read_bytes())
    results = f"results/{study.study}/"
    report, twins = f"{results}report.html", f"{results}scores/twins/"
    # The report does not read the scores of twins: the matrix that is made of them needs functions, and is given.
    scores = [name for name in digests(archive) if name.startswith(twins) and not _is_given(name, study)]
    command = [str(Path(sys.executable).with_name("snakemake")), "--cores", cores]
    if overlays := study.configs[1:]:
        command += ["--configfile", *overlays]  # once: Snakemake takes those after the last such option only
    command += ["--allowed-rules", *rules(project, study.start), "--", report, *scores]
    environment = os.environ | {"PYTHONPATH": str((project / "src").resolve()), "HF_HUB_OFFLINE": "1"}
    if subprocess.run(command, cwd=project, env=environment).returncode:
        raise CodeStiltsError(f"{project}: the report was not drawn; the lines above say why")
    return project / report


def rules(project: Path, start: str) -> list[str]:
    """The rules that a redraw may use."""
    notebooks = NOTEBOOKS.findall((project / "rules/report.smk").read_text(encoding="utf-8"))
    return [*(SCORING if start == "predictions" else ()), *ANALYSIS, *notebooks]


@dataclass(frozen=True)
class Compared:
    """A file of the archive beside the one that was made again: equal, differs (``first`` says where), missing, ..."""

    name: str
    state: str
    first: str = ""


def page_text(page: str) -> list[str]:
    """Return the lines of a report that say the same wherever it is drawn, the data of its script included.

    Left out are what figures show, which depends on fonts, embedded files, and the hardware and run times of jobs.
    """
    without = re.sub(r"<svg\b.*?</svg>", "(figure)", page, flags=re.DOTALL)
    without = re.sub(r'<h2 id="cost">.*?(?=<h2 )', "", without, count=1, flags=re.DOTALL)
    without = re.sub(r"<style\b.*?</style>|data:[^\"']*", "", without, flags=re.DOTALL)
    return [line.strip() for line in re.sub(r"<[^>]*>", "", without).splitlines() if line.strip()]


def compare_tables(archive: Path, project: Path) -> Comparison:
    """Compare the tables of an archive, value by value, with those that a redraw makes (not :data:`NOT_RECOMPUTED`)."""
    results, folder = f"results/{read_archived_study(archive).study}", project / "archived"
    shutil.rmtree(folder, ignore_errors=True)
    extract(archive, folder, lambda name: name.startswith(f"{results}/"))
    found = compare_results(folder / results, project / results)
    return replace(found, tables=[table for table in found.tables if table.name not in NOT_RECOMPUTED])


def compare_files(archive: Path, project: Path) -> list[Compared]:
    """Compare tables, verdicts and the data of figures with those that a redraw has made, byte by byte.

    Of the report its text is compared (:func:`page_text`), if the same version of the project has drawn it.

    Returns:
        The compared files; those that one side lacks are ``missing`` or ``not in the archive``.
    """
    study = read_archived_study(archive)
    results, found = f"results/{study.study}/", []
    page = f"{results}{REPORT}"
    if page in digests(archive) and study.commit == commit():
        ours, theirs = read_member(archive, page).decode(), (project / page).read_text(encoding="utf-8")
        found.append(_compared(page, page_text(ours), page_text(theirs)))

    def is_made(name: str) -> bool:
        inner = name.removeprefix(results)
        comparable = inner.endswith(COMPARED) and not inner.startswith(TIMES)
        return name.startswith(results) and comparable and not _is_given(name, study)

    listed = digests(archive)
    made = [path.relative_to(project).as_posix() for path in files_below(project / results)]
    lacking = [name for name in filter(is_made, made) if name not in listed and is_redrawn(name.removeprefix(results))]
    found += [Compared(name, "not in the archive") for name in sorted(lacking)]
    for name, digest in listed.items():
        if is_made(name):
            path = project / name
            if not path.exists():
                found.append(Compared(name, "missing"))
            elif file_digest(path) == digest:
                found.append(Compared(name, "equal"))
            elif path.suffix == ".parquet":
                found.append(Compared(name, "differs"))
            else:
                archived = read_member(archive, name).decode(errors="replace")
                found.append(_compared(name, archived.splitlines(), path.read_text(encoding="utf-8").splitlines()))
    return found


def _compared(name: str, archived: Sequence[str], made: Sequence[str]) -> Compared:
    """Compare the lines of a file; the first that differs is named."""
    for number, (ours, theirs) in enumerate(zip_longest(archived, made, fillvalue="(no line)"), start=1):
        if ours != theirs:
            at = next((i for i, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b), 0)
            start = max(0, at - 40)
            return Compared(
                name, "differs", f"line {number}: {ours[start : at + 40]!r}, now {theirs[start : at + 40]!r}"
            )
    return Compared(name, "equal")
