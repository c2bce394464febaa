"""The metadata of a study archive as a Workflow Run RO-Crate: what ran on what, and what came out.

It follows the profiles Process Run Crate and Workflow Run Crate 0.5 (Leo et al. 2024, doi 10.1371/journal.pone.0309210)
and Workflow RO-Crate 1.0, on RO-Crate 1.1.
"""

import json
import mimetypes
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from rocrate.model import ComputationalWorkflow, ContextEntity
from rocrate.rocrate import ROCrate

from codestilts.archiving.zipped import CHECKSUMS, FILES
from codestilts.config.study import Study
from codestilts.sources.table import Source
from codestilts.workflow.redraw import ArchivedStudy
from codestilts.workflow.snakemake_internals import JobRecord

METADATA = "ro-crate-metadata.json"
PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": "Process Run Crate",
    "https://w3id.org/ro/wfrun/workflow/0.5": "Workflow Run Crate",
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": "Workflow RO-Crate",
}
TERMS = {"sha256": "https://w3id.org/ro/terms/workflow-run#sha256"}  # RO-Crate 1.1 lacks it
COMPLETED = "http://schema.org/CompletedActionStatus"
WORKFLOW = "https://bioschemas.org/profiles/ComputationalWorkflow/1.0-RELEASE"
PARAMETER = "https://bioschemas.org/profiles/FormalParameter/1.0-RELEASE"
MEDIA_TYPES = {".ipynb": "application/x-ipynb+json", ".parquet": "application/vnd.apache.parquet"}
MEDIA_TYPES |= {".yaml": "application/yaml", ".cff": "application/yaml", ".md": "text/markdown", ".tex": "text/x-tex"}
PACKAGE_URLS = {"pypi": "pkg:pypi/{id}@{version}", "npm": "pkg:npm/{id}@{version}"}
PACKAGE_URLS |= {"hub": "pkg:huggingface/{id}@{version}"}
# Folders that the crate describes as wholes; of the others, it describes each file.
FOLDERS = re.compile(
    r"((containers|envs|profiles|report|rules|scripts|src|studies|tasks|licences|cards)"
    r"|results/[^/]+/(predictions|retrieval|baselines|target|records|benchmarks|doses|tuning|scores))/"
)
PREDICTIONS = ("predictions/", "retrieval/", "baselines/")
SHOWN = re.compile(r"results/[^/]+/(tables|figures)/")


@dataclass(frozen=True)
class CrateInputs:
    """What the metadata are made of.

    Attributes:
        study: The study.
        archived: What ``study.json`` says.
        citation: ``CITATION.cff``.
        files: Size and SHA-256 of the members of the archive, by name.
        jobs: How figures and tables were made, by name, as far as it is known.
        began: When the study's plan was registered.
        ended: When the report was written.
        commits: The commits at which the training runs were made.
    """

    study: Study
    archived: ArchivedStudy
    citation: Mapping[str, Any]
    files: Mapping[str, tuple[int, str]]
    jobs: Mapping[str, JobRecord]
    began: datetime
    ended: datetime
    commits: Sequence[str] = ()


def crate_metadata(inputs: CrateInputs) -> bytes:
    """Return ``ro-crate-metadata.json``."""
    crate = ROCrate(version="1.1")
    crate.metadata.extra_terms.update(TERMS)
    licence = f"https://spdx.org/licenses/{inputs.citation['license']}"
    add(crate, licence, "CreativeWork", name=inputs.citation["license"])
    authors = [_author(crate, author) for author in inputs.citation["authors"]]
    _describe_root(crate, inputs, licence, authors)
    parts = _parts(crate, inputs)
    parts["README.md"]["about"] = crate.root_dataset
    workflow = _workflow(crate, inputs, licence, authors)
    _run(crate, inputs, workflow, parts)
    _notebooks(crate, inputs)
    crate.metadata["dateModified"] = inputs.ended.isoformat()
    metadata = crate.metadata.generate()
    metadata["@graph"] = [{key: _compact(value) for key, value in entity.items()} for entity in metadata["@graph"]]
    return (json.dumps(metadata, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()


def _compact(value: Any) -> Any:
    """Return the value of a list of one, as compacted JSON-LD has it."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def add(crate: ROCrate, address: str, kind: str, /, **properties: Any) -> Any:
    """Add an entity that is no file of the archive."""
    return crate.add(ContextEntity(crate, address, properties={"@type": kind, **properties}))


def _author(crate: ROCrate, author: Mapping[str, str]) -> Any:
    """Add an author of ``CITATION.cff``: a person, or an organisation if there is only a name."""
    name = author.get("name") or f"{author.get('given-names', '')} {author.get('family-names', '')}".strip()
    identifier = author.get("orcid") or f"#{re.sub(r'[^a-z0-9]+', '-', name.lower()).strip('-')}"
    return add(crate, identifier, "Organization" if "name" in author else "Person", name=name)


def _describe_root(crate: ROCrate, inputs: CrateInputs, licence: str, authors: Sequence[Any]) -> None:
    root, study = crate.root_dataset, inputs.study
    root["conformsTo"] = [
        add(crate, profile, "CreativeWork", name=name, version=profile.rpartition("/")[2])
        for profile, name in PROFILES.items()
    ]
    root["name"] = f"{inputs.citation['title']}: the study {study.name}"
    root["description"] = (
        f"A finished study of encoders ({len(study.encoders)}), arms ({len(study.arms)}), targets "
        f"({len(study.targets)}) and seeds ({len(study.config.seeds)}): settings, predictions, tables, figures, report."
    )
    root["datePublished"] = inputs.ended.isoformat()
    root["license"] = crate.dereference(licence)
    root["copyrightNotice"] = "Excerpts of sources, in predictions and samples, have the licences of licences.csv."
    root["author"] = list(authors)
    root["version"] = inputs.archived.version


def _parts(crate: ROCrate, inputs: CrateInputs) -> dict[str, Any]:
    """Add the files and folders of the archive, by name."""
    folders: dict[str, int] = defaultdict(int)
    parts: dict[str, Any] = {}
    for name, (size, digest) in sorted(inputs.files.items()):
        if (match := FOLDERS.match(name)) and name not in inputs.archived.configs:
            folders[match[0]] += 1
            continue
        suffix = Path(name).suffix
        media = MEDIA_TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "text/plain"
        properties = {"contentSize": str(size), "sha256": digest, "encodingFormat": media, "name": Path(name).name}
        kinds = ["File", "SoftwareSourceCode"] if name.startswith("notebooks/") else "File"
        if name != "Snakefile":
            parts[name] = crate.add_file(dest_path=name, properties={"@type": kinds, **properties})
    for name in (FILES, CHECKSUMS):  # these list all others, so that their own digests are nowhere
        media = mimetypes.guess_type(name)[0] or "text/plain"
        parts[name] = crate.add_file(dest_path=name, properties={"name": name, "encodingFormat": media})
    for name, count in folders.items():
        parts[name] = crate.add_dataset(
            dest_path=name, properties={"name": name, "description": f"{count} files, listed with digests in files.csv"}
        )
    return parts


def _workflow(crate: ROCrate, inputs: CrateInputs, licence: str, authors: Sequence[Any]) -> Any:
    size, digest = inputs.files["Snakefile"]
    properties = {"name": "CodeStilts", "version": inputs.archived.commit, "contentSize": str(size), "sha256": digest}
    versions = inputs.archived.versions
    workflow = crate.add_workflow(
        dest_path="Snakefile",
        main=True,
        lang="snakemake",
        lang_version=versions.get("snakemake"),
        properties=properties,
        cls=ComputationalWorkflow,
    )
    workflow["conformsTo"], workflow["encodingFormat"] = {"@id": WORKFLOW}, "text/plain"
    workflow["license"], workflow["author"] = crate.dereference(licence), list(authors)
    workflow["softwareRequirements"] = [
        add(
            crate,
            f"pkg:{'generic' if name == 'python' else 'pypi'}/{name}@{version}",
            "SoftwareApplication",
            name=name,
            version=version,
        )
        for name, version in versions.items()
    ]
    return workflow


def _run(crate: ROCrate, inputs: CrateInputs, workflow: Any, parts: Mapping[str, Any]) -> None:
    """Add the run of the whole workflow, from settings and sources to the report."""
    study, results = inputs.study, f"results/{inputs.study.name}"
    sources = [_source(crate, study.sources[name]) for name in study.used_sources]
    shown = [part for name, part in parts.items() if SHOWN.match(name)]
    tables = [part for name, part in parts.items() if re.fullmatch(rf"{results}/\w+\.csv", name)]
    predictions = [parts[name] for folder in PREDICTIONS if (name := f"{results}/{folder}") in parts]
    report = [part for name, part in parts.items() if name == f"{results}/report.html"]
    read = {
        "config": ("File", [parts[name] for name in inputs.archived.configs if name in parts]),
        "claims": ("File", [parts["claims.yaml"]]),
        "tasks": ("Dataset", [parts["tasks/"]]),
        "sources": ("File", [parts["sources.csv"]]),
    }
    written = {
        "predictions": ("Dataset", predictions),
        "report": ("File", report),
        "tables": ("File", tables),
        "figures-and-tables": ("File", shown),
    }
    workflow["input"] = [_parameter(crate, name, *entry) for name, entry in read.items() if entry[1]]
    workflow["output"] = [_parameter(crate, name, *entry) for name, entry in written.items() if entry[1]]
    action = add(
        crate,
        "#run",
        "CreateAction",
        name=f"Run of the study {study.name}",
        startTime=inputs.began.isoformat(),
        endTime=inputs.ended.isoformat(),
    )
    if inputs.commits:
        action["description"] = f"Training runs were made at {commits_text(inputs.commits)}."
    action["actionStatus"] = COMPLETED
    action["instrument"] = workflow
    action["object"] = [part for _, members in read.values() for part in members] + sources
    action["result"] = [part for _, members in written.values() for part in members]
    crate.root_dataset["mentions"] = [action]


def commits_text(commits: Sequence[str]) -> str:
    """Return the commits of training runs in words."""
    return f"commit{'s' if len(commits) > 1 else ''} {', '.join(commits)}"


def _parameter(crate: ROCrate, name: str, kind: str, members: Iterable[Any]) -> Any:
    """Add an input or output of the workflow, and link the files that took its place."""
    parameter = add(crate, f"#parameter-{name}", "FormalParameter", name=name, additionalType=kind)
    parameter["conformsTo"] = {"@id": PARAMETER}
    parameter["workExample"] = list(members)
    for member in members:
        member.append_to("exampleOfWork", parameter)
    return parameter


def _source(crate: ROCrate, source: Source) -> Any:
    """Add a source: a package or a repository by its package URL, an archive by its address."""
    name = source.id.partition("/")[2] if source.kind == "hub" else source.id.replace("@", "%40")
    pattern = PACKAGE_URLS.get(source.kind)
    identifier = pattern.format(id=name, version=source.version) if pattern else source.id
    properties = {"name": source.name, "version": source.version, "sha256": source.sha256, "license": source.licence}
    properties |= {"creditText": source.citation, "identifier": identifier}
    present = {key: value for key, value in properties.items() if value}
    return add(crate, f"#source-{source.name}", "CreativeWork", **present)


def _notebooks(crate: ROCrate, inputs: CrateInputs) -> None:
    """Add the runs of notebooks, which link each figure and table with the notebook and the tables that it reads."""
    runs: dict[tuple[str, tuple[str, ...], str], list[str]] = defaultdict(list)
    for name, job in inputs.jobs.items():
        runs[job.rule, job.inputs, "/".join(Path(name).parts[3:-1])].append(name)
    for (rule, paths, encoder), names in sorted(runs.items()):
        notebook = crate.dereference(f"notebooks/{rule.removeprefix('notebook_')}.py.ipynb")
        if notebook is None:
            continue
        title = " ".join(filter(None, (rule.replace("_", " "), encoder)))
        action = add(crate, f"#{title.replace(' ', '-')}", "CreateAction", name=title)
        action["startTime"] = min(inputs.jobs[name].began for name in names).isoformat()
        action["endTime"] = max(inputs.jobs[name].ended for name in names).isoformat()
        action["actionStatus"] = COMPLETED
        read = [entity for path in paths if (entity := crate.dereference(path)) is not None]
        made = [crate.dereference(name) for name in names]
        action["instrument"], action["object"], action["result"] = notebook, read, made
        for entity in made:
            entity["isBasedOn"] = [notebook, *read]
        crate.root_dataset.append_to("mentions", action)
