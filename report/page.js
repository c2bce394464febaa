"use strict";
// What readers can do with the page beyond reading it: sort and filter tables, read cells of heat maps one by one,
// browse predictions, and copy commands. Without scripts the page shows all of the rest.

const make = (tag, properties = {}, ...children) => {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
};

// Tables

const cellText = (row, column) => row.cells[column]?.textContent.trim() ?? "";

// A text with its numbers as people type them: with a hyphen as the minus sign, and without spaces between thousands.
const typed = (text) => text.replaceAll("−", "-").replace(/[\u202f\u2009]/g, "");

// The first number of a text, which may be in scientific notation.
const numberIn = (text) => {
  const found = typed(text).match(/[-+]?\d*\.?\d+(?:e[-+]?\d+)?/i);
  return found ? Number(found[0]) : NaN;
};

const sortRows = (table, column, descending) => {
  const [body] = table.tBodies;
  const numeric = table.tHead.rows[0].cells[column].classList.contains("n");
  const key = (row) => (numeric ? numberIn(cellText(row, column)) : cellText(row, column));
  const order = (a, b) => (numeric ? a - b : a.localeCompare(b, "en", { numeric: true }));
  const missing = (value) => value === "" || Number.isNaN(value);
  const rows = [...body.rows].map((row) => [key(row), row]);
  rows.sort(([a], [b]) => missing(a) - missing(b) || (missing(a) ? 0 : descending ? order(b, a) : order(a, b)));
  body.append(...rows.map(([, row]) => row));
};

const makeSortable = (table) => {
  const headers = [...table.tHead.rows[0].cells];
  headers.forEach((header, column) => {
    if (!header.textContent.trim()) return;
    const button = make("button", { type: "button", className: "sort" }, ...header.childNodes);
    button.addEventListener("click", () => {
      const descending = header.ariaSort === "ascending";
      headers.forEach((other) => other.removeAttribute("aria-sort"));
      header.ariaSort = descending ? "descending" : "ascending";
      sortRows(table, column, descending);
    });
    header.append(button);
  });
};

const makeFilter = (exhibit, table) => {
  const rows = [...table.tBodies[0].rows];
  if (rows.length < 15) return;
  const input = make("input", { type: "search", placeholder: "Filter rows", spellcheck: false });
  input.ariaLabel = `Filter rows: ${table.parentElement.ariaLabel}`;
  const count = make("span", { role: "status" });
  input.addEventListener("input", () => {
    const words = typed(input.value).toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const text = typed(row.textContent).toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
      shown += !row.hidden;
    }
    count.textContent = words.length ? `${shown} of ${rows.length} rows` : "";
  });
  exhibit.prepend(make("p", { className: "filter" }, input, count));
};

for (const exhibit of document.querySelectorAll(".exhibit")) {
  const table = exhibit.querySelector("table:not(.heat)");
  if (table?.tHead && table.tBodies.length === 1) {
    makeSortable(table);
    makeFilter(exhibit, table);
  }
}

// Boxes that scroll sideways can be reached by keyboard, and show that they go on; those that fit need no stop.
const markMore = (box) => box.toggleAttribute("data-more", box.scrollLeft + box.clientWidth < box.scrollWidth - 1);
const resized = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    if (target.scrollWidth > target.clientWidth) target.tabIndex = 0;
    else target.removeAttribute("tabindex");
    markMore(target);
  }
});
for (const box of document.querySelectorAll(".scroll, .drawing")) {
  resized.observe(box);
  box.addEventListener("scroll", () => markMore(box), { passive: true });
}

// Heat maps: one cell can be reached by Tab, the others from it by arrow keys; its details are shown beside it.

// Screen readers read the same details as the description of the cell.
const tip = make("div", { className: "tip", ariaHidden: "true", hidden: true });
document.body.append(tip);

const showTip = (cell) => {
  tip.textContent = cell.dataset.detail;
  tip.hidden = false;
  const { left, bottom, top, width } = cell.getBoundingClientRect();
  const x = Math.min(Math.max(8, left + width / 2 - tip.offsetWidth / 2), innerWidth - tip.offsetWidth - 8);
  const y = bottom + 6 + tip.offsetHeight > innerHeight ? top - tip.offsetHeight - 6 : bottom + 6;
  tip.style.translate = `${Math.max(8, x)}px ${y}px`;
};

// When the pointer leaves a cell, the tip goes back to the cell that has the focus, if the tip was not closed.
const showFocused = () => {
  const cell = document.activeElement?.closest("[data-detail]");
  if (cell && !tip.hidden) showTip(cell);
  else tip.hidden = true;
};

const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

for (const table of document.querySelectorAll("table.heat")) {
  const rows = [...table.tBodies[0].rows].map((row) => [...row.cells].slice(1));
  const cells = rows.flat().filter((cell) => cell.dataset.detail);
  table.setAttribute("role", "grid");
  cells.forEach((cell, number) => {
    cell.tabIndex = number ? -1 : 0;
    cell.ariaDescription = cell.dataset.detail;
  });
  const focus = (cell) => {
    cells.forEach((other) => (other.tabIndex = other === cell ? 0 : -1));
    cell.focus();
  };
  const next = (cell, [down, right]) => {
    let row = rows.findIndex((list) => list.includes(cell));
    let column = rows[row].indexOf(cell);
    do [row, column] = [row + down, column + right];
    while (rows[row]?.[column] && !rows[row][column].dataset.detail);
    return rows[row]?.[column];
  };
  for (const name of ["pointerover", "focusin"]) {
    table.addEventListener(name, ({ target }) => {
      const cell = target.closest("[data-detail]");
      if (cell) showTip(cell);
      else showFocused();
    });
  }
  table.addEventListener("pointerleave", showFocused);
  table.addEventListener("focusout", () => (tip.hidden = true));
  table.addEventListener("keydown", (event) => {
    const cell = event.target.closest("[data-detail]");
    const ends = { Home: cells[0], End: cells.at(-1) };
    const to = cell && (event.key in STEPS ? next(cell, STEPS[event.key]) : ends[event.key]);
    if (!to) return;
    event.preventDefault();
    focus(to);
  });
}
addEventListener("keydown", ({ key }) => key === "Escape" && (tip.hidden = true));
// Moving to a cell by keyboard may scroll to it: then the tip moves along.
addEventListener("scroll", showFocused, { passive: true, capture: true });

// Commands

for (const code of document.querySelectorAll(".command code")) {
  const button = make("button", { type: "button" }, "Copy");
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(code.textContent);
    button.textContent = "Copied";
  });
  if (navigator.clipboard) code.after(button);
}

// Predictions

const browser = document.getElementById("browser");
if (browser) {
  const { texts, arms, cells, names, criteria } = JSON.parse(document.getElementById("predictions").textContent);
  const [target, language, arm] = browser.querySelectorAll("select");
  const fill = (select, values) => {
    const kept = select.value;
    select.replaceChildren(...values.map((value) => make("option", { value }, names[value] ?? value)));
    if (values.includes(kept)) select.value = kept;
  };
  const labelled = (label, text, className = "") =>
    text ? [make("p", { className: "kicker" }, label), make("pre", { className }, text)] : [];
  const shown = (example, [prediction, right, note]) => {
    const [question, text, gold] = example.texts.map((number) => texts[number]);
    return make(
      "article",
      {},
      ...(question ? [make("p", { className: "text" }, question)] : []),
      ...(text ? [make("pre", {}, text)] : []),
      ...labelled(`Answer of ${arm.value}${note ? ` · ${note}` : ""}`, texts[prediction], right ? "right" : "wrong"),
      ...labelled("Right answer", right ? "" : gold),
    );
  };
  const show = () => {
    const number = arms.indexOf(arm.value);
    const { says, otherwise } = criteria[target.value];
    browser.querySelector(".criterion").textContent = says;
    const answered = cells[target.value][language.value].filter((example) => example.answers[number]);
    for (const [side, wanted] of [["right", true], ["wrong", false]]) {
      const column = browser.querySelector(`.${side}-side`);
      const examples = answered.filter((example) => example.answers[number][1] === wanted);
      column.querySelector("h3").textContent = `${wanted ? "✓ Right" : `✗ ${otherwise}`}: ${examples.length} of ${answered.length}`;
      const articles = examples.map((example) => shown(example, example.answers[number]));
      column.querySelector("div").replaceChildren(...articles);
    }
  };
  target.addEventListener("change", () => {
    fill(language, Object.keys(cells[target.value]));
    show();
  });
  language.addEventListener("change", show);
  arm.addEventListener("change", show);
  fill(target, Object.keys(cells));
  fill(language, Object.keys(cells[target.value]));
  fill(arm, arms);
  show();
  browser.hidden = false;
}
