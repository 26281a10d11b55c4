/** Wait before trying again: longer after every failure, but not a moment longer than the connection is gone. */
export function patience(failures, { first = 500, most = 10_000 } = {}) {
  const wait = Math.min(first * 2 ** (failures - 1), most);
  return new Promise((resolve) => {
    const timer = setTimeout(finish, wait);
    function finish() {
      clearTimeout(timer);
      window.removeEventListener("online", finish);
      resolve();
    }
    window.addEventListener("online", finish);
  });
}
