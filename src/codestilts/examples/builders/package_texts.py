"""Masked language modelling on functions of packages that nothing else reads, in languages that no task trains on.

Models forget how to write languages that fine-tuning does not show. A self-supervised task in all of them may prevent
that (Vu et al. 2022, arXiv 2205.12647; a factor in Chirkova et al. 2023, arXiv 2310.09917).
"""

from dataclasses import replace

import pandas as pd

from codestilts.errors import CodeStiltsError
from codestilts.examples.builder_settings import BuilderSettings, Inputs
from codestilts.examples.parsing.functions import extract
from codestilts.examples.sampling import dev_or_train, sample_rows


def functions(inputs: Inputs, settings: BuilderSettings) -> pd.DataFrame:
    """Read functions of the task's sources, without comments; ``texts`` to train on at most, as many of each language.

    A tenth of the files becomes dev.

    Raises:
        CodeStiltsError: The sources have no function in a language.
    """
    share = replace(settings, train=-(-settings.required("texts") // len(settings.languages)), dev=None)
    parts = []
    for language in settings.languages:
        splits = dict.fromkeys(inputs.files, "intermediate")
        table, _ = extract(language, list(inputs.files.values()), splits, allow_empty=True)
        frame = table.select(["id", "language", "source", "path", "code"]).to_pandas()
        if frame.empty:
            raise CodeStiltsError(f"task {settings.task}: its sources have no function in {language}: add a package")
        frame = frame.rename(columns={"source": "package", "code": "text"})
        frame["cluster"] = frame["package"] + ":" + frame.pop("path")
        frame["split"] = [dev_or_train("dev", key) for key in frame["cluster"]]
        parts.append(sample_rows(frame, share))
    return sample_rows(pd.concat(parts, ignore_index=True), replace(settings, train=None))
