import { patience } from "./patience.js";
import { request, Unreachable } from "./requests.js";

/**
 * Hand in the finished answers, once: `before()` first brings everything over, then Winnow stores the submission, and
 * only then the market is told. A second call while one is under way does nothing; a repeated one gets the same receipt.
 */
export class Submission {
  #path;
  #token;
  #busy = false;

  constructor(path, token) {
    this.#path = path;
    this.#token = token;
  }

  /** One request. What is submitted already stays as it is: the reply is the same again. */
  receipt() {
    return request("POST", this.#path, { token: this.#token, body: { viewport: [innerWidth, innerHeight] } });
  }

  /** Returns the reply, or null when a call is already under way. Throws Refusal. */
  async send(before, onWait) {
    if (this.#busy) return null;
    this.#busy = true;
    try {
      await before();
      for (let failures = 0; ; ) {
        try {
          return await this.receipt();
        } catch (error) {
          if (!(error instanceof Unreachable)) throw error;
          failures += 1;
          onWait();
          await patience(failures);
        }
      }
    } finally {
      this.#busy = false;
    }
  }
}

/** Tell the market in the way that it wants: a form, or a visit to a page of its own. */
export function hand(method, action, fields) {
  if (method === "get") location.assign(`${action}?${new URLSearchParams(fields)}`);
  else post(action, fields);
}

/** Post a form inside this frame: a market wants the browser itself to come, not a script's request. */
function post(action, fields) {
  const form = document.createElement("form");
  form.method = "post";
  form.action = action;
  form.target = "_self";
  for (const [name, value] of Object.entries(fields)) {
    const field = document.createElement("input");
    field.type = "hidden";
    field.name = name;
    field.value = value;
    form.append(field);
  }
  document.body.append(form);
  form.submit();
}
