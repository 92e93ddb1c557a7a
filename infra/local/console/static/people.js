// Who this tab is: its user stays with the tab, so two tabs can be two travellers.
import { call, settings } from "./base.js";

const KEPT = "stays-user";
const tokens = new Map();

export const known = (sub) => settings.users.find((user) => user.sub === sub);

export function present() {
  const asked = new URLSearchParams(location.search).get("as");
  if (asked) sessionStorage.setItem(KEPT, asked);
  return sessionStorage.getItem(KEPT) ?? settings.users[0].sub;
}

export const become = (sub) => sessionStorage.setItem(KEPT, sub);

export async function token_of(sub) {
  if (!settings.tokens) throw new Error("This run takes the tokens of a real issuer, so nobody can be played here.");
  if (!tokens.has(sub)) {
    const { name, email } = known(sub) ?? {};
    const asked = new URLSearchParams({ sub, ...(email ? { email, name } : {}) });
    tokens.set(sub, (await call(`/dev/token?${asked}`)).token);
  }
  return tokens.get(sub);
}

/** Call the API as a user. */
export const as = async (sub, method, path, body) => call(`/api/v1${path}`, { method, body, token: await token_of(sub) });

/** Give the backend the user's details, as the frontend does after a login. With them support finds the user. */
export const logged_in = (sub) => as(sub, "POST", "/users/auth0-sync", {});
