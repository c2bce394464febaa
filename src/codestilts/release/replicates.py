"""The tables of a study with other rounding errors, and the tolerances of everything that is computed from scores.

The measured differences of the sums of each unit are added to the sums of the study: to each run those of a run of the
sample that is drawn at random. A sample of few runs misses rare changes, so it has one run more, in which one answer of
each target differs in each language (Laplace's rule of succession, for each cell). The study's own code then computes
all tables again. The tolerance of a number is its root mean square change over the replicates times Student's quantile.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from codestilts.columns import SCORE_KEYS
from codestilts.config.analysis_jobs import comparison_settings
from codestilts.config.claim_jobs import claim_settings, claims_settings, decidable_claims
from codestilts.config.study import Study
from codestilts.csv_tables import read_csv
from codestilts.errors import CodeStiltsError
from codestilts.evaluation.claim_estimates import evaluate
from codestilts.evaluation.claims_table import claims_table
from codestilts.evaluation.comparison import compare
from codestilts.evaluation.leakage import with_leaks
from codestilts.evaluation.metrics.registry import METRICS
from codestilts.evaluation.scoring import read_values, values
from codestilts.evaluation.statistics.design import nearness
from codestilts.evaluation.sum_tables import SumWriter
from codestilts.job_files import read_parquet
from codestilts.release.rounding import ALPHA, SIDES, SUM_KEYS, Measured
from codestilts.release.tables import TABLES
from codestilts.result_files import finished_files, scored_of, target_record

REPLICATES = 20


class Replicates:
    """The tables of a study, computed again from sums to which measured differences are added."""

    def __init__(self, study: Study, results: Path, measured: Measured) -> None:
        self.study, self.results = study, results
        self.languages = read_csv(results / "language_similarity.csv")
        self.settings = with_leaks(comparison_settings(study), read_csv(results / "audit.csv"))
        self.sums = {pair: read_parquet(results / scored_of(*pair, "sums")) for pair in study.encoder_arms}
        self.values = {pair: read_parquet(results / scored_of(*pair, "values")) for pair in study.encoder_arms}
        self.errors: dict[bool, list[pd.DataFrame]] = {True: [], False: []}  # by whether there is intermediate training
        for (_, arm, _), rows in measured.sums.groupby(["computation", "arm", "seed"], sort=True):
            self.errors[arm in measured.trained].append(rows.drop(columns="computation"))

    def tables(self, rng: np.random.Generator) -> dict[str, pd.DataFrame]:
        """Return all tables with other rounding errors."""
        sums = {pair: self._with_errors(pair[1], table, rng) for pair, table in self.sums.items()}
        baselines = self.results / "scores"
        with TemporaryDirectory() as temporary:
            folder = Path(temporary)
            paths = {"sums": [str(baselines / "baselines.sums.parquet")]}
            paths["values"] = [str(baselines / "baselines.values.parquet")]
            for number, (pair, table) in enumerate(sums.items()):
                files = {kind: str(folder / f"{number}.{kind}.parquet") for kind in paths}
                with SumWriter(files["sums"]) as writer:
                    writer.write(table)
                _with_values(self.values[pair], table).to_parquet(files["values"], index=False)
                paths = {kind: [*paths[kind], file] for kind, file in files.items()}
            found = compare(read_values(paths["values"]), paths["sums"], self.languages, self.settings)
        return found | {"claims": self._claims(sums, found["contrasts"])}

    def _with_errors(self, arm: str, sums: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
        """Add to the sums of each seed the differences of a run of the sample, trained as this arm is."""
        errors, parts = self.errors[bool(self.study.parent_arm(arm))], [sums]
        for seed, rows in sums.groupby("seed", sort=True):
            drawn = rng.integers(len(errors) + 1)
            run = errors[drawn].assign(arm=arm, seed=seed) if drawn < len(errors) else one_answer(rows, rng)
            parts.append(run.assign(n=0))
        total = pd.concat(parts, ignore_index=True).groupby(SUM_KEYS, sort=True)[[*SIDES, "n"]].sum().reset_index()
        # An answer that the sample lost may not be there to be lost.
        return total.assign(**{side: total[side].clip(lower=0) for side in SIDES})

    def _claims(self, sums: Mapping[tuple[str, str], pd.DataFrame], contrasts: pd.DataFrame) -> pd.DataFrame:
        """Return the table of the claims that are judged by the metrics of the study."""
        is_near = nearness(self.languages)
        found = []
        for name in decidable_claims(self.study):
            settings = claim_settings(self.study, name)
            if any(scored.metric != self.study.tasks[target].metric for target, scored in settings.targets.items()):
                continue
            runs = settings.runs()
            parts = [sums[run[:2]][sums[run[:2]]["target"] == run[2]].assign(family="claimed") for run in runs]
            records = [path for run in runs for path in finished_files(self.results, target_record(*run))]
            table = pd.concat(parts, ignore_index=True) if parts else None
            found.append(evaluate(settings, [], sorted(records), is_near, table))
        return claims_table(claims_settings(self.study), found, contrasts)


def one_answer(sums: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Return the differences of a run in which one answer of each target, metric and language changes.

    Args:
        sums: The sums of one run.
        rng: It draws the units.
    """
    rows = sums.groupby(["target", "metric", "language"], sort=True).sample(1, random_state=rng)
    answer = rows["metric"].map(lambda name: METRICS[name].answer).to_numpy(float)
    return rows.assign(numerator=np.where(rows["numerator"] >= answer, -answer, answer), denominator=0.0)


def _with_values(table: pd.DataFrame, sums: pd.DataFrame) -> pd.DataFrame:
    """Return a table of values with those of the compared checkpoint and metric computed again from sums."""
    keys = [*SCORE_KEYS, "metric"]
    new = table.merge(values(sums)[[*keys, "value"]], on=keys, how="left", suffixes=("", " new"))
    return table.assign(value=new["value new"].fillna(new["value"]).to_numpy())


def derived_tolerances(
    released: Mapping[str, pd.DataFrame], replicates: Sequence[Mapping[str, pd.DataFrame]]
) -> dict[str, pd.DataFrame]:
    """Return the tolerance of each number that is computed from scores, in the order of the rows.

    The mean square change of a number counts that of its scope (or target) as one more replicate, so that a number that
    no replicate has changed, by chance, has a tolerance too.

    Args:
        released: The tables of the study, as texts.
        replicates: The same tables, computed again.

    Raises:
        CodeStiltsError: The tables are not of the same results as their sums.
    """
    from scipy.stats import t

    found, number = {}, len(replicates)
    for name in [name for name in TABLES if name in replicates[0] and name != "scores"]:
        table, base = TABLES[name], released[name]
        columns, keys = list(table.numbers), pd.MultiIndex.from_frame(base[list(table.keys)])
        squares, seen = pd.DataFrame(0.0, base.index, columns), np.zeros(len(base), bool)
        for replicate in replicates:
            rows = replicate[name].set_index(_key(replicate[name], table.keys))
            seen |= keys.isin(rows.index)  # a contrast without the targets that fail a check is another if they do not
            for column in columns:
                change = _numbers(rows[column].reindex(keys)) - _numbers(base[column])
                squares[column] += np.nan_to_num(change) ** 2
        if name != "claims" and not seen.all():
            raise CodeStiltsError(f"{name}.csv is not of the same results as its sums: make report")
        if scope := next((key for key in ("scope", "target") if key in table.keys), ""):
            pooled = squares.groupby(base[scope]).transform("mean") / number
            squares = (squares + pooled) * number / (number + 1)
        quantile = float(t.isf(ALPHA / 2 / (len(base) * len(columns)), number))
        found[name] = (squares / number) ** 0.5 * quantile
    return found


def _key(table: pd.DataFrame, keys: Sequence[str]) -> pd.MultiIndex:
    return pd.MultiIndex.from_frame(table[list(keys)].astype(object).fillna("").astype(str))


def _numbers(column: pd.Series) -> np.ndarray:
    return pd.to_numeric(column, errors="coerce").to_numpy(float)
