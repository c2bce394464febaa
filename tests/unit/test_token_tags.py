"""The tables of the languages name only what their grammars have, and role spans are whole."""

from collections import Counter

import pytest
from language_samples import TAGS

from codestilts.errors import CodeStiltsError
from codestilts.examples.parsing import languages as module
from codestilts.examples.parsing.definitions import find_definitions
from codestilts.examples.parsing.languages import language, languages, parser
from codestilts.examples.parsing.token_tags import Walk, role_tags, tagged_leaves


@pytest.mark.parametrize("name", languages())
def test_table_names_what_the_grammar_has(name: str) -> None:
    """No misspelt node or field: every entry of the table, but for those shared with another language."""
    spec, grammar = language(name), parser(name).language
    assert grammar is not None
    entry = module.read_table()[name]
    kinds = {kind for key in ("atoms", "leaves", "regions", "heads", "assigned") for kind in entry.get(key, {})}
    kinds |= {
        kind for key in ("functions", "anonymous", "wrappers", "attached", "bodies") for kind in entry.get(key, [])
    }
    kinds |= {slot.split(".")[0] for slot in entry.get("slots", {})} - {"*"}
    assert [
        kind for kind in sorted(kinds) if not any(grammar.id_for_node_kind(kind, named) for named in (True, False))
    ] == []
    places = [slot.split(".", 1)[1] for slot in entry.get("slots", {})] + list(entry.get("heads", {}).values())
    fields = [place for place in places + list(entry.get("assigned", {}).values()) if place[0] not in "#*"]
    assert [field for field in fields if grammar.field_id_for_name(field) is None] == []
    assert {*spec.atoms.values(), *spec.leaves.values(), *spec.regions.values(), *spec.slots.values()} <= set(TAGS)


def test_unknown_key_of_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "read_table", lambda: {"common": {}, "klingon": {"sufixes": [".kl"]}})
    languages.cache_clear()
    with pytest.raises(CodeStiltsError, match=r"unknown key 'sufixes': languages\.yaml, klingon"):
        languages()
    monkeypatch.undo()
    languages.cache_clear()


@pytest.mark.parametrize(
    ("name", "text", "spans"),
    [
        (
            "python",
            "def f(a: list[int], *b) -> dict[str, C]:\n    x = m.n.g(a)(b)\n    y = 1\n    return h(x).k()\n",
            "FUNCTION_NAME f; PARAMETER a; TYPE list [ int ]; PARAMETER b; TYPE dict [ str , C ]; "
            "CALLEE m . n . g; CALLEE h; CALLEE k",
        ),
        (
            "typescript",
            "function f(a?: Map<string, T[]>): a is U {\n  const x = new V(this.w.g(a));\n  return x as Y<Z>;\n}\n",
            "FUNCTION_NAME f; PARAMETER a; TYPE Map < string , T [ ] >; TYPE a is U; TYPE V; CALLEE this . w . g; "
            "TYPE Y < Z >",
        ),
        (
            "php",
            "<?php\nfunction f(A|B $a, ...$b): ?C {\n  $x = $a . g($b);\n  return D::h($x)->k(new \\E\\F());\n}\n",
            "FUNCTION_NAME f; TYPE A | B; PARAMETER $a; PARAMETER $b; TYPE ? C; CALLEE g; CALLEE D :: h; CALLEE k; "
            "TYPE \\E\\F",
        ),
        (
            "ruby",
            "def f(a, *b, c: 1, &d)\n  a.g.h(b) { |e| K::L.new }\nrescue M::N, P => error\n  d&.k\nend\n",
            "FUNCTION_NAME f; PARAMETER a; PARAMETER b; PARAMETER c; PARAMETER d; CALLEE a . g . h; PARAMETER e; "
            "CALLEE K :: L . new; TYPE M :: N; TYPE P; CALLEE d &. k",
        ),
        (
            "cpp",
            "std::map<int, T> A::f(const B& a) {\n  auto x = a->g<int>(1);\n  return std::h(x);\n}\n",
            "TYPE std :: map < int , T >; FUNCTION_NAME f; TYPE B; PARAMETER a; TYPE auto; CALLEE a -> g; "
            "TYPE < int >; CALLEE std :: h",
        ),
    ],
)
def test_role_spans(name: str, text: str, spans: str) -> None:
    data = text.encode()
    [found] = find_definitions(parser(name).parse(data).root_node, language(name), Counter())
    tokens = list(tagged_leaves(found.nodes[0], data, language(name), Walk()))
    result: list[str] = []
    for leaf, role in zip(tokens, role_tags(tokens), strict=True):
        if role.startswith("B-"):
            result.append(f"{role[2:]} {leaf.text}")
        elif role.startswith("I-"):
            assert result[-1].startswith(role[2:])
            result[-1] += f" {leaf.text}"
    assert result == spans.split("; ")
