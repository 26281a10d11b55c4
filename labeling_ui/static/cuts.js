/** What other cuts would do: two sliders over the bins of the scores, and a sentence of what lies on which side. */
const REACH = 8;
const BEYOND = 99;
const element = (name) => document.getElementById(name);
const count = (number) => Math.round(number).toLocaleString("en");
const score = (odds) => 1 / (1 + Math.exp(-odds));
const said = (odds) => (Math.abs(odds) >= REACH ? "–" : score(odds).toPrecision(3));
const share = (part, whole) => (whole ? `${((100 * part) / whole).toFixed(1)} %` : "–");
const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);

export class Cuts {
  #charts;
  #scores;
  #moved = false;

  constructor(charts, scores) {
    this.#charts = charts;
    this.#scores = scores;
    for (const name of ["lower", "upper"]) element(name).addEventListener("input", (event) => this.#move(event.target));
    element("own-cuts").addEventListener("click", () => this.#back());
  }

  /** New numbers, or none. Sliders that somebody has moved stay where they are. */
  async renew(charts = this.#charts, scores = this.#scores) {
    this.#charts = charts;
    this.#scores = scores;
    element("what-if").hidden = !scores || !sum(scores.images);
    if (!scores) return;
    if (!this.#moved) await this.#back();
    else await this.#show();
  }

  async #back() {
    this.#moved = false;
    const { lower, upper } = this.#scores;
    element("lower").value = this.#step(lower ?? -REACH);
    element("upper").value = this.#step(upper ?? REACH);
    await this.#show({ lower: lower ?? -BEYOND, upper: upper ?? BEYOND });
  }

  /** A slider pushes the other one before it: no image is both yes and no. */
  async #move(slider) {
    this.#moved = true;
    const [lower, upper] = [element("lower"), element("upper")];
    if (Number(lower.value) > Number(upper.value)) (slider === lower ? upper : lower).value = slider.value;
    await this.#show();
  }

  #step(odds) {
    const bins = this.#scores.images.length;
    return Math.round(((Math.min(Math.max(odds, -REACH), REACH) + REACH) / (2 * REACH)) * bins);
  }

  async #show(exact) {
    const { left, images, yes, no } = this.#scores;
    const [from, to] = [Number(element("lower").value), Number(element("upper").value)];
    const odds = (step) => (step >= left.length ? REACH : left[step]);
    const at = exact ?? { lower: from ? odds(from) : -BEYOND, upper: to < left.length ? odds(to) : BEYOND };
    const [below, above] = [(numbers) => sum(numbers.slice(0, from)), (numbers) => sum(numbers.slice(to))];
    for (const name of ["lower", "upper"]) {
      element(`${name}-said`).textContent = said(at[name]);
      element(name).setAttribute("aria-valuetext", said(at[name]));
    }
    const rest = sum(images) - below(images) - above(images);
    const right = above(yes) + above(no) ? ` Of the ${count(above(yes) + above(no))} validation images that it would call yes, ${share(above(yes), above(yes) + above(no))} are;` : " No validation image would be called yes;";
    const lost = ` of all ${count(sum(yes))} yes among them, ${share(below(yes), sum(yes))} would be lost.`;
    element("what-if-said").textContent = `The model would say no to about ${count(below(images))} images and yes to ${count(above(images))}; ${count(rest)} would stay unknown.${sum(yes) + sum(no) ? right + lost : ""}`;
    for (const chart of this.#charts) await chart.set(at);
  }
}
