// Play: a traveller's wins, offers and bookings, or a host's calendar, with what the browser hears meanwhile.
import { busy, call, clockTime, day, dong, find, h, moment, note, settings, sure } from "./base.js";
import { as, become, known, logged_in, present, token_of } from "./people.js";

const OTHER = "other";
const who = find("who"), win = find("win");
let user = present(), socket = null, newest = null, drawing = 0;

// The cards

const badge = (text, kind) => h("span", { class: `badge ${kind}` }, text);
const WORDS = { PENDING_PAYMENT: ["to be paid", "wait"], PAID: ["paid", "good"], EXPIRED: ["over", "bad"], WAITING: ["waits for your answer", "wait"], ACCEPTED: ["accepted", "good"], DECLINED: ["declined", "bad"], CONFIRMED: ["booked", "good"], PENDING: ["held", "wait"], CANCELLED: ["cancelled", "bad"] };
const state = (status) => badge(...(WORDS[status] ?? [status, ""]));
const button = (text, action, kind = "") => h("button", { class: kind, onclick: ({ currentTarget }) => busy(currentTarget, action) }, text);

function nights_of(nights, choose) {
  return h("ul", { class: "nights", "aria-label": "Nights" }, nights.map((night) => h("li", {}, choose
    ? h("label", { class: "tick" }, h("input", { type: "checkbox", value: night.date, checked: true }), `${day(night.date)} · ${dong(night.pricePerNight ?? night.price)}`)
    : day(night.date ?? night))));
}

const chosen = (card) => [...card.querySelectorAll(".nights input:checked")].map((input) => input.value);

function win_card(won) {
  const open = won.status === "PENDING_PAYMENT", prices = new Map(won.awardedNights.map((night) => [night.date, night.pricePerNight]));
  const choose = open && won.awardedNights.length > 1 && (won.isPartialWin || won.awardedNights.some((night) => night.rangeId !== won.awardedNights[0].rangeId));
  const pay = async () => {
    const selected = choose ? chosen(card) : won.awardedNights.filter((night) => night.isSelected).map((night) => night.date);
    if (!selected.length) throw new Error("Choose at least one night.");
    const all = selected.length === won.awardedNights.filter((night) => night.isSelected).length;
    const amount = all ? won.bidAmount : selected.reduce((sum, night) => sum + prices.get(night), 0);
    const order = await as(user, "POST", "/payment/zalopay/create", { auctionId: won.auctionId, selectedNights: selected, amount, orderInfo: `Booking for a property (${selected[0]} - ${selected.at(-1)})`, redirectParams: {} });
    location.assign(order.orderUrl);
  };
  const decline = async () => {
    if (!await sure("Decline this win?", "The nights go to the next runner-up, or are released.", "Decline")) return;
    await as(user, "POST", `/auctions/winners/${won.auctionId}/decline`, { reason: "declined in the console" });
    note("Declined.", { href: `/see?auction=${won.auctionId}`, text: "See what followed" });
    await draw();
  };
  const card = h("article", { class: `card stay ${newest === won.auctionId ? "new" : ""}`, "data-auction": won.auctionId },
    h("header", {}, h("h3", {}, won.property.title), state(won.status)),
    h("span", { class: "soft" }, [won.property.city, won.property.state].filter(Boolean).join(", ") || "somewhere"),
    nights_of(won.awardedNights, choose),
    h("div", { class: "price" }, dong(won.bidAmount)),
    open && h("span", { class: "soft" }, `to pay until ${moment(won.paymentDeadline)} Viet Nam’s time`),
    h("div", { class: "row" }, open && button("Pay with ZaloPay", pay, "go"),
      open && button("Accept", async () => { await as(user, "POST", `/auctions/winners/${won.auctionId}/accept`, choose ? { selectedNights: chosen(card) } : {}); note("Accepted."); await draw(); }),
      open && button("Decline", decline, "danger"),
      won.paymentId && h("a", { class: "button", href: `/stay/${won.paymentId}` }, "What happened"),
      h("a", { class: "button", href: `/see?auction=${won.auctionId}` }, "In the journal")));
  return card;
}

function offer_card(offer) {
  const open = offer.status === "WAITING";
  const answer = (what) => async () => { await as(user, "POST", `/auctions/offers/second-chance/${offer.id}/${what}`, {}); note(what === "accept" ? "Accepted: pay it as a win." : "Declined."); await draw(); };
  return h("article", { class: "card stay", "data-offer": offer.id },
    h("header", {}, h("h3", {}, offer.propertyName), state(offer.status)),
    nights_of(offer.offeredNights), h("div", { class: "price" }, dong(offer.amount)),
    open && h("span", { class: "soft" }, `to answer until ${moment(offer.responseDeadline)} Viet Nam’s time`),
    open && h("div", { class: "row" }, button("Accept", answer("accept"), "go"), button("Decline", answer("decline"), "danger")));
}

function booking_card(booking) {
  const cancel = async () => {
    if (!await sure("Cancel this booking?", "The terms of the sale decide what comes back.", "Cancel the booking")) return;
    await as(user, "DELETE", `/bookings/${booking.id}`);
    note("Cancelled.", { href: `/stay/${booking.id}`, text: "See what followed" });
    await draw();
  };
  return h("article", { class: "card stay", "data-booking": booking.id },
    h("header", {}, h("h3", {}, booking.propertyName), state(booking.status)),
    h("span", {}, `${day(booking.checkIn)} → ${day(booking.checkOut)}, reference `, h("code", {}, booking.referenceNumber)),
    h("div", { class: "price" }, dong(booking.totalAmount)),
    booking.refund && h("span", { class: "soft" }, `Refund of ${dong(booking.refund.amount)}: ${booking.refund.status}`),
    h("div", { class: "row" }, h("a", { class: "button", href: `/stay/${booking.id}` }, "What happened"), booking.status !== "CANCELLED" && button("Cancel", cancel, "danger")));
}

const part = (title, cards, none) => [h("h2", { class: "part" }, title), ...(cards.length ? cards : [h("p", { class: "soft" }, none)])];

async function traveller_cards() {
  const [wins, offers, bookings] = await Promise.all(["/auctions/winners/me", "/auctions/offers/second-chance/me", "/user/bookings"].map((path) => as(user, "GET", path)));
  const order = { PENDING_PAYMENT: 0, PAID: 1, EXPIRED: 2 };
  wins.sort((one, other) => (other.auctionId === newest) - (one.auctionId === newest) || order[one.status] - order[other.status]);
  return [...part("Wins", wins.map(win_card), "No wins. Make one with “Make a win”."), ...part("Second-chance offers", offers.map(offer_card), "No offers. A runner-up gets one when the winner declines."), ...part("Bookings", bookings.map(booking_card), "No bookings yet.")];
}

async function host_cards() {
  const calendars = await Promise.all(settings.properties.map(async (property) => [property, await as(user, "GET", `/properties/${property.id}/calendar`).catch(() => null)]));
  return part("Your properties", calendars.filter(([, calendar]) => calendar).map(([property, calendar]) => h("article", { class: "card stay" },
    h("header", {}, h("h3", {}, property.name), h("span", { class: "soft" }, property.city)),
    calendar.nights.length ? h("ul", { class: "nights" }, calendar.nights.map((night) => h("li", {}, `${day(night.date)} `, badge(night.status === "BOOKED" ? "booked" : "held", night.status === "BOOKED" ? "good" : "wait")))) : h("p", { class: "soft" }, "Every night is free."))), "This user has no property.");
}

async function draw() {
  const turn = ++drawing;
  const cards = known(user)?.role === "host" ? await host_cards() : await traveller_cards();
  if (turn === drawing) find("cards").replaceChildren(...cards);
}
const redraw = () => draw().catch((error) => find("cards").replaceChildren(h("p", { class: "bad" }, error.message)));

// What the browser hears

function heard(message) {
  const about = message.propertyName ?? message.paymentId ?? message.message ?? (message.channels ?? []).join(", ");
  const list = find("heard");
  list.querySelector(".soft:only-child")?.remove();
  list.prepend(h("li", {}, h("time", {}, clockTime(Date.now())), " ", h("b", {}, message.type), " ", message.status ? h("span", { class: "badge" }, message.status) : null, h("div", { class: "soft" }, about)));
  while (list.childElementCount > 50) list.lastElementChild.remove();
}

async function listen() {
  socket?.close();
  const own = socket = new WebSocket(`${settings.stream}?token=${await token_of(user)}`);
  const live = (on) => { find("live").textContent = on ? "listening" : "not listening"; find("live").classList.toggle("on", on); };
  own.onopen = () => own.send(JSON.stringify({ type: "SUBSCRIBE", userId: user }));
  own.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    if (message.type === "SUBSCRIBED") live(true);
    heard(message);
    clearTimeout(listen.soon);
    listen.soon = setTimeout(redraw, 60);
  };
  own.onclose = () => { if (own === socket) { live(false); setTimeout(() => own === socket && listen().catch(() => live(false)), 2000); } };
}

// Who plays, and new wins

function change(sub) {
  user = sub;
  become(sub);
  document.title = `Play ${known(sub)?.name ?? sub} · Stays local`;
  find("heard").replaceChildren();
  logged_in(sub).catch((error) => note(error.message));
  redraw();
  listen().catch((error) => note(error.message));
}

const options = (selected) => settings.users.map((each) => h("option", { value: each.sub, selected: each.sub === selected }, `${each.name} (${each.role})`));
find("user").append(...options(user), ...(known(user) ? [] : [h("option", { value: user, selected: true }, user)]), h("option", { value: OTHER }, "another user …"));
find("user").addEventListener("change", ({ target }) => { find("other").hidden = target.value !== OTHER; if (target.value !== OTHER) change(target.value); });
who.addEventListener("submit", (event) => { event.preventDefault(); if (who.elements.sub.value) change(who.elements.sub.value); });

const travellers = settings.users.filter((each) => each.role === "traveller");
win.elements.winner.append(...travellers.map((each) => h("option", { value: each.sub }, each.name)), ...(known(user) ? [] : [h("option", { value: user }, user)]));
win.elements.property.append(...settings.properties.map((each) => h("option", { value: each.id }, `${each.name}, ${each.city}`)));
find("runners").append(...travellers.map((each) => h("label", { class: "tick" }, h("input", { type: "checkbox", name: "runner", value: each.sub }), each.name)));

const plus = (date, days) => new Date(Date.parse(date) + days * 86400000).toISOString().slice(0, 10);
win.addEventListener("submit", (event) => {
  event.preventDefault();
  busy(win.querySelector("button.go"), async () => {
    const { winner, property, first, nights, price, hours, partial } = win.elements, { now } = await call("/dev/clock");
    const awardedNights = Array.from({ length: Number(nights.value) }, (_, index) => ({ date: plus(first.value, index), price: Number(price.value) }));
    const runners = [...win.querySelectorAll("[name=runner]:checked")].map((input) => input.value).filter((sub) => sub !== winner.value);
    const auctionId = String(7203451890000000000n + BigInt(Date.now()) * 1000n + BigInt(Math.floor(Math.random() * 1000)));
    const detail = { auctionId, userId: winner.value, revision: 0, result: partial.checked ? "PARTIAL_WIN" : "FULL_WIN", property: settings.properties.find((each) => each.id === property.value), awardedNights, guestCount: 2, bidAmount: awardedNights.reduce((sum, night) => sum + night.price, 0), paymentDeadline: new Date(Date.parse(now) + Number(hours.value) * 3600000).toISOString(), runnersUp: runners.map((userId) => ({ userId, nights: awardedNights, guestCount: 2 })) };
    await call("/dev/events", { method: "POST", body: { "detail-type": "AuctionResult", source: "auctions", detail } });
    newest = auctionId;
    note(`${known(winner.value)?.name ?? winner.value} has won.`, { href: `/see?auction=${auctionId}`, text: "See what followed" });
    if (winner.value === user) await draw();
    else { find("user").value = winner.value; change(winner.value); }
  });
});
call("/dev/clock").then(({ now }) => { win.elements.first.value = plus(now.slice(0, 10), 20 + Math.floor(Math.random() * 300)); });
addEventListener("pagehide", () => { socket?.close(); });
addEventListener("pageshow", ({ persisted }) => { if (persisted) change(user); });
change(user);
