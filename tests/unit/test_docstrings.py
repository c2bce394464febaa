"""Documentation comments of every style become plain descriptions and parameter texts."""

import pytest

from codestilts.examples.parsing.docstrings import Doc, is_usable, parse, strip_comment_marks, strip_markup

CASES: list[tuple[str, str, str, Doc]] = [
    (
        "JSDoc",
        "javascript",
        """/**
         * Adds a {@link Key the key} to the <b>map</b> of `things`.
         * One more line &amp; the end.
         *
         * Second paragraph.
         * @param {Object<string, {a: number}>=} opt_x The first thing,
         *     continued here.
         * @param {string} [name='x'] - The name.
         * @param {string} options.k Not a parameter of its own.
         * @param y
         * @return {number} Not wanted.
         */""",
        Doc(
            "Adds a the key to the map of things. One more line & the end.",
            "Adds a the key to the map of things. One more line & the end.\n\nSecond paragraph.",
            {"opt_x": "The first thing, continued here.", "name": "The name."},
        ),
    ),
    (
        "numpy",
        "python",
        """Return the thing.

    Long :class:`~market.Basket` text, with ``code``.

    Parameters
    ----------
    x, y : array_like
        Text about two is about none.
    z : int, optional
        The *z* of it.

        Not the first paragraph.

    Returns
    -------
    int
        Not wanted.

    Examples
    --------
    >>> thing(1)
    """,
        Doc("Return the thing.", "Return the thing.\n\nLong Basket text, with code.", {"z": "The z of it."}),
    ),
    (
        "Google",
        "python",
        """Do it.

    Args:
        a (int, optional): The a of things:
            continued.
        **rest: The rest.

    Trailing prose.

    .. note:: no prose

    Returns:
        x: y
    """,
        Doc("Do it.", "Do it.\n\nTrailing prose.", {"a": "The a of things: continued.", "rest": "The rest."}),
    ),
    (
        "reST",
        "python",
        """:func:`do` it. \\frac{a}{b}

    >>> do(1)
    2

    :param int a: The a.
    :param b: The b
        continued
    :type b: int
    :returns: Not wanted.
    """,
        Doc("do it. \\frac{a}{b}", "do it. \\frac{a}{b}", {"a": "The a.", "b": "The b continued"}),
    ),
    (
        "XML",
        "csharp",
        """/// <summary>
        /// Gets the <see cref="T:Market.Basket"/> of <paramref name="x"/>.
        /// </summary>
        /// <param name="x">The <c>x</c>.</param>
        /// <returns>Not wanted.</returns>""",
        Doc("Gets the Basket of x.", "Gets the Basket of x.", {"x": "The x."}),
    ),
    (
        "Swift list",
        "swift",
        """/// Makes one of others.
        ///
        /// - Parameters:
        ///   - a: The a
        ///     continued.
        ///   - of b: The b.
        /// - Returns: Not wanted.""",
        Doc("Makes one of others.", "Makes one of others.", {"a": "The a continued.", "b": "The b."}),
    ),
    (
        "Swift line",
        "swift",
        "/// Makes one.\n/// - parameter a: The a.",
        Doc("Makes one.", "Makes one.", {"a": "The a."}),
    ),
    (
        "KDoc",
        "kotlin",
        "/**\n * Does [Work] with things.\n * @param[a] the a\n * @param b the b\n */",
        Doc("Does Work with things.", "Does Work with things.", {"a": "the a", "b": "the b"}),
    ),
    (
        "Doxygen",
        "cpp",
        """/**
         * @brief Computes \\a things.
         *
         * Details here.
         * @param[in]  a  the a
         * \\param[in,out] b the b
         * \\return not wanted
         */""",
        Doc("Computes things.", "Computes things.\n\nDetails here.", {"a": "the a", "b": "the b"}),
    ),
    ("starred", "c", "/*\n** Compute it.\n**\n** Second.\n*/", Doc("Compute it.", "Compute it.\n\nSecond.", {})),
    (
        "rustdoc",
        "rust",
        """/// Makes [`it`](x).
        ///
        /// # Arguments
        ///
        /// * `a` - the a
        ///
        /// # Examples
        /// ```
        /// x
        /// ```""",
        Doc("Makes it.", "Makes it.", {"a": "the a"}),
    ),
    (
        "PHPDoc",
        "php",
        """/**
         * Does {@see Work} with things.
         *
         * @param array<string, int[]>|null $a the a
         * @param callable(int, int):bool $b - the b
         * @param \\Market\\Fruit ...$rest the rest
         * @param mixed &$d the d
         * @return int not wanted
         */""",
        Doc(
            "Does Work with things.",
            "Does Work with things.",
            {"a": "the a", "b": "the b", "rest": "the rest", "d": "the d"},
        ),
    ),
    (
        "YARD",
        "ruby",
        """# Does +work+ with {Work things}.
        # rubocop:disable Metrics/MethodLength
        #
        # @overload work(a, b)
        #   @param [Array<(String, Integer)>, nil] a the a
        #     continued
        #   @param b [Hash{Symbol => [String]}] the b
        # @param *rest the rest
        # @option b [String] :key ("x") not a parameter
        # @return [Fruit] not wanted""",
        Doc(
            "Does work with things.",
            "Does work with things.",
            {"a": "the a continued", "b": "the b", "rest": "the rest"},
        ),
    ),
    (
        "RDoc",
        "ruby",
        "# :call-seq:\n#   work(a) -> b\n#\n# Does \\Work with things.",
        Doc("Does Work with things.", "Does Work with things.", {}),
    ),
    (
        "LuaDoc",
        "lua",
        "--- Does work.\n-- It is done.\n-- @param a the a\n-- @return not wanted",
        Doc("Does work. It is done.", "Does work. It is done.", {"a": "the a"}),
    ),
    ("godoc", "go", "// F returns the [Bar].\n//\n//\tcode(1)\n", Doc("F returns the Bar.", "F returns the Bar.", {})),
]


@pytest.mark.parametrize(
    ("raw", "language", "expected"), [case[2:0:-1] + case[3:] for case in CASES], ids=[c[0] for c in CASES]
)
def test_parse(raw: str, language: str, expected: Doc) -> None:
    assert parse(raw, language) == expected


@pytest.mark.parametrize(
    ("text", "usable"),
    [
        ("Returns the sum of both numbers.", True),
        ("Returns the sum.", False),
        ("TODO returns the sum of both numbers.", False),
        ("Licensed under the terms of the owner of it.", False),
        ("Вернуть сумму of both of the numbers to me.", False),
        ("", False),
    ],
)
def test_is_usable(text: str, usable: bool) -> None:
    assert is_usable(text) is usable


def test_rulers_are_no_text() -> None:
    assert strip_comment_marks("//======\n// Title of it\n//------") == ["", "Title of it", ""]


def test_plain_leaves_mathematics_and_comparisons() -> None:
    assert strip_markup("a < b and c > d, 2*x*y") == "a < b and c > d, 2*x*y"
