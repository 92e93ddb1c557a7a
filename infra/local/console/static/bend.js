// Bend: the clock, ZaloPay's faults and ledger, and a new beginning. After each action the journal opens at its rows.
import { busy, call, dong, find, h, moment, note, settings, showClock, span, sure } from "./base.js";
import { as } from "./people.js";

const ZALOPAY = "/console/zalopay/simulator";
const FAR = 2 ** 40; // a number that no row reaches

/** Do something, then open the rows that it caused. */
async function cause(button, action) {
  await busy(button, async () => {
    const { last } = await call(`/console/rows?after=${FAR}`);
    await action();
    location.assign(`/see?since=${last}`);
  });
}

const post = (address, body) => call(address, { method: "POST", body });
const round = () => post("/dev/schedule", {});

async function move(seconds) {
  await post("/dev/clock", { advance: seconds });
  await round();
}

/** Find the next time at which a known traveller's win or offer ends. */
async function next_deadline(now) {
  const travellers = settings.users.filter((user) => user.role === "traveller");
  const found = await Promise.all(travellers.flatMap(({ sub }) => [as(sub, "GET", "/auctions/winners/me"), as(sub, "GET", "/auctions/offers/second-chance/me")]));
  const times = found.flat().filter(({ status }) => status === "PENDING_PAYMENT" || status === "WAITING").map((each) => Date.parse(each.paymentDeadline ?? each.responseDeadline)).filter((time) => time > now);
  if (!times.length) throw new Error("No win and no offer waits for a deadline.");
  return Math.min(...times);
}

async function draw_clock() {
  const state = await showClock();
  find("now").textContent = moment(state.now);
  find("offset").textContent = state.offset ? `${span(Math.abs(state.offset) * 1000)} ${state.offset > 0 ? "ahead of" : "behind"} the real time` : "the real time";
}

async function draw_faults() {
  const { faults, known } = await call(`${ZALOPAY}/faults`);
  const form = find("fault"), chosen = form.elements.fault.value;
  form.elements.fault.replaceChildren(...Object.keys(known).map((name) => h("option", { selected: name === chosen }, name)));
  const explain = () => { find("meaning").textContent = known[form.elements.fault.value]; };
  form.elements.fault.onchange = explain;
  explain();
  const scope = (where) => ({ all: "all orders", next: "the next order" })[where] ?? where;
  const off = ({ fault, for: where }) => post(`${ZALOPAY}/faults`, { fault, on: false, ...(where === "all" ? {} : where === "next" ? { next: true } : { app_trans_id: where }) }).then(draw_faults);
  find("on").replaceChildren(...(faults.length ? faults.map((fault) => h("li", {}, h("span", {}, h("b", {}, fault.fault), ` for ${scope(fault.for)}`), h("button", { "aria-label": `Switch ${fault.fault} off`, onclick: ({ currentTarget }) => busy(currentTarget, () => off(fault)) }, "off"))) : [h("li", { class: "none" }, "No fault is on: ZaloPay works as documented.")]));
}

function order_row(order) {
  const id = order.app_trans_id, stay = id.split("_").at(-1), at = (what) => `${ZALOPAY}/orders/${id}/${what}`;
  const act = (text, action) => h("button", { onclick: ({ currentTarget }) => cause(currentTarget, action) }, text);
  const open = order.state === "OPEN", paid = order.state === "PAID";
  const callbacks = order.callbacks.map((each) => each.verdict).join(", ") || "none";
  const refunds = order.refunds.map((each) => `${dong(each.amount)} ${each.refused ? "refused" : each.settled ? "done" : "running"}`).join(", ");
  return h("li", { "data-order": id },
    h("div", { class: "about" }, h("a", { href: `/stay/${stay}` }, h("code", {}, id)), " ", h("span", { class: `badge ${paid ? "good" : open ? "wait" : "bad"}` }, order.state.toLowerCase()), " ", h("b", {}, dong(order.amount)),
      h("div", { class: "soft" }, `${order.description}. Callbacks: ${callbacks}.${refunds ? ` Refunds: ${refunds}.` : ""}`), Object.keys(order.answer ?? {}).length ? h("div", { class: "bad" }, "query says ", h("code", {}, JSON.stringify(order.answer))) : null),
    h("div", { class: "row" },
      open && act("Pay", () => post(at("pay"), {})), open && act("Decline once", () => post(at("decline"), {})), open && act("Cancel", () => post(at("cancel"), {})),
      order.state === "EXPIRED" && act("Pay late", () => post(at("pay"), { late: true })), paid && act("Call back again", () => post(at("callback"), {})), paid && act("Pay again", () => post(at("pay"), { again: true })),
      h("button", { onclick: ({ currentTarget }) => says(order, currentTarget) }, "Query says …")));
}

function says(order, button) {
  const dialog = find("says");
  find("says-order").textContent = order.app_trans_id;
  dialog.returnValue = "no";
  dialog.addEventListener("close", () => busy(button, async () => {
    if (dialog.returnValue === "no") return;
    const body = dialog.returnValue === "truth" ? {} : JSON.parse(find("says-text").value);
    await post(`${ZALOPAY}/orders/${order.app_trans_id}/answer`, body);
    note(dialog.returnValue === "truth" ? "Query tells the truth again." : "Query says this from now on. The clock asks when the order is due.");
    await draw_ledger();
  }), { once: true });
  dialog.showModal();
}

async function draw_ledger() {
  const { orders } = await call(`${ZALOPAY}/orders`);
  find("ledger").replaceChildren(...(orders.length ? orders.slice(-25).reverse().map(order_row) : [h("li", { class: "soft" }, "No order yet. Pay for a win under Play.")]));
}

for (const button of find("moves").querySelectorAll("[data-seconds]")) button.addEventListener("click", () => cause(button, () => move(Number(button.dataset.seconds))));
find("deadline").addEventListener("click", ({ currentTarget }) => cause(currentTarget, async () => {
  const now = Date.parse((await call("/dev/clock")).now);
  await move(Math.ceil((await next_deadline(now) - now) / 1000) + 1);
}));
find("round").addEventListener("click", ({ currentTarget }) => cause(currentTarget, round));
find("back").addEventListener("click", ({ currentTarget }) => cause(currentTarget, () => post("/dev/clock", { offset: 0 })));
find("seed").addEventListener("click", async ({ currentTarget }) => {
  if (await sure("Seed again?", "Every win, payment and booking of this run is deleted.", "Delete and seed")) cause(currentTarget, () => post("/dev/seed", {}));
});
find("fault").addEventListener("submit", (event) => {
  event.preventDefault();
  const { fault, for: where, seconds } = event.target.elements;
  busy(event.submitter, async () => {
    await post(`${ZALOPAY}/faults`, { fault: fault.value, next: where.value === "next", ...(seconds.value ? { seconds: Number(seconds.value) } : {}) });
    note(`${fault.value} is on.`);
    await draw_faults();
  });
});
find("simulator").href = settings.zalopay;
for (const draw of [draw_clock, draw_faults, draw_ledger]) draw().catch((error) => note(error.message));
