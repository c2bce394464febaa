"""Clusterings and audits of tables, which are written to files first."""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from codestilts.evaluation.leakage import audit
from codestilts.examples.text_clusters import text_clusters

Tables = Mapping[str, pd.DataFrame]


def in_files(tables: Tables, folder: Path) -> dict[str, Path]:
    """Write tables of examples."""
    files = {name: folder / f"{name}.parquet" for name in tables}
    for name, file in files.items():
        tables[name].to_parquet(file, index=False)
    return files


def clustered(tables: Tables, targets: list[str], similarity: float = 0.8) -> pd.DataFrame:
    """The texts that training and test sets share."""
    with TemporaryDirectory() as folder:
        return text_clusters(in_files(tables, Path(folder)), targets, similarity)


def audited(training: Tables, targets: Tables, left_out: Mapping[str, np.ndarray] | None = None) -> pd.DataFrame:
    """The audit of tables and their clusters."""
    with TemporaryDirectory() as folder:
        files = in_files({**training, **targets}, Path(folder))
        clusters = text_clusters(files, list(targets), 0.8)
        own = {name: files[name] for name in training}
        return audit(own, {name: files[name] for name in targets}, clusters, left_out or {})
