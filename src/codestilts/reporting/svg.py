"""SVG figures inside a page."""

import re

from markupsafe import Markup

PIXELS_PER_POINT = 96 / 72  # of CSS


def embedded_svg(text: str, prefix: str) -> Markup:
    """Return an SVG file as markup for a page.

    Its prolog and metadata are removed, its ids get a prefix that makes them unique, and it scales with the page. Its
    colours become variables of the style sheet, which may replace them: ``#262626`` is ``var(--svg-262626, #262626)``.
    """
    text = re.sub(r"^.*?(?=<svg)", "", text, count=1, flags=re.DOTALL)
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'(\sid=")', rf"\1{prefix}-", text)
    text = re.sub(r'(href="#)', rf"\1{prefix}-", text)
    text = re.sub(r"(url\(#)", rf"\1{prefix}-", text)
    text = re.sub(r"\b(fill|stroke): #([0-9a-f]{6})\b", r"\1: var(--svg-\2, #\2)", text)
    size = re.search(r'viewBox="0 0 ([\d.]+)', text)
    width = float(size.group(1)) * PIXELS_PER_POINT if size else 600
    for _ in ("width", "height"):
        text = re.sub(r'<svg ([^>]*?)(?:width="[^"]*" ?|height="[^"]*" ?)', r"<svg \1", text, count=1)
    return Markup(text.replace("<svg ", f'<svg aria-hidden="true" style="width:{width:.0f}px" ', 1))
