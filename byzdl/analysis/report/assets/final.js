// Final accuracy, or R²: heatmaps of attacks and defenses, and a table to sort.

const ROWS = 25;
const sorting = { column: null, down: false, all: false };
const CELL = 46;
const { least } = data.score; // of the colours

function drawMaps() {
  const node = find("input[name=node]:checked").value;
  const box = find(".maps");
  box.dataset.kind = "heatmap";
  const maps = facets(visible(), ["attack"]);
  const attack = dimensions.findIndex(({ key }) => key === "attack");
  fill(box, maps, (panel, { groups }) => {
    const columns = [...new Set(groups.map((group) => group.at[attack]))].sort((a, b) => a - b);
    const rows = [...new Set(groups.map((group) => group.defense))].sort((a, b) => a - b);
    const grid = rows.map((defense) => columns.map((place) => groups.find((group) => group.defense === defense && group.at[attack] === place)));
    const names = columns.map((place) => safe(dimensions[attack].values[place]));
    const defenses = rows.map((defense) => safe(data.defenses[defense].name));
    const longest = Math.max(...defenses.map((name) => name.length));
    const text = grid.map((row) => row.map((group) => {
      if (!group) return "";
      const [value, low, high] = group.final[node];
      return `<b>${safe(data.defenses[group.defense].name)}</b>, ${safe(dimensions[attack].values[group.at[attack]])}<br>${three(value)}${low === null ? "" : ` [${three(low)}, ${three(high)}]`}<br>${plural(group.seeds, "seed")}`;
    }));
    const chart = panel.querySelector(".chart");
    chart.style.width = `${columns.length * CELL + longest * 7 + 70}px`;
    chart.parentElement.classList.add("map");
    const values = grid.map((row) => row.map((group) => group?.final[node][0] ?? null));
    const trace = {
      type: "heatmap", x: names, y: defenses, z: values, text,
      zmin: least, zmax: 1, colorscale: "Cividis", showscale: false, xgap: 2, ygap: 2, hoverongaps: false,
      hovertemplate: "%{text}<extra></extra>",
    };
    const cells = values.flatMap((row, i) => row.map((value, j) => ({ x: names[j], y: defenses[i], value })).filter(({ value }) => value !== null));
    const written = {
      x: cells.map(({ x }) => x), y: cells.map(({ y }) => y), text: cells.map(({ value }) => (value < least ? `< ${least}` : value.toFixed(2)).replace("-", "−")),
      mode: "text", textfont: { color: cells.map(({ value }) => ((value - least) / (1 - least) < data.black ? "#ffffff" : "#000000")) }, hoverinfo: "skip",
    };
    const height = rows.length * 27 + Math.max(...names.map((name) => name.length)) * 5.5 + 24;
    Plotly.react(chart, [trace, written], { ...layout("heatmap"), height, width: parseFloat(chart.style.width), dragmode: false }, { ...CONFIG, responsive: false });
    chart.setAttribute("aria-label", `Heatmap of final ${data.score.label}, attack by defense; ${panel.querySelector("h3").textContent}. Its numbers are in the table below.`);
  }, (item) => nameOf(item.at) || "all");
}

/** Returns the median round, and the number of seeds that reach the score if not all do. */
function reaching(group) {
  const [rounds, reached] = group.final.rounds_to;
  const some = reached < group.seeds ? ` (${reached} of ${group.seeds})` : "";
  return reached === 0 ? "never" : `${rounds ?? "–"}${some}`;
}

const COLUMNS = [
  ...dimensions.map(({ key, values }, d) => ({ name: LABELS[key] ?? key, value: (group) => group.at[d], text: (group) => String(values[group.at[d]]), shown: values.length > 1 || key === "attack" || key === "br" })),
  { name: "defense", value: (group) => group.defense, text: (group) => data.defenses[group.defense].name, defense: true, shown: true },
  { name: "mean", value: (group) => group.final.mean[0], cell: (group) => group.final.mean, number: true, shown: true },
  {
    name: "IQM", value: (group) => group.final.iqm[0], cell: (group) => group.final.iqm, number: true,
    note: `IQM: the interquartile mean, with at least ${data.few} seeds.`, shown: data.groups.some((group) => group.final.iqm[0] !== null),
  },
  { name: "worst node", value: (group) => group.final.worst[0], cell: (group) => group.final.worst, number: true, shown: true },
  {
    name: "RMSE", value: (group) => group.final.rmse[0], cell: (group) => group.final.rmse, form: (value) => value.toPrecision(4), number: true, up: true,
    note: "RMSE: mean over benign nodes, in units of the targets.", shown: data.groups.some((group) => group.final.rmse),
  },
  {
    name: "over local", value: (group) => group.final.over_local[0], cell: (group) => group.final.over_local, signed: true, number: true,
    beside: ({ seeds, final: { pairs } }) => (0 < pairs && pairs < seeds ? `${pairs} of ${plural(seeds, "seed")}` : ""),
    note: "Over local: the gain over learning alone, in pairs of the same seed.", shown: data.groups.some((group) => group.final.over_local[0] !== null),
  },
  { name: "rounds to 0.5", value: (group) => group.final.rounds_to[0] ?? Infinity, text: reaching, number: true, up: true, shown: true },
  { name: "seeds", value: (group) => group.seeds, text: (group) => (group.seeds < data.most ? `${group.seeds} of ${data.most}` : String(group.seeds)), few: true, number: true, shown: true },
].filter(({ shown }) => shown);

const classOf = (column) => (column.number ? "number" : column.defense ? "defense" : "");

function cellOf(column, group) {
  const cell = make("td", { className: classOf(column) });
  if (column.cell) {
    const shown = (value) => (column.signed && value > 0 ? "+" : "") + (column.form ?? three)(value).replace("-", "−");
    const [value, low, high] = column.cell(group).map((value) => (value === null ? null : shown(value)));
    cell.append(value ?? "–");
    const beside = [low === null ? "" : `[${low}, ${high}]`, column.beside?.(group)].filter(Boolean);
    if (beside.length) cell.append(" ", make("small", {}, beside.join(", ")));
    return cell;
  }
  if (column.defense) {
    const dot = make("span", { className: "dot" });
    dot.style.background = colorOf(group.defense);
    cell.append(dot);
  }
  if (column.few && group.seeds < data.most) cell.classList.add("few");
  cell.append(column.text(group));
  return cell;
}

function drawTable() {
  const table = find("#table"), more = find("#final .more");
  if (!table.tHead.rows.length) {
    table.tHead.append(make("tr", {}, ...COLUMNS.map((column) => {
      const button = make("button", { type: "button" }, ...subscripted(column.name));
      button.addEventListener("click", () => {
        // A first click sorts numbers from the best on, and names from the beginning.
        sorting.down = sorting.column === column ? !sorting.down : Boolean(column.number && !column.up);
        sorting.column = column;
        drawTable();
      });
      return make("th", { scope: "col", className: classOf(column) }, button);
    })));
    more.addEventListener("click", () => { sorting.all = true; drawTable(); });
    const notes = COLUMNS.map(({ note }) => note).filter(Boolean);
    find("#final-note").textContent = ["Means over seeds, with 95% bootstrap intervals over seeds.", `A single seed has no interval; with fewer than ${data.few} seeds intervals are too narrow.`, ...notes, "Click a heading to sort."].join(" ");
  }
  [...table.tHead.rows[0].cells].forEach((head, i) => {
    if (COLUMNS[i] === sorting.column) head.setAttribute("aria-sort", sorting.down ? "descending" : "ascending");
    else head.removeAttribute("aria-sort");
  });
  const groups = [...visible()];
  if (sorting.column) {
    // Unknown values come last in both directions.
    const known = (group) => sorting.column.value(group) !== null;
    const order = (a, b) => (a < b ? -1 : Number(a > b)) * (sorting.down ? -1 : 1);
    groups.sort((a, b) => known(b) - known(a) || order(sorting.column.value(a), sorting.column.value(b)));
  }
  const shown = sorting.all ? groups : groups.slice(0, ROWS);
  table.tBodies[0].replaceChildren(...shown.map((group) => make("tr", {}, ...COLUMNS.map((column) => cellOf(column, group)))));
  more.hidden = shown.length === groups.length;
  more.textContent = `Show all ${groups.length} rows`;
}

find("#final .controls").addEventListener("change", drawMaps);
sections.push(drawMaps, drawTable);
