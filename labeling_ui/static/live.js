const AT_MOST_EVERY = 1_000;
const POLL = 5_000;

/**
 * Calls `refresh` when the server has news: by server-sent events, by asking every five seconds while those fail.
 * Never two at a time, at most one a second, none while nobody looks. `tell` says which of the ways is in use.
 */
export function follow(address, refresh, tell) {
  let source;
  let poll = 0;
  let due = 0;
  let busy = false;
  let missed = false;

  function connect() {
    source = new EventSource(address);
    source.onopen = () => {
      clearInterval(poll);
      poll = 0;
      tell("live");
      news();
    };
    source.onmessage = news;
    source.onerror = () => {
      tell("polling");
      poll ||= setInterval(again, POLL);
    };
  }

  function again() {
    news();
    if (source.readyState === EventSource.CLOSED) connect();
  }

  function news() {
    missed = true;
    if (!document.hidden) due ||= setTimeout(run, AT_MOST_EVERY);
  }

  async function run() {
    due = 0;
    if (busy) return news();
    busy = true;
    missed = false;
    await refresh().catch((error) => {
      console.warn(error);
      tell("unreachable");
    });
    busy = false;
  }

  document.addEventListener("visibilitychange", () => missed && news());
  connect();
}
