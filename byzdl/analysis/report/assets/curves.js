// Curves over the rounds: a panel per attack, rate and setting, a line per defense.

// More bands than this would hide one another.
const MANY_LINES = 8;

const quantitiesOf = (section) => Object.keys(data.quantities).filter((name) => data.quantities[name].of === section);

// A lost node's R² is so low that Plotly would draw bands wrongly. This is below all axes, too.
const LOWEST = -100;

const nearby = (values) => values.map((value) => (value === null ? null : Math.max(value, LOWEST)));
const positive = (values) => values.map((value) => (value > 0 ? value : null));

/** Returns the traces of one quantity. The first defense of the legend is on top, and thin lines are on top of thick ones. */
function curves(groups, quantity, axes, eachSeed) {
  const opacity = groups.length > MANY_LINES ? "14" : "2b"; // of a band, in hexadecimal
  const order = [...groups].sort((a, b) => b.defense - a.defense);
  order.sort((a, b) => data.defenses[b.defense].line.width - data.defenses[a.defense].line.width);
  const bands = [], threads = [], lines = [];
  const { log, range, short, label } = data.quantities[quantity];
  const drawable = log ? positive : range ? nearby : (values) => values;
  for (const group of order) {
    const curve = group.curves[quantity];
    if (!curve) continue;
    const x = data.rounds[group.rounds];
    const { name, line } = data.defenses[group.defense];
    const color = colorOf(group.defense);
    const bounded = curve.low && x.map((_, i) => i).filter((i) => curve.low[i] !== null);
    if (bounded?.length) {
      const back = [...bounded].reverse();
      bands.push({
        x: [...bounded, ...back].map((i) => x[i]),
        y: drawable([...bounded.map((i) => curve.low[i]), ...back.map((i) => curve.high[i])]),
        mode: "lines", line: { width: 0 }, fill: "toself", fillcolor: color + opacity, hoverinfo: "skip", ...axes,
      });
    }
    if (eachSeed && curve.seeds) {
      threads.push({
        x: curve.seeds.flatMap(() => [...x, null]),
        y: drawable(curve.seeds.flatMap((values) => [...values, null])),
        mode: "lines", line: { color, width: 0.6 }, opacity: 0.5, hoverinfo: "skip", ...axes,
      });
    }
    lines.push({
      x, y: drawable(curve.mean), name, legendrank: group.defense, mode: x.length > 1 ? "lines" : "markers", line: { color, dash: line.dash, width: line.width }, marker: { color }, ...axes,
      text: x.map((round, i) => {
        const interval = curve.low && curve.low[i] !== null ? ` [${brief(curve.low[i])}, ${brief(curve.high[i])}]` : "";
        return `<b>${safe(name)}</b><br>${short ? `${label}<br>` : ""}round ${round}: ${brief(curve.mean[i])}${interval}<br>${plural(group.seeds, "seed")}`;
      }),
      hovertemplate: "%{text}<extra></extra>",
    });
  }
  return [...bands, ...threads, ...lines];
}

function axis(quantity) {
  const { range, log, short } = data.quantities[quantity];
  return {
    ...(range ? { range: [range[0] - 0.02, range[1] + 0.02] } : {}),
    ...(log ? { type: "log", exponentformat: "power" } : {}),
    ...(short ? { title: { text: short, standoff: 6 } } : {}),
  };
}

/** Describes a chart's last values for screen readers. */
function described(panel, groups, quantity) {
  const ends = groups.filter((group) => group.curves[quantity]).map((group) => `${data.defenses[group.defense].name} ${brief(group.curves[quantity].mean.at(-1))}`);
  return `${data.quantities[quantity].label}; ${panel.querySelector("h3").textContent}; in the last round: ${ends.join(", ")}`;
}

/** Names the defenses with fewer seeds than others, or without runs, in a panel. */
function lacking(groups, defenses) {
  const named = (list) => (list.join(", ").length > LONG ? plural(list.length, "defense") : list.join(", "));
  const fewer = groups.filter(({ seeds }) => seeds < data.most).map(({ defense, seeds }) => `${data.defenses[defense].name} (${seeds})`);
  const without = defenses.filter((defense) => groups.every((group) => group.defense !== defense)).map((defense) => data.defenses[defense].name);
  const parts = [fewer.length ? `fewer than ${data.most} seeds: ${named(fewer)}` : "", without.length ? `no runs: ${named(without)}` : ""];
  return parts.filter(Boolean).join("; ");
}

/** Walks by keyboard: left and right through the rounds of a line, up and down through the lines. */
function walkCurves(chart, down, right) {
  const { data: traces } = chart;
  const order = (a, b) => (a.yaxis ?? "y").localeCompare(b.yaxis ?? "y") || a.legendrank - b.legendrank;
  const lines = traces.filter(({ name, y }) => name && y.some((value) => value !== null)).sort(order);
  if (!lines.length) return null;
  const from = chart.walked;
  const line = clamp(from ? from.line + down : 0, 0, lines.length - 1);
  const { x, y, text, yaxis } = lines[line];
  const points = [...y.keys()].filter((i) => y[i] !== null);
  const point = clamp(from ? from.point + right : Infinity, 0, points.length - 1);
  chart.walked = { line, point };
  return { trace: lines[line], point: points[point], subplot: `x${yaxis ?? "y"}`, now: x[points[point]], text: text[points[point]] };
}

const unfolded = new Set();

function drawCurves(section, quantities, eachSeed = () => false) {
  const box = find(`#${section} .panels`);
  box.dataset.kind = quantities.length > 1 ? "pair" : "curve";
  const known = visible().filter((group) => quantities.some((quantity) => group.curves[quantity]));
  const defenses = [...new Set(known.map((group) => group.defense))].sort((a, b) => a - b);
  const all = facets(known);
  const items = unfolded.has(section) ? all : all.slice(0, MANY_PANELS);
  const more = find(`#${section} .more`);
  more.hidden = items.length === all.length;
  more.textContent = `Show all ${all.length} panels`;
  more.onclick = () => { unfolded.add(section); drawCurves(section, quantities, eachSeed); };
  fill(box, items, (panel, { groups }) => {
    const chart = panel.querySelector(".chart");
    panel.querySelector("p").textContent = lacking(groups, defenses);
    const axes = quantities.map((_, i) => (i ? { xaxis: "x", yaxis: `y${i + 1}` } : {}));
    const own = Object.fromEntries(quantities.map((quantity, i) => [i ? `yaxis${i + 1}` : "yaxis", axis(quantity)]));
    const longest = Math.max(...groups.map((group) => data.rounds[group.rounds].at(-1)));
    const traces = quantities.flatMap((quantity, i) => curves(groups, quantity, axes[i], eachSeed()));
    // A zoom stays as long as the quantities do.
    Plotly.react(chart, traces, { ...layout(box.dataset.kind, { ...own, xaxis: { range: [0, longest * 1.01] } }), uirevision: quantities.join() }, CONFIG);
    walkable(chart, longest, walkCurves);
    chart.setAttribute("aria-label", quantities.map((quantity) => described(panel, groups, quantity)).join(". "));
  });
}

sections.push(function drawLearning() {
  const choice = find("#quantity"), each = find("#seeds");
  if (!choice.options.length) {
    choice.append(...quantitiesOf("learning").map((name) => make("option", { value: name }, data.quantities[name].label)));
    // A band alone would hide that seeds are few. With many defenses, the curves of single seeds hide everything else.
    each.checked = data.defenses.length <= MANY_LINES;
    choice.addEventListener("change", drawLearning);
    each.addEventListener("change", drawLearning);
  }
  const shown = visible().map((group) => group.curves[choice.value]).filter(Boolean);
  const banded = shown.some((curve) => curve.low), few = shown.filter((curve) => curve.seeds);
  find("#seeds-label").hidden = !few.length;
  find("#seeds-label span").textContent = few.length < shown.length ? `each seed, if there are fewer than ${data.few}` : "each seed";
  find("#learning-note").textContent = [
    `Lines are means over seeds${banded ? ", bands their 95% bootstrap intervals" : ""}.`,
    banded && few.length ? `With fewer than ${data.few} seeds the bands are too narrow.` : "",
    "Arrow keys go through the values of a chart.",
  ].join(" ");
  drawCurves("learning", [choice.value], () => each.checked);
});

sections.push(() => {
  const quantities = quantitiesOf("accepted");
  find("#accepted").hidden = !quantities.length;
  const silent = [...new Set(visible().filter((group) => !quantities.some((quantity) => group.curves[quantity])).map((group) => group.defense))];
  find("#accepted .mute").textContent = silent.length ? `Not shown, because they do not report acceptances: ${silent.sort((a, b) => a - b).map((defense) => data.defenses[defense].name).join(", ")}.` : "";
  if (quantities.length) drawCurves("accepted", quantities);
});

sections.push(() => {
  const shown = "theta_mean" in data.quantities && visible().some((group) => group.curves.theta_mean);
  find("#theta").hidden = !shown;
  if (shown) drawCurves("theta", ["theta_mean"]);
});
