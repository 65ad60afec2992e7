"use strict";
(() => {
  const root = document.documentElement;
  const dark = () => root.dataset.theme
    ? root.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
  const toggle = document.getElementById("theme");
  const label = () => { toggle.textContent = dark() ? "Light" : "Dark"; };
  toggle.addEventListener("click", () => { root.dataset.theme = dark() ? "light" : "dark"; label(); });
  label();

  const key = (row, column) => {
    const cell = row.children[column].dataset.key;
    if (cell === undefined || cell === "") return null;
    const number = Number(cell);
    return Number.isNaN(number) ? cell : number;
  };
  const order = (a, b) => {
    if (a === null || b === null) return (a === null) - (b === null);
    return typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
  };
  for (const head of document.querySelectorAll(".results > thead th")) {
    const button = head.querySelector("button");
    if (!button) continue;
    button.addEventListener("click", () => {
      const table = head.closest("table");
      const body = table.tBodies[0];
      const down = head.getAttribute("aria-sort") !== "descending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const pairs = [...body.querySelectorAll(":scope > tr.row")].map(
        (row) => [key(row, head.cellIndex), row, row.nextElementSibling]);
      const present = pairs.filter((p) => p[0] !== null).sort((p, q) => order(p[0], q[0]));
      if (down) present.reverse();
      for (const [, row, detail] of [...present, ...pairs.filter((p) => p[0] === null)]) {
        body.append(row, detail);
      }
    });
  }
  for (const button of document.querySelectorAll(".name button")) {
    button.addEventListener("click", () => {
      const detail = button.closest("tr").nextElementSibling;
      detail.hidden = !detail.hidden;
      button.setAttribute("aria-expanded", String(!detail.hidden));
    });
  }
})();
