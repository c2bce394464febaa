"""From the predictions of several computations to the tolerances of a release, in ``results/STUDY/rounding/``."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from codestilts.config.computations import REFERENCE, ROUNDING
from codestilts.config.study import Study
from codestilts.errors import CodeStiltsError
from codestilts.job_files import open_parquet, read_parquet
from codestilts.provenance import write_json
from codestilts.release.claim_verdicts import uncertain_verdicts
from codestilts.release.replicates import REPLICATES, Replicates, derived_tolerances
from codestilts.release.rounding import ALPHA, Measured, answers, measure, score_tolerances
from codestilts.release.snapshot import Snapshot, content_digest, read_snapshot
from codestilts.release.tolerances import FOLDER, UNCERTAIN
from codestilts.release.write import DIFFERENCES, MEASURED, digest_of, write_table
from codestilts.result_files import prediction_files, scored_of


def write_tolerances(
    study: Study, results: Path, computations: Mapping[str, Path], pairs: Sequence[tuple[str, str]]
) -> str:
    """Measure rounding and write the tolerances of all tables.

    Args:
        study: The study.
        results: Its folder of results.
        computations: The folder of each computation's predictions.
        pairs: The encoder-arm pairs of the sample.

    Returns:
        What was measured, in words.

    Raises:
        CodeStiltsError: The sample does not repeat the study's predictions if it is computed in the same way, or the
            study has runs in several precisions.
    """
    check_repeats(results, computations[REFERENCE])
    snapshot, out = read_snapshot(results), results / ROUNDING
    if len(snapshot.precisions) != 1:
        raise CodeStiltsError(
            f"{results}: runs in several precisions ({', '.join(sorted(snapshot.precisions))}): no sample"
        )
    (precision,) = snapshot.precisions
    measured = measure(study, results, {name: computations[name] for name in computations if name != REFERENCE}, pairs)
    shutil.rmtree(out / FOLDER, ignore_errors=True)
    of_arms = [answers(read_parquet(results / scored_of(*pair, "sums"))) for pair in study.encoder_arms]
    one_answer = pd.concat(of_arms).groupby(level=0).max()
    scores = {}
    for name, part in measured.by_precision(precision).items():
        for table, allowed in _derived(study, snapshot, part).items():
            write_table(allowed, out / FOLDER / name / f"{table}.csv", packed=True, float_format="%.3g")
        trained = part.scores[part.scores["arm"].isin(part.trained)] if part.trained else part.scores
        scores[name] = score_tolerances(trained, len(snapshot.tables["scores"]), one_answer)
    write_table(measured.scores, out / DIFFERENCES.removesuffix(".gz"), packed=True, float_format="%.6f")
    margin, level = study.config.statistics.margin, round(1 - study.config.statistics.confidence, 6)
    tolerances = {
        "of": digest_of(snapshot.tables),
        "alpha": ALPHA,
        "replicates": REPLICATES,
        "computations": sorted(measured.scores["computation"].unique()),
        "arms": sorted({arm for _, arm in pairs}),
        "scores": scores,
        "thresholds": {"contrasts": [0.0, -margin, margin], "target_checks": [0.0], "p": [level]},
    }
    write_json(out / MEASURED, tolerances)
    return summary(measured.scores)


def _derived(study: Study, snapshot: Snapshot, measured: Measured) -> dict[str, pd.DataFrame]:
    """Return the tolerances of what is computed from scores, if these differ as measured."""
    replicates, rng = Replicates(study, snapshot.folder, measured), np.random.default_rng(0)
    found = derived_tolerances(snapshot.tables, [replicates.tables(rng) for _ in range(REPLICATES)])
    uncertain = uncertain_verdicts(snapshot.folder, snapshot.tables, found, study.config.statistics.confidence)
    return found | {"claims": found["claims"].assign(**{UNCERTAIN: uncertain.to_numpy()})}


def check_repeats(results: Path, reference: Path) -> None:
    """Check that a sample, computed as the study is, repeats its predictions.

    Raises:
        CodeStiltsError: It does not: another machine or other versions have computed the results.
    """
    for path in prediction_files(reference):
        name = path.relative_to(reference)
        ours, theirs = (content_digest(open_parquet(folder / name).read()) for folder in (results, reference))
        if ours != theirs:
            raise CodeStiltsError(
                f"{results / name}: training again on this machine gives other predictions: make report here first"
            )


def summary(scores: pd.DataFrame) -> str:
    """Return for each computation how many scores differ, and by how many points, in words."""
    lines = []
    for name, rows in scores.groupby("computation", sort=True):
        points = 100 * rows["difference"].abs()
        spread = float(np.sqrt((points**2).mean()))
        lines.append(
            f"{name}: {(points > 0).mean():.0%} of {len(points):,} scores differ, by {spread:.2f} points (root mean "
            f"square), {points.max():.2f} at most"
        )
    return "\n".join(lines)
