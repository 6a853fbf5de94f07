// Requests to the server, and what to say if they fail. draw.js says how the scripts belong together.
"use strict";

const byId = (id) => document.getElementById(id);
const LARGE = 8 * 1024 * 1024;  // bytes
const KEY_NAME = "mnist-api-key";

const state = {
  models: [],      // {name, version or null}
  model: null,     // the chosen one, with kind, classes and arch
  strokes: [],     // lists of points {x, y} in units of the drawing
  pointer: null,   // id of the pointer that draws
  file: null,      // the picture, if one was given instead
  picture: "",     // its blob: address
  subject: 0,      // counts what is read: an answer for an earlier subject is not shown
  selected: 0,     // which of several digits the bars are of
  key: "",
};

// What a person can do about a failed request. `again`: whether trying again can help.
class Failure extends Error {
  constructor(text, status = 0, again = true) {
    super(text);
    this.status = status;
    this.again = again;
  }
}

function sentence(text) {
  const trimmed = String(text ?? "").trim();
  if (!trimmed) return "";
  return trimmed[0].toUpperCase() + trimmed.slice(1) + (/[.!?]$/.test(trimmed) ? "" : ".");
}

function failureOf(status, body) {
  // Without the hint, which is for those who send requests; "body" is the server's name for a picture without one.
  const said = sentence(String(body?.error ?? "").replace(/(image )?'body'/g, "the picture"));
  switch (status) {
    case 401:
      return new Failure(state.key ? "The server does not accept this API key." : "This server asks for an API key.",
                         401);
    case 404:
      return new Failure("The server does not have this model any more. Reload the page.", 404, false);
    case 408:
      return new Failure("The picture took too long to arrive.", 408);
    case 413:
      return new Failure("This picture is too large for the server. Choose a smaller one.", 413, false);
    case 503:
      return new Failure("The server is too busy or stops. Try again in a moment.", 503);
    default:
      return new Failure(said || `The server answers with the error ${status}.`, status, status >= 500);
  }
}

async function ask(address, body = null) {
  const headers = state.key ? { Authorization: `Bearer ${state.key}` } : {};
  const options = body ? { method: "POST", body } : {};
  let answer;
  let text;
  try {
    answer = await fetch(address, { ...options, headers, cache: "no-store" });
    text = await answer.text();
  } catch {
    // It may have closed the connection because of the size.
    if (body?.size > LARGE) throw new Failure("The server does not take this picture. Try a smaller one.");
    throw new Failure("The server does not answer. Check that it runs and that you are connected to it.");
  }
  let content = null;
  try {
    content = JSON.parse(text);
  } catch {
    if (answer.ok) throw new Failure("The server gives an answer that this page does not understand.");
  }
  if (!answer.ok) throw failureOf(answer.status, content);
  return content;
}

let tryAgain = () => {};

function tell(error, again) {
  if (!(error instanceof Failure)) throw error;
  tryAgain = again;
  const needsKey = error.status === 401;
  byId("key-form").hidden = !needsKey;
  byId("message").hidden = needsKey;
  byId(needsKey ? "key-text" : "message-text").textContent = error.message;
  byId("again").hidden = !error.again;
  if (needsKey) byId("key").focus();
}

function tellNothing() {
  byId("message").hidden = true;
  byId("key-form").hidden = true;
}

function rememberKey(key) {
  state.key = key;
  try {
    sessionStorage.setItem(KEY_NAME, key);
  } catch {
    // Without storage the key lives as long as the page.
  }
}

function rememberedKey() {
  try {
    return sessionStorage.getItem(KEY_NAME) ?? "";
  } catch {
    return "";
  }
}
