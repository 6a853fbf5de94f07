// The page that the server returns for "/": one draws a digit or gives a picture, and sees what the network says. The
// scripts of the page share their names: ask.js talks to the server, answer.js shows what it says, pad.js is what one
// draws on, and draw.js, the last one, connects them. Texts of the server and names of classes become text nodes, never
// markup. Addresses are relative, so the page also works behind a proxy that gives it a folder.
"use strict";

const PAUSE_MS = 100;  // between two requests while one draws
const BUSY_MS = 1000;  // until a request that the server was too busy for is sent again
const BUSY_TRIES = 10;

// ---- Models

async function start() {
  try {
    const { models } = await ask("v2/models");
    // The newest version has no number here, so that the page follows a newer one.
    state.models = models.flatMap(({ name, versions }) =>
      versions.map((version, i) => ({ name, version: i + 1 === versions.length ? null : version })).reverse());
    if (state.models.length === 0) throw new Failure("This server has no model.");
    byId("model").replaceChildren(...state.models.map(({ name, version }, i) =>
      new Option(version ? `${name}, version ${version}` : name, String(i))));
    byId("model-choice").hidden = state.models.length === 1;
    await choose(0);
  } catch (error) {
    tell(error, start);
  }
}

async function choose(index) {
  const model = state.models[index];
  try {
    const version = model.version ? `/versions/${encodeURIComponent(model.version)}` : "";
    const about = await ask(`v2/models/${encodeURIComponent(model.name)}${version}`);
    const { class_names: classes, kind, arch, sha256 } = about.parameters;
    if (byId("model").value !== String(index)) return;  // another one was chosen meanwhile
    state.model = { ...model, classes, kind, arch, sha256 };
  } catch (error) {
    return tell(error, () => choose(index));
  }
  tellNothing();
  byId("renewed").textContent = "";
  showModel();
  changed();
}

function showModel() {
  const photo = isPhoto();
  const digits = state.model.classes.every((name) => /^\d$/.test(name));
  const title = photo ? "Show a photo" : digits ? "Draw a digit" : "Draw a character";
  document.title = `${title} - mnist`;
  byId("title").textContent = title;
  byId("intro").textContent = photo
    ? `Choose a photo, paste it, or drop it here. The network knows ${state.model.classes.length} classes.`
    : "The network reads while you draw. You can also choose, paste or drop a picture.";
  byId("stage-title").textContent = photo ? "Your photo" : "Your drawing";
  byId("stage").classList.toggle("photo", photo);
  for (const id of ["pad", "undo", "multi-choice"]) byId(id).hidden = photo;
  byId("seen").classList.toggle("pixels", !photo);
  byId("bars").classList.toggle("words", isRanked());
  byId("bars-title").textContent =
    shownClasses() < state.model.classes.length ? `The ${shownClasses()} most probable` : "Probabilities";
  byId("bars").replaceChildren(...Array.from({ length: shownClasses() }, (_, i) => newBar(state.model.classes[i])));
  byId("work").hidden = false;
  byId("curl").hidden = false;
  fitPad();
}

function predictAddress(forPage) {
  const query = new URLSearchParams({ model: state.model.name });
  if (state.model.version) query.set("version", state.model.version);
  query.set("top_k", String(shownClasses()));
  if (byId("multi").checked && !isPhoto()) query.set("multi", "1");
  if (forPage) query.set("show_input", "1");
  return `predict?${query}`;
}

function showCurl() {
  const key = state.key ? '-H "Authorization: Bearer $API_KEY" ' : "";
  const address = new URL(predictAddress(false), location.href);
  byId("curl-text").textContent = `curl ${key}-F image=@${isPhoto() ? "photo.jpg" : "digit.png"} '${address}'`;
}

// ---- Reading: one request at a time, and the newest drawing wins.

const reading = { wanted: false, busy: false, tries: 0, renewed: false };

async function read() {
  reading.wanted = true;
  if (reading.busy) return;
  setBusy(true);
  try {
    while (reading.wanted) {
      reading.wanted = false;
      await pause(await readOnce());
    }
  } finally {
    setBusy(false);
  }
}

// Screen readers wait with what has changed, until the answer is the last one.
function setBusy(busy) {
  reading.busy = busy;
  byId("reading").setAttribute("aria-busy", busy);
}

const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

// Returns the milliseconds until the next request may be sent.
async function readOnce() {
  const subject = state.subject;
  if (!hasSubject()) return 0;
  try {
    const result = await ask(predictAddress(true), state.file ?? (await drawnPicture()));
    reading.tries = 0;
    tellNothing();
    if (subject !== state.subject) return PAUSE_MS;
    if (!isOfModel(result)) return await renew();
    reading.renewed = false;
    showResult(result);
  } catch (error) {
    if (subject !== state.subject) return 0;
    if (error.status === 503 && ++reading.tries < BUSY_TRIES) {
      tell(new Failure("The server is busy. This page tries again every second.", 503, false), read);
      reading.wanted = true;
      return BUSY_MS;
    }
    reading.tries = 0;
    showItems([], "No answer");
    say("", 0);
    byId("summary").textContent = "";
    tell(error, read);
  }
  return PAUSE_MS;
}

// Whether the model that answered is the one whose classes the page shows. Older servers do not say which one it was.
const isOfModel = (result) => !result.sha256 || !state.model.sha256 || result.sha256 === state.model.sha256;

// The server has another file under the name of the model by now: maybe other classes, or another kind.
async function renew() {
  if (reading.renewed) {
    reading.renewed = false;
    throw new Failure("The server is changing its models.");
  }
  reading.renewed = true;
  const before = state.model;
  await choose(Number(byId("model").value));  // reads again, too
  if (state.model !== before && state.model.name === before.name) {
    byId("renewed").textContent = "The server has a new model. The page now shows its answers.";
  }
  return PAUSE_MS;
}

const hasSubject = () => state.file !== null || (!isPhoto() && state.strokes.length > 0);

// There is something else to read, or nothing.
function changed() {
  ++state.subject;
  state.selected = 0;
  byId("undo").disabled = state.strokes.length === 0 || state.file !== null;
  byId("stage-hint").textContent = hasSubject() ? "" : isPhoto() ? "Choose a photo, or drop it here" : "Draw here";
  showCurl();
  if (hasSubject()) return read();
  tellNothing();
  showItems([], "");
  say("", 0);
  byId("summary").textContent = "";
}

// ---- Pictures that one has

function takeFile(file) {
  if (!file || !state.model) return;
  state.strokes = [];
  forgetFile();
  state.file = file;
  state.picture = URL.createObjectURL(file);
  byId("picture").src = state.picture;
  byId("picture").hidden = false;
  showStrokes();
  changed();
}

function forgetFile() {
  if (state.picture) URL.revokeObjectURL(state.picture);
  state.file = null;
  state.picture = "";
  byId("picture").hidden = true;
  byId("picture").removeAttribute("src");
}

// ---- What a person does

function onKey(event) {
  const writes = event.target instanceof HTMLInputElement && event.target.type === "password";
  if (writes || !state.model) return;
  if (event.key === "Escape") clearAll();
  if (event.key === "z" && (event.ctrlKey || event.metaKey) && !event.shiftKey) {
    event.preventDefault();
    undo();
  }
}

function listenToPictures() {
  const over = (on) => byId("stage").classList.toggle("over", on);
  byId("file").addEventListener("change", (event) => {
    takeFile(event.target.files[0]);
    event.target.value = "";  // the same file may be chosen again
  });
  byId("picture").addEventListener("error", () => byId("picture").hidden = true);  // the server says why
  byId("stage").addEventListener("click", () => isPhoto() && byId("file").click());
  document.addEventListener("paste", (event) => takeFile(event.clipboardData?.files[0]));
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    over(true);
  });
  document.addEventListener("dragleave", () => over(false));
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    over(false);
    takeFile(event.dataTransfer?.files[0]);
  });
}

function listen() {
  const pad = byId("pad");
  pad.addEventListener("pointerdown", startStroke);
  pad.addEventListener("pointermove", moveStroke);
  for (const end of ["pointerup", "pointercancel"]) pad.addEventListener(end, endStroke);
  byId("clear").addEventListener("click", clearAll);
  byId("undo").addEventListener("click", undo);
  byId("multi").addEventListener("change", changed);
  byId("read-all").addEventListener("click", () => {
    byId("multi").checked = true;
    byId("multi").focus();
    changed();
  });
  byId("model").addEventListener("change", (event) => choose(Number(event.target.value)));
  byId("again").addEventListener("click", () => tryAgain());
  byId("key-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const key = byId("key").value.trim();
    byId("key").value = "";
    if (!/^[\x21-\x7e]+$/.test(key)) {
      byId("key-text").textContent = "An API key has no spaces and only ASCII characters.";
      return;
    }
    rememberKey(key);
    tellNothing();
    tryAgain();
  });
  document.addEventListener("keydown", onKey);
  listenToPictures();
  new ResizeObserver(fitPad).observe(pad);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", showStrokes);
}

state.key = rememberedKey();
listen();
start();
