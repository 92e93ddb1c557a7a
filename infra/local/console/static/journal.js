// The journal in this page: a snapshot, then what comes. Of all pages of a browser only one holds the stream, because a
// browser has six connections for an origin; it tells the others. A hidden page holds none.
import { call, gone } from "./base.js";

const LOCK = "stays-journal";

export class Journal extends EventTarget {
  #channel = new BroadcastChannel(LOCK);
  #source = null;
  #leave = null;
  #loading = null;
  rows = [];
  run = null;
  first = 1;
  last = 0;

  async start() {
    this.#channel.onmessage = ({ data }) => { if (!document.hidden) this.#hear(data); };
    document.addEventListener("visibilitychange", () => (document.hidden ? this.#stop() : this.#resume()));
    addEventListener("pagehide", () => this.#stop());
    await this.#resume();
  }

  async #resume() {
    if (document.hidden) return;
    await this.#load().catch(() => gone(true));
    if (!navigator.locks) { this.#open(); return; }
    const waiting = new AbortController();
    this.#leave = () => waiting.abort();
    navigator.locks.request(LOCK, { signal: waiting.signal }, () => new Promise((release) => {
      this.#leave = release;
      this.#open();
    })).catch((error) => { if (error.name !== "AbortError") throw error; });
  }

  #stop() {
    this.#source?.close();
    this.#source = null;
    this.#leave?.();
    this.#leave = null;
  }

  #open() {
    const source = this.#source = new EventSource(`/console/stream?after=${this.last}`);
    source.onopen = () => this.#tell({ gone: false });
    source.onmessage = ({ data }) => this.#tell({ gone: false, news: JSON.parse(data) });
    source.onerror = () => {
      this.#tell({ gone: true });
      if (source.readyState === EventSource.CLOSED && source === this.#source) setTimeout(() => source === this.#source && this.#open(), 2000);
    };
  }

  #tell(said) {
    this.#channel.postMessage(said);
    this.#hear(said);
  }

  #hear({ gone: stopped, news }) {
    gone(stopped);
    if (!news) return;
    const next = news.rows[0]?.n;
    if (news.run === this.run && next > Math.max(this.last + 1, news.first)) this.#load();
    else this.#apply(news);
  }

  #load() {
    this.#loading ??= call(`/console/rows?after=${this.last}`).then((news) => {
      gone(false);
      if (this.run && news.run !== this.run) { this.last = 0; this.#loading = null; this.#apply({ ...news, rows: [] }); return this.#load(); }
      return this.#apply(news);
    }).finally(() => { this.#loading = null; });
    return this.#loading;
  }

  #apply({ run, first, rows }) {
    const restarted = this.run !== null && run !== this.run;
    if (restarted) { this.rows = []; this.last = 0; }
    const left = restarted || (this.rows.length > 0 && this.rows[0].n < first);
    this.rows = this.rows.filter(({ n }) => n >= first);
    const fresh = rows.filter(({ n }) => n > this.last);
    this.rows.push(...fresh);
    Object.assign(this, { run, first, last: fresh.at(-1)?.n ?? this.last });
    this.dispatchEvent(new CustomEvent("rows", { detail: { fresh, left } }));
  }
}
