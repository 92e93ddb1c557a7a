// The detail of one row: everything it has, to read and to copy.
import { call, copy, h, settings } from "./base.js";

/** Write a request as a curl command. The token is `$token`, as in README's walk. */
export function curl({ detail }) {
  const asked = detail?.request;
  if (!asked) return null;
  const quote = (text) => `'${text.replaceAll("'", "'\\''")}'`;
  const address = new URL(settings.api).origin + asked.path + (asked.query ? `?${asked.query}` : "");
  const parts = [`curl -X ${asked.method} ${quote(address)}`];
  if (asked.headers.authorization) parts.push('-H "authorization: Bearer $token"');
  if (asked.body) parts.push(`-H 'content-type: ${asked.headers["content-type"] ?? "application/json"}'`, `-d ${quote(typeof asked.body === "string" ? asked.body : JSON.stringify(asked.body))}`);
  return parts.join(" ");
}

export async function detail(n) {
  let row;
  try { row = await call(`/console/rows/${n}`); } catch (error) { return h("p", { class: "soft" }, error.message); }
  const asJson = JSON.stringify(row, null, 2), asCurl = curl(row);
  return h("div", {},
    h("div", { class: "row" },
      h("button", { onclick: ({ currentTarget }) => copy(asJson, currentTarget) }, "Copy as JSON"),
      asCurl && h("button", { onclick: ({ currentTarget }) => copy(asCurl, currentTarget) }, "Copy as curl"),
      (row.stays ?? []).slice(0, 3).map((stay) => h("a", { class: "button", href: `/stay/${stay}` }, `Stay …${stay.slice(-5)}`)),
      row.mail && h("a", { class: "button", href: `/mail?id=${row.mail}` }, "The mail"),
      h("a", { class: "button", href: `/see?row=${n}` }, "Address of this row")),
    h("pre", { tabindex: "0", "aria-label": "The whole row as JSON" }, asJson));
}
