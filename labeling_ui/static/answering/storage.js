const DAY = 86_400_000;
const KEPT = 2 * DAY;

/*
 * This browser's own storage. A frame without an origin of its own has none, and some people forbid it:
 * then nothing is kept, silently. Values are JSON, each with the time at which it was written.
 */

/** What was kept under this name, or undefined. */
export function recall(name) {
  try {
    return JSON.parse(localStorage.getItem(name))?.value;
  } catch {
    return undefined;
  }
}

export function keep(name, value) {
  try {
    localStorage.setItem(name, JSON.stringify({ at: Date.now(), value }));
  } catch {
    // Forbidden or full: what matters is with the server.
  }
}

export function forget(name) {
  try {
    localStorage.removeItem(name);
  } catch {
    // Nothing was kept.
  }
}

/** Forget what has this prefix and was kept two days ago or earlier, except for one name. */
export function tidy(prefix, except) {
  try {
    const names = Object.keys(localStorage).filter((name) => name.startsWith(prefix) && name !== except);
    for (const name of names) if (!(Date.now() - (writtenAt(name) ?? 0) < KEPT)) localStorage.removeItem(name);
  } catch {
    // Nothing was kept.
  }
}

function writtenAt(name) {
  try {
    return JSON.parse(localStorage.getItem(name)).at;
  } catch {
    return undefined;
  }
}
