"use strict";
// Sorting and filtering for those who have scripts; without them the page is complete, in the order that it was written.
const cellValue = (row, at) => row.cells[at].dataset.value ?? row.cells[at].textContent.trim();

function sortBy(table, at, downwards) {
  const head = table.tHead.rows[0].cells, number = head[at].classList.contains("n");
  const compared = number
    ? (a, b) => Number(cellValue(a, at)) - Number(cellValue(b, at))
    : (a, b) => cellValue(a, at).localeCompare(cellValue(b, at));
  const rows = [...table.tBodies[0].rows].sort((a, b) => (downwards ? compared(b, a) : compared(a, b)));
  table.tBodies[0].append(...rows);
  [...head].forEach((cell, place) => cell.setAttribute("aria-sort", place !== at ? "none" : downwards ? "descending" : "ascending"));
}

for (const table of document.querySelectorAll("table.sortable")) {
  [...table.tHead.rows[0].cells].forEach((cell, at) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...cell.childNodes);
    cell.append(button);
    button.addEventListener("click", () => {
      const now = cell.getAttribute("aria-sort");
      sortBy(table, at, now === "ascending" || (now !== "descending" && cell.classList.contains("n")));
    });
  });
}

for (const table of document.querySelectorAll("table.long")) {
  const rows = table.tBodies[0].rows.length;
  if (rows <= 18) continue;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "more";
  const fold = (folded) => {
    table.classList.toggle("folded", folded);
    button.textContent = folded ? `Show all ${rows}` : "Show fewer";
  };
  button.addEventListener("click", () => fold(!table.classList.contains("folded")));
  table.parentElement.after(button);
  fold(true);
}

for (const tools of document.querySelectorAll("form.tools")) {
  const table = document.getElementById(tools.dataset.table), rows = [...table.tBodies[0].rows];
  const search = tools.querySelector("input"), choices = [...tools.querySelectorAll("select")], count = tools.querySelector("output");
  const texts = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));
  const apply = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      row.hidden = !(words.every((word) => texts.get(row).includes(word))
        && choices.every((choice) => !choice.value || row.dataset[choice.name] === choice.value));
      shown += !row.hidden;
    }
    table.toggleAttribute("data-filtered", shown < rows.length);
    count.textContent = `${shown} of ${rows.length}`;
  };
  tools.hidden = false;
  tools.addEventListener("input", apply);
  tools.addEventListener("submit", (event) => event.preventDefault());
  tools.addEventListener("reset", () => setTimeout(apply));
  for (const link of document.querySelectorAll(`a[data-table="${tools.dataset.table}"]`)) {
    link.addEventListener("click", () => {
      search.value = "";
      for (const choice of choices) choice.value = link.dataset[choice.name] ?? "";
      apply();
    });
  }
  apply();
}
