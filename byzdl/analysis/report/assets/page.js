// The filters, the legend, and the redrawing of sections. Each section registers itself with `sections.push(draw)`.
"use strict";

const data = JSON.parse(document.getElementById("data").textContent);
const dimensions = data.dimensions;
const state = { at: dimensions.map(() => null), hidden: new Set() };
const sections = [];
const LABELS = { br: "B_r" };
const MANY_PANELS = 9;
const LONG = 160; // characters

const find = (selector) => document.querySelector(selector);

/** Creates an element with properties and children. Strings become text. */
function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(properties)) {
    if (key in element) element[key] = value;
    else element.setAttribute(key, value);
  }
  element.append(...children);
  return element;
}

const subscripted = (text) => text.split(/(B_r)/).map((part) => (part === "B_r" ? make("i", {}, "B", make("sub", {}, "r")) : part));
/** Makes a name safe for Plotly, which reads tags in its texts. */
const safe = (name) => String(name).replaceAll("&", "&amp;").replaceAll("<", "&lt;");
const plural = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;
/** Formats with three decimals, but a lost node's R² with an exponent. */
const three = (value) => (value === null || value === undefined ? "–" : Math.abs(value) >= 1000 ? value.toExponential(1) : value.toFixed(3));
/** Formats as `three`, but very small values with an exponent, too. */
const brief = (value) => (value && Math.abs(value) < 0.001 ? value.toExponential(1) : three(value));

// The system chooses between light and dark.
const dark = matchMedia("(prefers-color-scheme: dark)");
const colorOf = (defense) => data.defenses[defense].line[dark.matches ? "dark" : "color"];

/** Returns a layout of data.layouts in the current colours, with this chart's own settings. */
function layout(kind, own = {}) {
  const copy = structuredClone(data.layouts[kind]);
  for (const [key, value] of Object.entries(own)) copy[key] = { ...copy[key], ...value };
  // A finger should scroll the page, not zoom.
  return { ...copy, template: data.templates[dark.matches ? "dark" : "light"], dragmode: matchMedia("(pointer: fine)").matches ? "zoom" : false };
}
const CONFIG = { displayModeBar: false, responsive: true };

/** The groups that the filters select, and those of them with a defense that is switched on. */
const filtered = () => data.groups.filter((group) => state.at.every((place, d) => place === null || group.at[d] === place));
const visible = () => filtered().filter((group) => !state.hidden.has(group.defense));

/** Splits groups into charts. Groups of one chart agree in every dimension except those in `apart`. */
function facets(groups, apart = []) {
  const found = new Map();
  for (const group of groups) {
    const at = group.at.map((place, d) => (apart.includes(dimensions[d].key) ? null : place));
    const key = at.join();
    if (!found.has(key)) found.set(key, { key, at, groups: [] });
    found.get(key).groups.push(group);
  }
  const order = (a, b) => a.at.reduce((before, place, d) => before || place - b.at[d], 0);
  return [...found.values()].sort(order);
}

/** Names a chart by its dimensions. Those with a single value are left out, except attack and rate. */
function nameOf(at) {
  return at
    .map((place, d) => ({ place, values: dimensions[d].values, key: dimensions[d].key, fixed: state.at[d] !== null }))
    .filter(({ place, values, key, fixed }) => place !== null && (key === "attack" || key === "br" || (values.length > 1 && !fixed)))
    .map(({ place, values, key }) => (key === "br" ? `B_r = ${values[place]}` : key === "attack" || /^(graph|split|data|model)$/.test(key) ? values[place] : `${key}=${values[place]}`))
    .join(", ");
}

/** Draws charts when they come into view, and again after their data has changed. */
const inView = new IntersectionObserver(
  (entries) => entries.forEach((entry) => {
    entry.target.inView = entry.isIntersecting;
    if (entry.isIntersecting) drawNow(entry.target);
  }),
  { rootMargin: "250px" },
);
function drawNow(panel) {
  if (!panel.stale) return;
  panel.stale = false;
  panel.draw(panel);
}
function redraw(panel) {
  panel.stale = true;
  if (panel.inView) drawNow(panel);
}

/** Fills a box with a panel per item. Panels with the same key are kept. `draw(panel, item)` draws the chart. */
function fill(box, items, draw, heading = (item) => nameOf(item.at)) {
  const old = new Map([...box.querySelectorAll(".panel")].map((panel) => [panel.dataset.key, panel]));
  const panels = items.map((item) => {
    let panel = old.get(item.key);
    if (!panel) {
      panel = make("div", { className: "panel" }, make("h3"), make("div", { className: "chart", role: "img" }), make("p"));
      panel.dataset.key = item.key;
      inView.observe(panel);
    }
    old.delete(item.key);
    panel.querySelector("h3").replaceChildren(...subscripted(heading(item)));
    const height = data.layouts[box.dataset.kind]?.height;
    if (height) panel.querySelector(".chart").style.minHeight = `${height}px`;
    panel.draw = () => draw(panel, item);
    return panel;
  });
  for (const panel of old.values()) {
    inView.unobserve(panel);
    Plotly.purge(panel.querySelector(".chart"));
  }
  box.replaceChildren(...(panels.length ? panels : [make("p", { className: "empty" }, "Nothing to show: choose other filters, or switch a defense on.")]));
  panels.forEach(redraw);
}

const clamp = (value, least, most) => Math.max(least, Math.min(value, most));
const ARROWS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

/** Lets arrow keys show the values of a chart, as the pointer does. `walk(chart, down, right)` returns the next value. */
function walkable(chart, most, walk) {
  chart.tabIndex = 0;
  chart.walked = null;
  chart.onblur = () => Plotly.Fx.unhover(chart);
  chart.onkeydown = (event) => {
    if (!(event.key in ARROWS) || event.altKey || event.ctrlKey || event.metaKey) return; // the browser's shortcuts
    event.preventDefault();
    const at = walk(chart, ...ARROWS[event.key]);
    if (!at) return;
    Plotly.Fx.hover(chart, [{ curveNumber: chart.data.indexOf(at.trace), pointNumber: at.point }], at.subplot);
    chart.setAttribute("aria-valuenow", at.now);
    chart.setAttribute("aria-valuetext", at.text.replace(/<[^>]*>/g, " "));
  };
  for (const [name, value] of Object.entries({ role: "slider", "aria-valuemin": 0, "aria-valuemax": most, "aria-valuenow": most })) chart.setAttribute(name, value);
  chart.setAttribute("aria-valuetext", "arrow keys go through its values");
}

function drawHeader() {
  const groups = data.groups.length;
  const seeds = data.groups.map((group) => group.seeds);
  const least = Math.min(...seeds);
  const each = least === data.most ? plural(data.most, "seed") : `${least} to ${data.most} seeds`;
  const same = dimensions.filter(({ values }) => values.length === 1).map(({ key, values }) => (key === "br" ? `B_r = ${values[0]}` : `${values[0]}`));
  const shared = ["topology.n", "rounds"].filter((key) => key in data.shared).map((key) => `${data.shared[key]} ${key === "rounds" ? "rounds" : "nodes"}`);
  const parts = [plural(data.runs, "run"), plural(groups, "configuration"), `${each} each`, ...same, ...shared];
  find("#summary").replaceChildren(...subscripted(parts.filter(Boolean).join(" · ")));
  const list = Object.entries(data.shared).map(([key, value]) => make("div", {}, make("dt", {}, key), make("dd", {}, String(value))));
  find("#shared dl").replaceChildren(...list);
  const counts = {};
  for (const { status } of data.absent) counts[status] = (counts[status] ?? 0) + 1;
  if (data.absent.length) {
    const parts = Object.entries(counts).map(([status, count]) => `${count} ${status}`).join(", ");
    find("#absent summary").textContent = `${data.absent.length} of ${plural(data.absent.length + data.runs, "run")} have no result and are in no chart: ${parts}`;
    // Long reasons are folded.
    const folded = (why) => (why.length > LONG ? make("details", {}, make("summary", {}, make("span", {}, why))) : why);
    find("#absent tbody").replaceChildren(...data.absent.map(({ status, name, why }) => make("tr", {}, make("td", {}, status), make("td", {}, name), make("td", {}, folded(why)))));
    find("#absent").hidden = false;
  }
  if (data.superseded) find("header").append(make("p", { className: "note" }, `Left out, because newer results have the same configurations: ${plural(data.superseded, "result")}.`));
}

/** Sets filters until the panels are few enough. All attacks stay. The last filter is fixed first, at the value with most runs. */
function choose() {
  for (const d of [...dimensions.keys()].reverse()) {
    const { key, values } = dimensions[d];
    if (facets(filtered()).length <= MANY_PANELS) break;
    if (key === "attack" || values.length < 2) continue;
    const runs = values.map((_, place) => filtered().reduce((sum, group) => sum + (group.at[d] === place ? group.seeds : 0), 0));
    // Among rates with equally many runs, the highest. Never 0, under which all defenses look alike.
    const places = key === "br" ? [...values.keys()].reverse().filter((place) => parseFloat(values[place]) > 0) : [...values.keys()];
    state.at[d] = places.reduce((best, place) => (runs[place] > runs[best] ? place : best));
  }
}

function makeFilters() {
  dimensions.forEach(({ key, values }, d) => {
    if (values.length < 2) return;
    const options = [make("option", { value: "" }, "all"), ...values.map((value, place) => make("option", { value: place }, String(value) || "(absent)"))];
    const select = make("select", { id: `by-${key}` }, ...options);
    select.value = state.at[d] ?? "";
    select.addEventListener("change", () => {
      state.at[d] = select.value === "" ? null : Number(select.value);
      drawAll();
    });
    find("#filters").append(make("label", {}, ...subscripted(LABELS[key] ?? key), select));
  });
}

/** Draws a defense's line for the legend. */
function swatch(defense) {
  const { dash, width } = data.defenses[defense].line;
  const dashes = dash === "solid" ? "" : ` stroke-dasharray="${dash.replaceAll("px", "")}"`;
  const holder = make("span");
  holder.innerHTML = `<svg width="26" height="10" aria-hidden="true"><line x1="0" x2="26" y1="5" y2="5" stroke="${colorOf(defense)}" stroke-width="${Math.max(width, 1.6)}"${dashes}/></svg>`;
  return holder.firstChild;
}

function makeLegend() {
  data.defenses.forEach(({ name }, defense) => {
    const button = make("button", { type: "button" }, name);
    button.addEventListener("click", () => {
      if (!state.hidden.delete(defense)) state.hidden.add(defense);
      drawAll();
    });
    const alone = () => {
      state.hidden = new Set(data.defenses.keys());
      state.hidden.delete(defense);
      drawAll();
    };
    // The same as in Plotly's own legend, and also by keyboard.
    button.addEventListener("dblclick", alone);
    button.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || !event.shiftKey) return;
      event.preventDefault();
      alone();
    });
    find("#legend .entries").append(button);
  });
  find("#all").addEventListener("click", () => { state.hidden.clear(); drawAll(); });
  find("#none").addEventListener("click", () => { state.hidden = new Set(data.defenses.keys()); drawAll(); });
}

function drawLegend() {
  const present = new Set(filtered().map((group) => group.defense));
  [...find("#legend .entries").children].forEach((button, defense) => {
    button.setAttribute("aria-pressed", String(!state.hidden.has(defense)));
    button.classList.toggle("outside", !present.has(defense));
    button.querySelector("svg")?.remove();
    button.prepend(swatch(defense));
  });
  find("#shown").textContent = `${visible().length} of ${plural(data.groups.length, "configuration")} shown`;
}

function drawAll() {
  drawLegend();
  sections.forEach((draw) => draw());
}

addEventListener("DOMContentLoaded", () => {
  drawHeader();
  choose();
  makeFilters();
  makeLegend();
  drawAll();
  dark.addEventListener("change", drawAll);
  // On a narrow screen the choices are a bar that stays in view and unfolds.
  const narrow = matchMedia("(max-width: 900px)");
  const fold = () => { find("#choices").open = !narrow.matches; };
  narrow.addEventListener("change", fold);
  fold();
});
