// Mail: every mail that was sent, as its reader sees it. New mail appears by itself.
import { call, find, h, moment } from "./base.js";
import { Journal } from "./journal.js";

let mails = [], chosen = new URLSearchParams(location.search).get("id");

function draw_list() {
  find("list").replaceChildren(...(mails.length ? mails.map((mail) => h("li", {}, h("button", { "aria-current": mail.id === chosen ? "true" : null, onclick: () => choose(mail.id) }, h("b", {}, mail.subject), h("small", {}, `${mail.to.join(", ")} · ${moment(mail.date)}`)))) : [h("li", { class: "soft" }, "No mail yet. A paid stay sends one.")]));
}

function choose(id) {
  chosen = id;
  history.replaceState(null, "", `/mail?id=${id}`);
  draw_list();
  draw_mail();
}

function draw_mail() {
  const mail = mails.find((each) => each.id === chosen);
  if (!mail) return;
  find("letter").replaceChildren(
    h("h2", {}, mail.subject),
    h("p", { class: "soft" }, `from ${mail.from} to ${mail.to.join(", ")}, ${moment(mail.date)}`),
    mail.calendar.length ? h("details", { open: true }, h("summary", {}, "The calendar file, in words"), h("ul", { class: "lines" }, mail.calendar.map((line) => h("li", {}, line)))) : null,
    h("iframe", { src: `/console/mails/${mail.id}`, sandbox: "", title: `The mail: ${mail.subject}` }),
    h("p", {}, h("a", { href: `/console/mails/${mail.id}` }, "The mail at its own address")),
    h("details", {}, h("summary", {}, "As text"), h("pre", { tabindex: "0" }, mail.text)));
}

async function load() {
  const shown = mails.some((each) => each.id === chosen);
  mails = await call("/console/mails");
  chosen ??= mails[0]?.id ?? null;
  draw_list();
  if (!shown) draw_mail();
}

const journal = new Journal();
journal.addEventListener("rows", ({ detail: { fresh } }) => { if (fresh.some((row) => row.kind === "mail") || !mails.length) load(); });
load().then(() => journal.start());
