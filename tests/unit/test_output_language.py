"""The language of generated texts: sentences and lines whose language is known."""

import pandas as pd
import pytest

from codestilts.columns import MASK
from codestilts.evaluation.output_language import error_on_gold, found_languages
from codestilts.invented import renaming

PYTHON = f"def area(radius):\n    pi = 3.14\n    {MASK}\n"
GO = f"func area(radius float64) float64 {{\n\tpi := 3.14\n\t{MASK}\n}}"
RUST = f"fn area(radius: f64) -> f64 {{\n    let pi = 3.14;\n    {MASK}\n}}"


def found(prediction, source="", gold="", language="python", output_language="english", source_language="python"):
    row = {"prediction": prediction, "gold": gold, "source": source, "language": language}
    return found_languages(pd.DataFrame([row | {"output_language": output_language}]), source_language)[0]


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Returns the number of rows that the table has.", "english"),
        ("Gibt zurück, wie viele Zeilen die Tabelle hat.", "german"),
        ("Возвращает число строк в таблице.", "russian"),
        ("", ""),
        ("?!", ""),
    ],
)
def test_natural_languages(text, language):
    names = ["english", "german", "russian"]
    rows = pd.DataFrame([{"prediction": text, "gold": "x", "source": "x", "language": name} for name in names])
    rows["output_language"] = rows["language"]
    assert found_languages(rows, "english") == [language] * 3


@pytest.mark.parametrize(
    ("source", "gold", "language"),
    [
        (PYTHON, "return pi * radius ** 2", "python"),
        (GO, "return pi * radius * radius", "go"),
        (RUST, "return pi * radius * radius;", "rust"),
        ("class A {\n  int f(int x) {\n    [MASK]\n  }\n}", "return x + 1;", "java"),
    ],
)
def test_a_line_that_fits_is_in_the_language_of_the_function(source, gold, language):
    assert found(gold, source, gold, language, language) == language
    wrong = "def f(x): return [y for y in x if not y]"  # Python, and nothing else
    assert found(wrong, source, gold, language, language) == "python"
    assert found(") ] }", source, gold, language, language) == ""


def test_repair_is_parsed_below_its_first_line():
    source = "return pi * radius * radius\n" + GO
    assert found("return pi * radius * radius", source, "return pi * radius * radius", "go", "go") == "go"


def test_a_source_that_does_not_parse_decides_nothing():
    assert found("return 1", f"func area( {{ {MASK}", "return 1", "go", "go") == ""


def test_code_instead_of_a_description_is_in_the_language_of_the_code():
    assert found("return self.rows[0]", "x", "Returns the rows.", "python", "english") == "python"
    assert found("let rows = table.rows();", "x", "Returns the rows.", "rust", "english") == "rust"


def test_a_renamed_line_is_in_the_invented_language_and_the_real_one_is_not():
    names = renaming("invented")
    source, gold = names.apply(PYTHON.split(MASK)[0]) + MASK + "\n", "return not radius"
    line = names.apply(gold)
    assert line != gold
    assert found(line, source, line, "invented", "invented") == "invented"
    assert found(gold, source, line, "invented", "invented") == "python"


def test_the_error_on_gold_is_measured():
    rows = pd.DataFrame(
        {
            "source": [GO, f"func area( {{ {MASK}", PYTHON],
            "reference": ["return pi", "return 1", "return pi"],
            "language": ["go", "go", "python"],
        }
    )
    table = error_on_gold(rows.assign(output_language=rows["language"]))
    assert table.to_dict("records") == [
        {"language": "go", "n": 2, "share": 0.5},
        {"language": "python", "n": 1, "share": 0.0},
    ]
