/** The server understood and said no. Trying again will not help. */
export class Refusal extends Error {
  constructor(status, { message, hint } = {}) {
    super(message ?? `The server refused (${status}).`);
    this.status = status;
    this.hint = hint ?? "";
  }
}

/** Nobody answered, or the server is busy or broken. Trying again may help. */
export class Unreachable extends Error {}

const BUSY = [408, 425, 429];
const TIMEOUT = 20_000;

/** JSON to and from the server. Throws Refusal or Unreachable, nothing else. */
export async function request(method, path, { body, token, keepalive = false } = {}) {
  const headers = { Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (token) headers.Authorization = `Bearer ${token}`;
  let response;
  try {
    const signal = keepalive ? undefined : AbortSignal.timeout(TIMEOUT);
    response = await fetch(path, { method, headers, keepalive, signal, body: body && JSON.stringify(body), cache: "no-store" });
  } catch (error) {
    throw new Unreachable(error.message);
  }
  if (!response.ok) throw await refusalOf(response);
  const reply = await response.json().catch(() => null);
  if (reply === null) throw new Unreachable(`${method} ${path}: no JSON`);
  return reply;
}

/** What a reply that is no success means: a Refusal, or Unreachable where the server is only busy. */
export async function refusalOf(response) {
  if (response.status >= 500 || BUSY.includes(response.status)) return new Unreachable(`${response.url}: ${response.status}`);
  const reply = await response.json().catch(() => null);
  return new Refusal(response.status, reply?.error);
}
