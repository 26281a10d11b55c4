/** The menu of languages: its links keep what the marketplace has put into the page's address. */
const menu = document.getElementById("languages");
for (const link of menu.querySelectorAll("a")) {
  const address = new URL(location.href);
  address.searchParams.set("lang", link.lang);
  link.href = address;
}
menu.hidden = false;
