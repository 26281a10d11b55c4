import "./vega.js";

/** A chart in the page's own colours that takes new rows without being drawn anew. */
export class Chart {
  #box;
  #spec;
  #view = null;
  #rows = "";

  constructor(box, spec) {
    this.#box = box;
    this.#spec = spec;
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  async draw() {
    // Without an image there is nothing to draw, and a hidden box has no width to fill.
    const empty = this.#spec.datasets.pool.length === 0;
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
    this.#rows = JSON.stringify(this.#spec.datasets.pool);
  }

  async update(spec) {
    this.#spec = spec;
    const rows = JSON.stringify(spec.datasets.pool);
    if (rows === this.#rows) return;
    if (!this.#view) return this.draw();
    this.#rows = rows;
    await this.#view.data("pool", spec.datasets.pool).runAsync();
  }
}

/** The tokens of base.css as Vega's configuration, read from elements that use them. */
function colours(box) {
  const { color, fontFamily } = getComputedStyle(box);
  const soft = getComputedStyle(document.querySelector("figcaption")).color;
  const swatches = [...document.querySelectorAll("[data-swatch]")];
  return {
    background: null,
    font: fontFamily,
    view: { stroke: null },
    range: { category: swatches.map((swatch) => getComputedStyle(swatch).backgroundColor) },
    axis: { labelColor: soft, titleColor: soft, titleFontWeight: 400, labelFontSize: 12, titleFontSize: 12, domain: false, ticks: false, labelPadding: 6, gridColor: soft, gridOpacity: 0.2 },
    text: { color },
  };
}
