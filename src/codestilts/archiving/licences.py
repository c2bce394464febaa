"""Which texts of others a study archive may hold: those of sources whose licence lets everybody pass copies on."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from codestilts.config.study import Study
from codestilts.errors import CodeStiltsError
from codestilts.job_files import read_parquet
from codestilts.result_files import examples_of
from codestilts.sources.archive import is_licence, members
from codestilts.sources.table import Source

# SPDX identifiers of licences under which verbatim copies may be given to anybody, also for money. Left out are data
# agreements that bind the recipient (C-UDA), licences for non-commercial use only, and names that are no SPDX licence.
SHARED = frozenset(
    {
        *("0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "ISC", "MIT", "MIT-0", "MPL-2.0", "Zlib"),
        *("CC0-1.0", "CC-BY-3.0", "CC-BY-4.0", "CC-BY-SA-3.0", "CC-BY-SA-4.0", "PSF-2.0", "Python-2.0", "Unlicense"),
        *("GFDL-1.2", "GFDL-1.3", "GPL-2.0-only", "GPL-2.0-or-later", "GPL-3.0-only", "GPL-3.0-or-later"),
        *("LGPL-2.1-only", "LGPL-2.1-or-later", "LGPL-3.0-only", "LGPL-3.0-or-later", "WordNet-3.0", "blessing"),
    }
)
TEXT_TYPES = {"span_qa", "generation"}  # task types whose predictions are texts; the others' are labels, tags and ids
COLUMNS = ["source", "version", "licence", "may_be_shared", "used_by", "texts_in_the_archive", "licence_files"]


@dataclass(frozen=True)
class TextPolicy:
    """What a study archive holds of its targets' texts.

    Attributes:
        closed: Targets, and twins, with a source whose texts may not be passed on. None of their examples is in the
            archive.
        withheld: Those of them whose predictions are texts. Their predictions are not in the archive either.
    """

    closed: tuple[str, ...]
    withheld: tuple[str, ...]


def may_be_shared(licence: str) -> bool:
    """Return whether an SPDX expression lets everybody pass copies on.

    Of licences joined by AND all must, of those joined by OR one. Expressions with parentheses count as unknown.
    """
    return any(all(part.strip() in SHARED for part in choice.split(" AND ")) for choice in licence.split(" OR "))


def sources_of_examples(study: Study, task: str, examples: Path) -> list[str]:
    """Return the sources that a task's examples are from.

    These are the archives and repositories that it reads and, of the packages of functions, those that are in its
    examples. (Of the packages of a language, a task may use some splits only.)
    """
    packages = set(read_parquet(examples, columns=["package"])["package"])
    return [
        name
        for name in sources_of_task(study, task)
        if name in packages or not study.sources[name].split or study.sources[name].kind == "hub"
    ]


def sources_of_task(study: Study, task: str) -> list[str]:
    """Return the sources that a task's texts may be from, also those of the tasks whose examples it reads."""
    found = set(study.tasks[task].all_sources)
    if study.reads_functions(task):
        found.update(name for language in study.task_languages(task) for name in study.sources_of_language(language))
    return sorted(found.union(*(sources_of_task(study, part) for part in study.parts(task))))


def text_policy(study: Study) -> TextPolicy:
    """Return what the archive of a study may hold of its targets' texts."""
    closed = tuple(
        target
        for target in study.targets + study.twins
        if not all(may_be_shared(study.sources[name].licence) for name in sources_of_task(study, target))
    )
    return TextPolicy(closed, tuple(target for target in closed if study.tasks[target].type in TEXT_TYPES))


def licence_members(study: Study, results: Path, resources: Path) -> dict[str, bytes]:
    """Return ``licences.csv``, which says of each source what the archive holds of it, and the licence files.

    Args:
        study: The study.
        results: Its folder of results, with the examples.
        resources: The folder of fetched archives, which have the licence files.

    Raises:
        CodeStiltsError: The fetched archive of a source is missing whose texts are in the study archive.
    """
    policy, found, tested = text_policy(study), dict[str, bytes](), study.targets + study.twins
    tasks = {name: sources_of_examples(study, name, results / examples_of(name)) for name in study.examples}
    shown = {target: [*excerpts(study, target)] for target in tested if target not in policy.closed}
    rows = []
    for source in (study.sources[name] for name in study.used_sources):
        users = [task for task, sources in tasks.items() if source.name in sources]
        users += [name for name in study.encoders if study.source_of_encoder(name) == source.name]
        texts = [f"{what} of {target}" for target in users for what in shown.get(target, [])]
        files = _licence_files(source, resources) if texts else {}
        found |= files
        rows.append(
            {
                "source": source.name,
                "version": source.version,
                "licence": source.licence,
                "may_be_shared": "yes" if may_be_shared(source.licence) else "no",
                "used_by": "; ".join(users),
                "texts_in_the_archive": "; ".join(texts) or "none",
                "licence_files": "; ".join(files) or ("none in the package" if texts else ""),
            }
        )
    return {"licences.csv": pd.DataFrame(rows, columns=COLUMNS).to_csv(index=False).encode(), **found}


def excerpts(study: Study, target: str) -> list[str]:
    """Return in words which texts of a target's examples an archive holds if it may."""
    task = study.tasks[target]
    found = ["answers in predictions"] if task.type in TEXT_TYPES else []
    # Neither twins nor targets of mining are among the samples.
    return [*found, "sample predictions"] if target in study.targets and task.options.protocol != "mining" else found


def _licence_files(source: Source, resources: Path) -> dict[str, bytes]:
    path = resources / f"{source.name}.zip"
    if not path.exists():
        raise CodeStiltsError(
            f"{path}: missing, and the archive needs the licence that goes with its texts: "
            f"run the study again, which fetches it"
        )
    return {f"licences/{source.name}/{name}": content for name, content in members(path, is_licence)}
