"""One function of each programming language, with a bit of everything that its grammar has."""

TAGS = ("KEYWORD", "MODIFIER", "TYPE", "FUNCTION", "PARAMETER", "VARIABLE", "CALLEE", "FIELD", "LABEL", "OPERATOR",
        "NUMBER", "STRING", "CONSTANT", "BRACKET", "DELIMITER", "ANNOTATION")  # fmt: skip

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
    "php": (
        """
        <?php
        namespace Market;

        abstract class Stall extends Shop
        {
            /**
             * Chooses the ripest fruit of a {@see Basket}. SECRET
             *
             * @param array<string, Fruit> $basket where the fruit lies
             * @param int|null $limit how many at most
             */
            #[Pure("SECRE")]
            public static function pickFruit(array &$basket, ?int $limit = null, Fruit|bool ...$rest): ?\\Market\\Fruit
            {
                // SECRET remark
                foreach ($basket->items as $key => $fruit) {
                    if (!$fruit instanceof Apple) { continue; } # SECRET
                }
                $first = new Basket(fn(int $size) => $size . self::NONE, 1.5);
                return static::weigh($first, unit: "# no comment {$limit}")?->peel() ?? NULL;
            }
        }
        """,
        "pickFruit",
        {"$basket": "where the fruit lies", "$limit": "how many at most", "$rest": ""},
        {
            "Pure": "ANNOTATION",
            "static": "MODIFIER",
            "\\Market\\Fruit": "TYPE",
            "items": "FIELD",
            "weigh": "CALLEE",
            "peel": "CALLEE",
            "unit": "LABEL",
            ".": "OPERATOR",
        },
    ),
    "ruby": (
        """
        module Market
          class Stall < Shop
            # Chooses the ripest +fruit+ of a {Basket}. SECRET
            # rubocop:disable Metrics/SECRET
            #
            # @param basket [Hash{Symbol => Array<String>}] where the fruit lies
            # @param [Array(Integer, [Float]), nil] limit how many at most
            # @param size the least size
            # @return [Fruit] one of them
            private def pick_fruit(basket, limit = 10, *rest, size:, unit: "g", **options, &block)
              # SECRET remark
              @count += 1 # SECRET
              first = basket.items.select { |fruit| fruit.ripe? && !fruit.old } unless limit.nil?
              weigh(first, unit: "# no comment #{limit}", kind: :ripe) do |fruit|
                $log << fruit.name =~ /a#b/ ? 1.5 : nil
              end
              puts <<~TEXT, true
                # no comment
              TEXT
            rescue Market::SpoiltError => error
              retry
            end
          end
        end
        """,
        "pick_fruit",
        {
            "basket": "where the fruit lies",
            "limit": "how many at most",
            "rest": "",
            "size": "the least size",
            "unit": "",
            "options": "",
            "block": "",
        },
        {
            "@count": "FIELD",
            "select": "CALLEE",
            "weigh": "CALLEE",
            "kind": "LABEL",
            ":ripe": "CONSTANT",
            "$log": "VARIABLE",
            "SpoiltError": "TYPE",
            "end": "KEYWORD",
        },
    ),
}
