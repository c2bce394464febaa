"""Natural-language tasks whose examples cannot be made by mapping columns.

Most builders begin with :func:`codestilts.examples.readers.hub_tables.read`, so the task file maps the columns.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd

from codestilts.errors import CodeStiltsError
from codestilts.examples.builder_settings import BuilderSettings, Inputs
from codestilts.examples.builders.controls import collect_texts
from codestilts.examples.builders.extractive_qa import locate_answers, questions
from codestilts.examples.published_counts import record_counts
from codestilts.examples.readers.hub_tables import read
from codestilts.examples.readers.repository import Archive
from codestilts.examples.sampling import dev_or_train, hash_uniform, sample_rows, to_records
from codestilts.job_files import open_zip

CCG_FILES = {"ccg.train": "train", "ccg.dev": "dev"}
CCG_MISSING = (
    "CCGbank is sold by the Linguistic Data Consortium (LDC2005T13): put ccg.train and ccg.dev, in the form that jiant "
    "reads, into resources/local/ccg, or use the task supertags in its place"
)


def merged_sets(inputs: Inputs, settings: BuilderSettings) -> pd.DataFrame:
    """Merge the rows of several sets; a sample has each set in proportion to its size, as jiant samples them."""
    return sample_rows(read(inputs, settings), settings, by=("split",))


def multilingual(inputs: Inputs, settings: BuilderSettings) -> pd.DataFrame:
    """Read a set in many languages one after the other; memory holds no more of each than is asked for."""
    parts = [sample_rows(_read_language(name, inputs, settings), settings) for name in settings.languages]
    return sample_rows(pd.concat(parts, ignore_index=True), settings)


def _read_language(language: str, inputs: Inputs, settings: BuilderSettings) -> pd.DataFrame:
    return read(inputs, replace(settings, languages=[language]))


def tydiqa(inputs: Inputs, settings: BuilderSettings) -> pd.DataFrame:
    """Answer the questions of TyDiQA (:func:`read_tydiqa`).

    For the columns see :func:`codestilts.examples.builders.extractive_qa.questions`.
    """
    return sample_rows(locate_answers(read_tydiqa(inputs, settings), settings), settings)


def read_tydiqa(inputs: Inputs, settings: BuilderSettings) -> pd.DataFrame:
    """Read the rows of TyDiQA; the first part of the field ``question_id`` is the language.

    The set has all languages in one table (``swahili-123-0``) and no test set. Its validation rows are read as both dev
    and test, of which dev keeps the source language only.
    """
    source = settings.source_language
    frame = read(inputs, replace(settings, languages=[source], log=settings.log.without_counts()))
    frame["language"] = frame.pop("question_id").str.partition("-")[0]
    frame["id"] = frame["split"] + ":" + frame["id"]
    for entry in settings.read:
        counts = frame.loc[frame["split"] == entry["as"], "language"].value_counts()
        record_counts(dict(counts), entry, settings)
    wanted = frame["language"].isin(settings.languages)
    return frame[wanted & ((frame["split"] == "test") | (frame["language"] == source))].reset_index(drop=True)


def questions_with_new_dev(inputs: Inputs, settings: BuilderSettings) -> pd.DataFrame:
    """Answer the questions of a set without a dev split: a tenth of the clusters becomes dev."""
    frame = questions(inputs, settings.without_sizes())
    frame["split"] = [dev_or_train("dev", key) for key in frame["cluster"]]
    return sample_rows(frame, settings)


def supertags(inputs: Inputs, settings: BuilderSettings) -> pd.DataFrame:
    """Tag words with their part of speech, their relation and the side of their head.

    ``DET|det|R`` is a determiner whose head follows, ``VERB|root|0`` a verb without a head. Fields: ``tokens``,
    ``upos``, ``head`` (the number of a word, from 1; 0 is the root) and ``deprel``, as in Universal Dependencies. A
    table with a column ``supertags`` has the tags already.
    """
    first = settings.read[0]
    if "supertags" in Archive(inputs.files[first["source"]], f"task {settings.task}").table(first):
        fields = {"tokens": "tokens", "cluster": "tokens", "tags": "supertags"}
        return sample_rows(read(inputs, replace(settings, fields=fields)), settings)
    frame = read(inputs, settings)
    sentences = [
        # A contraction ("don't") precedes its words, an omitted word is among them: neither has a head.
        [word for word in zip(*columns, strict=True) if str(word[2]).isdigit()]
        for columns in zip(*(frame.pop(name) for name in ("tokens", "upos", "head", "deprel")), strict=True)
    ]
    frame["tokens"] = [[form for form, *_ in sentence] for sentence in sentences]
    frame["tags"] = [
        [f"{upos}|{deprel}|{_head_side(word, int(head))}" for word, (_, upos, head, deprel) in enumerate(sentence, 1)]
        for sentence in sentences
    ]
    return sample_rows(frame[frame["tokens"].str.len() > 0], settings)


def _head_side(word: int, head: int) -> str:
    return "0" if head == 0 else "L" if head < word else "R"


def ccg(inputs: Inputs, settings: BuilderSettings) -> pd.DataFrame:
    """Tag words with their CCG categories, from a local copy of ``ccg.train`` and ``ccg.dev``.

    The files are jiant's (``jiant/tasks/lib/ccg.py``): each line has the words of a sentence, a tab and the tags, both
    separated by spaces. A word and its tag in each line, with empty lines between sentences, is read too.
    ``tags_to_id.json`` isn't needed.

    Raises:
        CodeStiltsError: A file is missing or not UTF-8, or the words and tags of a line differ in number.
    """
    rows = []
    with open_zip(inputs.files["ccg"]) as archive:
        members = {Path(name).name: name for name in archive.namelist()}
        for file, split in CCG_FILES.items():
            if file not in members:
                raise CodeStiltsError(f"task {settings.task}: no file {file} in {inputs.files['ccg']}: {CCG_MISSING}")
            try:
                text = archive.read(members[file]).decode("utf-8-sig")
            except UnicodeDecodeError as error:
                raise CodeStiltsError(f"task {settings.task}: {file} is not UTF-8: {error}: convert it") from error
            for line, tokens, tags in _ccg_sentences(text):
                name = f"ccg:{split}:{line}"
                if len(tokens) != len(tags):
                    raise CodeStiltsError(
                        f"task {settings.task}: {file}, line {line}: {len(tokens)} words but {len(tags)} tags: "
                        "write words, a tab and as many tags"
                    )
                rows.append({"id": name, "split": split, "cluster": name, "tokens": tokens, "tags": tags})
    return sample_rows(pd.DataFrame(rows).assign(language="english", package="ccg"), settings)


def _ccg_sentences(text: str) -> Iterator[tuple[int, list[str], list[str]]]:
    """The number of the first line, the words and the tags of each sentence."""
    lines = re.split(r"\r?\n", text)  # nothing else ends a line: a word may contain U+0085
    word_per_line = all(" " not in line.partition("\t")[0] for line in lines)
    first, words, tags = 1, list[str](), list[str]()
    for number, line in enumerate([*lines, ""], 1):
        more_words, _, more_tags = line.partition("\t")
        if words and not (word_per_line and more_words):
            yield first, words, tags
            words, tags = [], []
        if not words:
            first = number
        words, tags = words + more_words.split(), tags + more_tags.split()


def translation_pairs(inputs: Inputs, settings: BuilderSettings) -> pd.DataFrame:
    """Tell whether ``text_b`` is a translation of the English ``text_a``; one half has a sentence of similar length.

    After translation pair prediction (Mishra and Haghighi 2021, arXiv 2110.10318). Fields: ``text`` and ``check``, a
    column that is equal in all languages of a row. Neighbours by length are each other's wrong partner, so length
    reveals nothing. ``language`` is that of ``text_b``.

    Raises:
        CodeStiltsError: A language is not line-parallel to English.
    """
    english = _read_numbered("english", inputs, settings)
    parts = []
    for language in settings.languages:
        other = _read_numbered(language, inputs, settings)
        pairs = other.merge(english[["split", "row", "text", "check"]], on=["split", "row"], suffixes=("", "_a"))
        differing = pairs["check"].fillna("") != pairs["check_a"].fillna("")
        if len(pairs) != len(other) or len(other) != len(english) or differing.any():
            row = pairs.loc[differing, "id"].iloc[0] if differing.any() else f"{len(other)} and {len(english)} rows"
            raise CodeStiltsError(
                f"task {settings.task}: {language} and english are not line-parallel: {row}: remove the language"
            )
        pairs = pairs.rename(columns={"text": "text_b"}).drop(columns=["check", "check_a"])
        pairs = pairs[(pairs["text_a"] != "") & (pairs["text_b"] != "") & (pairs["text_a"] != pairs["text_b"])]
        pairs = pairs.drop_duplicates(["split", "text_a"]).drop_duplicates(["split", "text_b"])
        parts += [sample_rows(_swap_half(group), settings, by=("label",)) for _, group in pairs.groupby("split")]
    return sample_rows(pd.concat(parts, ignore_index=True), settings, by=("label",))


def _read_numbered(language: str, inputs: Inputs, settings: BuilderSettings) -> pd.DataFrame:
    frame = _read_language(language, inputs, settings)
    return frame.assign(row=frame["id"].str.rpartition(":")[2])


def _swap_half(pairs: pd.DataFrame) -> pd.DataFrame:
    """Label the pairs of one language and split; about half, drawn independently, get their neighbour's ``text_b``."""
    order = [len(text) + hash_uniform("order", key) for key, text in zip(pairs["id"], pairs["text_b"], strict=True)]
    pairs = pairs.assign(order=order).sort_values("order")
    pairs = pairs[: len(pairs) // 2 * 2].drop(columns=["order", "row"])
    texts = pairs["text_b"].tolist()
    neighbours = [text for one, two in zip(texts[::2], texts[1::2], strict=True) for text in (two, one)]
    is_translation = [hash_uniform("half", key) < 0.5 for key in pairs["id"]]
    triples = list(zip(texts, neighbours, is_translation, strict=True))
    return pairs.assign(
        text_b=[text if right else neighbour for text, neighbour, right in triples],
        label=["translation" if right else "other" for right in is_translation],
    )


def paragraphs(inputs: Inputs, settings: BuilderSettings) -> pd.DataFrame:
    """Read paragraphs of articles (field ``text``), as many in each language; ``texts`` to train on at most.

    Paragraphs of fewer than ``least_characters`` characters (headings, lists) are dropped, and a tenth of the articles
    becomes dev.

    Raises:
        CodeStiltsError: No paragraph is long enough.
    """
    texts, min_characters = settings.required("texts"), settings.required("least_characters")
    # Twice as many articles as paragraphs are wanted, because some articles have no long paragraph.
    articles = 2 * -(-(texts + (settings.dev or 0)) // len(settings.languages))
    rows = []
    for language in settings.languages:
        frame = _read_language(language, inputs, settings)
        order = pd.Series([hash_uniform(settings.task, key) for key in frame["id"]], index=frame.index)
        for article in to_records(frame.loc[order.nsmallest(articles).index]):
            pieces = [piece.strip() for piece in re.split(r"\n+", article["text"])]
            split = dev_or_train("dev", article["cluster"])
            rows += [
                article | {"id": f"{article['id']}:{number}", "split": split, "text": piece}
                for number, piece in enumerate(pieces)
                if len(piece) >= min_characters
            ]
    if not rows:
        raise CodeStiltsError(
            f"task {settings.task}: no paragraph has {min_characters} characters: reduce least_characters"
        )
    return sample_rows(pd.DataFrame(rows), replace(settings, train=texts))


def mlm_all_languages(inputs: Inputs, settings: BuilderSettings) -> pd.DataFrame:
    """Read the texts of other tasks' train and dev rows in all languages; a tenth of the clusters becomes dev.

    :func:`codestilts.examples.builders.controls.mlm` keeps the dev rows of a task as dev; here they are the only rows
    of most languages. Test rows are not read.
    """
    frame = collect_texts(inputs, settings)
    frame["split"] = [dev_or_train("dev", key) for key in frame["cluster"]]
    return sample_rows(frame, replace(settings, train=settings.required("texts")), by=("task",))


def sentences(inputs: Inputs, settings: BuilderSettings) -> pd.DataFrame:
    """Classify single sentences (CoLA)."""
    return sample_rows(read(inputs, settings).assign(text_b=""), settings)
