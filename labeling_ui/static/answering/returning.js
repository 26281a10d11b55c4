/** Call `act` when the page is seen again after more than `away` milliseconds, or comes out of the browser's cache. */
export function onReturn(act, away = 3_000) {
  let left = document.hidden ? performance.now() : null;
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) left = performance.now();
    else if (left !== null && performance.now() - left > away) act();
  });
  window.addEventListener("pageshow", (event) => event.persisted && act());
}
