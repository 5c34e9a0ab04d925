// Values as text, in the language of the page and the formats of the browser.
//
// Owns what ccmimolink/page/texts.py does where the server renders. It must not touch the page.

const language = document.documentElement.lang;
const words = JSON.parse(document.querySelector("meta[name=words]").content);
const whole = new Intl.NumberFormat(language);
const tenths = new Intl.NumberFormat(language, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const seconds = new Intl.NumberFormat("en", { minimumFractionDigits: 1, maximumFractionDigits: 1, useGrouping: false });
const time = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const day = new Intl.DateTimeFormat(language, { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const short = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const compact = new Intl.NumberFormat(language, { notation: "compact", maximumFractionDigits: 1 });
const currency = language === "zh-CN" ? "CNY" : "USD";

export const known = (key, otherwise) => (Object.hasOwn(words, key) ? words[key] : otherwise);

/** The word with this key, with its braces filled in. */
export function say(key, values = {}) {
  return known(key, key).replace(/\{(\w+)\}/g, (_, name) => String(values[name]));
}

const or = (format) => (value) => (value === null || value === undefined ? say("none") : format(value));

export const count = or((value) => whole.format(value));
export const rate = or((value) => tenths.format(value));
export const share = or((value) => say("unit.percent", { percent: Math.round(100 * value) }));
export const briefly = (value) => compact.format(value);
export const clock = (at) => time.format(new Date(at * 1000));
export const moment = (at) => day.format(new Date(at * 1000));
export const hour = (at) => short.format(new Date(at * 1000));

export const duration = or((value) => {
  if (value < 59.95) return say("unit.seconds", { seconds: seconds.format(value) });
  const all = Math.round(value);
  const minutes = Math.floor(all / 60);
  if (minutes < 60) return say("unit.minutes", { minutes, seconds: all % 60 });
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return say("unit.hours", { hours, minutes: minutes % 60 });
  return say("unit.days", { days: Math.floor(hours / 24), hours: hours % 24 });
});

/** A duration to the second. */
export const lasting = (value) =>
  Math.round(value) < 60 ? say("unit.seconds", { seconds: Math.round(value) }) : duration(Math.round(value));

/** The width of a step of the charts, which is whole in one of the units. */
export function step(width) {
  if (width < 60) return say("unit.seconds", { seconds: width });
  if (width < 3600) return say("unit.whole_minutes", { minutes: width / 60 });
  return say("unit.whole_hours", { hours: width / 3600 });
}

export function money(cost) {
  if (!Object.hasOwn(cost, currency)) return say("none");
  const digits = cost[currency] >= 10 ? 2 : 4;
  return new Intl.NumberFormat(language, {
    style: "currency",
    currency,
    currencyDisplay: "narrowSymbol",
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  }).format(cost[currency]);
}

function model({ asked, used }) {
  if (asked === used || asked === "-") return used;
  return used === "-" ? asked : say("model.changed", { asked, used });
}

const kind = (one) => known(`kind.${one.kind}`, one.kind);

function place({ position, starts_in: startsIn }) {
  if (position === null) return say("none");
  if (!startsIn) return say("waits.place", { position });
  return say("waits.starts", { position, time: duration(startsIn) });
}

export function speed({ tokens, first_token: first, total }) {
  return tokens === null || first === null || total <= first ? null : tokens.output / (total - first);
}

export const hasFailed = (one) =>
  one.failure !== null || !["completed", "incomplete", "client left"].includes(one.outcome);

export function mood(one) {
  if (hasFailed(one)) return "bad";
  return one.outcome === "completed" ? "good" : "fair";
}

export function outcome(one) {
  const reason = one.failure ?? one.outcome;
  const own = one.failure === null ? known(`outcome.${one.outcome}`) : undefined;
  const text = own ?? known(`failure.${reason}`, reason);
  return one.status >= 400 ? say("outcome.status", { outcome: text, status: one.status }) : text;
}

function notes(one) {
  const said = ["retries", "amendments", "recovered"]
    .filter((name) => one[name])
    .map((name) => say(`notes.${name}`, { count: one[name] }));
  return said.join(", ") || say("none");
}

const both = { client: (one) => one.client, kind, model };

/** What stands in each column of the two tables. */
export const cells = {
  running: {
    ...both,
    phase: (one) => known(`phase.${one.phase}`, one.phase),
    elapsed: (one) => duration(one.elapsed),
    received: (one) => say("received.about", { count: count(one.received) }),
    waits: place,
    retries: (one) => count(one.retries),
  },
  recent: {
    ...both,
    at: (one) => clock(one.at),
    outcome,
    queued: (one) => duration(one.queued),
    first_token: (one) => duration(one.first_token),
    total: (one) => duration(one.total),
    input: (one) => count(one.tokens?.input),
    cached: (one) => count(one.tokens?.cached),
    output: (one) => count(one.tokens?.output),
    reasoning: (one) => count(one.tokens?.reasoning),
    speed: (one) => rate(speed(one)),
    notes,
    cost: (one) => money(one.cost),
  },
};
