import "./vega.js";

/** A chart in the page's own colours that takes new rows without being drawn anew. */
export class Chart {
  #box;
  #spec;
  #view = null;
  #rows = new Map();
  #signals = new Map();

  constructor(box, spec) {
    this.#box = box;
    this.#spec = spec;
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  async draw() {
    // Without a row there is nothing to draw, and a hidden box has no width to fill.
    const empty = Object.values(this.#spec.datasets).every((rows) => rows.length === 0);
    this.#box.closest("figure").hidden = empty;
    if (empty) return;
    this.#view?.finalize();
    const { view } = await window.vegaEmbed(this.#box, this.#spec, {
      ast: true, // the security policy forbids making functions out of strings
      actions: false,
      defaultStyle: false,
      renderer: "svg",
      tooltip: { disableDefaultStyle: true },
      config: colours(this.#box),
    });
    this.#view = view;
    this.#rows = texts(this.#spec);
    for (const [name, value] of this.#signals) view.signal(name, value);
    await view.runAsync();
  }

  /** New rows for the same chart. */
  async update(spec) {
    this.#spec = spec;
    if (!this.#view) return this.draw();
    const changed = [...texts(spec)].filter(([name, text]) => text !== this.#rows.get(name));
    if (!changed.length) return;
    this.#rows = texts(spec);
    for (const [name] of changed) this.#view.data(name, spec.datasets[name]);
    await this.#view.runAsync();
  }

  /** Sets parameters of the chart. They stay as they are set when it is drawn anew. */
  async set(values) {
    for (const [name, value] of Object.entries(values)) {
      this.#signals.set(name, value);
      this.#view?.signal(name, value);
    }
    await this.#view?.runAsync();
  }
}

function texts(spec) {
  return new Map(Object.entries(spec.datasets).map(([name, rows]) => [name, JSON.stringify(rows)]));
}

/** The tokens of base.css as Vega's configuration, read from elements that use them: the swatches of this figure. */
function colours(box) {
  const figure = box.closest("figure");
  const { color, fontFamily } = getComputedStyle(box);
  const soft = getComputedStyle(figure.querySelector("figcaption")).color;
  const swatches = [...figure.querySelectorAll("[data-swatch]")];
  return {
    background: null,
    font: fontFamily,
    view: { stroke: null },
    range: swatches.length ? { category: swatches.map((swatch) => getComputedStyle(swatch).backgroundColor) } : {},
    axis: { labelColor: soft, titleColor: soft, titleFontWeight: 400, labelFontSize: 12, titleFontSize: 12, domain: false, ticks: false, labelPadding: 6, gridColor: soft, gridOpacity: 0.2 },
    legend: { labelColor: soft, titleColor: soft, labelFontSize: 12 },
    text: { color },
    rule: { color },
  };
}
