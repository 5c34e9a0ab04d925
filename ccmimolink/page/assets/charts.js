// The charts: bars of tokens and lines of times, one step of time beside the other.
//
// Owns the drawing. The figures come from the server, and stand as a table below each chart.
import { briefly, clock, count, duration, hour, moment, say } from "./format.js";

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 420;
const HEIGHT = 170;
const LEFT = 46;
const BOTTOM = 20;
const TOP = 10;
const SERIES = {
  input: ["fresh", "cached"],
  output: ["answer", "reasoning"],
  latency: ["first_p50", "first_p90", "total_p50", "total_p90"],
};
const TITLES = { input: "chart.input", output: "chart.output", latency: "chart.latency" };

function value(bucket, name) {
  const [measure, percentile] = name.split("_");
  if (percentile === undefined) return bucket[name];
  return bucket[measure] === null ? null : bucket[measure][percentile === "p50" ? 0 : 1];
}

function add(parent, name, attributes, text) {
  const made = document.createElementNS(SVG, name);
  for (const [key, given] of Object.entries(attributes)) made.setAttribute(key, given);
  if (text !== undefined) made.textContent = text;
  parent.append(made);
  return made;
}

/** The least of 1, 2, 5, 10, … that is not less. */
function roundUp(highest) {
  const power = 10 ** Math.floor(Math.log10(highest));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= highest * 0.999);
}

function axes(svg, top, buckets, width, isTime) {
  for (const part of [0, 0.5, 1]) {
    const y = HEIGHT - BOTTOM - part * (HEIGHT - BOTTOM - TOP);
    add(svg, "line", { class: "grid", x1: LEFT, x2: WIDTH, y1: y, y2: y });
    const label = isTime ? say("unit.seconds", { seconds: briefly(part * top) }) : briefly(part * top);
    add(svg, "text", { x: LEFT - 6, y: y + 4, "text-anchor": "end" }, label);
  }
  const every = Math.ceil(buckets.length / 5);
  buckets.forEach((bucket, index) => {
    if (index % every) return;
    const x = LEFT + ((index + 0.5) * (WIDTH - LEFT)) / buckets.length;
    const anchor = x > WIDTH - 20 ? "end" : "middle";
    add(svg, "text", { x, y: HEIGHT - 5, "text-anchor": anchor }, (width < 60 ? clock : hour)(bucket.start));
  });
}

function bars(svg, names, buckets, top) {
  const step = (WIDTH - LEFT) / buckets.length;
  const size = Math.min(step * 0.8, 26);
  buckets.forEach((bucket, index) => {
    let y = HEIGHT - BOTTOM;
    for (const name of names) {
      const height = (bucket[name] / top) * (HEIGHT - BOTTOM - TOP);
      y -= height;
      const x = LEFT + (index + 0.5) * step - size / 2;
      if (height > 0) add(svg, "rect", { class: name, x, y, width: size, height });
    }
  });
}

function lines(svg, names, buckets, top) {
  const step = (WIDTH - LEFT) / buckets.length;
  for (const name of names) {
    // Over a step without a request the line goes on to the next.
    const points = buckets
      .map((bucket, index) => [LEFT + (index + 0.5) * step, value(bucket, name)])
      .filter(([, found]) => found !== null)
      .map(([x, found]) => [x, HEIGHT - BOTTOM - (found / top) * (HEIGHT - BOTTOM - TOP)]);
    const d = points.map(([x, y], index) => `${index ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
    if (points.length > 1) add(svg, "path", { class: `series ${name}`, d });
    if (points.length < 13) for (const [x, y] of points) add(svg, "circle", { class: `series ${name}`, cx: x, cy: y, r: 2.5 });
  }
}

function fill(table, names, buckets, text) {
  const rows = buckets
    .filter((bucket) => bucket.requests)
    .map((bucket) => {
      const row = document.createElement("tr");
      const head = document.createElement("th");
      head.scope = "row";
      head.textContent = moment(bucket.start);
      const rest = names.map((name) => {
        const cell = document.createElement("td");
        cell.className = "number";
        cell.dataset.column = name;
        cell.textContent = text(value(bucket, name));
        return cell;
      });
      row.append(head, ...rest);
      return row;
    });
  table.tBodies[0].replaceChildren(...rows);
}

/** Draw all charts, and fill their tables. */
export function draw({ buckets, width }) {
  for (const figure of document.querySelectorAll("figure[data-chart]")) {
    const chart = figure.dataset.chart;
    const names = SERIES[chart];
    const isTime = chart === "latency";
    const text = isTime ? duration : count;
    fill(figure.querySelector("table"), names, buckets, text);
    const plot = figure.querySelector(".plot");
    if (!buckets.length) {
      plot.replaceChildren();
      continue;
    }
    const heights = buckets.map((bucket) => {
      const all = names.map((name) => value(bucket, name) ?? 0);
      return isTime ? Math.max(...all) : all.reduce((sum, one) => sum + one, 0);
    });
    const highest = Math.max(...heights);
    const top = highest ? roundUp(highest) : 1;
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
    svg.setAttribute("role", "img");
    const about = {
      title: say(TITLES[chart]),
      start: moment(buckets[0].start),
      end: moment(buckets.at(-1).start + width),
      highest: text(highest),
    };
    svg.setAttribute("aria-label", say("chart.about", about));
    axes(svg, top, buckets, width, isTime);
    (isTime ? lines : bars)(svg, names, buckets, top);
    plot.replaceChildren(svg);
  }
}
