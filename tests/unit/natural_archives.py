"""Archives with a few made rows of each natural-language source, in the schemas of the hub."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

Rows = list[dict[str, Any]]
Members = dict[str, Rows | str]
TASKS = Path(__file__).parents[2] / "tasks"
CCG = "The cat sleeps\tNP/N N S\\NP\nIt does\tNP S\\NP\n"
BUCC = ("de", "fr", "ru", "zh")
ROUNDS = [f"{split}_r{number}" for split in ("train", "dev") for number in (1, 2, 3)]
MNLI = ["train", "validation_matched", "validation_mismatched"]


def task_file(task: str) -> Path:
    return next(TASKS.glob(f"*/{task}.yaml"))


def spec(task: str) -> dict[str, Any]:
    return yaml.safe_load(task_file(task).read_text())


def archive(path: Path, members: Members) -> Path:
    """A zip of tables, as Parquet, and of texts."""
    with zipfile.ZipFile(path, "w") as out:
        for name, rows in members.items():
            stream = io.BytesIO()
            if isinstance(rows, str):
                stream.write(rows.encode())
            else:
                pd.DataFrame(rows).to_parquet(stream)
            out.writestr(name, stream.getvalue())
    return path


def shared_task(code: str, name: str) -> Members:
    """BUCC's files of a language pair: two pairs, and a sentence without a partner on either side."""
    place = f"bucc2018/{code}-en/{code}-en.{name}"
    lines = {end: [f"{end}-00000000{n}\t{name} {end} {n}" for n in range(3)] for end in (code, "en")}
    gold = [f"{code}-00000000{n}\ten-00000000{n}" for n in range(2)]
    return {f"{place}.{end}": "\n".join([*some, ""]) for end, some in [*lines.items(), ("gold", gold)]}


def splits(pattern: str, make: Callable[[str], Rows], names: list[str] | None = None) -> Members:
    """A member a split, its rows made from the split's name."""
    return {pattern.format(name): make(name) for name in names or ["train", "validation"]}


def four(make: Callable[[int], dict[str, Any]]) -> Rows:
    return [make(number) for number in range(4)]


def nli(place: str) -> Rows:
    """Three labels and one that is missing."""
    labels = (0, 1, 2, -1)
    return [
        {"premise": f"{place} {n} saw the sea", "hypothesis": f"{n} saw it", "label": labels[n % 4]} for n in range(12)
    ]


def questions(place: str, first: str = "", empty: bool = False) -> Rows:
    """Questions with their answers; the first one's place is wrong, and one more may have none."""
    rows = []
    for n in range(4):
        start = f"In {place} number {n} is "
        answers = {"text": ["red"], "answer_start": [len(start) - (n == 0)]}
        rows.append({"id": f"{first}{n}-0", "context": f"{start}red.", "question": f"What is {n}?", "answers": answers})
    return rows + [rows[0] | {"id": "none", "answers": {"text": [], "answer_start": []}} for _ in range(empty)]


def paws(place: str) -> Rows:
    return four(lambda n: {"sentence1": f"{place} {n}", "sentence2": place, "label": str(n % 2)})


def pairs(place: str) -> Rows:
    return four(lambda n: {"source_sentence": f"{place} {n}\n", "target_sentence": f"{place} in English {n}\n"})


def tagged(place: str) -> Rows:
    return four(lambda n: {"tokens": [place, str(n)], "pos_tags": [7, n], "ner_tags": [5, 6]})


def treebank(place: str) -> Rows:
    """One sentence, with a contraction before its two words."""
    return [
        {
            "tokens": ["I", "don't", "do", "n't", "know"],
            "upos": ["PRON", "_", "AUX", "PART", "VERB"],
            "head": ["4", "None", "4", "4", "0"],
            "deprel": ["nsubj", "_", "aux", "advmod", "root"],
        }
    ]


def xtreme() -> Members:
    members: Members = {}

    def add(task: str, config: str, make: Callable[[str], Rows], *names: str) -> None:
        for code in spec(task)["codes"].values():
            place = config.replace("{code}", code)
            for name in names:
                members[f"{place}/{name}-00000-of-00001.parquet"] = make(f"{place} {name}")

    def xnli(place: str) -> Rows:
        codes = spec("xnli")["codes"].values()
        row = {"sentence2": "b", "gold_label": "neutral"}
        return [row | {"sentence1": f"{place} {code} {n}", "language": code} for code in codes for n in range(4)]

    def tydiqa(place: str) -> Rows:
        return [row for language in spec("tydiqa")["languages"] for row in questions(place, f"{language}-")]

    every = ("train", "validation", "test")
    add("paws-x", "PAWS-X.{code}", paws, *every)
    add("panx", "PAN-X.{code}", tagged, *every)
    add("mlqa", "MLQA.{code}.{code}", questions, "validation", "test")
    add("xquad", "XQuAD.{code}", questions, "validation")
    add("bucc-gold", "bucc18.{code}", pairs, "validation", "test")
    add("tatoeba", "tatoeba.{code}", pairs, "validation")
    for code in spec("udpos-hub")["codes"].values():
        names = ["test"] if code in ("Thai", "Kazakh", "Tagalog", "Yoruba") else [*every]
        members |= splits(f"udpos.{code}/{{}}-00000-of-00001.parquet", tagged, names)
    members |= splits("SQuAD/{}-00000-of-00001.parquet", questions)
    members |= splits("tydiqa/{}-00000-of-00001.parquet", tydiqa)
    return members | splits("XNLI/{}-00000-of-00001.parquet", xnli, ["validation", "test"])


def treebanks() -> Members:
    """A treebank of each language in CoNLL-U, one sentence a split; four languages have no dev set."""
    words = (("1", "Go", "VERB", "0"), ("2", "{}", "PROPN", "1"))
    text = "".join(f"{n}\t{form}\t_\t{tag}\t_\t_\t{head}\tdep\t_\t_\n" for n, form, tag, head in words) + "\n"
    return {
        f"ud-treebanks-v2.5/UD_X-Y/{code}_y-ud-{split}.conllu": text.format(f"{code}{split}")
        for code in spec("udpos")["codes"].values()
        for split in (["test"] if code in ("th", "kk", "tl", "yo") else ["train", "dev", "test"])
    }


def sources() -> dict[str, Members]:
    """The members of each source's archive."""

    def qqp(split: str) -> Rows:
        return four(lambda n: {"question1": f"{split} {n}?", "question2": "b?", "label": n % 2, "idx": n})

    def cola(split: str) -> Rows:
        return four(lambda n: {"sentence": f"{split} {n}.", "label": n % 2, "idx": n})

    def hellaswag(split: str) -> Rows:
        row = {"ctx": split, "endings": list("abcd")}
        return four(lambda n: row | {"source_id": str(n), "label": "" if n == 3 else str(n)})

    def cosmosqa(split: str) -> Rows:
        answers = {f"answer{number}": str(number) for number in range(4)}
        return four(lambda n: answers | {"context": split, "question": f"{n}?", "label": n})

    def commonsenseqa(split: str) -> Rows:
        row = {"question_concept": split, "choices": {"label": list("ABCDE"), "text": list("vwxyz")}}
        return four(lambda n: row | {"question": f"{n}?", "answerKey": "ABCD"[n]})

    def wikipedia(code: str) -> Rows:
        text = f"Heading\n\n{code} {{}} {'word ' * 40}\n\nSee also"
        return [{"url": f"https://{code}.example/{n}", "id": str(n), "text": text.format(n)} for n in range(20)]

    def xlsum(name: str, split: str) -> Rows:
        return four(lambda n: {"id": str(n), "url": f"{name}/{split}/{n}", "title": "", "summary": f"{name} {n}",
                               "text": f"{name} {split} {n}. More."})  # fmt: skip

    plain = "plain_text/{}-00000-of-00001.parquet"
    articles: Members = {}
    for language in spec("xlsum")["languages"]:
        name = spec("xlsum")["codes"].get(language, language)
        parts = ["train", "validation", "test"] if name == "english" else ["test"]
        articles |= {f"{name}/{split}/0000.parquet": xlsum(name, split) for split in parts}
    xnli: Members = {}
    xquad: Members = {}
    tydiqa: Members = {}
    for code in spec("mnli-translated")["codes"].values():
        xnli |= {f"{code}/{split}-00000-of-00001.parquet": nli(f"{code} {split}") for split in ("train", "validation")}
    for code in spec("squad-translated")["codes"].values():
        xquad |= splits(f"{code}/{{}}/0000.parquet", questions, ["translate_train", "translate_dev"])
    for code in spec("tydiqa-translated")["codes"].values():
        tydiqa[f"{code}/translate_train/0000.parquet"] = [
            row | {"id": f"{n} {row['id']}"} for n in range(10) for row in questions(code)
        ]
    codes = spec("mlm-multilingual")["codes"].values()
    bucc = {f"bucc-{code}-{name}": shared_task(code, name) for code in BUCC for name in ("sample", "training")}
    return bucc | {
        "xtreme": xtreme(),
        "glue": splits("mnli/{}-00000-of-00001.parquet", nli, MNLI)
        | splits("qqp/{}-00000-of-00001.parquet", qqp)
        | splits("cola/{}-00000-of-00001.parquet", cola),
        "snli": splits(plain, nli),
        "anli": splits(plain, nli, ROUNDS),
        "squad-v1": splits(plain, questions),
        "squad-v2": splits("squad_v2/{}-00000-of-00001.parquet", lambda split: questions(split, empty=True)),
        "hellaswag": splits("data/{}-00000-of-00001.parquet", hellaswag),
        "cosmosqa": splits("default/{}/0000.parquet", cosmosqa),
        "commonsenseqa": splits("data/{}-00000-of-00001.parquet", commonsenseqa),
        "ud-english": splits("en_ewt/{}/0000.parquet", treebank),
        "ud-treebanks": treebanks(),
        "ccg": {"ccg/ccg.train": CCG, "ccg/ccg.dev": CCG},
        "xnli-translated": xnli,
        "xquad-translated": xquad,
        "tydiqa-translated": tydiqa,
        "xlsum": articles,
        "wikipedia": {f"20231101.{code}/train-00000-of-00002.parquet": wikipedia(code) for code in codes},
    }
