/**
 * Makes `shown` like `fresh` and keeps every element that both have: focus, a button under a finger and what somebody
 * has opened stay. Children are the same by their id, else by their place and name.
 */
export function morph(shown, fresh) {
  if (shown.isEqualNode(fresh)) return;
  if (shown.nodeType === Node.TEXT_NODE) {
    shown.data = fresh.data;
    return;
  }
  attributes(shown, fresh);
  let next = shown.firstChild;
  for (const wanted of [...fresh.childNodes]) {
    const same = find(next, wanted);
    if (!same) {
      shown.insertBefore(document.importNode(wanted, true), next);
      continue;
    }
    // What was passed over is gone, or comes later in the order.
    while (next !== same) {
      const passed = next;
      next = next.nextSibling;
      if (passed.id && fresh.ownerDocument.getElementById(passed.id)) shown.append(passed);
      else passed.remove();
    }
    next = same.nextSibling;
    morph(same, wanted);
  }
  while (next) {
    const rest = next;
    next = next.nextSibling;
    rest.remove();
  }
}

function find(from, wanted) {
  for (let node = from; node; node = node.nextSibling) {
    if (node.nodeName !== wanted.nodeName || (node.id ?? "") !== (wanted.id ?? "")) continue;
    return node;
  }
  return null;
}

function attributes(shown, fresh) {
  for (const { name } of [...shown.attributes]) {
    if (!fresh.hasAttribute(name) && !(name === "open" && shown.localName === "details")) shown.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (shown.getAttribute(name) !== value) shown.setAttribute(name, value);
  }
}
