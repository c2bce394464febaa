"""Functions of hand-written sources in every language: code without comments, exact offsets, complete tags."""

import textwrap
import zipfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codestilts.errors import CodeStiltsError
from codestilts.examples.definitions import find
from codestilts.examples.functions import SCHEMA, extract, layout
from codestilts.examples.languages import language, languages, parser
from codestilts.examples.roles import ROLES, TAGS, Walk, leaves

# Each: source, its function's name, documented parameters, and tags that some of its tokens must have.
SAMPLES: dict[str, tuple[str, str, dict[str, str], dict[str, str]]] = {
    "python": (
        '''
        class Basket:
            @cached(size=3)
            async def pick_fruit(self, basket: list[Fruit], limit=10, *rest):
                """Choose the ripest fruit of a basket. SECRET

                Args:
                    basket (list): Where the fruit lies.
                    limit: How many at most.
                """
                # SECRET remark
                def inner():
                    """SECRET inner"""
                    return "# no comment"

                for fruit in basket.items[:limit]:  # SECRET
                    if fruit is not None and True: \\
                        yield self.weigh(fruit, unit="g") + 1
        ''',
        "pick_fruit",
        {"basket": "Where the fruit lies.", "limit": "How many at most.", "rest": ""},
        {"cached": "ANNOTATION", "list": "TYPE", "items": "FIELD", "weigh": "CALLEE", "unit": "LABEL", "10": "NUMBER"},
    ),
    "javascript": (
        """
        /**
         * Chooses the ripest fruit of a basket. SECRET
         * @param {Array<{ripe: boolean}>} basket Where the fruit lies.
         * @param {number=} [limit=10] - How many at most.
         */
        market.stall.pickFruit = async function(basket, limit = 10, ...rest) {
          // SECRET remark
          const first = new Basket(basket.items /* SECRET */, null);

          outer: for (const fruit of first.all()) { if (!fruit.ripe) continue outer; }
          return `// no comment ${limit}`;
        };
        """,
        "pickFruit",
        {"basket": "Where the fruit lies.", "limit": "How many at most.", "rest": ""},
        {"Basket": "TYPE", "items": "FIELD", "all": "CALLEE", "outer": "LABEL", "null": "CONSTANT", "const": "KEYWORD"},
    ),
    "typescript": (
        """
        export class Market {
          /**
           * Chooses the ripest fruit of a basket. SECRET
           *
           * @param basket - Where the fruit lies.
           * @param limit - How many at most.
           */
          @Log("SECRE")
          public pickFruit<T extends Fruit>(basket: Map<string, T[]>, limit?: number): Promise<T> {
            // SECRET remark
            return this.weigh(basket.items as Basket, limit) ?? undefined;
          }
        }
        """,
        "pickFruit",
        {"basket": "Where the fruit lies.", "limit": "How many at most."},
        {
            "Log": "ANNOTATION",
            "public": "MODIFIER",
            "Map": "TYPE",
            "weigh": "CALLEE",
            "Basket": "TYPE",
            "items": "FIELD",
        },
    ),
    "c": (
        """
        /**
         * Choose the ripest fruit of a basket. SECRET
         *
         * @param basket where the fruit lies
         * @param[in] limit how many at most
         */
        MARKET_API static const struct fruit *pick_fruit(struct basket *basket, unsigned int limit) {
          /* SECRET remark */
        #ifdef RIPE
          if (!basket->items || limit == 0) goto end; // SECRET
        #endif
          weigh(basket->items[0], "/* no comment */", NULL);
        end:
          return (fruit_t *) basket;
        }
        """,
        "pick_fruit",
        {"basket": "where the fruit lies", "limit": "how many at most"},
        {
            "static": "MODIFIER",
            "unsigned": "TYPE",
            "items": "FIELD",
            "weigh": "CALLEE",
            "end": "LABEL",
            "NULL": "CONSTANT",
        },
    ),
    "cpp": (
        """
        namespace market {
        /// \\brief Chooses the ripest fruit of a basket. SECRET
        ///
        /// \\param basket where the fruit lies
        /// \\param limit how many at most
        template <typename T>
        inline std::vector<T> Stall::pick_fruit(const Basket& basket, int limit = 10) const {
          // SECRET remark
          auto first = std::move(basket.items);
          return this->weigh<T>(first, static_cast<double>(limit), nullptr);
        }
        }
        """,
        "pick_fruit",
        {"basket": "where the fruit lies", "limit": "how many at most"},
        {"inline": "MODIFIER", "vector": "TYPE", "items": "FIELD", "move": "CALLEE", "weigh": "CALLEE", "10": "NUMBER"},
    ),
    "go": (
        """
        package market

        // pickFruit chooses the ripest fruit of a basket. SECRET
        // It looks at all of them.
        func (m *Market) pickFruit(basket, spare *Basket, limit ...int) (map[string]Fruit, error) {
          // SECRET remark
        outer:
          for _, fruit := range basket.items {
            if fruit == nil { continue outer }
            m.weigh(fruit, "// no comment")
          }
          return map[string]Fruit{}, nil
        }
        """,
        "pickFruit",
        {"basket": "", "spare": "", "limit": ""},
        {
            "Basket": "TYPE",
            "items": "FIELD",
            "weigh": "CALLEE",
            "outer": "LABEL",
            "nil": "CONSTANT",
            "range": "KEYWORD",
        },
    ),
    "java": (
        """
        class Market {
          /**
           * Chooses the ripest <b>fruit</b> of a {@link Basket basket}. SECRET
           *
           * @param basket where the fruit lies
           * @param <T> the kind of fruit
           * @param limit how many at most
           */
          @Override
          public <T extends Fruit> List<T> pickFruit(final Map<String, T> basket, int... limit) throws RipeException {
            // SECRET remark
            outer: while (true) { if (basket.items instanceof Fruit) break outer; }
            return this.weigh(new Basket<>(basket.items), "// no comment", null);
          }
        }
        """,
        "pickFruit",
        {"basket": "where the fruit lies", "limit": "how many at most"},
        {
            "Override": "ANNOTATION",
            "final": "MODIFIER",
            "Map": "TYPE",
            "items": "FIELD",
            "weigh": "CALLEE",
            "outer": "LABEL",
        },
    ),
    "csharp": (
        """
        class Market {
          /// <summary>
          /// Chooses the ripest fruit of a <see cref="T:Market.Basket"/>. SECRET
          /// </summary>
          /// <param name="basket">Where the fruit lies.</param>
          /// <param name="limit">How many at most.</param>
          [Ripe(Kind = 1)]
          public static async Task<T> PickFruit<T>(this Basket<T> basket, int? limit = null) where T : class {
            // SECRET remark
            foreach (var fruit in basket.Items) { if (!(fruit is Apple)) return default; }
            return await basket.Weigh(unit: $"// no comment {limit}", value: 1.5);
          }
        }
        """,
        "PickFruit",
        {"basket": "Where the fruit lies.", "limit": "How many at most."},
        {
            "Ripe": "ANNOTATION",
            "static": "MODIFIER",
            "Task": "TYPE",
            "Items": "FIELD",
            "Weigh": "CALLEE",
            "unit": "LABEL",
        },
    ),
    "rust": (
        """
        impl Market {
            /// Chooses the ripest fruit of a [`Basket`]. SECRET
            ///
            /// # Arguments
            ///
            /// * `basket` - where the fruit lies
            /// * `limit` - how many at most
            #[inline(always)]
            pub fn pick_fruit<'a, T: Ripe>(&self, basket: &'a mut Basket<T>, mut limit: u32) -> Option<&'a T> {
                // SECRET remark
                'outer: for fruit in basket.items.iter() { if !fruit.ripe { continue 'outer; } }
                println!("// no comment");
                Self::weigh(basket, |x| x + 1, true)
            }
        }
        """,
        "pick_fruit",
        {"basket": "where the fruit lies", "limit": "how many at most"},
        {
            "inline": "ANNOTATION",
            "pub": "MODIFIER",
            "Option": "TYPE",
            "items": "FIELD",
            "weigh": "CALLEE",
            "'outer": "LABEL",
        },
    ),
    "kotlin": (
        """
        class Market {
          /**
           * Chooses the ripest fruit of a [Basket]. SECRET
           *
           * @param basket where the fruit lies
           * @param[limit] how many at most
           */
          @Ripe(1)
          override suspend fun <T> pickFruit(basket: Map<String, T>, limit: Int? = null): List<T> {
            // SECRET remark
            for (fruit in basket.items) { if (fruit !is Apple) return emptyList() }
            return this.weigh(basket, unit = "// no comment ${limit}") { it -> it.first }
          }
        }
        """,
        "pickFruit",
        {"basket": "where the fruit lies", "limit": "how many at most"},
        {
            "Ripe": "ANNOTATION",
            "override": "MODIFIER",
            "List": "TYPE",
            "items": "FIELD",
            "weigh": "CALLEE",
            "unit": "LABEL",
        },
    ),
    "swift": (
        """
        class Market {
          /// Chooses the ripest fruit of a basket. SECRET
          ///
          /// - Parameters:
          ///   - basket: Where the fruit lies.
          ///   - limit: How many at most.
          /// - Returns: a fruit
          @discardableResult
          public func pickFruit<T>(from basket: [String: T], limit: Int? = nil) throws -> Fruit<T>? {
            // SECRET remark
            guard let first = basket.items as? Fruit else { return nil }
            return self.weigh(first, unit: "// no comment \\(limit)") { $0 + 1.5 }
          }
        }
        """,
        "pickFruit",
        {"basket": "Where the fruit lies.", "limit": "How many at most."},
        {
            "discardableResult": "ANNOTATION",
            "public": "MODIFIER",
            "Int": "TYPE",
            "items": "FIELD",
            "weigh": "CALLEE",
            "unit": "LABEL",
        },
    ),
}


def archive(folder: Path, files: dict[str, str], name: str = "market") -> Path:
    path = folder / f"{name}.zip"
    with zipfile.ZipFile(path, "w") as bundle:
        for member, text in files.items():
            bundle.writestr(member, textwrap.dedent(text).lstrip("\n"))
    return path


def rows(folder: Path, name: str, text: str) -> list[dict]:
    member = f"src/market{language(name).suffixes[0]}"
    table, _ = extract(name, [archive(folder, {member: text})], {"market": "test"})
    assert table.schema == SCHEMA
    return table.to_pylist()


def test_samples_cover_all_languages() -> None:
    assert set(SAMPLES) == set(languages())


@pytest.mark.parametrize("name", SAMPLES)
def test_function(tmp_path: Path, name: str) -> None:
    text, function, params, tags = SAMPLES[name]
    [row] = rows(tmp_path, name, text)
    assert row["name"] == function
    assert row["doc"].lower().startswith(("choose", "pickfruit chooses")) and "basket" in row["doc"].lower()
    assert "SECRET" not in row["code"] and "<" not in row["doc"] and "@" not in row["doc_full"]
    assert {param["name"]: param["doc"] for param in row["params"]} == params
    assert all(row["code"][param["start"] : param["end"]] == param["name"] for param in row["params"])
    for token, start in zip(row["tokens"], row["token_starts"], strict=True):
        assert row["code"][start : start + len(token)] == token
    assert "".join("".join(row["tokens"]).split()) == "".join(row["code"].split())
    assert "\n\n" not in row["code"] and not row["code"][0].isspace()
    assert row["n_lines"] == row["code"].count("\n") + 1
    assert len(row["tags"]) == len(row["roles"]) == len(row["tokens"]) and set(row["tags"]) <= set(TAGS)
    assert {role[2:] for role in row["roles"] if role != "O"} == set(ROLES)
    found = Counter(zip(row["tokens"], row["tags"], strict=True))
    assert {token: tag for token, tag in tags.items() if not found[token, tag]} == {}
    assert found[function, "FUNCTION"] == 1 and all(found[param, "PARAMETER"] == 1 for param in params)
    assert {"OPERATOR", "BRACKET", "DELIMITER", "KEYWORD", "VARIABLE", "STRING"} - set(row["tags"]) <= {"STRING"}


@pytest.mark.parametrize("name", SAMPLES)
def test_no_node_type_is_unknown(name: str) -> None:
    data = textwrap.dedent(SAMPLES[name][0]).encode()
    [found] = find(parser(name).parse(data.replace(b"MARKET_API", b"          ")).root_node, language(name), Counter())
    assert [leaf.text for leaf in leaves(found.nodes[-1], data, language(name), Walk()) if not leaf.known] == []


@pytest.mark.parametrize("name", SAMPLES)
def test_cleaned_code_is_clean_already(tmp_path: Path, name: str) -> None:
    """Extracting the extracted code again changes nothing: it still parses, and no comment is left."""
    [row] = rows(tmp_path, name, SAMPLES[name][0])
    wrapped = {"java": "class A {\n%s\n}", "csharp": "class A {\n%s\n}", "typescript": "class A {\n%s\n}"}.get(
        name, "%s"
    )
    [again] = rows(tmp_path, name, wrapped % row["code"])
    assert again["code"] == row["code"] and again["doc"] == ""
    assert again["tokens"] == row["tokens"] and again["tags"] == row["tags"]


def test_python_docstring_only_block_is_dropped(tmp_path: Path) -> None:
    hollow = 'def a(x):\n    class B:\n        """Nothing else."""\n    x += 1\n    return B\n\n'
    text = hollow + "def b(x):\n    x += 1\n    y = x\n    return y\n"
    assert [row["name"] for row in rows(tmp_path, "python", text)] == ["b"]


def test_export_macros_hide_no_function(tmp_path: Path) -> None:
    body = "(int a) {\n    a += 1;\n    a -= 2;\n    return a;\n}\n"
    text = f"class MARKET_API Stall final : public Place {{\n  MARKET_API int pick{body}}};\nLARGE_TYPE other{body}"
    found = rows(tmp_path, "cpp", text)
    assert [(row["name"], row["tokens"][0]) for row in found] == [("pick", "int"), ("other", "LARGE_TYPE")]


def test_broken_function_is_counted_and_others_stay(tmp_path: Path) -> None:
    good = "int good(int a) {\n  a += 1;\n  a -= 2;\n  return a;\n}\n"
    path = archive(tmp_path, {"a.c": good + "int bad(int a) {\n  a += ;\n  a ( - 2;\n  return a;\n}\n"})
    table, counts = extract("c", [path], {"market": "test"})
    assert table["name"].to_pylist() == ["good"] and counts["parse error"] == 1


def test_damaged_files_are_named_and_others_stay(tmp_path: Path) -> None:
    path = tmp_path / "market.zip"
    with zipfile.ZipFile(path, "w") as bundle:
        bundle.writestr("good.py", "def good(a):\n    a += 1\n    a -= 2\n    return a\n")
        bundle.writestr("broken.py", ", # )")
        bundle.writestr("old.py", "# \u00e9".encode("latin-1"))
    table, counts = extract("python", [path], {"market": "test"})
    assert table["name"].to_pylist() == ["good"]
    assert counts["file not parsed (broken.py)"] == counts["file not UTF-8 (old.py)"] == 1


def test_skipped_files_and_order(tmp_path: Path) -> None:
    body = "function {}(a) {{\n  a += 1;\n  a -= 2;\n  return a;\n}}\n"
    files = {
        path: body.format(f"f{number}")
        for number, path in enumerate(
            ["lib/b.js", "lib/a.js", "test/a.js", "lib/a.test.js", "lib/a.min.js", "node_modules/x/a.js", "lib/a.d.ts"]
        )
    }
    files["lib/gen.js"] = "// Code generated by a tool. DO NOT EDIT.\n" + body.format("g")
    files["lib/one.js"] = "var x = 1;" * 100 + body.format("h").replace("\n", "")
    table, counts = extract("javascript", [archive(tmp_path, files)], {"market": "test"})
    assert table["path"].to_pylist() == ["lib/a.js", "lib/b.js"]
    assert counts["file generated"] == counts["file minified"] == 1 and counts["file skipped by its path"] == 4
    assert table["id"].to_pylist() == ["market:lib/a.js:0", "market:lib/b.js:0"]


def test_compiled_javascript_of_typescript_is_not_used(tmp_path: Path) -> None:
    body = "function f(a) {\n  a += 1;\n  a -= 2;\n  return a;\n}\n"
    path = archive(tmp_path, {"dist/a.js": body, "src/a.ts": body})
    with pytest.raises(CodeStiltsError, match=r"market\.zip holds no usable javascript function"):
        extract("javascript", [path], {"market": "test"})


def test_duplicates_are_dropped_within_a_language(tmp_path: Path) -> None:
    body = "def f(a):\n    a += 1\n    a -= 2\n    return a\n"
    paths = [
        archive(tmp_path, {"a.py": body, "b.py": "# x\n" + body}, "one"),
        archive(tmp_path, {"c.py": body + body.replace("def f", "def g")}, "two"),
    ]
    table, counts = extract("python", paths, {"one": "train", "two": "test"})
    assert table["source"].to_pylist() == ["one", "two"] and table["package_split"].to_pylist() == ["train", "test"]
    assert counts["duplicate"] == 2


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no zip", None])
def test_damaged_archive(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "market.zip"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CodeStiltsError, match=r"market\.zip cannot be read"):
        extract("python", [path], {"market": "test"})


def test_source_without_split_and_unknown_language(tmp_path: Path) -> None:
    with pytest.raises(CodeStiltsError, match="no split for go"):
        extract("go", [tmp_path / "market.zip"], {})
    with pytest.raises(CodeStiltsError, match="'pyhton': choose one of python"):
        language("pyhton")


WORDS = st.sampled_from(["alpha", "beta", "'# x'", '"""a\n\n  b"""', "1.5", "f(x, y=2)", "[a, b]", "a.b", "None", "é"])
COMMENTS = st.sampled_from(["", "  # HIDDEN", "\n    # HIDDEN é", "\n\n", " \\\n      + 1", "\n    'HIDDEN'\n"])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(WORDS, COMMENTS), min_size=4, max_size=12), st.integers(0, 3))
def test_tokens_make_the_code(lines: list[tuple[str, str]], depth: int) -> None:
    """Whatever stands in a body, tokens lie where they say, cover the code, and no comment survives."""
    body = "".join(f"    v{number} = {word}{comment}\n" for number, (word, comment) in enumerate(lines))
    text = f"def f(alpha, beta=1):\n{body}"
    for _ in range(depth):
        text = "class A:\n" + textwrap.indent(text, "    ")
    data = text.encode()
    [found] = find(parser("python").parse(data).root_node, language("python"), Counter())
    tokens = list(leaves(found.nodes[0], data, language("python"), Walk()))
    starts, code = layout(tokens, data)
    assert all(code[start : start + len(leaf.text)] == leaf.text for start, leaf in zip(starts, tokens, strict=True))
    assert "".join("".join(leaf.text for leaf in tokens).split()) == "".join(code.split())
    assert "HIDDEN" not in code and code.startswith("def f(alpha, beta=1):\n    v0 = ")
    compile(code, "f", "exec")
