// What every page uses: elements, calls, times, money, the clock of the header, and notes for the reader.

export const settings = JSON.parse(document.getElementById("settings").textContent);
const ZONE = "Asia/Ho_Chi_Minh";

/** Make an element. `on…` properties are listeners, the others are attributes; null and false leave one out. */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export const find = (id) => document.getElementById(id);

/** Call an address and return its JSON. Throws an Error with the reason. */
export async function call(address, { method = "GET", body, token } = {}) {
  const headers = {};
  if (body !== undefined) headers["content-type"] = "application/json";
  if (token) headers.authorization = `Bearer ${token}`;
  const answer = await fetch(address, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  const text = await answer.text();
  let said = null;
  try { said = text ? JSON.parse(text) : null; } catch { said = { message: text }; }
  if (!answer.ok) {
    const error = said?.error ?? said?.message ?? `HTTP ${answer.status}`;
    throw new Error(typeof error === "string" ? error : `${error.code}: ${error.message}`);
  }
  return said;
}

export const dong = (amount) => `${Number(amount).toLocaleString("vi-VN")} ₫`;
const format = (options) => new Intl.DateTimeFormat("en-GB", { timeZone: ZONE, ...options });
const CLOCK = format({ hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3 });
const MOMENT = format({ weekday: "short", day: "2-digit", month: "2-digit", year: "numeric", hour: "2-digit", minute: "2-digit" });
const SECOND = format({ weekday: "short", day: "2-digit", month: "2-digit", year: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit" });
const DAY = new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", weekday: "short", day: "2-digit", month: "short" });
export const clockTime = (at) => CLOCK.format(new Date(at));
export const moment = (at) => MOMENT.format(new Date(at));
export const day = (date) => DAY.format(new Date(`${date}T00:00:00Z`));

/** Say how long something takes, with at most two units. */
export function span(milliseconds) {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < 60000) return `${(milliseconds / 1000).toFixed(1)} s`;
  const minutes = Math.round(milliseconds / 60000), days = Math.floor(minutes / 1440), hours = Math.floor((minutes % 1440) / 60);
  if (days) return `${days} d ${hours} h`;
  return hours ? `${hours} h ${minutes % 60} min` : `${minutes} min`;
}

/** Write an offset: milliseconds, then seconds, then minutes and hours with colons. */
export function offset(milliseconds) {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < 60000) return `${(milliseconds / 1000).toFixed(2)} s`;
  const seconds = Math.floor(milliseconds / 1000), two = (number) => String(number).padStart(2, "0");
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60)];
  return hours ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

/** Write the times in a line of the operator as the page writes times. */
export const inVietNam = (line) => line.replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+07:00/g, (at) => SECOND.format(new Date(at)));

export function note(text, link) {
  const toast = h("div", { class: "toast" }, text, link ? " " : null, link ? h("a", { href: link.href }, link.text) : null);
  find("toasts").append(toast);
  setTimeout(() => toast.remove(), 9000);
}

/** Run an action of a button: no second click meanwhile, and its error as a note. */
export async function busy(button, action) {
  button.disabled = true;
  try { return await action(); } catch (error) { note(error.message); return undefined; } finally { button.disabled = false; }
}

/** Ask before something that cannot be undone. */
export function sure(title, text, yes) {
  const dialog = find("sure");
  find("sure-title").textContent = title;
  find("sure-text").textContent = text;
  find("sure-yes").textContent = yes;
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
    dialog.returnValue = "no";
    dialog.showModal();
  });
}

export async function copy(text, button) {
  const label = button.textContent;
  try { await navigator.clipboard.writeText(text); button.textContent = "Copied"; } catch { button.textContent = "Not allowed here"; }
  setTimeout(() => { button.textContent = label; }, 1500);
}

export const gone = (is) => { find("gone").hidden = !is; };

/** Show the system's time in the header. Returns its present state. */
export async function showClock() {
  const clock = find("clock");
  if (!clock?.matches("a")) return null;
  const state = await call("/dev/clock");
  const ahead = Date.parse(state.now) - Date.now();
  const draw = () => { clock.textContent = `${moment(Date.now() + ahead)}${state.offset ? `, ${state.offset > 0 ? "+" : "−"}${span(Math.abs(state.offset) * 1000)}` : ""}`; };
  clock.classList.toggle("moved", Boolean(state.offset));
  draw();
  clearInterval(showClock.timer);
  showClock.timer = setInterval(draw, 5000);
  return state;
}
showClock().catch(() => gone(true));
