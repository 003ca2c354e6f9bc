// Makes nodes. What a subscriber or an agent said becomes text and attributes, never markup.

const SVG = "http://www.w3.org/2000/svg";

/**
 * An HTML element: `h("p", { class: "note" }, "text", child)`.
 * Attributes that are null or false are left out; those that begin with `on` are listeners.
 */
export function h(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

/** The same for SVG. */
export function svg(name, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

/** A part of the card under its own heading. */
export function panel(name, title, ...nodes) {
  const heading = h("h3", { id: `${name}-title` }, title);
  return h("section", { class: `panel ${name}`, "aria-labelledby": `${name}-title` }, heading, ...nodes);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) {
      element.setAttribute(name, value === true ? "" : value);
    }
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Sets custom properties from script: a style attribute would need a looser content security policy. */
export function styled(element, properties) {
  for (const [name, value] of Object.entries(properties)) element.style.setProperty(name, value);
  return element;
}

/** The stylesheets of these names, to be adopted by a shadow root; they lie beside this file. */
export function stylesheets(...names) {
  return Promise.all(names.map(stylesheet));
}

async function stylesheet(name) {
  const answer = await fetch(new URL(name, import.meta.url));
  return new CSSStyleSheet().replace(await answer.text());
}
