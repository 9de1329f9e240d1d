// The networks: benign and Byzantine nodes, with edges as thick as the trust in them, over the rounds.

const net = { experiment: null, seed: null, frame: null, timer: null, due: null };
const BENIGN = { color: "#0072B2", dark: "#56B4E9" }, BYZANTINE = { color: "#D55E00", dark: "#F08A3C" };
const MUTED = { color: "#8a9097", dark: "#757b82" };
const tone = (pair) => (dark.matches ? pair.dark : pair.color);
const WIDEST = 7;

const runsOf = (group) => data.networks.runs.filter((run) => data.groups[run.group] === group);
const percent = (value) => (value === null ? "–" : `${Math.round(value)}%`);

/** Averages the known values. */
function mean(values) {
  const known = values.filter((value) => value !== null);
  return known.length ? known.reduce((a, b) => a + b, 0) / known.length : null;
}

/** Leaves edges without messages out. */
const arrived = (values) => values.map((value) => (value < 0 ? null : value));

/** Draws the controls, the chosen networks, and everything that is the same in all rounds. */
function drawNetworks() {
  const items = facets(visible().filter((group) => runsOf(group).length));
  find("#network").hidden = !data.networks.runs.length;
  const experiment = find("#experiment");
  if (!items.some(({ key }) => key === net.experiment)) net.experiment = items[0]?.key ?? null;
  experiment.replaceChildren(...items.map(({ key, at }) => make("option", { value: key }, nameOf(at).replace("B_r", "Bᵣ"))));
  experiment.value = net.experiment ?? "";
  const runs = (items.find(({ key }) => key === net.experiment)?.groups ?? []).flatMap(runsOf);
  const seeds = [...new Set(runs.map((run) => run.seed))].sort((a, b) => a - b);
  if (!seeds.includes(net.seed)) net.seed = seeds[0] ?? null;
  find("#seed").replaceChildren(...seeds.map((seed) => make("option", { value: seed }, String(seed))));
  find("#seed").value = net.seed ?? "";
  const shown = runs.filter((run) => run.seed === net.seed);
  const weighed = data.networks.runs.some((run) => run.exact);
  find("#thickness-label").hidden = !weighed;
  net.thickness = weighed ? find("#thickness").value : "trust";
  // The thickest edge over all rounds. There may be more weights than Math.max takes arguments.
  net.most = net.thickness === "trust" ? 100 : shown.flatMap((run) => run.weight.flat()).reduce((a, b) => Math.max(a, b), 1);
  const box = find("#network .panels");
  box.dataset.kind = "network";
  find("#network").classList.toggle("bare", !shown.length);
  if (shown.length) {
    const last = Math.max(1, ...shown.map((run) => run.trust.length)) - 1;
    find("#round").max = last;
    if (net.frame === null || net.frame > last) net.frame = last;
    net.rounds = shown[0].rounds;
    showRounds();
  }
  fill(box, shown.map((run) => ({ key: `${net.experiment}/${run.group}`, run })), (panel, { run }) => drawNetwork(panel, run), ({ run }) => data.defenses[data.groups[run.group].defense].name);
  find("#network .key").innerHTML =
    `<span><svg width="14" height="14"><circle cx="7" cy="7" r="6" fill="${tone(BENIGN)}"/></svg>benign</span>` +
    `<span><svg width="14" height="14"><rect x="1.5" y="1.5" width="11" height="11" fill="${tone(BYZANTINE)}"/></svg>Byzantine</span>` +
    `<span><svg width="34" height="12"><line x1="0" x2="14" y1="6" y2="6" stroke="currentColor" stroke-width="1.5"/><line x1="18" x2="34" y1="6" y2="6" stroke="currentColor" stroke-width="6"/></svg>${net.thickness === "trust" ? "seldom, often accepted" : "small, large weight"}</span>` +
    `<span><svg width="22" height="12"><line x1="0" x2="22" y1="6" y2="6" stroke="${tone(MUTED)}" stroke-dasharray="1.5,3"/></svg>cut off</span>` +
    `<span><svg width="22" height="12"><line x1="0" x2="22" y1="6" y2="6" stroke="${tone(MUTED)}" stroke-width="1.2"/></svg>unknown</span>`;
  find("#network-note").textContent = notes(shown).join(" ");
}

function showRounds() {
  const span = `rounds ${net.rounds[net.frame] + 1} to ${net.rounds[net.frame + 1]}`;
  find("#round").value = net.frame;
  find("#round").setAttribute("aria-valuetext", span);
  find("#rounds").textContent = span;
}

/** Draws the same networks in other rounds. */
function drawFrame() {
  showRounds();
  document.querySelectorAll("#network .panel").forEach(redraw);
}

function notes(shown) {
  const sentences = [
    "The thickness of an edge between benign nodes is the mean of both directions; that of an edge to a Byzantine node is the benign node's trust.",
    "Arrow keys left and right go from node to node, down and up through the edges of a node.",
  ];
  if (shown.some((run) => !run.exact)) sentences.push("These runs logged each node's numbers of accepted Byzantine and benign messages, not their senders: its edges to nodes of one kind are drawn alike.");
  const silent = shown.filter((run) => run[net.thickness].every((frame) => frame.every((value) => value === null || value < 0)));
  if (silent.length) sentences.push(`Drawn plain, because they do not report ${net.thickness === "trust" ? "acceptances" : "weights"}: ${silent.map((run) => data.defenses[data.groups[run.group].defense].name).join(", ")}.`);
  if (data.networks.omitted) sentences.push(`Left out, because the page would be too large: ${plural(data.networks.omitted, "run")}.`);
  if (data.networks.undrawn) sentences.push(`Left out, because the graph is too large, or was redrawn without logged edges: ${plural(data.networks.undrawn, "run")}.`);
  return sentences;
}

function drawNetwork(panel, run) {
  const graph = data.networks.graphs[run.graph];
  const frame = Math.min(net.frame, run.trust.length - 1);
  const trust = run.trust[frame] ?? [], weight = run.weight[frame] ?? [], thickness = run[net.thickness][frame] ?? [];
  const byzantine = new Set(graph.byzantine);
  const bundles = new Map();
  const hover = { x: [], y: [], text: [], customdata: [] };
  graph.edges.forEach(([i, j], e) => {
    const ways = [trust[2 * e], trust[2 * e + 1]].filter((way) => way !== null);
    if (ways.length && ways.every((way) => way < 0)) return; // an edge of other rounds
    const share = mean(arrived([thickness[2 * e], thickness[2 * e + 1]]));
    const kind = byzantine.has(i) && byzantine.has(j) ? "between" : byzantine.has(i) || byzantine.has(j) ? "byzantine" : "benign";
    const width = share === null ? "plain" : share === 0 ? "cut" : Math.max(1, Math.ceil((10 * share) / net.most));
    const key = `${kind} ${width}`;
    if (!bundles.has(key)) bundles.set(key, { kind, width, x: [], y: [] });
    bundles.get(key).x.push(graph.x[i], graph.x[j], null);
    bundles.get(key).y.push(graph.y[i], graph.y[j], null);
    const lines = [[i, j, 2 * e], [j, i, 2 * e + 1]].filter(([, , way]) => trust[way] !== null && trust[way] >= 0)
      .map(([a, b, way]) => `${a} accepted ${b}: ${trust[way]}%${weight[way] === null ? "" : `, weight ${(weight[way] / 100).toFixed(2)}`}`);
    hover.x.push((graph.x[i] + graph.x[j]) / 2);
    hover.y.push((graph.y[i] + graph.y[j]) / 2);
    hover.text.push(lines.join("<br>") || `${i} – ${j}`);
    hover.customdata.push([i, j]);
  });
  const edges = [...bundles.values()].map(({ kind, width, x, y }) => ({
    x, y, mode: "lines", hoverinfo: "skip",
    opacity: typeof width === "number" ? 0.75 : 1,
    line: width === "cut"
      ? { color: tone(MUTED), width: 1.2, dash: "1.5px,3px" }
      : { color: kind === "byzantine" ? tone(BYZANTINE) : width === "plain" ? tone(MUTED) : tone(BENIGN), width: width === "plain" ? 1.2 : 1 + (WIDEST - 1) * width / 10 },
  }));
  const nodes = [...graph.x.keys()];
  const small = nodes.length <= 30;
  const points = {
    x: graph.x, y: graph.y, mode: small ? "markers+text" : "markers", text: nodes.map(String),
    textfont: { color: dark.matches ? "#101214" : "#ffffff", size: 11 },
    marker: { size: small ? 20 : 9, opacity: 1, symbol: nodes.map((i) => (byzantine.has(i) ? "square" : "circle")), color: nodes.map((i) => tone(byzantine.has(i) ? BYZANTINE : BENIGN)), line: { width: 1.5, color: dark.matches ? "#1b1d20" : "#ffffff" } },
    hovertext: nodes.map((i) => {
      if (byzantine.has(i)) return `node ${i}, Byzantine`;
      const theta = run.theta[frame]?.[i] ?? null;
      return `node ${i}, benign<br>${data.score.label} ${three(run[data.score.name][frame]?.[i])}${theta === null ? "" : `<br>theta ${theta}`}`;
    }),
    hovertemplate: "%{hovertext}<extra></extra>",
  };
  const middles = { ...hover, mode: "markers", marker: { size: 12, opacity: 0 }, hovertemplate: "%{text}<extra></extra>" };
  const chart = panel.querySelector(".chart");
  Plotly.react(chart, [...edges, middles, points], { ...layout("network"), dragmode: false }, CONFIG);
  walkable(chart, nodes.length - 1, walkNetwork);
  const of = (wanted) => mean(arrived(graph.edges.flatMap(([i, j], e) => [byzantine.has(j) === wanted ? trust[2 * e] : null, byzantine.has(i) === wanted ? trust[2 * e + 1] : null])));
  const line = `accepted: Byzantine ${percent(of(true))}, benign ${percent(of(false))} · ${data.score.label} ${three(mean(run[data.score.name][frame] ?? []))}`;
  panel.querySelector("p").textContent = line;
  chart.setAttribute("aria-label", `Network under ${panel.querySelector("h3").textContent}, ${find("#rounds").textContent}; ${line}`);
}

/** Walks by keyboard: left and right from node to node, down and up through the edges of a node. */
function walkNetwork(chart, down, right) {
  const [edges, nodes] = chart.data.slice(-2);
  const from = chart.walked;
  const node = clamp(from ? from.node + right : 0, 0, nodes.x.length - 1);
  const own = [...edges.x.keys()].filter((edge) => edges.customdata[edge].includes(node));
  const edge = from && !right ? clamp(from.edge + down, -1, own.length - 1) : -1; // -1: the node itself
  chart.walked = { node, edge };
  const [trace, point, texts] = edge < 0 ? [nodes, node, nodes.hovertext] : [edges, own[edge], edges.text];
  return { trace, point, subplot: "xy", now: node, text: texts[point] };
}

/** Draws at most once per frame of the screen: a slider moves faster than networks are drawn. */
function drawSoon() {
  net.due ??= requestAnimationFrame(() => { net.due = null; drawFrame(); });
}

function play(on) {
  clearInterval(net.timer);
  net.timer = null;
  const button = find("#play");
  button.textContent = on ? "pause" : "play";
  button.setAttribute("aria-pressed", String(on));
  if (!on) return;
  const last = () => Number(find("#round").max);
  if (net.frame >= last()) net.frame = -1;
  net.timer = setInterval(() => {
    net.frame += 1;
    drawFrame();
    if (net.frame >= last()) play(false);
  }, 350);
}

find("#experiment").addEventListener("change", (event) => { net.experiment = event.target.value; drawNetworks(); });
find("#thickness").addEventListener("change", drawNetworks);
find("#seed").addEventListener("change", (event) => { net.seed = Number(event.target.value); drawNetworks(); });
find("#round").addEventListener("input", (event) => { play(false); net.frame = Number(event.target.value); drawSoon(); });
find("#play").addEventListener("click", () => play(net.timer === null));
sections.push(drawNetworks);
