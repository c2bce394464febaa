"""BUCC with all its sentences: the archives of the workshop's shared task (Zweigenbaum, Sharoff and Rapp 2018).

Of each language pair an archive has three files of lines of cells between tabs: ``de-en.training.de`` and
``de-en.training.en`` (id, sentence) and ``de-en.training.gold`` (the ids of a pair). XTREME (scripts/download_data.sh)
takes the sample as dev, on which the margin is tuned, and the training set as test.
"""

import zipfile
from pathlib import Path, PurePosixPath

import pandas as pd

from codestilts.errors import CodeStiltsError
from codestilts.examples.sampling import Inputs, Settings, orient_pairs, sample_rows

SETS = {"sample": "dev", "training": "test"}  # names of the files -> our splits, as in XTREME
PARTNER = "en"


def mining(inputs: Inputs, settings: Settings) -> pd.DataFrame:
    """A row for each pair and for each sentence without a partner, whose other side is empty.

    ``codes`` are the languages' names in those of the files. Raises :class:`CodeStiltsError` for a file that is absent,
    a line that has another form, an id that stands twice and a pair of a sentence that is not there.
    """
    parts = []
    for language in settings["languages"]:
        code = settings["codes"][language]
        for name, split in SETS.items():
            text, partner, gold = (
                _cells(f"{code}-{PARTNER}.{name}.{end}", inputs, settings) for end in (code, PARTNER, "gold")
            )
            rows = _rows(text, partner, gold, settings).assign(language=language, split=split)
            parts.append(rows.assign(id=f"bucc:{code}:{name}:" + rows["id"]))
    frame = pd.concat(parts, ignore_index=True)
    return sample_rows(orient_pairs(frame, settings, "query"), settings)


def _cells(file: str, inputs: Inputs, settings: Settings) -> pd.DataFrame:
    """The two cells of each line of a file, which is in one of the archives."""
    where = f"task {settings['task']}, {file}"
    for path in inputs.values():
        with zipfile.ZipFile(path) as archive:
            member = next((name for name in archive.namelist() if PurePosixPath(name).name == file), None)
            if member:
                text = archive.read(member).decode("utf-8-sig", errors="replace")
                break
    else:
        raise CodeStiltsError(f"{where}: no such file in {', '.join(Path(path).name for path in inputs.values())}")
    if damaged := text.count("\ufffd"):
        print(f"{where}: {damaged} characters that are no UTF-8 are replaced")
    lines = text.split("\n")  # not splitlines: other separators are characters of a sentence
    rows = [line.split("\t", 1) for line in lines if line.strip()]
    for number, row in enumerate(rows, 1):
        if len(row) != 2:
            raise CodeStiltsError(f"{where}, line {number}: {row[0][:40]!r} has no tab: an id, a tab, a sentence or id")
    return pd.DataFrame([[cell.strip() for cell in row] for row in rows], columns=["id", "cell"])


def _rows(text: pd.DataFrame, partner: pd.DataFrame, gold: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """The pairs, then what is left of either side."""
    for side in (text, partner):
        if side["id"].duplicated().any():
            repeated = side.loc[side["id"].duplicated(), "id"].iloc[0]
            raise CodeStiltsError(f"task {settings['task']}: the id {repeated} stands twice in its file")
    query, document = (side.set_index("id")["cell"] for side in (text, partner))
    for ids, known in ((gold["id"], query.index), (gold["cell"], document.index)):
        if len(absent := ids[~ids.isin(known)]):
            raise CodeStiltsError(f"task {settings['task']}: a pair names {absent.iloc[0]}, which no sentence has")
    single = ~(gold["id"].duplicated() | gold["cell"].duplicated())
    if not single.all():
        print(f"{settings['task']}: {(~single).sum()} of {len(gold)} pairs left out: a sentence has one partner here")
    gold = gold[single]
    pairs = pd.DataFrame(
        {"id": gold["id"], "query": query[gold["id"]].to_numpy(), "document": document[gold["cell"]].to_numpy()}
    )
    asked = query.drop(gold["id"]).rename("query").reset_index().assign(document="")
    found = document.drop(gold["cell"]).rename("document").reset_index().assign(query="")
    frame = pd.concat([pairs, asked, found], ignore_index=True)
    empty = (frame["query"] == "") & (frame["document"] == "")  # a line without a sentence
    frame = frame[~empty].assign(package="bucc")
    # one English sentence in several languages is one unit of statistics
    return frame.assign(cluster=("bucc:" + frame["document"]).where(frame["document"] != "", "bucc:" + frame["id"]))
