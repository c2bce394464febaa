"""The language that generated texts are found to be in, on texts whose language is known."""

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from codestilts.evaluation.output_language import CANDIDATES, found_languages
from codestilts.examples.parsing.languages import languages
from codestilts.examples.parsing.natural_languages import identified_languages
from codestilts.files import read_yaml
from codestilts.invented import renaming

ROOT = Path(__file__).parents[2]

SENTENCES = {
    "english": "The museum opened its doors to visitors in the spring of last year.",
    "german": "Das Museum hat im Frühjahr des letzten Jahres seine Türen geöffnet.",
    "spanish": "El museo abrió sus puertas a los visitantes en la primavera.",
    "vietnamese": "Bảo tàng mở cửa đón khách tham quan vào mùa xuân năm ngoái.",
    "turkish": "Müze geçen yılın ilkbaharında kapılarını ziyaretçilere açtı.",
    "russian": "Музей открыл свои двери для посетителей весной.",
    "greek": "Το μουσείο άνοιξε τις πόρτες του στους επισκέπτες.",
    "arabic": "فتح المتحف أبوابه للزوار في الربيع الماضي.",
    "hindi": "संग्रहालय ने पिछले वसंत में अपने द्वार खोले।",
    "thai": "พิพิธภัณฑ์เปิดประตูต้อนรับผู้เข้าชมในฤดูใบไม้ผลิ",
    "chinese": "博物馆去年春天向游客开放。",
    "bengali": "গত বসন্তে জাদুঘরটি দর্শকদের জন্য খুলে দেওয়া হয়েছে।",
    "finnish": "Museo avasi ovensa kävijöille viime vuoden keväällä.",
    "french": "Le musée a ouvert ses portes aux visiteurs au printemps dernier.",
    "indonesian": "Museum itu membuka pintunya bagi pengunjung pada musim semi tahun lalu.",
    "japanese": "博物館は昨年の春に来館者に門戸を開いた。",
    "korean": "박물관은 지난해 봄 관람객에게 문을 열었다.",
    "marathi": "संग्रहालयाने गेल्या वर्षी वसंत ऋतूत आपले दरवाजे उघडले.",
    "persian": "موزه بهار سال گذشته درهای خود را به روی بازدیدکنندگان گشود.",
    "portuguese": "O museu abriu as suas portas aos visitantes na primavera do ano passado.",
    "swahili": "Jumba la makumbusho lilifungua milango yake kwa wageni mwaka jana.",
    "tamil": "அருங்காட்சியகம் கடந்த ஆண்டு பார்வையாளர்களுக்குத் திறக்கப்பட்டது.",
    "telugu": "మ్యూజియం గత సంవత్సరం సందర్శకుల కోసం తెరవబడింది.",
    "urdu": "عجائب گھر نے گزشتہ سال بہار میں اپنے دروازے زائرین کے لیے کھول دیے۔",
    "yoruba": "Ilé ìkóhun-ìṣẹ̀ǹbáyé náà ṣí ilẹ̀kùn rẹ̀ fún àwọn àlejò ní ọdún tó kọjá.",
}
# Functions with a masked line, that line, and a line of the same meaning in Python that does not parse there.
FUNCTIONS = {
    "python": ("def f(items):\n    [MASK]\n    return n", "n = len(items)", ""),
    "javascript": ("function f(a) {\n  [MASK]\n  return n;\n}", "let n = a.length;", "n = a if a else None"),
    "typescript": ("f(a: string[]): number {\n  [MASK]\n  return n;\n}", "const n: number = a.length;", "for x in a:"),
    "c": ("int f(int *a) {\n  [MASK]\n  return n;\n}", "int n = a[0];", "n = a[0]"),
    "cpp": ("int A::f() const {\n  [MASK]\n  return n;\n}", "auto n = this->size();", "n = self.size()"),
    "go": ("func f(a []int) int {\n\t[MASK]\n\treturn n\n}", "n := len(a)", "n = a if a else None"),
    "java": ("public int f(int[] a) {\n  [MASK]\n  return n;\n}", "int n = a.length;", "n = len(a)"),
    "csharp": ("public int F(int[] a)\n{\n    [MASK]\n    return n;\n}", "var n = a.Length;", "n = len(a)"),
    "rust": ("fn f(a: &[u8]) -> usize {\n    [MASK]\n    n\n}", "let n = a.len();", "n = len(a)"),
    "kotlin": ("fun f(a: List<Int>): Int {\n    [MASK]\n    return n\n}", "val n = a.size", "def n(a): return a"),
    "swift": ("func f(a: [Int]) -> Int {\n    [MASK]\n    return n\n}", "let n = a.count", "n = a[0] if a else None"),
    "php": ("public function f($a) {\n    [MASK]\n    return $n;\n}", "$n = count($a);", "n = len(a)"),
    "ruby": ("def f(a)\n  [MASK]\n  n\nend", "n = a.map { |x| x + 1 }.size", "for x in a: print(x)"),
}


def find(
    prediction: str,
    gold: str = "",
    source: str = "",
    language: str = "english",
    output_language: str = "",
    fine_tuned_on: str = "python",
) -> str:
    row = {"prediction": prediction, "gold": gold, "source": source, "language": language}
    return found_languages(pd.DataFrame([row | {"output_language": output_language or language}]), fine_tuned_on)[0]


def spoken(texts: list[str], languages: list[str]) -> list[str]:
    rows = {"prediction": texts, "gold": "x", "source": "x", "language": languages, "output_language": languages}
    return found_languages(pd.DataFrame(rows), "english")


def test_sentences_are_found_among_all_languages_of_the_rows():
    names, texts = list(SENTENCES), list(SENTENCES.values())
    assert spoken(texts, names) == names
    assert spoken(texts[::-1], names) == names[::-1]  # whatever language the row should be in


def test_the_sentences_above_are_of_all_languages_in_which_tasks_generate():
    files = (read_yaml(path) for path in (ROOT / "tasks/natural").glob("*.yaml"))
    assert {name for task in files for name in task["languages"]} == set(SENTENCES)


def test_english_is_found_in_rows_of_another_language():
    rows = [SENTENCES["english"], SENTENCES["german"], SENTENCES["german"] + "\n" + SENTENCES["german"]]
    assert spoken(rows, ["german"] * 3) == ["english", "german", "german"]


@pytest.mark.parametrize("text", ["", " \n", "1998", "?!…", "12 %", "_"])
def test_the_language_of_a_text_without_letters_is_unknown(text: str):
    assert spoken([text] * len(SENTENCES), list(SENTENCES)) == [""] * len(SENTENCES)


@pytest.mark.parametrize("text", ["a", "Lima", "Taxi", "Hotel"])
def test_a_word_of_many_languages_is_in_no_third_one(text: str):
    """It is written so in more of the candidates than English and that of the row."""
    names = list(SENTENCES)
    assert all(found in ("", "english", name) for found, name in zip(spoken([text] * 25, names), names, strict=True))


# The same in languages that a study in English and German does not have.
THIRD = {
    "french": "Le conseil municipal a voté hier le budget de la ville.",
    "dutch": "De gemeenteraad heeft gisteren de begroting van de stad goedgekeurd.",
    "spanish": "El consejo municipal votó ayer el presupuesto de la ciudad.",
    "swedish": "Kommunfullmäktige röstade i går om stadens budget.",
}


def test_a_third_language_does_not_pass_for_the_right_one():
    assert spoken(list(THIRD.values()), ["german"] * len(THIRD)) == list(THIRD)


def test_other_rows_have_no_part_in_the_language_of_an_output():
    """Among them are languages that are no candidates of other rows, and words that are hardly told apart."""
    texts = [*THIRD.values(), *SENTENCES.values(), "Hotel", "de la", "no", "in 1998", "Goeie môre, almal."]
    alone = [spoken([text], ["german"])[0] for text in texts]
    others = [*SENTENCES, "catalan", "afrikaans", "zulu", "danish"]
    assert spoken([*texts, *["x"] * len(others)], ["german"] * len(texts) + others)[: len(texts)] == alone


def test_a_language_that_is_no_candidate_is_found_where_it_has_to_be_written():
    text = "Die stadsraad het gister die begroting van die stad goedgekeur."
    assert spoken([text, SENTENCES["english"]], ["afrikaans"] * 2) == ["afrikaans", "english"]


def test_the_candidates_are_known_and_all_languages_in_which_tasks_generate():
    assert set(SENTENCES) < set(CANDIDATES) <= set(identified_languages()) and len(set(CANDIDATES)) == 30


def test_a_short_text_in_a_script_of_its_own_is_known():
    names = ["thai", "chinese", "arabic", "greek"]
    assert spoken(["ไทย", "北京", "نعم", "ναι"], names) == names


def test_a_language_that_lingua_lacks_is_not_found():
    assert spoken([SENTENCES["german"], SENTENCES["english"]], ["burmese", "german"]) == ["german", "english"]
    assert spoken([SENTENCES["english"], "မြန်မာစာ"], ["burmese"] * 2) == ["english", ""]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_line_is_in_the_language_of_the_function_that_it_fits_in(name: str):
    source, gold, python = FUNCTIONS[name]
    assert find(gold, gold, source, name) == name
    assert not python or find(python, gold, source, name) == "python"
    for text in ("this is: no code, 1 is", "(", ")", "", " ", "…", ";"):
        assert find(text, gold, source, name) == ""


def test_the_functions_above_are_of_all_languages():
    assert set(FUNCTIONS) == set(languages())


def test_a_line_that_fits_in_both_languages_is_right():
    source, gold, _ = FUNCTIONS["javascript"]
    assert find("n = f(a)", gold, source, "javascript") == "javascript"
    assert find("n = f(a)", FUNCTIONS["java"][1], FUNCTIONS["java"][0], "java") == "python"  # no semicolon


def test_several_lines_fit_as_one_does():
    source, gold, _ = FUNCTIONS["java"]
    assert find("int n = 0;\n  for (int x : a) {\n    n += x;\n  }", gold, source, "java") == "java"
    assert find("n = 0\nfor x in a:\n    n += x", gold, source, "java") == "python"


@pytest.mark.parametrize(
    "line",
    ["if x is not None:", "elif x in y:", "except KeyError as error:", "with open(x) as f:", "return x, *y",
     "[a for a in b]", "'x' if a else b", "raise ValueError(x) from error", "x: int = 3", "yield x"],
)  # fmt: skip
def test_lines_of_python_are_found_elsewhere(line: str):
    source, gold, _ = FUNCTIONS["c"]
    assert find(line, gold, source, "c") == "python"


@pytest.mark.parametrize(
    ("fine_tuned_on", "line"),
    [
        ("java", "for (int x : a) {"),
        ("java", "final int n = a.length;"),
        ("csharp", "foreach (var x in a)"),
        ("rust", "let Some(n) = a else { return };"),
        ("rust", "self.a?.b()"),
        ("go", "for i := range a {"),
        ("php", "foreach ($a as $b) {"),
        ("kotlin", "for (x in a) {"),
        ("swift", "guard let n = a else {"),
    ],
)
def test_lines_of_any_source_language_are_found_in_python(fine_tuned_on: str, line: str):
    source, gold, _ = FUNCTIONS["python"]
    assert find(line, gold, source, "python", fine_tuned_on=fine_tuned_on) == fine_tuned_on


def test_a_line_of_the_source_language_has_to_fit_there_too():
    source, gold, _ = FUNCTIONS["python"]
    assert find("n =", gold, source, "python") == ""
    assert find("n = items }", gold, source, "python") == ""


@pytest.mark.parametrize(
    ("name", "line", "found"),
    [
        ("java", "int n = a . length ;", "java"),
        ("c", "int my _ n = a - > n = = 0 & & ! b ;", "c"),
        ("go", "n : = len ( a )", "go"),
        ("php", "$ this - > a [ ' my _ key ' ] = $ a ;", "php"),
        ("rust", "let n : & mut u8 = self : : new ( ) ;", "rust"),
        ("python", 'n = { * * items , " my _ key " : a ! = b }', "python"),
        ("java", "n = [ x for x in a if x ! = my _ n ]", "python"),
        ("java", "n = = ;", ""),
    ],
)
def test_marks_may_be_spaced_as_word_piece_tokenizers_do(name: str, line: str, found: str):
    source, gold, _ = FUNCTIONS[name]
    assert find(line, gold, source, name) == found


def test_a_header_fits_before_its_block():
    source = "int f(int[] a) {\n  [MASK]\n    g(x);\n  }\n  return n;\n}"
    assert find("while (true) {", "for (int x : a) {", source, "java") == "java"
    assert find("int n = 0;", "for (int x : a) {", source, "java") == ""
    assert find("for x in a:", "for (int x : a) {", source, "java") == "python"


def test_a_source_that_does_not_parse_decides_nothing():
    source, gold = "int f(int[] a) {\n  [MASK]\n  if (a", "int n = 0;"
    assert [find(text, gold, source, "java") for text in (gold, "n = 0", "return n;")] == [""] * 3


def test_repair_shows_the_buggy_line_first():
    source = (
        "if item.name != self.name:\ndef f(self):\n    for item in self.items:\n        [MASK]\n            g(item)"
    )
    assert find("if item:", "if item.name == self.name:", source, "python") == "python"
    assert find("if (item) {", "if item.name == self.name:", source, "python") == ""
    source, gold, _ = FUNCTIONS["java"]
    assert find("int n = 1;", gold, f"for (int x : a) {{\n{source}", "java") == "java"


def test_an_invented_language_has_neither_words_nor_marks_of_the_real_one():
    names = renaming("invented")
    source = "[MASK]".join(map(names.apply, FUNCTIONS["python"][0].split("[MASK]")))
    gold = names.apply("n = len(items)")
    assert gold == "n & pler^items$"
    for text, found in [
        (gold, "invented"),
        ("items_all", "invented"),  # names are of no language
        (names.apply("n = [a for a in items if a is not None]"), "invented"),
        ("n & pler ^ items $ % ; 1", "invented"),  # %; is a plus
        ("n = len(items)", "python"),
        ("return items", "python"),
        ("n & len^items$", ""),  # a predefined name of Python
        ("draral", ""),  # "return", and then a line
        ("int n = 0;", ""),
    ]:
        assert find(text, gold, source, "invented") == (found if text != "draral" else "invented"), text


def test_an_output_without_a_mask_in_its_source_stands_alone():
    java, csharp = "int f(int[] a) {\n  return a.length;\n}", "int F(int[] a)\n{\n    return a.Length;\n}"
    only_java = "int f(int[] a) throws IOException {\n  return a.length;\n}"

    def translated(text: str) -> str:
        return find(text, csharp, only_java, "java", "csharp", fine_tuned_on="java")

    assert translated(csharp) == "csharp"
    assert translated(java) == "csharp"  # it is right in both
    assert translated(only_java) == "java"  # the input, copied
    assert translated("def f(a): return len(a)") == ""


def described(text: str, language: str = "java") -> str:
    return find(text, "Return the length", FUNCTIONS[language][0], language, "english")


@pytest.mark.parametrize("text", ["The WKWebViewConfiguration to use for the webview", "NASA"])
def test_a_description_in_no_certain_language_is_not_in_one_that_its_row_lacks(text):
    """German and Spanish are nearer than English to these, but only among a few languages."""
    assert find(text, "Return the length", FUNCTIONS["java"][0], "java", "english") == ""


def test_a_description_is_in_english_unless_it_is_code():
    assert described("Return the number of items in a list.") == "english"
    assert described("Call `f(x)` to get the number of all items (or null).") == "english"
    assert described("return [len(item) for item in items]") == "python"  # of fine-tuning
    assert described("public int f(int[] a) {\n  return a.length;\n}") == "java"
    assert described("public int f(int[] a) { return g(a.length); for (int") == ""  # cut, so that it does not parse
    assert described(SENTENCES["german"]) == "german"
    assert described(SENTENCES["chinese"]) == "chinese"
    assert described("") == described("42") == ""


@pytest.mark.parametrize(
    "line",
    ["return self._length", "return self . _ length", "if elements is None:", "from nltk.tree import transforms",
     "self.length", "self . length", "else:", "break"],
)  # fmt: skip
def test_a_line_of_code_needs_no_brackets_to_be_code(line: str):
    assert described(line, "python") == "python"


@pytest.mark.parametrize("line", ["return a.length", "log(a.length)", "let n = f(a)", "this.length"])
def test_code_in_place_of_a_description_is_first_tried_in_the_language_of_the_function(line: str):
    assert described(line, "javascript") == "javascript"


def test_code_in_an_invented_language_is_no_description():
    names = renaming("invented")
    for line in ("return self._length", "if items is None:", "n = len(items)"):
        assert find(names.apply(line), "x", "x", "invented", "english") == "invented"


def test_a_description_may_begin_as_a_statement_does():
    """Some tokenizers know no capitals."""
    for text in ("return the number of items in a list", "if the list is empty, return the default value"):
        assert described(text, "python") == "english"
        assert described(text, "ruby") == "english"  # where the first of these parses


def test_words_are_no_code_though_they_parse():
    assert find("Clear all entries from the log file", "x", "x", "kotlin", "english") == "english"
    assert find("Initialize", "x", "x", "java", "english") == "english"


def test_no_identifier_is_loaded_for_code():
    code = """
import sys, pandas as pd
from codestilts.evaluation.output_language import CANDIDATES, found_languages
row = {"prediction": "x = 1", "gold": "x", "source": "[MASK]", "language": "python", "output_language": "python"}
print(*found_languages(pd.DataFrame([row]), "python"), "lingua" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["python", "False"]
