import pytest
import yaml
from functions_table import VERBS, function, write
from task_builds import build
from test_code_tasks import task_file

from codestilts.errors import CodeStiltsError
from codestilts.examples.builders.parallel import (
    hide_function_names,
    module_pair_key,
    pair_key,
    resolve_macro_name,
)

SIZES = {"dev": 50, "test": 50, "source_language": "python"}


def half(package: str, language: str, number: int, verb: str, folder: str, file: str, name: str):
    body = f"return {verb} + x * {number} / x[{number}] == {name}(x)"
    row = function(package, "parallel", name, {"x": ""}, body, "", language=language)
    return {**row, "id": f"{package}:{folder}/{file}:0", "path": f"{folder}/{file}"}


@pytest.fixture
def rows():
    made = []
    for package in ("lib-one", "lib-two", "lib-three"):
        for number, verb in enumerate(VERBS):
            folder = f"package/base/{verb}"
            made.append(half(package, "javascript", number, verb + package[4:], folder, "lib/main.js", verb))
            made.append(half(package, "javascript", number, verb + package[4:], folder, "lib/native.js", verb))
            made.append(half(package, "c", number, verb + package[4:], folder, "src/main.c", f"lib_base_{verb}"))
        made.append(half(package, "javascript", 99, "alone", "package/base/alone", "lib/main.js", "alone"))
    return made


def made(name, inputs, **settings):
    return build(task_file(name), inputs, **{**SIZES, **settings})[0]


def test_key():
    assert (
        module_pair_key("p/base/abs/lib/main.js", "abs")
        == module_pair_key("p/base/abs/src/main.c", "stdlib_base_abs")
        != ""
    )
    assert (
        module_pair_key("p/daxpy/lib/ndarray.js", "daxpy")
        == module_pair_key("p/daxpy/src/daxpy_ndarray.c", "c_daxpy_ndarray")
        != ""
    )
    assert module_pair_key("p/daxpy/lib/ndarray.js", "daxpy") != module_pair_key("p/daxpy/lib/daxpy.js", "daxpy")
    assert (
        module_pair_key("p/abs/lib/native.js", "abs")
        == module_pair_key("p/abs/src/addon.c", "abs")
        == module_pair_key("p/abs/lib/main.js", "cos")
        == ""
    )


def test_key_of_a_library_with_a_package_for_each_language():
    def key(package, name):
        row = {"package": package, "path": "package/all", "name": name}
        return pair_key(row, {"py-sky": "sky", "sky-js": "sky"})

    assert key("py-sky", "_MoonPhase") == key("sky-js", "moon_phase") == "sky:moonphase"
    assert key("sky-javascript", "moon_phase") == ""  # of no such library: modules are asked for
    assert key("py-sky", "__") == ""


def test_name_made_by_a_macro():
    assert resolve_macro_name("API_SUFFIX", "void API_SUFFIX(c_daxpy)( const int N ) {}") == "c_daxpy"
    assert resolve_macro_name("MAX", "int MAX(int a) {}") == "MAX"


def test_hidden_names():
    assert hide_function_names("c_daxpy_ndarray(daxpy, c_daxpy, xdaxpy)", {"c_daxpy", "daxpy"}) == "f(f, f, xdaxpy)"


def test_both_directions_without_names(rows, tmp_path):
    frame = made("parallel", write(tmp_path, rows))
    assert frame["language"].value_counts().to_dict() == {"javascript": 36, "c": 36}
    for row in frame.to_dict("records"):
        verb = row["id"].split("/")[2]
        assert f" {verb}(" not in row["query"] + row["document"]
        assert "lib_base" not in row["query"] + row["document"]
        assert verb + row["package"][4:] in row["query"]
        assert verb + row["package"][4:] in row["document"]


def test_a_package_for_each_language(tmp_path):
    """Functions are paired by their names; a name that only one package has, or one of them twice, makes no pair."""
    made_rows = []
    for package, language, names in (
        ("sky-python", "python", ["moon_phase", "_sun_angle", "tilt", "alone", "rise", "rise"]),
        ("sky-javascript", "javascript", ["MoonPhase", "SunAngle", "Tilt", "set", "Rise"]),
        ("sea-javascript", "javascript", ["Tilt"]),
    ):
        for number, name in enumerate(names):
            body = f"return {name.lower().replace('_', '')}of{package[:3]} + x * {name}(x - {number})"
            row = function(package, "parallel", name, {"x": ""}, body, "", language=language)
            made_rows.append({**row, "id": f"{package}:all:{number}", "path": "package/all"})
    made_rows += [half("lib", "javascript", 0, "open", "package/base/open", "lib/main.js", "open")]
    libraries = {"sky": ["sky-python", "sky-javascript"], "sea": ["sea-javascript"]}
    frame = made("parallel-python", write(tmp_path, made_rows), libraries=libraries)
    assert frame["language"].value_counts().to_dict() == {"javascript": 3, "python": 3}
    assert set(frame["package"]) == {"sky-python", "sky-javascript"}
    verbs = {"moonphaseofsky", "sunangleofsky", "tiltofsky"}
    assert {verb for text in frame["query"] for verb in verbs if verb in text} == verbs
    for row in frame.to_dict("records"):
        (verb,) = (verb for verb in verbs if verb in row["query"])
        assert verb in row["document"]
        assert row["cluster"].startswith("sky-python")  # the unit of both directions
        for name in ("moon_phase", "_sun_angle", "tilt(", "MoonPhase", "SunAngle", "Tilt("):
            assert name not in row["query"] + row["document"]
    assert frame.groupby("cluster").size().eq(2).all()


def test_mining_hides_pairs_among_functions_without_partner(rows, tmp_path):
    frame = made("mining", write(tmp_path, rows), dev_package="lib-two")
    assert frame.groupby("split")["package"].agg(set).to_dict() == {
        "dev": {"lib-two"},
        "test": {"lib-one", "lib-three"},
    }
    assert not frame["id"].duplicated().any()
    for _, group in frame.groupby(["split", "language"]):
        whole = (group["query"] != "") & (group["document"] != "")
        assert 0 < whole.sum() < len(group)
        assert ((group["query"] != "") | (group["document"] != "")).all()
        modules = group["package"] + group["id"].str.split("/").str[2]
        assert not modules.duplicated().any()  # no distractor has its partner anywhere


def test_bad_dev_package(rows, tmp_path):
    with pytest.raises(CodeStiltsError, match=r"dev_package.*lib-nine"):
        made("mining", write(tmp_path, rows), dev_package="lib-nine")


def test_library_without_functions(rows, tmp_path):
    with pytest.raises(CodeStiltsError, match=r"libraries.*lib-nine"):
        made("parallel", write(tmp_path, rows), libraries={"lib": ["lib-one", "lib-nine"]})


def test_needs_both_languages(rows, tmp_path):
    inputs = write(tmp_path, rows)
    del inputs["c"]
    with pytest.raises(CodeStiltsError, match="parallel: needs functions of its two languages"):
        made("parallel", inputs)


def test_languages_are_declared():
    assert yaml.safe_load(task_file("parallel").read_text())["languages"] == ["javascript", "c"]
    assert yaml.safe_load(task_file("parallel-python").read_text())["languages"] == ["javascript", "python"]
