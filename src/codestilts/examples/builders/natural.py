"""Natural-language tasks whose examples the columns of a table alone don't say.

Each builder begins with :func:`readers.hub_tables.read`; what the columns do say stays in the task file.
"""

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from codestilts.errors import CodeStiltsError
from codestilts.examples.builders.controls import collect_texts
from codestilts.examples.builders.extractive_qa import locate_answers, questions
from codestilts.examples.published_counts import record_counts
from codestilts.examples.readers.hub_tables import read
from codestilts.examples.readers.repository import Archive
from codestilts.examples.sampling import DEV_SHARE, Inputs, Settings, hash_uniform, sample_rows, to_records

SIZES = ("train", "dev", "test", "test_source")
CCG_FILES = {"ccg.train": "train", "ccg.dev": "dev"}
CCG_ABSENT = (
    "CCGbank is sold by the Linguistic Data Consortium (LDC2005T13): put ccg.train and ccg.dev, as jiant reads them, "
    "into resources/local/ccg, or use the task supertags, which stands in for it"
)


def merged_sets(inputs: Inputs, settings: Settings) -> pd.DataFrame:
    """Rows of several sets as one: a part of them holds each set in proportion to its size, as jiant samples them."""
    return sample_rows(read(inputs, settings), settings, by=("split",))


def multilingual(inputs: Inputs, settings: Settings) -> pd.DataFrame:
    """Rows of one set in many languages, each read after the other: memory holds no more of one than is asked for."""
    parts = [sample_rows(_of(language, inputs, settings), settings) for language in settings["languages"]]
    return sample_rows(pd.concat(parts, ignore_index=True), settings)


def _of(language: str, inputs: Inputs, settings: Settings) -> pd.DataFrame:
    return read(inputs, settings | {"languages": [language]})


def tydiqa(inputs: Inputs, settings: Settings) -> pd.DataFrame:
    """Questions of TyDiQA, whose language is the first word of ``spoken``, their id (``swahili-123-0``).

    The set has all languages in one table and no test set: its validation rows are read as both dev and test, of which
    dev keeps the source language only. See :func:`codestilts.examples.builders.extractive_qa.answers` for the columns.
    """
    source = settings["source_language"]
    frame = read(inputs, settings | {"languages": [source], "counted": []})
    frame["language"] = frame.pop("spoken").str.partition("-")[0]
    frame["id"] = frame["split"] + ":" + frame["id"]
    for entry in settings["read"]:
        record_counts(dict(frame.loc[frame["split"] == entry["as"], "language"].value_counts()), entry, settings)
    wanted = frame["language"].isin(settings["languages"])
    frame = frame[wanted & ((frame["split"] == "test") | (frame["language"] == source))].reset_index(drop=True)
    return sample_rows(locate_answers(frame, settings), settings)


def questions_with_new_dev(inputs: Inputs, settings: Settings) -> pd.DataFrame:
    """Questions of a set without a dev split, of which a tenth of the clusters becomes one."""
    frame = questions(inputs, _unlimited(settings))
    frame["split"] = ["dev" if hash_uniform("dev", key) < DEV_SHARE else "train" for key in frame["cluster"]]
    return sample_rows(frame, settings)


def _unlimited(settings: Settings) -> Settings:
    return {key: value for key, value in settings.items() if key not in SIZES}


def supertags(inputs: Inputs, settings: Settings) -> pd.DataFrame:
    """Words with tags that say their part of speech, their relation and the side on which their head stands.

    ``DET|det|R`` is a determiner whose head follows, ``VERB|root|0`` a verb without a head. Fields: ``tokens``,
    ``upos``, ``head`` (the number of a word, from 1; 0 is the root) and ``deprel``, as treebanks of Universal
    Dependencies have them. A table with a column ``supertags`` has the tags ready-made.
    """
    first = settings["read"][0]
    if "supertags" in Archive(inputs[first["source"]], f"task {settings['task']}").table(first):
        ready = {"tokens": "tokens", "cluster": "tokens", "tags": "supertags"}
        return sample_rows(read(inputs, settings | {"fields": ready}), settings)
    frame = read(inputs, settings)
    words = [
        # a contraction ("don't") stands before its words, an omitted word among them: neither has a head
        [word for word in zip(*columns, strict=True) if str(word[2]).isdigit()]
        for columns in zip(*(frame.pop(name) for name in ("tokens", "upos", "head", "deprel")), strict=True)
    ]
    frame["tokens"] = [[form for form, *_ in sentence] for sentence in words]
    frame["tags"] = [
        [f"{upos}|{deprel}|{_side(place, int(head))}" for place, (_, upos, head, deprel) in enumerate(sentence, 1)]
        for sentence in words
    ]
    return sample_rows(frame[frame["tokens"].str.len() > 0], settings)


def _side(place: int, head: int) -> str:
    return "0" if head == 0 else "L" if head < place else "R"


def ccg(inputs: Inputs, settings: Settings) -> pd.DataFrame:
    """Words with their categories of combinatory categorial grammar: ``ccg.train`` and ``ccg.dev`` of a local copy.

    The files are jiant's (``jiant/tasks/lib/ccg.py``): a sentence a line, its words, a tab, its tags, both joined by
    blanks. One word and its tag a line, with empty lines between sentences, is read too. ``tags_to_id.json`` isn't
    needed. Raises :class:`CodeStiltsError` for a file that is absent or a line that has another form.
    """
    rows = []
    with zipfile.ZipFile(inputs["ccg"]) as archive:
        members = {Path(name).name: name for name in archive.namelist()}
        for file, split in CCG_FILES.items():
            if file not in members:
                raise CodeStiltsError(f"task {settings['task']}: no file {file} in {inputs['ccg']}: {CCG_ABSENT}")
            try:
                text = archive.read(members[file]).decode("utf-8-sig")
            except UnicodeDecodeError as error:
                raise CodeStiltsError(f"task {settings['task']}: {file} is not UTF-8: {error}") from error
            for line, tokens, tags in _sentences(text):
                name = f"ccg:{split}:{line}"
                if len(tokens) != len(tags):
                    raise CodeStiltsError(
                        f"task {settings['task']}: {file}, line {line}: {len(tokens)} words but {len(tags)} tags: "
                        "words, a tab, as many tags"
                    )
                rows.append({"id": name, "split": split, "cluster": name, "tokens": tokens, "tags": tags})
    return sample_rows(pd.DataFrame(rows).assign(language="english", package="ccg"), settings)


def _sentences(text: str) -> Iterator[tuple[int, list[str], list[str]]]:
    """The number of the line that begins it, the words and the tags of each sentence."""
    lines = re.split(r"\r?\n", text)  # nothing else ends a line: a word may hold U+0085
    word_a_line = all(" " not in line.partition("\t")[0] for line in lines)
    begun, words, tags = 1, list[str](), list[str]()
    for number, line in enumerate([*lines, ""], 1):
        more_words, _, more_tags = line.partition("\t")
        if words and not (word_a_line and more_words):
            yield begun, words, tags
            words, tags = [], []
        if not words:
            begun = number
        words, tags = words + more_words.split(), tags + more_tags.split()


def translation_pairs(inputs: Inputs, settings: Settings) -> pd.DataFrame:
    """Is ``text_b`` a translation of the English ``text_a``? One half is, the other has a sentence of like length.

    After translation pair prediction (Mishra and Haghighi 2021, arXiv 2110.10318). Fields: ``text`` and ``check``, a
    column that is equal in all languages of a row; they have to be line-parallel, otherwise :class:`CodeStiltsError`.
    Two neighbours by length are each other's wrong partner, so that length says nothing. ``language`` is that of
    ``text_b``.
    """
    english = _numbered("english", inputs, settings)
    parts = []
    for language in settings["languages"]:
        own = _numbered(language, inputs, settings)
        pairs = own.merge(english[["split", "row", "text", "check"]], on=["split", "row"], suffixes=("", "_a"))
        differing = pairs["check"].fillna("") != pairs["check_a"].fillna("")
        if len(pairs) != len(own) or len(own) != len(english) or differing.any():
            row = pairs.loc[differing, "id"].iloc[0] if differing.any() else f"{len(own)} and {len(english)} rows"
            raise CodeStiltsError(f"task {settings['task']}: {language} and english are not line-parallel: {row}")
        pairs = pairs.rename(columns={"text": "text_b"}).drop(columns=["check", "check_a"])
        pairs = pairs[(pairs["text_a"] != "") & (pairs["text_b"] != "") & (pairs["text_a"] != pairs["text_b"])]
        pairs = pairs.drop_duplicates(["split", "text_a"]).drop_duplicates(["split", "text_b"])
        parts += [sample_rows(_half_wrong(group), settings, by=("label",)) for _, group in pairs.groupby("split")]
    return sample_rows(pd.concat(parts, ignore_index=True), settings, by=("label",))


def _numbered(language: str, inputs: Inputs, settings: Settings) -> pd.DataFrame:
    frame = _of(language, inputs, settings)
    return frame.assign(row=frame["id"].str.rpartition(":")[2])


def _half_wrong(pairs: pd.DataFrame) -> pd.DataFrame:
    """Pairs of one language and split with their ``label``; one coin a pair decides it."""
    order = [len(text) + hash_uniform("order", key) for key, text in zip(pairs["id"], pairs["text_b"], strict=True)]
    pairs = pairs.assign(order=order).sort_values("order")
    pairs = pairs[: len(pairs) // 2 * 2].drop(columns=["order", "row"])
    own = pairs["text_b"].tolist()
    true = [hash_uniform("half", key) < 0.5 for key in pairs["id"]]
    return pairs.assign(
        text_b=[own[place if right else place ^ 1] for place, right in enumerate(true)],
        label=["translation" if right else "other" for right in true],
    )


def paragraphs(inputs: Inputs, settings: Settings) -> pd.DataFrame:
    """Paragraphs of articles (field ``text``), as many in each language; at most ``settings["texts"]`` to train on.

    Paragraphs of fewer than ``settings["least_characters"]`` characters (headings, lists) are left out, and a tenth of
    the articles is held out as dev.
    """
    languages = settings["languages"]
    articles = 2 * -(-(settings["texts"] + int(settings.get("dev") or 0)) // len(languages))  # some have none
    rows = []
    for language in languages:
        frame = _of(language, inputs, settings)
        luck = pd.Series([hash_uniform(settings["task"], key) for key in frame["id"]], index=frame.index)
        for article in to_records(frame.loc[luck.nsmallest(articles).index]):
            pieces = [piece.strip() for piece in re.split(r"\n+", article["text"])]
            split = "dev" if hash_uniform("dev", article["cluster"]) < DEV_SHARE else "train"
            rows += [
                article | {"id": f"{article['id']}:{number}", "split": split, "text": piece}
                for number, piece in enumerate(pieces)
                if len(piece) >= settings["least_characters"]
            ]
    if not rows:
        raise CodeStiltsError(f"task {settings['task']}: no paragraph has {settings['least_characters']} characters")
    return sample_rows(pd.DataFrame(rows), settings | {"train": settings["texts"]})


def mlm_all_languages(inputs: Inputs, settings: Settings) -> pd.DataFrame:
    """The texts of other tasks' train and dev rows, in all languages; a tenth of the clusters is held out as dev.

    :func:`codestilts.examples.builders.controls.mlm` keeps a task's dev rows apart, which here are all there is of most
    languages. No test row is read.
    """
    found = collect_texts(inputs, settings)
    found["split"] = ["dev" if hash_uniform("dev", key) < DEV_SHARE else "train" for key in found["cluster"]]
    return sample_rows(found, settings | {"train": settings["texts"]}, by=("task",))
