"""The sets in English."""

from hub.tables import CONVERTED, DATA, SPLITS, Config, Row
from hub.texts import question, random_for, sentence, word

PASSAGE = "id:str title:str context:str question:str answers:answers"


def nli(split: str, number: int) -> Row:
    """Three labels, and in training sets now and then one that is missing."""
    chance = random_for("nli", split, number)
    label = -1 if split.startswith("train") and number % 60 == 59 else number % 3
    row = {"premise": sentence(chance), "hypothesis": sentence(chance), "label": label}
    return row | {"idx": number, "uid": f"{split}-{number}", "reason": ""}


def english() -> dict[str, dict[str, Config]]:
    """The sets of one language."""

    def qqp(split: str, number: int) -> Row:
        chance = random_for("qqp", split, number)
        return {"question1": sentence(chance), "question2": sentence(chance), "label": number % 2, "idx": number}

    def cola(split: str, number: int) -> Row:
        return {"sentence": sentence(random_for("cola", split, number)), "label": number % 2, "idx": number}

    def hellaswag(split: str, number: int) -> Row:
        chance = random_for("hellaswag", split, number)
        first, second = sentence(chance), sentence(chance, words=2)
        label = "" if split == "test" else str(number % 4)
        row = {
            "ind": number,
            "ctx_a": first,
            "ctx_b": second,
            "ctx": f"{first} {second}",
            "source_id": f"{split}{number}",
        }
        return row | {"endings": [sentence(chance) for _ in range(4)], "split": split, "label": label}

    def cosmosqa(split: str, number: int) -> Row:
        chance = random_for("cosmosqa", split, number)
        row: Row = {f"answer{place}": sentence(chance, words=3) for place in range(4)}
        row |= {"id": f"{split}{number}", "context": sentence(chance), "question": sentence(chance)}
        return row | {"label": -1 if split == "test" else number % 4}

    def commonsenseqa(split: str, number: int) -> Row:
        chance = random_for("commonsenseqa", split, number)
        choices = {"label": list("ABCDE"), "text": [f"{word(chance)} {word(chance)}" for _ in range(5)]}
        row = {"id": f"{split}{number}", "question": sentence(chance), "question_concept": word(chance)}
        return row | {"choices": choices, "answerKey": "" if split == "test" else "ABCDE"[number % 5]}

    def treebank(split: str, number: int) -> Row:
        chance = random_for("treebank", split, number)
        words = [word(chance) for _ in range(4)]
        row = {
            "tokens": [*words[:2], f"{words[2]}{words[3]}", *words[2:]],
            "upos": ["PRON", "VERB", "_", "ADV", "NOUN"],
        }
        return row | {"head": ["2", "0", "None", "2", "2"], "deprel": ["nsubj", "root", "_", "advmod", "obj"]}

    def squad2(split: str, number: int) -> Row:
        return question("en", f"squad2-{split}", number, answered=bool(number % 5))

    mnli = dict.fromkeys(["validation_matched", "validation_mismatched", "test_matched", "test_mismatched"], 40)
    rounds = {
        f"{split}_r{n}": count
        for n in (1, 2, 3)
        for split, count in zip(("train", "dev", "test"), (120, 40, 40), strict=True)
    }
    answered = {"train": 120, "validation": 40}
    return {
        "nyu-mll/glue": {
            "mnli": Config("premise:str hypothesis:str label:i64 idx:i32", nli, {"train": 240, **mnli}),
            "qqp": Config("question1:str question2:str label:i64 idx:i32", qqp),
            "cola": Config("sentence:str label:i64 idx:i32", cola),
        },
        "stanfordnlp/snli": {"plain_text": Config("premise:str hypothesis:str label:i64", nli)},
        "facebook/anli": {"plain_text": Config("uid:str premise:str hypothesis:str label:i64 reason:str", nli, rounds)},
        "rajpurkar/squad": {
            "plain_text": Config(PASSAGE, lambda split, number: question("en", f"squad-{split}", number), answered)
        },
        "rajpurkar/squad_v2": {"squad_v2": Config(PASSAGE, squad2, answered)},
        "Rowan/hellaswag": {
            "default": Config("ind:i32 activity_label:str ctx_a:str ctx_b:str ctx:str endings:strs source_id:str "
                              "split:str split_type:str label:str", hellaswag, file=DATA)
        },
        "allenai/cosmos_qa": {
            "default": Config("id:str context:str question:str answer0:str answer1:str answer2:str answer3:str "
                              "label:i32", cosmosqa, file=CONVERTED)
        },
        "tau/commonsense_qa": {
            "default": Config("id:str question:str question_concept:str choices:choices answerKey:str", commonsenseqa,
                              file=DATA)
        },
        "universal-dependencies/universal_dependencies": {
            "en_ewt": Config("tokens:strs upos:strs head:strs deprel:strs", treebank, dict(SPLITS))
        },
    }  # fmt: skip
