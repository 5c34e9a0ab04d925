// The live page: what the proxy tells over its stream goes into the tables that the server rendered.
//
// Owns the connection and the page. All text is set as text: names of clients and models are anybody's.
import { draw } from "./charts.js";
import { cells, count, hasFailed, lasting, mood, money, moment, outcome, rate, say, share, step } from "./format.js";

const AGAIN = 2000; // milliseconds until the next try
const CROWDED = 10; // seconds between two looks without a stream
const SILENCE = 40000; // milliseconds without a word after which the stream is dead; it beats every 15 s
const $ = (id) => document.getElementById(id);

let stream = null;
let later = null;
let heard = 0;
let isLost = false;
let about = null;
let backOffEnds = null; // on the clock of performance.now()

function set(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function announce(text) {
  $("news").textContent = text;
}

// -- tables ---------------------------------------------------------------------------------------------------

function makeRow(table, id) {
  const row = document.createElement("tr");
  row.dataset.id = id;
  row.setAttribute("role", "row");
  for (const head of table.tHead.rows[0].cells) {
    const cell = row.insertCell();
    cell.setAttribute("role", "cell");
    cell.dataset.column = head.dataset.column;
    cell.dataset.label = head.textContent;
    cell.className = head.className;
    cell.append(document.createElement("span"));
  }
  return row;
}

function fillRow(row, formats, one) {
  for (const cell of row.cells) set(cell.firstElementChild, formats[cell.dataset.column](one));
}

const rowsOf = (table) => new Map([...table.tBodies[0].rows].map((row) => [row.dataset.id, row]));

function showRunning(running) {
  const table = $("running");
  const known = rowsOf(table);
  running.forEach((one, index) => {
    const row = known.get(one.id) ?? makeRow(table, one.id);
    known.delete(one.id);
    fillRow(row, cells.running, one);
    row.dataset.phase = one.phase;
    if (table.tBodies[0].rows[index] !== row) table.tBodies[0].insertBefore(row, table.tBodies[0].rows[index] ?? null);
  });
  for (const row of known.values()) row.remove();
  $("running-none").hidden = running.length > 0;
}

function addRecent(one, isNew) {
  const table = $("recent");
  const row = rowsOf(table).get(one.id) ?? makeRow(table, one.id);
  fillRow(row, cells.recent, one);
  row.dataset.mood = mood(one);
  if (isNew) row.classList.add("fresh-row");
  table.tBodies[0].prepend(row);
  while (table.tBodies[0].rows.length > Number(table.dataset.most)) table.tBodies[0].lastElementChild.remove();
  $("recent-none").hidden = true;
}

function showRecent(recent) {
  $("recent").tBodies[0].replaceChildren();
  $("recent-none").hidden = recent.length > 0;
  for (const one of [...recent].reverse()) addRecent(one, false);
}

// -- what changes ---------------------------------------------------------------------------------------------

function showStatus(status) {
  $("status").dataset.status = status;
  set($("status"), say(`status.${status}`));
}

function showBackOff(left) {
  const was = backOffEnds !== null;
  backOffEnds = left > 0 ? performance.now() + left * 1000 : null;
  $("back-off").hidden = left <= 0;
  tick();
  if (left > 0 && !was) announce(`${say("back_off.title")}. ${say("back_off.left", { seconds: Math.ceil(left) })}`);
  if (left <= 0 && was) announce(say("news.back_off_over"));
}

function showState(state) {
  showStatus(state.status);
  set($("upstream"), say("page.upstream", { host: state.upstream }));
  set($("model"), say(state.model_is_chosen ? "page.model_chosen" : "page.model", { model: state.model }));
  set($("figure-in_flight"), count(state.in_flight));
  set($("figure-waiting"), count(state.waiting));
  showBackOff(state.back_off_left);
  showRunning(state.running);
}

function showSummary(summary) {
  const { tokens } = summary;
  set($("figure-requests"), count(summary.requests));
  set($("more-requests"), say("figure.requests.more", { failed: count(summary.failed) }));
  set($("figure-input"), count(tokens.input));
  set($("more-input"), say("figure.input.more", { cached: count(tokens.cached) }));
  set($("figure-output"), count(tokens.output));
  set($("more-output"), say("figure.output.more", { reasoning: count(tokens.reasoning) }));
  set($("figure-cached"), share(summary.cache_share));
  set($("figure-speed"), rate(summary.speed));
  set($("figure-cost"), money(summary.cost));
  const since = { count: count(summary.requests), time: summary.since === null ? "" : moment(summary.since) };
  const most = Number($("recent").dataset.most);
  $("recent-more").hidden = summary.requests <= most;
  set($("recent-more"), say("recent.more", { count: most }));
  set($("since"), say(summary.since === null ? "figures.none" : "figures.since", since));
  $("charts-none").hidden = summary.buckets.length > 0;
  set($("charts-note"), say("charts.note", { time: step(summary.width) }));
  draw(summary);
}

function showWhole(whole) {
  about = whole.about;
  $("uptime").dataset.live = "true";
  showState(whole.state);
  showRecent(whole.recent);
  showSummary(whole.summary);
}

function finished(one) {
  rowsOf($("running")).get(one.id)?.remove();
  $("running-none").hidden = $("running").tBodies[0].rows.length > 0;
  addRecent(one, true);
  if (hasFailed(one)) announce(say("news.failed", { reason: outcome(one) }));
}

/** What goes on by itself between two words of the proxy. */
function tick() {
  if (about !== null && !isLost) {
    const time = lasting(Math.max(0, Date.now() / 1000 - about.started_at));
    set($("uptime"), say("page.uptime", { time }));
  }
  if (backOffEnds !== null) {
    const left = Math.max(0, Math.ceil((backOffEnds - performance.now()) / 1000));
    set($("back-off-left"), say("back_off.left", { seconds: left }));
  }
  if (stream !== null && performance.now() - heard > SILENCE) connect();
}

// -- the connection -------------------------------------------------------------------------------------------

function disconnect() {
  stream?.close();
  stream = null;
  clearTimeout(later);
}

function lost() {
  if (!isLost) announce(`${say("lost.title")}.`);
  isLost = true;
  $("lost").hidden = false;
  showStatus("lost");
  later = setTimeout(connect, AGAIN);
}

function found() {
  if (isLost) announce(say("news.back"));
  isLost = false;
  $("lost").hidden = true;
}

/** The stream has ended or was refused: is the proxy gone, or are there too many windows? */
async function lookWithoutStream() {
  try {
    const answer = await fetch("/status/state", { cache: "no-store" });
    if (!answer.ok) throw new Error(String(answer.status));
    showWhole(await answer.json());
    found();
    set($("crowd"), say("crowd.text", { seconds: CROWDED }));
    $("crowd").hidden = false;
    later = setTimeout(connect, CROWDED * 1000);
  } catch {
    lost();
  }
}

function connect() {
  disconnect();
  const opened = new EventSource("/status/events");
  stream = opened;
  heard = performance.now();
  const on = (name, act) =>
    opened.addEventListener(name, (message) => {
      heard = performance.now();
      act(JSON.parse(message.data));
    });
  on("whole", (whole) => {
    found();
    $("crowd").hidden = true;
    showWhole(whole);
  });
  on("state", showState);
  on("summary", showSummary);
  on("finished", (those) => those.forEach(finished));
  on("beat", () => {});
  on("end", () => {
    disconnect();
    lost();
  });
  opened.addEventListener("error", () => {
    if (stream !== opened) return;
    disconnect();
    if (document.visibilityState === "visible") lookWithoutStream();
  });
}

// A window that nobody sees costs nothing.
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") connect();
  else disconnect();
});
window.addEventListener("pagehide", disconnect);

// -- the language ---------------------------------------------------------------------------------------------

function remember() {
  const asked = new URLSearchParams(location.search).get("lang");
  const language = document.documentElement.lang;
  try {
    if (asked !== null) {
      localStorage.setItem("language", language);
    } else {
      const chosen = localStorage.getItem("language");
      if (chosen !== null && chosen !== language) location.replace(`/?lang=${encodeURIComponent(chosen)}`);
    }
  } catch {
    // A browser that stores nothing goes by what it prefers.
  }
}

remember();
setInterval(tick, 500);
if (document.visibilityState === "visible") connect();
