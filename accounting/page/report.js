// Sorting and filtering for the page's tables. Figures are compared and summed exactly: data-v holds units, 10^18 to an AIC.
const UNIT_DIGITS = 18;

function figure(cell) {
  return cell.dataset.v === undefined ? null : BigInt(cell.dataset.v);
}

function compare(a, b) {
  const x = figure(a), y = figure(b);
  if (x !== null && y !== null) return x < y ? -1 : x > y ? 1 : 0;
  return a.textContent.localeCompare(b.textContent, "en", {numeric: true});
}

// The sum as the sums below the table are written: as many decimals, rounded down, thousands separated.
function written(value, decimals) {
  let digits = value.toString();
  if (decimals !== null) digits = digits.padStart(UNIT_DIGITS + 1, "0");
  const whole = decimals === null ? digits : digits.slice(0, -UNIT_DIGITS);
  const parted = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  return decimals === null ? parted : parted + "." + digits.slice(-UNIT_DIGITS).slice(0, decimals);
}

function sortBy(table, column, head) {
  const down = head.getAttribute("aria-sort") === "ascending";
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", down ? "descending" : "ascending");
  const rows = [...table.tBodies[0].rows];
  rows.sort((a, b) => (down ? -1 : 1) * compare(a.cells[column], b.cells[column]));
  table.tBodies[0].append(...rows);
}

function sumAgain(table, shown, all) {
  const foot = table.tFoot && table.tFoot.rows[0];
  if (!foot) return;
  foot.cells[0].textContent = shown.length === all ? "Sum" : "Sum of the rows shown";
  for (let i = 1; i < foot.cells.length; i++) {
    const cell = foot.cells[i];
    if (cell.dataset.v === undefined) continue;
    const text = cell.textContent, point = text.indexOf(".");
    const sum = shown.reduce((s, row) => s + figure(row.cells[i]), 0n);
    cell.dataset.v = sum.toString();
    cell.textContent = written(sum, point < 0 ? null : text.length - point - 1);
  }
}

function filterBy(table, words, count) {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  const rows = [...table.tBodies[0].rows];
  for (const row of rows) {
    const text = [...row.cells].map((cell) => cell.textContent).join(" ").toLowerCase();
    row.hidden = !wanted.every((word) => text.includes(word));
  }
  const shown = rows.filter((row) => !row.hidden);
  count.textContent = shown.length === rows.length ? `${rows.length} rows` : `${shown.length} of ${rows.length} rows`;
  sumAgain(table, shown, rows.length);
}

// The rows shown, exact, for a spreadsheet. A text that a spreadsheet would run as a formula gets an apostrophe in front.
function csv(table) {
  const exact = (cell) => {
    if (cell.dataset.v === undefined || cell.querySelector("time")) return cell.textContent.replace(/^[=+@\t-]/, "'$&");
    return cell.textContent.includes(".") ? written(BigInt(cell.dataset.v), UNIT_DIGITS).replace(/,/g, "") : cell.dataset.v;
  };
  const line = (texts) => texts.map((text) => /[",\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text).join(",");
  const rows = [...table.tBodies[0].rows].filter((row) => !row.hidden);
  return [line([...table.tHead.rows[0].cells].map((head) => head.dataset.key)),
    ...rows.map((row) => line([...row.cells].map(exact)))].join("\r\n") + "\r\n";
}

function save(table) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([csv(table)], {type: "text/csv"}));
  link.download = `${table.id}.csv`;
  link.click();
  URL.revokeObjectURL(link.href);
}

for (const table of document.querySelectorAll("table.data")) {
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    button.addEventListener("click", () => sortBy(table, column, head));
    head.append(button);
  });
  const tools = document.createElement("div"), label = document.createElement("label");
  const input = document.createElement("input"), count = document.createElement("output"), get = document.createElement("button");
  tools.className = "tools";
  input.type = "search";
  input.setAttribute("aria-controls", table.id);
  input.placeholder = "words that a row must have";
  label.append("Filter ", input);
  get.type = "button";
  get.textContent = "Save as CSV";
  get.addEventListener("click", () => save(table));
  input.addEventListener("input", () => filterBy(table, input.value, count));
  tools.append(label, count, get);
  table.closest(".scroll").before(tools);
  filterBy(table, "", count);
}
