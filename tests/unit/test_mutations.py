import pytest
from functions_table import tokenize
from hypothesis import given
from hypothesis import strategies as st

from codestilts.errors import CodeStiltsError
from codestilts.examples.builders.mutations import (
    KINDS,
    Function,
    argument_spans,
    binary_operators,
    dropped_negation,
    edits_of,
    misused_variable,
    operator_label,
    swapped_arguments,
)


def function(code: str) -> Function:
    tokens, starts, tags = tokenize(code, "f")
    return Function(code, tokens, starts, tags)


def results(edits, source: Function) -> set[str]:
    return {edit.apply(source.code) for edit in edits}


def test_swapped_arguments():
    source = function("def f(a, b):\n    return g(a, h(b, 1))")
    assert results(swapped_arguments(source), source) == {
        "def f(a, b):\n    return g(h(b, 1), a)",
        "def f(a, b):\n    return g(a, h(1, b))",
    }


def test_equal_arguments_are_not_swapped():
    assert swapped_arguments(function("def f(a):\n    return g(a, a)")) == []


def test_arguments_of_an_unclosed_call():
    assert argument_spans(["(", "a", ",", "b"], 0) == []


def test_dropped_negation():
    source = function("def f(a):\n    return not a")
    assert results(dropped_negation(source), source) == {"def f(a):\n    return a"}


def test_an_exclamation_mark_after_a_value_is_no_negation():
    source = function("def f(a):\n    return !a.b(a)!.c + a!")
    assert results(dropped_negation(source), source) == {"def f(a):\n    return a.b(a)!.c + a!"}


def test_misused_variable_takes_a_known_one():
    source = function("def f(a, b):\n    return a + c")
    assert results(misused_variable(source), source) == {"def f(a, b):\n    return b + c"}


def test_a_sign_is_no_binary_operator():
    source = function("def f(a):\n    return -a")
    assert binary_operators(source) == []


def test_unknown_operator_and_kind():
    with pytest.raises(CodeStiltsError, match="<=>"):
        operator_label("<=>")
    with pytest.raises(CodeStiltsError, match="typo"):
        edits_of(function("def f(a):\n    return a"), "typo", 0, 100)


names = st.sampled_from(["a", "b", "count", "node"])
calls = st.tuples(names, names).map("g({0[0]}, {0[1]})".format)
atoms = names | calls | names.map("not {}".format) | st.integers(0, 99).map(str)
steps = st.tuples(st.sampled_from(["+", "-", "*", "/", "==", "<", "<=", "and", "or"]), atoms).map(" ".join)
bodies = st.builds(lambda first, rest: " ".join([first, *rest]), atoms, st.lists(steps, max_size=5))


@given(bodies, st.sampled_from(sorted(KINDS)))
def test_a_bug_changes_one_place_only(body, kind):
    source = function(f"def f(a, b, count):\n    return {body}")
    for edit in edits_of(source, kind, 0, len(source.code)):
        bug = edit.apply(source.code)
        assert bug != source.code
        assert bug.startswith(source.code[: edit.start])
        assert bug.endswith(source.code[edit.end :])
        assert source.code[edit.start : edit.end] != edit.text
        if kind == "swapped arguments":
            assert sorted(bug) == sorted(source.code)
        else:
            assert len(bug) == len(source.code) - (edit.end - edit.start) + len(edit.text)


@given(bodies, st.sampled_from(sorted(KINDS)), st.integers(0, 60))
def test_no_bug_beyond_what_is_shown(body, kind, limit):
    source = function(f"def f(a, b, count):\n    return {body}")
    for edit in edits_of(source, kind, limit // 2, limit):
        assert limit // 2 <= edit.start <= edit.end <= limit
