"""Names as readers of tables, figures and the report see them."""

LANGUAGES = {"cpp": "C++", "csharp": "C#", "javascript": "JavaScript", "typescript": "TypeScript", "php": "PHP"}


def visible(text: str) -> str:
    """A text for a page, on which control characters are their pictures (U+2400 and on); other than tab, line feed."""
    return text.translate({code: 0x2400 + code for code in range(32) if chr(code) not in "\t\n"} | {0x7F: 0x2421})


def language_name(language: str) -> str:
    """A programming language as its users write it."""
    return LANGUAGES.get(language, language.capitalize())


def said(name: str) -> str:
    """A family, an arm or a contrast as a reader would write it (``code minus english``, ``code family``)."""
    words = {"english": "English", "english family": "English, mean", "code family": "code, mean"}
    words |= {"mixed": "both", "none": "no intermediate training", "qa": "question answering"}
    return " minus ".join(words.get(part, part.removesuffix(" family")) for part in name.split(" minus "))
