"use strict";
// Elements and numbers. What comes from the data becomes a text or an attribute, never markup.

const byId = id => document.getElementById(id);

/** html("a", { href: "…", click: f }, "text", child): an element; a function is a listener, null is left out. */
function html(tag, attributes, ...children) {
  return build(document.createElement(tag), attributes, children);
}

function svg(tag, attributes, ...children) {
  return build(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function build(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.flat().filter(child => child !== null && child !== undefined));
  return element;
}

/** Reads the JSON of a script element, and frees its text. */
function take(id) {
  const element = byId(id);
  const data = JSON.parse(element.textContent);
  element.remove();
  return data;
}

const known = value => value !== null && value !== undefined && !Number.isNaN(value);
const number = (value, digits) => known(value) ? value.toFixed(digits) : "–";
const percent = (share, digits = 1) => known(share) ? number(100 * share, digits) : "–";
const signed = share => known(share) ? (share > 0 ? "+" : share < 0 ? "−" : "") + percent(Math.abs(share)) : "–";
const count = value => value.toLocaleString("en-GB");
const photos = value => `${count(value)} ${value === 1 ? "photo" : "photos"}`;
const interval = (low, high, write = percent) => known(low) && known(high) ? `${write(low)} to ${write(high)}` : "";

/** A name that may be broken after its separators. */
const breakable = text => text.split(/(?<=[_./-])/).flatMap(part => [html("wbr"), part]);

/** A button that copies a text and says so. */
function copyButton(label, text) {
  return html("button", { type: "button", class: "copy", click: event => copy(event.target, text) }, label);
}

async function copy(button, text) {
  const label = button.textContent;
  button.textContent = await navigator.clipboard?.writeText(text).then(() => "Copied", () => null) ?? "Not allowed here";
  setTimeout(() => { button.textContent = label; }, 1500);
}

/** A command line with a button to copy it. */
function command(text) {
  return html("p", { class: "command" }, html("code", {}, text), copyButton("Copy", text));
}

/** An argument as a shell takes it. */
const quoted = text => /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
