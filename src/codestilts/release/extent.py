"""How far a study was run: which of its runs have predictions, and the tables that can be made of those."""

from collections.abc import Collection, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from codestilts.columns import NONE
from codestilts.config.analysis_jobs import baseline_score_settings, comparison_settings, score_settings
from codestilts.config.study import Study
from codestilts.csv_tables import read_csv
from codestilts.errors import CodeStiltsError
from codestilts.evaluation.comparison import compare
from codestilts.evaluation.leakage import with_leaks
from codestilts.evaluation.scoring import read_values, score
from codestilts.provenance import parquet_files
from codestilts.result_files import predictions_of, retrieval_of

Run = tuple[str, str, str, str]  # encoder, arm, target, batch of seeds


def files_of_runs(study: Study) -> dict[Run, str]:
    """Return the file of predictions of each run of the grid, relative to the folder of results."""
    found = {}
    for (encoder, arm), targets in study.encoder_arms.items():
        for target in targets:
            for seeds in study.batches:
                place = predictions_of if target in study.trained_targets else retrieval_of
                found[encoder, arm, target, seeds] = place(encoder, arm, target, seeds)
    return found


def check_first_batch(study: Study, results: Path, pairs: Collection[tuple[str, str]]) -> None:
    """Check that some encoder-arm pairs have the predictions of all targets with the first batch of seeds.

    Raises:
        CodeStiltsError: A file is missing.
    """
    first = next(iter(study.batches))
    for (encoder, arm, _, seeds), file in files_of_runs(study).items():
        if (encoder, arm) in pairs and seeds == first and not (results / file).exists():
            raise CodeStiltsError(f"{results / file}: missing: finish the study first (make report)")


def extent_of(study: Study, files: Collection[str]) -> dict[str, Any]:
    """Return how far a study was run, given the files of predictions that there are.

    Returns:
        ``runs`` that are done ``of`` all (a run is an encoder, an arm, a target and a seed), and what it ``lacks``: for
        each encoder and arm, its targets with the seeds that are missing.
    """
    sizes = {batch: len(seeds) for batch, seeds in study.batches.items()}
    lacks: dict[str, dict[str, list[int]]] = {}
    done = total = 0
    for (encoder, arm, target, batch), file in files_of_runs(study).items():
        total += sizes[batch]
        if file in files:
            done += sizes[batch]
        else:
            lacks.setdefault(f"{encoder} / {arm}", {}).setdefault(target, []).extend(study.batches[batch])
    return {"runs": done, "of": total, "lacks": lacks}


def in_words(extent: Mapping[str, Any]) -> str:
    """Return what a release lacks in a few words; nothing if it is whole."""
    if not extent["lacks"]:
        return ""
    names = ", ".join(list(extent["lacks"])[:3]) + (", ..." if len(extent["lacks"]) > 3 else "")
    return f"{extent['runs']} of {extent['of']} runs; runs are missing of {len(extent['lacks'])} arms ({names})"


def finished_part(study: Study, files: Collection[Run]) -> tuple[list[str], set[tuple[str, str]]]:
    """Return the part of the arm ``none`` to which others can be compared.

    Returns:
        The batches of seeds, and the encoders and targets with all of which it is finished: of several such parts the
        one with the most runs, and of these the one with the most batches. Both are empty if there is none.
    """
    first = [(encoder, target) for (encoder, arm), own in study.encoder_arms.items() if arm == NONE for target in own]
    done = {
        seeds: {(name, target) for name, target in first if (name, NONE, target, seeds) in files}
        for seeds in study.batches
    }
    ordered = sorted((seeds for seeds in study.batches if done[seeds]), key=lambda seeds: -len(done[seeds]))
    parts = [
        (ordered[:count], set.intersection(*(done[seeds] for seeds in ordered[:count])))
        for count in range(1, len(ordered) + 1)
    ]
    seeds_of = [sum(len(study.batches[seeds]) for seeds in batches) for batches, _ in parts]
    runs = [count * len(targets) for count, (_, targets) in zip(seeds_of, parts, strict=True)]
    return max(zip(runs, seeds_of, parts, strict=True), key=lambda one: one[:2], default=(0, 0, ([], set())))[2]


def tables_of_part(study: Study, results: Path) -> dict[str, pd.DataFrame]:
    """Return the tables of scores and statistics of a study that was run in part.

    They are made of :func:`finished_part`, and of the arms and targets that have all of its batches of seeds.

    Raises:
        CodeStiltsError: No batch is finished, or a table is missing that the comparison needs.
    """
    needed = {name: results / f"{name}.csv" for name in ("language_similarity", "audit")}
    if absent := [str(path) for path in needed.values() if not path.exists()]:
        raise CodeStiltsError(f"{absent[0]}: missing: run the workflow for {' and '.join(absent)}")
    files = {run: results / file for run, file in files_of_runs(study).items() if (results / file).exists()}
    batches, compared = finished_part(study, files)
    if not batches:
        raise CodeStiltsError(
            f"{results}: the arm none has no predictions, and others are compared with it: make report"
        )
    baselines = parquet_files([results / "baselines"])
    jobs = [(list(map(str, baselines)), baseline_score_settings(study))]
    for pair, targets in study.encoder_arms.items():
        own = [target for target in targets if (pair[0], target) in compared]
        whole = [target for target in own if all((*pair, target, seeds) in files for seeds in batches)]
        paths = [str(files[*pair, target, seeds]) for target in whole for seeds in batches]
        jobs += [(paths, score_settings(study, *pair))] if paths else []
    settings = with_leaks(comparison_settings(study), read_csv(needed["audit"]))
    with TemporaryDirectory() as temporary:
        values, sums = ([f"{temporary}/{number}.{kind}" for number in range(len(jobs))] for kind in ("values", "sums"))
        for (paths, scored), value_file, sum_file in zip(jobs, values, sums, strict=True):
            score(paths, scored, sum_file).to_parquet(value_file, index=False)
        return compare(read_values(values), sums, read_csv(needed["language_similarity"]), settings)
