// Shows what the network says: the answer, its input, and a bar for each class. draw.js says how the scripts belong
// together.
"use strict";

const MOST_BARS = 30;  // for more classes, only the best are shown
const BEST = 5;
const SPACE = "\u00a0";

const isPhoto = () => state.model?.kind === "photo";
const isRanked = () => isPhoto() || state.model.classes.length > MOST_BARS;
const shownClasses = () => (isRanked() ? Math.min(BEST, state.model.classes.length) : state.model.classes.length);

// Rounded down, so that an unsure answer never looks like a sure one.
function percent(probability) {
  if (probability >= 1) return `100${SPACE}%`;
  return `${(Math.floor(probability * 1000) / 10).toFixed(1)}${SPACE}%`;
}

function showResult(result) {
  const answers = result.digits ?? (result.prediction == null ? [] : [result]);
  const items = answers.map((item, i) => ({ ...item, input: result.inputs?.[i] }));
  // The server's words continue with an option of the command line.
  const several = /^(\d+) digits found/.exec(result.reason ?? "");
  showItems(items, several ? several[0] : result.reason ?? "");
  say(result.note, several ? Number(several[1]) : 0);
  if (!reading.wanted && state.pointer === null) byId("summary").textContent = summaryOf(items, result.note);
}

function summaryOf(items, note) {
  if (items.length !== 1) return sentence(byId("answer").textContent);
  const texts = items[0].top_k.slice(0, 2).map((one) => `${one.class}, ${percent(one.probability)}`);
  return [sentence(texts.join("; next ")), sentence(note)].join(" ");
}

// The digits of a line side by side, as one reads a number.
function answerText(items) {
  const gap = items.some((item) => item.top_k[0].class.length > 1) ? " " : "";
  return items.map((item, i) => (i === 0 ? "" : item.line === items[i - 1].line ? gap : " / ") + item.top_k[0].class)
    .join("");
}

// Without items, `reason` says why; empty: nothing was given yet.
function showItems(items, reason) {
  const several = items.length > 1;
  const answer = byId("answer");
  answer.textContent = items.length > 0 ? answerText(items) : reason ? sentence(reason) : "Nothing to read yet.";
  answer.classList.toggle("none", items.length === 0);
  answer.classList.toggle("words", answer.textContent.length > (several ? 5 : 2));
  byId("result").classList.toggle("several", several);
  byId("digits").hidden = !several;
  byId("digits").replaceChildren(...(several ? items : []).map((item, i) => digitButton(item, i, items)));
  select(items, Math.min(state.selected, Math.max(items.length - 1, 0)));
}

function digitButton(item, index, items) {
  const best = item.top_k[0];
  const button = element("button", element("b", best.class), element("span", percent(best.probability)));
  button.type = "button";
  if (item.input) {
    const image = element("img");
    image.src = item.input;
    image.alt = "";
    image.className = "pixels";
    button.prepend(image);
  }
  button.addEventListener("click", () => select(items, index));
  return element("li", button);
}

function select(items, index) {
  state.selected = index;
  const item = items[index];
  byId("digits").querySelectorAll("button").forEach((button, i) => button.setAttribute("aria-pressed", i === index));
  const alone = items.length === 1;
  byId("sure").textContent = alone ? percent(item.top_k[0].probability) : "";
  byId("seen-one").hidden = !alone || !item.input;
  if (alone && item.input) {
    byId("seen").src = item.input;
    byId("seen").alt = isPhoto() ? "The part of the photo that the network sees" : "The pixels that the network sees";
  }
  showBars(item?.top_k ?? []);
}

function element(name, ...content) {
  const made = document.createElement(name);
  made.append(...content);
  return made;
}

function newBar(name) {
  const row = element("li", element("span", isRanked() ? SPACE : name), element("i", element("b")), element("span"));
  row.children[1].setAttribute("aria-hidden", "true");
  return row;
}

function showBars(classes) {
  [...byId("bars").children].forEach((row, i) => {
    const one = isRanked() ? classes[i] : classes.find((candidate) => candidate.class_index === i);
    if (isRanked()) row.children[0].textContent = one?.class ?? SPACE;
    row.children[1].firstChild.style.width = `${100 * (one?.probability ?? 0)}%`;
    row.children[2].textContent = one ? percent(one.probability) : "";
    row.classList.toggle("first", Boolean(one) && one === classes[0]);
  });
}

// A note of the server; an offer to read all digits if there are several.
function say(note, digits) {
  byId("note").textContent = sentence(note);
  byId("note").hidden = !note;
  byId("read-all").textContent = `Read all ${digits} digits`;
  byId("read-all").hidden = digits < 2;
}
