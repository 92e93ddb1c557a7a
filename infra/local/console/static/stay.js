// A stay as a waterfall: every row about it, with its offset and its length; idle stretches are folded.
import { call, clockTime, day, dong, find, gone, h, moment, offset, span } from "./base.js";
import { Journal } from "./journal.js";
import { detail } from "./rows.js";

const IDLE = 3000; // milliseconds without anything that are folded
const FOLD = 0.04; // of the width that a fold takes
const stay = find("stay").dataset.stay, journal = new Journal();
const opened = new Set(); // the rows that show their detail
const start = (row) => Date.parse(row.at), end = (row) => start(row) + (row.ms ?? 0);

/** Show equal changes that came together as one row. */
function together(rows) {
  const found = [];
  for (const row of rows) {
    const before = found.at(-1);
    if (row.kind === "table" && before?.words === row.words && start(row) - start(before) < 100) before.times += 1;
    else found.push({ ...row, times: 1 });
  }
  return found;
}

/** Split rows, by their start, into stretches between which nothing happened. */
function stretches(rows) {
  const found = [];
  for (const row of rows) {
    const current = found.at(-1);
    if (current && start(row) - current.end < IDLE) { current.rows.push(row); current.end = Math.max(current.end, end(row)); }
    else found.push({ start: start(row), end: end(row), rows: [row] });
  }
  return found;
}

function draw(rows) {
  const own = rows.filter((row) => row.stays?.includes(stay)), sorted = together(own.sort((one, other) => start(one) - start(other) || one.n - other.n));
  const parts = stretches(sorted), active = parts.reduce((sum, part) => sum + Math.max(part.end - part.start, 1), 0);
  const scale = (1 - FOLD * Math.max(parts.length - 1, 0)) / active;
  let left = 0;
  const lines = [];
  parts.forEach((part, index) => {
    if (index) {
      lines.push(h("tr", { class: "idle" }, h("td", { colspan: "4" }, h("span", {}, `${span(part.start - parts[index - 1].end)} without anything`))));
      left += FOLD;
    }
    for (const row of part.rows) lines.push(line(row, start(row) - start(sorted[0]), left + (start(row) - part.start) * scale, (row.ms ?? 0) * scale));
    left += Math.max(part.end - part.start, 1) * scale;
  });
  find("flow").replaceChildren(...(lines.length ? lines : [h("tr", {}, h("td", { colspan: "4", class: "soft" }, "The journal has no row about this stay. It may be older than this run."))]));
}

function line(row, after, left, width) {
  const bar = h("div", { class: "bar" }), words = h("button", { class: "words", "aria-expanded": "false" }, row.times > 1 ? `${row.words} (${row.times} times)` : row.words);
  bar.style.left = `${(100 * left).toFixed(2)}%`;
  bar.style.width = `${(100 * width).toFixed(2)}%`;
  const item = h("tr", { class: row.failed ? "failed" : null, "data-kind": row.kind, "data-n": row.n },
    h("td", { class: "after", title: clockTime(row.at) }, `+${offset(after)}`),
    h("td", {}, h("span", { class: "kind", "data-kind": row.kind }, row.kind), " ", words, " ", row.function ? h("span", { class: "soft" }, `${row.function}${row.cold ? ", cold" : ""}`) : null),
    h("td", { class: "took" }, row.ms ? span(row.ms) : ""), h("td", { class: "wide" }, h("div", { class: "track" }, bar)));
  const toggle = async (open) => {
    words.setAttribute("aria-expanded", String(open));
    if (open) { opened.add(row.n); item.after(h("tr", { class: "more" }, h("td", { colspan: "4" }, await detail(row.n)))); } else opened.delete(row.n);
    if (!open && item.nextElementSibling?.classList.contains("more")) item.nextElementSibling.remove();
  };
  words.addEventListener("click", () => toggle(!opened.has(row.n)));
  if (opened.has(row.n)) toggle(true);
  return item;
}

/** The stay itself, from its newest row of the table. */
async function summarize(rows) {
  const last = rows.findLast((row) => row.kind === "table" && row.stays?.includes(stay) && row.words.startsWith("SESSION"));
  if (!last || String(last.n) === find("summary").dataset.n) return;
  const { detail: { item } } = await call(`/console/rows/${last.n}`);
  const good = item.fulfilment === "BOOKED", open = ["CREATED", "PENDING"].includes(item.status);
  const state = good ? "Paid and booked" : open ? "Waiting for payment" : `${item.status} / ${item.fulfilment}`;
  find("summary").dataset.n = last.n;
  find("summary").replaceChildren(
    h("span", { class: `badge ${good ? "good" : open ? "wait" : "bad"}` }, state),
    h("dl", {}, ...[["Property", item.propertyName], ["Nights", item.nights?.map(day).join(", ")], ["Price", dong(item.amount)], ["Traveller", item.userId], ["Transaction", item.transactionId], ["Next look of the clock", item.dueAt && moment(item.dueAt)], ["Reason", item.reason]]
      .filter(([, value]) => value).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, String(value))))));
}

journal.addEventListener("rows", ({ detail: { fresh, left } }) => {
  if (!left && !fresh.some((row) => row.stays?.includes(stay)) && find("flow").childElementCount) return;
  draw(journal.rows);
  summarize(journal.rows).catch(() => gone(false));
});
journal.start();
