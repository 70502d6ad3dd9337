"use strict";
// Tables sort by any column; buttons in the headings take clicks, Enter and Space.
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => {
    const order = head.getAttribute("aria-sort") === "descending" ? 1 : -1;
    heads.forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", order > 0 ? "ascending" : "descending");
    for (const body of table.tBodies) {
      const rows = [...body.rows].filter((row) => !row.classList.contains("group"));
      rows.sort((a, b) => compare(a.cells[column].dataset.value, b.cells[column].dataset.value, order));
      body.append(...rows);
    }
  }));
}
function compare(a, b, order) {
  if (a === "" || b === "") return (a === "") - (b === "");
  const difference = Number(a) - Number(b);
  return order * (Number.isNaN(difference) ? a.localeCompare(b) : difference);
}

// One bubble says what stands under the pointer or the focus: a mark's <title>, a link's or a cell's title.
const bubble = document.createElement("div");
bubble.id = "bubble";
bubble.setAttribute("role", "tooltip");
bubble.hidden = true;
document.body.append(bubble);
function show(element) {
  bubble.textContent = element.dataset.says;
  bubble.hidden = false;
  const box = element.getBoundingClientRect();
  const wide = bubble.offsetWidth, high = bubble.offsetHeight;
  const left = Math.min(Math.max(box.left + box.width / 2 - wide / 2, 8), document.documentElement.clientWidth - wide - 8);
  const above = box.top - high - 8;
  bubble.style.left = `${left + window.scrollX}px`;
  bubble.style.top = `${(above > 4 ? above : box.bottom + 8) + window.scrollY}px`;
}
function hide() { bubble.hidden = true; }
function speak(element, text) {
  element.dataset.says = text;
  element.addEventListener("pointerenter", () => show(element));
  element.addEventListener("pointerleave", hide);
  element.addEventListener("focus", () => show(element));
  element.addEventListener("blur", hide);
}
document.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });

// One stop of the Tab key for all marks of a chart, all links of a table, all squares of a map; arrows go on from there.
function rove(marks, stepsDown) {
  if (!marks.length) return;
  marks.forEach((mark, place) => mark.setAttribute("tabindex", place ? "-1" : "0"));
  const go = (mark) => {
    marks.forEach((other) => other.setAttribute("tabindex", other === mark ? "0" : "-1"));
    mark.focus();
  };
  marks.forEach((mark) => mark.addEventListener("keydown", (event) => {
    const order = marks.filter((other) => other.isConnected).sort(inPage);
    const here = order.indexOf(mark), down = stepsDown(mark);
    const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: down, ArrowUp: -down, Home: -here, End: order.length - 1 - here };
    if (!(event.key in steps)) return;
    event.preventDefault();
    go(order[Math.min(Math.max(here + steps[event.key], 0), order.length - 1)]);
  }));
}
function inPage(a, b) { return a.compareDocumentPosition(b) & Node.DOCUMENT_POSITION_FOLLOWING ? -1 : 1; }

// Curves lie over each other: a point says what the others are at the same place too.
function neighbours(points) {
  const said = Map.groupBy ? Map.groupBy(points, (p) => p.getAttribute("cx")) : new Map();
  for (const together of said.values()) {
    const lines = together.map((point) => point.dataset.says);
    together.forEach((point, place) => { point.dataset.says = [lines[place], ...lines.filter((_, k) => k !== place).slice(0, 11)].join("\n"); });
  }
}

for (const drawing of document.querySelectorAll("svg.chart, svg.track, svg.cells")) {
  const marks = [];
  for (const title of drawing.querySelectorAll("title")) {
    const mark = title.parentNode;
    if (mark === drawing) continue;
    mark.setAttribute("role", "img");
    mark.setAttribute("aria-label", title.textContent);
    speak(mark, title.textContent);
    title.remove();
    marks.push(mark);
  }
  if (marks.length) drawing.setAttribute("role", "group");
  neighbours(marks.filter((mark) => mark.classList.contains("hit")));
  const across = Number(drawing.dataset.across || 1);
  rove(marks, () => across);
}
for (const table of document.querySelectorAll("table")) {
  const marks = [...table.querySelectorAll("a[title], td[title]")].filter((mark) => mark.matches("a") || !mark.querySelector("a"));
  for (const mark of marks) {
    speak(mark, mark.title);
    mark.setAttribute("aria-description", mark.title);
    mark.removeAttribute("title");
  }
  rove(marks, (mark) => Math.max(mark.closest("tr").querySelectorAll("[data-says]").length, 1));
}

// A link into something folded opens it.
for (const link of document.querySelectorAll('a[href^="#"]')) link.addEventListener("click", () => {
  const target = document.getElementById(link.hash.slice(1));
  for (let fold = target && target.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
});
