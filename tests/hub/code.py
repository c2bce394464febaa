"""The sets of code: CodeXGLUE's, CoSQA as CoIR has it, and HumanEvalPack."""

from hub.tables import DATA, Config, Make, Row
from hub.texts import SYNTAX, function, random_for, sentence

CODE_LANGUAGES = ["go", "java", "javascript", "php", "python", "ruby"]
PORTS = {"java": "java", "cs": "csharp"}  # column -> language


def codexglue() -> dict[str, dict[str, Config]]:
    """The sets of CodeXGLUE, and CoSQA as CoIR has it."""

    def devign(split: str, number: int) -> Row:
        made = function("c", "devign", split, number)
        row = {"id": number, "func": made.code.replace("\n", "\n\n"), "target": number % 2 == 0, "project": "made"}
        return row | {"commit_id": f"{split}{number // 2}"}

    def clones(split: str, number: int) -> Row:
        first, second = (function("java", "clones", split, number, side) for side in "ab")
        row = {"id": number, "id1": 2 * number, "id2": 2 * number + 1, "func1": first.code, "func2": second.code}
        return row | {"label": number % 2 == 0}

    def poj104(split: str, number: int) -> Row:
        problem = number // 4 + {"train": 1, "validation": 65, "test": 81}[split]
        return {"id": number, "code": function("cpp", "poj104", split, number).code, "label": str(problem)}

    def refinement(size: str) -> Make:
        def make(split: str, number: int) -> Row:
            made = function("java", "refinement", size, split, number)
            buggy, fixed = (" ".join(body.split()) + " \n" for body in (made.wrong_body, made.body))
            return {"id": number, "buggy": f"int {made.name} {buggy}", "fixed": f"int {made.name} {fixed}"}

        return make

    def translation(split: str, number: int) -> Row:
        """Functions come in twins, which differ by their names: each has a wrong translation that is near."""
        made = {column: function(name, "translation", split, number // 2) for column, name in PORTS.items()}
        name = "twin" if number % 2 else "first"
        texts = {
            column: " ".join(one.code.replace(one.name, f"{name}_{one.name}").split()) for column, one in made.items()
        }
        return {"id": number} | {column: f"{text}\n" for column, text in texts.items()}

    def concode(split: str, number: int) -> Row:
        made = function("java", "concode", split, number)
        return {
            "id": number,
            "nl": f"{made.doc} concode_field_sep int x concode_elem_sep int y",
            "code": " ".join(made.tokens),
        }

    def documented(language: str) -> Make:
        def make(split: str, number: int) -> Row:
            made = function(language, "documented", language, split, number)
            row = {"id": number, "repo": f"{split}{number // 3}/x", "path": "x", "func_name": f"Tree.{made.name}"}
            row |= {"original_string": made.code, "code": made.code, "language": language, "code_tokens": made.tokens}
            row |= {"docstring": f"{made.doc}\n\n:param x: one", "docstring_tokens": [*made.doc[:-1].split(), "."]}
            return row | {"docstring_summary": made.doc, "identifier": made.name}

        return make

    def right(split: str, number: int) -> Row:
        score = number % 2 if split == "train" else 1
        return {"query-id": f"q{split}{number}", "corpus-id": f"d{split}{number // 2}", "score": score}

    def query(split: str, number: int) -> Row:
        part, own = cosqa_part(number)
        text = f"python {sentence(random_for('cosqa', number))[:-1].lower()}"
        return {"_id": f"q{part}{own}", "partition": part, "text": text, "language": "en"}

    def answer(split: str, number: int) -> Row:
        part, own = cosqa_part(number)
        return {"_id": f"d{part}{own}", "partition": part, "text": function("python", "cosqa", number).code}

    column = "id:i32 repo:str path:str func_name:str original_string:str language:str code:str code_tokens:strs "
    column += "docstring:str docstring_tokens:strs sha:str url:str"
    advtest = " docstring_summary:str parameters:str return_statement:str argument_list:str identifier:str nwo:str "
    advtest += "score:float"
    text = "_id:str partition:str text:str language:str title:str meta_information:resource"
    glue = "google/code_x_glue_"
    return {
        f"{glue}cc_defect_detection": {
            "default": Config("id:i32 func:str target:bool project:str commit_id:str", devign, file=DATA)
        },
        f"{glue}cc_clone_detection_big_clone_bench": {
            "default": Config("id:i32 id1:i32 id2:i32 func1:str func2:str label:bool", clones,
                              {"train": 900, "validation": 300, "test": 40}, DATA)
        },
        f"{glue}cc_clone_detection_poj104": {
            "default": Config("id:i32 code:str label:str", poj104, {"train": 200, "validation": 60, "test": 60}, DATA)
        },
        f"{glue}cc_code_refinement": {
            size: Config("id:i32 buggy:str fixed:str", refinement(size)) for size in ("small", "medium")
        },
        f"{glue}cc_code_to_code_trans": {
            "default": Config("id:i32 java:str cs:str", translation, {"train": 240, "validation": 80, "test": 40}, DATA)
        },
        f"{glue}tc_text_to_code": {"default": Config("id:i32 nl:str code:str", concode, file=DATA)},
        f"{glue}ct_code_to_text": {name: Config(column, documented(name)) for name in CODE_LANGUAGES},
        f"{glue}tc_nl_code_search_adv": {"default": Config(column + advtest, documented("python"), file=DATA)},
        "CoIR-Retrieval/cosqa": {
            "default": Config("query-id:str corpus-id:str score:i64", right, dict(COSQA), DATA),
            "queries": Config(text, query, {"queries": sum(COSQA.values())}),
            "corpus": Config(text, answer, {"corpus": sum(COSQA.values())}),
        },
    }  # fmt: skip


COSQA = {"train": 160, "valid": 60, "test": 60}


def cosqa_part(number: int) -> tuple[str, int]:
    """The split that a query or document of CoSQA belongs to, and its number there."""
    for split, count in COSQA.items():
        if number < count:
            return split, number
        number -= count
    raise AssertionError("no such query")


def humaneval() -> dict[str, Config]:
    """The same problems in six languages, each with a bug."""

    def solved(language: str, code: str) -> Make:
        def make(split: str, number: int) -> Row:
            made = function(language, "humaneval", number)
            row = {"task_id": f"{code.capitalize()}/{number}", "entry_point": made.name, "declaration": made.head}
            row |= {"prompt": made.head, "canonical_solution": made.body, "buggy_solution": made.wrong_body, "test": ""}
            return row | {"bug_type": "operator misuse", "failure_symptoms": "incorrect output"}

        return make

    names = {"python": "python", "javascript": "js", "java": "java", "go": "go", "cpp": "cpp", "rust": "rust"}
    assert names.keys() <= SYNTAX.keys()
    file = "data/{config}/data/humanevalpack.jsonl"
    return {code: Config("", solved(language, code), {"test": 60}, file) for language, code in names.items()}
