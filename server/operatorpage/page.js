"use strict";
// The charts of the admin address. Every figure comes from the text of /metrics. A sample is a Map from the name of a metric to its
// series, each with labels and a value; charts read the newest sample and, for rates, one that is a few seconds older.

const every = 2000, kept = 120, apart = 5; // milliseconds between samples; how many are shown; how many a rate spans

const number = text => Number(text.replace("Inf", "Infinity"));

// parse reads Prometheus's text format, as nodes write it: no label has a quote or a line break in its value.
function parse(text) {
  const sample = new Map();
  for (const line of text.split("\n")) {
    const m = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line);
    if (!m) continue;
    const labels = {};
    for (const [, name, value] of (m[2] ?? "").matchAll(/(\w+)="([^"]*)"/g)) labels[name] = value;
    if (!sample.has(m[1])) sample.set(m[1], []);
    sample.get(m[1]).push({ labels, value: number(m[3]) });
  }
  return sample;
}

// view is what charts read: the newest sample, an older one, and the seconds between them.
class View {
  constructor(now, before, seconds) { Object.assign(this, { now, before, seconds }); }

  // by adds the series of a metric up by key(labels), which is undefined for series that are left out.
  by(name, key = () => "", sample = this.now) {
    const sums = new Map();
    for (const { labels, value } of sample.get(name) ?? []) {
      const k = key(labels);
      if (k !== undefined) sums.set(k, (sums.get(k) ?? 0) + value);
    }
    return sums;
  }

  // grown is how much counters have grown; a counter that went back has begun anew.
  grown(name, key) {
    const sums = this.by(name, key), old = this.by(name, key, this.before);
    for (const [k, v] of sums) sums.set(k, v >= (old.get(k) ?? 0) ? v - (old.get(k) ?? 0) : v);
    return sums;
  }

  rate(name, key) {
    const sums = this.grown(name, key);
    for (const [k, v] of sums) sums.set(k, v / this.seconds);
    return sums;
  }

  // one is a metric as one number, undefined without it.
  one(name) { return this.by(name).get(""); }

  oneRate(name, key) { return this.rate(name, key).get(""); }

  // buckets are the growths of a histogram's buckets, by their upper bounds, for one value of a label.
  buckets(name, keep) {
    return [...this.grown(name, l => keep(l) ? l.le : undefined)].map(([le, n]) => [number(le), n]).sort((a, b) => a[0] - b[0]);
  }

  // quantile interpolates in the bucket that has it; NaN if nothing was observed.
  quantile(q, name, keep) {
    const all = this.buckets(name, keep), total = all.at(-1)?.[1] ?? 0;
    if (!total) return NaN;
    let low = 0, below = 0;
    for (const [le, n] of all) {
      if (n >= q * total) return le === Infinity ? low : low + (le - low) * (q * total - below) / ((n - below) || 1);
      [low, below] = [le, n];
    }
    return low;
  }
}

const label = name => l => l[name];
const group = label("group"), pool = label("db_name");

// Readers of views: metrics as one number each, by their titles; a metric by a label; and all that several readers find.
const each = (names, read) => new Map(Object.entries(names).map(([k, name]) => [k, read(name)]));
const ones = names => v => each(names, name => v.one(name));
const rates = names => v => each(names, name => v.oneRate(name));
const by = (name, key, prefix = "") => v => new Map([...v.by(name, key)].map(([k, n]) => [prefix + k, n]));
const rateBy = (name, key) => v => v.rate(name, key);
const join = (...readers) => v => new Map(readers.flatMap(read => [...read(v)]));

const sources = { copy: "in the process", hit: "Redis", filled: "SQL, then kept", shared: "SQL, then kept" };
const rows = l => sources[l.outcome] ?? "SQL alone";
const failed = l => l.code === "OK" ? undefined : l.code;
const kinds = ["query", "mutation"];
const seconds = "roost_operation_duration_seconds_bucket";

function hits(v) {
  const all = v.rate("roost_cache_reads_total", rows), sum = [...all.values()].reduce((a, b) => a + b, 0);
  return ((all.get("in the process") ?? 0) + (all.get("Redis") ?? 0)) / sum;
}

function slow(v, kind) {
  const all = v.buckets(seconds, l => l.kind === kind), total = all.at(-1)?.[1];
  return (total - all.find(([le]) => le === 0.25)?.[1]) / v.seconds;
}

const units = {
  "/s": n => short(n) + "/s",
  s: n => n >= 1 ? short(n) + " s" : n >= 0.001 || n === 0 ? short(n * 1e3) + " ms" : short(n * 1e6) + " µs",
  B: n => { let i = 0; while (n >= 1024 && i < 4) { n /= 1024; i++; } return short(n) + " " + ["B", "KiB", "MiB", "GiB", "TiB"][i]; },
  "%": n => (n * 100).toFixed(1) + " %",
  "": short,
};

function short(n) {
  if (n >= 1e6) return (n / 1e6).toFixed(1) + " M";
  if (n >= 1e4) return (n / 1e3).toFixed(1) + " k";
  return n >= 100 || Number.isInteger(n) ? n.toFixed(0) : n >= 10 ? n.toFixed(1) : n.toFixed(2);
}

// The charts, by section: a title, a unit, and a function from a view to a Map of values by name. Without values there is no chart.
const sections = {
  Operations: [
    ["Operations", "/s", rateBy("roost_operations_total", label("kind"))],
    ["Time to the answer", "s", v =>
      new Map(kinds.flatMap(kind => [0.5, 0.99].map(q => [kind + " p" + q * 100, v.quantile(q, seconds, l => l.kind === kind)])))],
    ["Slower than 250 ms", "/s", v => each({ query: "query", mutation: "mutation" }, kind => slow(v, kind))],
    ["Answers with errors", "/s", rateBy("roost_operations_total", failed), true],
    ["Refused", "/s", rates({ "beyond a budget": "roost_budget_refused_total", "too busy": "roost_requests_refused_total",
      "no connection to SQL": "roost_sql_refused_total", "sign-in": "roost_sign_in_refused_total" })],
    ["At work", "", ones({ running: "roost_requests_running", waiting: "roost_requests_waiting", limit: "roost_requests_limit" })],
  ],
  Cache: [
    ["Rows read from", "/s", rateBy("roost_cache_reads_total", rows)],
    ["Hits", "%", v => new Map([["of all rows", hits(v)]])],
    ["Copies in the process", "/s", rates({ barriers: "roost_copies_barriers_total",
      "reads behind a barrier": "roost_copies_barrier_readers_total",
      adopted: "roost_copies_adopted_total", invalidated: "roost_copies_invalidated_total", dropped: "roost_copies_dropped_total" })],
    ["Invalidations", "/s", rateBy("roost_cache_invalidations_total", label("outcome"))],
    ["Staleness", "", ones({ "sampled, older than SQL": "roost_cache_stale_entries",
      "invalidations to repeat": "roost_cache_pending_invalidations", "cache not used": "roost_cache_suspended" })],
    ["Memory of copies", "B", ones({ rows: "roost_copies_bytes", "decoded values": "roost_cache_local_bytes" })],
  ],
  Log: [
    ["Lag", "", join(by("roost_log_lag", group), ones({ "this node's follower": "roost_live_behind" }))],
    ["Oldest event not handled", "s", by("roost_log_oldest_event_seconds", group)],
    ["Handled here", "/s", rateBy("roost_log_handled_total", group)],
    ["Events to retry, and dead", "", join(by("roost_log_retry_queue_events", group, "retry: "), by("roost_log_dead_letters", group, "dead: "))],
    ["Failed attempts", "/s", rateBy("roost_log_failures_total", group)],
    ["Time since the last look", "s", join(ones({ sequencer: "roost_log_sequencer_age_seconds" }), by("roost_log_worker_age_seconds", group))],
  ],
  "Live updates": [
    ["Connections", "", ones({ websockets: "roost_sockets", "event streams": "roost_event_streams" })],
    ["Listeners", "", by("roost_live_subscribers", label("to"))],
    ["Objects written for subscribers", "/s", rateBy("roost_plans_total", l => kinds.includes(l.kind) ? undefined : l.kind), true],
    ["Changes that wait", "", ones({ "for all subscribers": "roost_live_queued", "for the slowest": "roost_live_longest_queue" })],
    ["Not read by clients", "B", ones({ bytes: "roost_unread_bytes" })],
    ["Reactions", "/s", rates({ reactions: "roost_reaction_changes_total", transactions: "roost_reaction_transactions_total" })],
  ],
  "Stores and process": [
    ["SQL: connections at work", "", join(by("roost_sql_permits_held", pool, "held: "), by("roost_sql_waiting", pool, "waiting: "),
      by("roost_sql_permits", pool, "of: "))],
    ["SQL: waits, each second", "s", rateBy("go_sql_wait_duration_seconds_total", pool)],
    ["Redis: calls", "/s", rates({ failed: "roost_redis_failures_total", "refused at once": "roost_redis_refused_total" })],
    ["Memory", "B", ones({ process: "process_resident_memory_bytes", heap: "go_memstats_heap_alloc_bytes" })],
    ["Processor", "", rates({ "cores at work": "process_cpu_seconds_total" })],
    ["Goroutines", "", ones({ all: "go_goroutines" })],
  ],
};

// The figures at the top: a title, a unit, a value, and when it is bad.
const max = map => map.size ? Math.max(...map.values()) : undefined;
const tiles = [
  ["operations", "/s", v => v.oneRate("roost_operations_total") ?? 0],
  ["queries, p99", "s", v => v.quantile(0.99, seconds, l => l.kind === "query"), n => n > 1],
  ["errors", "/s", v => v.oneRate("roost_operations_total", l => failed(l) && "") ?? 0, n => n > 0.5],
  ["rows from the cache", "%", hits],
  ["largest lag, events", "", v => max(v.by("roost_log_lag", group)), n => n > 1000],
  ["dead letters", "", v => v.one("roost_log_dead_letters"), n => n > 0],
  ["sockets and streams", "", v => (v.one("roost_sockets") ?? 0) + (v.one("roost_event_streams") ?? 0)],
  ["memory", "B", v => v.one("process_resident_memory_bytes")],
];

function element(parent, name, attributes = {}, text) {
  const space = ["svg", "polyline", "line"].includes(name) ? "http://www.w3.org/2000/svg" : "http://www.w3.org/1999/xhtml";
  const e = document.createElementNS(space, name);
  for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v);
  if (text !== undefined) e.textContent = text;
  parent.append(e);
  return e;
}

const known = n => n !== undefined && !Number.isNaN(n);

// Chart draws the values of its last samples. A name keeps its colour.
class Chart {
  constructor(grid, [title, unit, read, quiet]) {
    Object.assign(this, { read, quiet, unit: units[unit], points: [], colours: new Map() });
    this.card = element(grid, "section", { class: "card", hidden: "" });
    const head = element(this.card, "h3", {}, title);
    this.top = element(head, "small");
    this.svg = element(this.card, "svg", { viewBox: "0 0 240 96", preserveAspectRatio: "none", role: "img", "aria-label": title });
    this.list = element(this.card, "ul");
  }

  add(view) {
    this.points.push(view ? this.read(view) : new Map());
    if (this.points.length > kept) this.points.shift();
  }

  draw() {
    const last = this.points.at(-1), names = new Set(this.points.flatMap(p => [...p].filter(([, n]) => known(n)).map(([k]) => k)));
    this.card.hidden = !names.size && !this.quiet;
    for (const n of names) if (!this.colours.has(n)) this.colours.set(n, "c" + this.colours.size % 8);
    const top = Math.max(0, ...this.points.flatMap(p => [...p.values()].filter(known))), scale = top || 1;
    this.top.textContent = names.size ? "up to " + this.unit(top) : "none so far";
    this.svg.replaceChildren();
    for (const y of [1, 48, 95]) element(this.svg, "line", { class: "axis", x1: 0, x2: 240, y1: y, y2: y });
    this.list.replaceChildren();
    for (const n of names) {
      let run = [];
      const flush = () => {
        if (run.length) element(this.svg, "polyline", { class: this.colours.get(n), points: run.join(" ") });
        run = [];
      };
      this.points.forEach((p, i) => {
        const value = p.get(n), x = 240 - (this.points.length - 1 - i) * 240 / (kept - 1);
        if (known(value)) run.push(x.toFixed(1) + "," + (95 - 92 * value / scale).toFixed(1));
        else flush();
      });
      flush();
      const li = element(this.list, "li", { class: this.colours.get(n) });
      element(li, "span", {}, n);
      element(li, "b", {}, known(last.get(n)) ? this.unit(last.get(n)) : "–");
    }
  }
}

const byID = id => document.getElementById(id);
const charts = [], samples = [];
let figures, hot, paused = false;

function build() {
  const main = byID("main");
  figures = tiles.map(([title]) => {
    const tile = element(byID("tiles"), "div", { class: "tile" }), value = element(tile, "b", {}, "–");
    element(tile, "span", {}, title);
    return value;
  });
  for (const [title, all] of Object.entries(sections)) {
    element(main, "h2", {}, title);
    const grid = element(main, "div", { class: "grid" });
    charts.push(...all.map(c => new Chart(grid, c)));
    if (title === "Live updates") hot = element(grid, "section", { class: "card wide", hidden: "" });
  }
  byID("pause").addEventListener("click", () => {
    paused = !paused;
    byID("pause").setAttribute("aria-pressed", paused);
    state(paused ? "" : "live", paused ? "paused" : "live");
  });
}

function state(kind, text) {
  byID("state").className = kind;
  byID("state").textContent = text;
}

function drawHot(v) {
  const all = v.now.get("roost_hot_tweets") ?? [];
  hot.hidden = !all.length;
  hot.replaceChildren();
  element(hot, "h3", {}, "Hot tweets in the last whole minute");
  const table = element(hot, "table"), head = element(table, "tr");
  for (const t of ["by", "tweet", "a second"]) element(head, "th", { scope: "col" }, t);
  for (const { labels, value } of all.toSorted((a, b) => b.labels.by.localeCompare(a.labels.by) || b.value - a.value)) {
    const row = element(table, "tr");
    for (const t of [labels.by, labels.tweet, short(value)]) element(row, "td", {}, t);
  }
}

function drawTop(v) {
  tiles.forEach(([, unit, read, bad], i) => {
    const value = read(v);
    figures[i].textContent = known(value) ? units[unit](value) : "–";
    figures[i].parentNode.classList.toggle("bad", Boolean(bad && known(value) && bad(value)));
  });
  const build = v.now.get("roost_build_info")?.[0].labels, up = Date.now() / 1000 - v.one("process_start_time_seconds");
  const age = up < 7200 ? short(Math.round(up / 60)) + " min" : short(Math.round(up / 3600)) + " h";
  byID("node").textContent = [location.host, build?.version, "up " + age].join(" · ");
}

async function look() {
  if (paused || document.hidden) return;
  let view;
  try {
    const answer = await fetch("/metrics", { cache: "no-store", signal: AbortSignal.timeout(5 * every) });
    if (!answer.ok) throw new Error("status " + answer.status);
    const now = { at: performance.now(), sample: parse(await answer.text()) };
    samples.push(now);
    if (samples.length > apart + 1) samples.shift();
    view = new View(now.sample, samples[0].sample, (now.at - samples[0].at) / 1000);
    if (!paused) state("live", "live");
  } catch (error) {
    samples.length = 0;
    state("down", "no answer: " + error.message);
  }
  for (const c of charts) c.add(view?.seconds ? view : undefined);
  for (const c of charts) c.draw();
  if (view) {
    drawTop(view);
    drawHot(view);
  }
}

build();
(async () => {
  for (;;) {
    await look();
    await new Promise(done => setTimeout(done, every));
  }
})();
