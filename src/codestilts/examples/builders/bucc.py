"""BUCC with all its sentences, from the archives of the shared task (Zweigenbaum, Sharoff and Rapp 2018).

The archive of a language pair has three tab-separated files for each set: ``de-en.training.de`` and
``de-en.training.en`` (id, sentence) and ``de-en.training.gold`` (the ids of a pair). As in XTREME
(scripts/download_data.sh), the sample is dev, on which the margin is tuned, and the training set is test.
"""

from pathlib import Path, PurePosixPath

import pandas as pd

from codestilts.errors import CodeStiltsError
from codestilts.examples.builder_settings import BuilderSettings, Inputs
from codestilts.examples.sampling import orient_pairs, sample_rows
from codestilts.job_files import open_zip

SETS = {"sample": "dev", "training": "test"}  # the sets' names in file names, and our splits (those of XTREME)
PARTNER = "en"


def mining(inputs: Inputs, settings: BuilderSettings) -> pd.DataFrame:
    """Mine the translations among sentences: a row for each pair, and for each sentence without a partner.

    The other side of a sentence without a partner is empty. ``codes`` are the languages' names in the file names.

    Raises:
        CodeStiltsError: A file is missing, a line has no tab, an id occurs twice, or a pair names an unknown sentence.
    """
    parts = []
    for language in settings.languages:
        code = settings.code_of(language)
        for name, split in SETS.items():
            text, partner, gold = (
                _read_file(f"{code}-{PARTNER}.{name}.{end}", inputs, settings) for end in (code, PARTNER, "gold")
            )
            rows = _join(text, partner, gold, settings).assign(language=language, split=split)
            parts.append(rows.assign(id=f"bucc:{code}:{name}:" + rows["id"]))
    frame = pd.concat(parts, ignore_index=True)
    return sample_rows(orient_pairs(frame, settings, "query"), settings)


def _read_file(file: str, inputs: Inputs, settings: BuilderSettings) -> pd.DataFrame:
    """The two fields of each line of a file, which is in one of the archives."""
    where = f"task {settings.task}, {file}"
    for path in inputs.files.values():
        with open_zip(path) as archive:
            member = next((name for name in archive.namelist() if PurePosixPath(name).name == file), None)
            if member:
                text = archive.read(member).decode("utf-8-sig", errors="replace")
                break
    else:
        archives = ", ".join(Path(path).name for path in inputs.files.values())
        raise CodeStiltsError(f"{where}: no such file in {archives}: fetch them again")
    if damaged := text.count("\N{REPLACEMENT CHARACTER}"):
        print(f"{where}: {damaged} characters that are not valid UTF-8 are replaced")
    lines = text.split("\n")  # not splitlines: other line separators are characters of a sentence
    rows = [line.split("\t", 1) for line in lines if line.strip()]
    for number, row in enumerate(rows, 1):
        if len(row) != 2:
            raise CodeStiltsError(
                f"{where}, line {number}: {row[0][:40]!r} has no tab: a line is an id, a tab, and a sentence or id"
            )
    return pd.DataFrame([[value.strip() for value in row] for row in rows], columns=["id", "value"])


def _join(text: pd.DataFrame, partner: pd.DataFrame, gold: pd.DataFrame, settings: BuilderSettings) -> pd.DataFrame:
    """The pairs, then the remaining sentences of either side."""
    for side in (text, partner):
        if side["id"].duplicated().any():
            repeated = side.loc[side["id"].duplicated(), "id"].iloc[0]
            raise CodeStiltsError(f"task {settings.task}: the id {repeated} occurs twice in its file: fetch it again")
    query, document = (side.set_index("id")["value"] for side in (text, partner))
    for ids, known in ((gold["id"], query.index), (gold["value"], document.index)):
        if len(unknown := ids[~ids.isin(known)]):
            raise CodeStiltsError(
                f"task {settings.task}: a pair names {unknown.iloc[0]}, which no sentence has: fetch it again"
            )
    single = ~(gold["id"].duplicated() | gold["value"].duplicated())
    if not single.all():
        print(f"{settings.task}: {(~single).sum()} of {len(gold)} pairs dropped: a sentence has a second partner")
    gold = gold[single]
    pairs = pd.DataFrame(
        {"id": gold["id"], "query": query[gold["id"]].to_numpy(), "document": document[gold["value"]].to_numpy()}
    )
    queries = query.drop(gold["id"]).rename("query").reset_index().assign(document="")
    documents = document.drop(gold["value"]).rename("document").reset_index().assign(query="")
    frame = pd.concat([pairs, queries, documents], ignore_index=True)
    empty = (frame["query"] == "") & (frame["document"] == "")  # a line without a sentence
    frame = frame[~empty].assign(package="bucc")
    # An English sentence that is paired in several languages is one unit of statistics.
    return frame.assign(cluster=("bucc:" + frame["document"]).where(frame["document"] != "", "bucc:" + frame["id"]))
