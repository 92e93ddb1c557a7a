// See: the journal, newest first. Values are filters, and the filters are in the address.
import { busy, call, clockTime, find, h, note, settings, span } from "./base.js";
import { Journal } from "./journal.js";
import { detail } from "./rows.js";

const KINDS = ["request", "zalopay", "table", "stream", "socket", "message", "mail", "event in", "event out", "clock", "dead letter", "seed"];
const VALUES = ["stay", "user", "auction", "function", "status", "connection", "since", "row"];
const STEP = 250;
const list = find("rows"), journal = new Journal();
let wanted = new URLSearchParams(location.search);
let paused = null; // the number of the last row that was shown, while paused
let most = STEP;

function matches(row) {
  if (wanted.get("row")) return String(row.n) === wanted.get("row");
  const kinds = wanted.getAll("kind");
  if (kinds.length && !kinds.includes(row.kind)) return false;
  if (wanted.has("failed") && !row.failed) return false;
  if (wanted.get("since") && row.n <= Number(wanted.get("since"))) return false;
  if (paused !== null && row.n > paused) return false;
  const own = { stay: row.stays, user: row.users, auction: row.auctions, function: [row.function], status: [String(row.status)], connection: [row.connection] };
  for (const [name, values] of Object.entries(own)) if (wanted.get(name) && !values?.includes(wanted.get(name))) return false;
  const text = wanted.get("q")?.toLowerCase();
  return !text || JSON.stringify(row).toLowerCase().includes(text);
}

function filter(name, value) {
  if (name === "kind" || name === "failed") {
    const has = wanted.getAll(name).includes(value);
    const others = wanted.getAll(name).filter((each) => each !== value);
    wanted.delete(name);
    for (const each of has ? others : [...others, value]) wanted.append(name, each);
  } else if (value) wanted.set(name, value);
  else wanted.delete(name);
  wanted.delete(name === "row" ? "" : "row");
  history.replaceState(null, "", `/see${wanted.size ? `?${wanted}` : ""}`);
  most = STEP;
  draw();
}

const nameOf = (sub) => settings.users.find((user) => user.sub === sub)?.name ?? sub;
const chip = (name, value, text, extra = "") => h("button", { class: `chip ${extra}`, title: `Only this ${name}: ${value}`, onclick: () => filter(name, value) }, text);

function chips(row) {
  const [user, stay] = [row.users?.length === 1 && row.users[0], row.stays?.length === 1 && row.stays[0]];
  return h("span", { class: "chips" },
    row.status && chip("status", String(row.status), String(row.status), `s${String(row.status)[0]}`),
    row.cold && h("span", { class: "badge" }, "cold"),
    row.function && row.kind !== "stream" && chip("function", row.function, row.function),
    user && chip("user", user, nameOf(user)),
    stay && chip("stay", stay, `…${stay.slice(-5)}`));
}

function draw_row(row, fresh) {
  const words = h("button", { class: "words", "aria-expanded": "false", onclick: () => toggle() }, row.words, row.why && !row.words.includes(row.why) ? h("span", { class: "why" }, ` ${row.why.split("\n")[0]}`) : null);
  const item = h("li", { class: `${row.failed ? "failed" : ""} ${fresh ? "fresh" : ""}`, "data-n": row.n, "data-kind": row.kind },
    h("time", { datetime: row.at }, clockTime(row.at)), h("span", { class: "kind", "data-kind": row.kind }, row.kind), words, chips(row), h("span", { class: "ms" }, row.ms ? span(row.ms) : ""));
  async function toggle() {
    const open = item.classList.toggle("open");
    words.setAttribute("aria-expanded", String(open));
    item.querySelector(".detail")?.remove();
    if (open) item.append(h("div", { class: "detail" }, await detail(row.n)));
  }
  if (wanted.get("row")) toggle();
  return item;
}

function draw_filters() {
  const kinds = wanted.getAll("kind");
  find("kinds").replaceChildren(...KINDS.map((kind) => h("button", { type: "button", "data-kind": kind, "aria-pressed": String(kinds.includes(kind)), onclick: () => filter("kind", kind) }, kind)));
  const active = VALUES.filter((name) => wanted.get(name));
  const text = (name) => (name === "user" ? nameOf(wanted.get(name)) : wanted.get(name));
  find("active").replaceChildren(
    ...active.map((name) => h("button", { type: "button", "aria-pressed": "true", "aria-label": `Remove the filter ${name}`, onclick: () => filter(name, "") }, `${name === "since" ? "after row" : name}: ${text(name)} ✕`)),
    ...(wanted.get("stay") ? [h("a", { class: "button chip", href: `/stay/${wanted.get("stay")}` }, "Waterfall of this stay")] : []),
    ...(wanted.size ? [h("button", { type: "button", onclick: clear_filters }, "Clear filters")] : []));
  find("failed").setAttribute("aria-pressed", String(wanted.has("failed")));
}

function clear_filters() {
  wanted = new URLSearchParams();
  history.replaceState(null, "", "/see");
  find("filters").reset();
  draw();
}

function say_count(shown) {
  const arrived = paused === null ? 0 : journal.last - paused;
  find("pause").textContent = paused === null ? "Pause" : `Go on (${arrived} new)`;
  find("pause").setAttribute("aria-pressed", String(paused !== null));
  const older = journal.first > 1 ? `; older rows than ${journal.first} have left` : "";
  find("count").textContent = journal.rows.length ? `${shown} of ${journal.rows.length} rows${older}` : "Nothing has happened yet.";
}

function draw() {
  draw_filters();
  const found = journal.rows.filter(matches);
  list.replaceChildren(...found.slice(-most).reverse().map((row) => draw_row(row)));
  find("more").hidden = found.length <= most;
  say_count(found.length);
}

journal.addEventListener("rows", ({ detail: { fresh, left } }) => {
  if (left || !list.childElementCount) { draw(); return; }
  for (const row of fresh.filter(matches)) list.prepend(draw_row(row, true));
  while (list.childElementCount > most) list.lastElementChild.remove();
  say_count(journal.rows.filter(matches).length);
});
find("filters").addEventListener("submit", (event) => event.preventDefault());
find("filters").elements.q.value = wanted.get("q") ?? "";
find("filters").elements.q.addEventListener("input", ({ target }) => filter("q", target.value.trim()));
find("failed").addEventListener("click", () => filter("failed", "1"));
find("more").addEventListener("click", () => { most += STEP; draw(); });
find("pause").addEventListener("click", () => { paused = paused === null ? journal.last : null; draw(); });
find("clear").addEventListener("click", ({ currentTarget }) => busy(currentTarget, async () => { await call("/console/rows", { method: "DELETE" }); note("The journal is empty now."); }));
journal.start();
