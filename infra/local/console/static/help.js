// Help: the operator's commands. Each action first shows what it would do; where the page only reads, its line to paste.
import { busy, call, copy, find, h, inVietNam, note, settings } from "./base.js";

const NAME = /\b\d{6}_[0-9A-Z]{26}\b|\b[0-9A-HJKMNP-TV-Z]{26}\b(?! of auction)/;
const NIGHT = /^(\S+)\s+(\d{4}-\d\d-\d\d)$/;
// Each action: its words for the operator's tool, from the name of the stay and the fields that it needs.
const ACTIONS = [
  { title: "Ask ZaloPay", words: (id) => ["ask", id] },
  { title: "Refund", words: (id, { amount, end }) => ["refund", id, ...(amount ? ["--amount", amount] : []), ...(end ? ["--end-booking"] : [])], fields: [["amount", "đồng; empty: all that is owed", "number"], ["end", "end the booking, too", "checkbox"]] },
  { title: "Accept the amount", words: (id) => ["accept", id] },
  { title: "Paid back by hand", words: (id) => ["settled", id] },
  { title: "End the session", words: (id) => ["end", id] },
  { title: "Decide again", words: (id) => ["replay", id] },
  { title: "Send a mail again", words: (id, { kind }) => ["mail", id, kind], fields: [["kind", "which mail", ["confirmation", "cancellation", "refund"]]] },
];
let subject = null;

const operate = (words, really = false) => call("/console/operator", { method: "POST", body: { words, really } });

/** Show lines of the operator: times in Viet Nam, and each stay as a way to it. */
function lines(said) {
  if (said.error) return h("p", { class: "bad" }, said.error);
  if (!said.lines.length) return h("p", { class: "soft" }, "Nothing.");
  return h("ul", { class: "lines" }, said.lines.map((line) => {
    const text = inVietNam(line), name = text.match(NAME);
    const linked = name && name[0] !== subject ? [text.slice(0, name.index), h("button", { class: "link", onclick: () => show(name[0]) }, name[0]), text.slice(name.index + name[0].length)] : [text];
    return h("li", { class: line.startsWith("  ") ? "sub" : null }, linked);
  }));
}

const paste = (said) => h("div", { class: "paste" }, h("pre", { tabindex: "0", "aria-label": "To paste into a terminal" }, said.paste), h("button", { onclick: ({ currentTarget }) => copy(said.paste, currentTarget) }, "Copy"));

async function show(id) {
  subject = id;
  find("find").elements.id.value = id;
  history.replaceState(null, "", `/help?id=${encodeURIComponent(id)}`);
  const said = await operate(["show", id]);
  find("found").replaceChildren(lines(said), paste(said));
  find("act").hidden = Boolean(said.error);
  find("plan").replaceChildren();
}

/** Find what a caller names. The only stay, or stray money, is shown at once; of more there is a list. */
async function look(text) {
  const said = await operate(["find", ...(text.match(NIGHT)?.slice(1) ?? [text])]);
  const only = said.lines?.length === 1 ? said.lines[0] : "";
  if (only.startsWith("STRAY")) return show(text);
  if (NAME.test(only)) return show(only.match(NAME)[0]);
  subject = null;
  find("found").replaceChildren(lines(said), paste(said));
  find("act").hidden = true;
  find("plan").replaceChildren();
}

function field([name, label, kind]) {
  if (Array.isArray(kind)) return h("label", {}, label, h("select", { name }, kind.map((each) => h("option", {}, each))));
  return kind === "checkbox" ? h("label", { class: "tick" }, h("input", { type: kind, name }), label) : h("label", {}, label, h("input", { type: kind, name, min: "1" }));
}

/** Show the fields of an action, then what it would do, then do it. */
function choose(action) {
  const form = h("form", {}, h("h3", {}, action.title), (action.fields ?? []).map(field), h("button", {}, settings.readsOnly ? "Show the line" : "What would it do?"));
  const out = h("div", { "aria-live": "polite" });
  const asked = () => action.words(subject, Object.fromEntries([...form.elements].filter((each) => each.name).map((each) => [each.name, each.type === "checkbox" ? each.checked : each.value])));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    busy(event.submitter, async () => plan(asked(), out));
  });
  find("plan").replaceChildren(form, out);
  if (!action.fields) busy(form.querySelector("button"), () => plan(asked(), out));
}

async function plan(words, out) {
  const would = await operate(words);
  if (settings.readsOnly) { out.replaceChildren(paste(would)); return; }
  const does = h("button", { class: "go", onclick: ({ currentTarget }) => busy(currentTarget, async () => {
    const did = await operate(words, true);
    note(did.error ?? "Done.");
    await Promise.all([show(subject), lists()]);
    find("plan").replaceChildren(lines(did));
  }) }, "Do it");
  out.replaceChildren(lines(would), ...(would.error ? [] : [does, paste(would)]));
}

/** Show the two lists. Over a stage, what waits for people is read on demand: it takes the whole table. */
async function lists(names = settings.readsOnly ? ["due"] : ["review", "due"]) {
  for (const name of names) {
    const said = await operate([name]);
    find(name).replaceChildren(said.lines?.length === 0 ? h("p", { class: "soft" }, name === "due" ? "Nothing is due." : "Nothing waits for people.") : lines(said));
  }
}

find("find").addEventListener("submit", (event) => { event.preventDefault(); busy(event.submitter, () => look(event.target.elements.id.value.trim())); });
find("actions").append(...ACTIONS.map((action) => h("button", { type: "button", onclick: () => choose(action) }, action.title)));
if (settings.readsOnly) find("review").replaceChildren(h("button", { type: "button", onclick: ({ currentTarget }) => busy(currentTarget, () => lists(["review"])) }, "Read the whole table"));
const asked = new URLSearchParams(location.search).get("id");
(asked ? show(asked) : Promise.resolve()).then(() => lists()).catch((error) => note(error.message));
