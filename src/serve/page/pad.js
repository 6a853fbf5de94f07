// What one draws on: strokes, undo, and the picture that is sent. draw.js says how the scripts belong together.
"use strict";

// The drawing has its own units, whatever its size on the screen.
const WIDTH = 480;
const HEIGHT = 360;
const PEN = 28;
// White paper around the drawing that is sent: ink at the edge of a picture would be ignored.
const MARGIN = 24;

function ink(context, strokes) {
  context.lineWidth = PEN;
  context.lineCap = context.lineJoin = "round";
  for (const points of strokes) {
    const last = points[points.length - 1];
    context.beginPath();
    context.moveTo(points[0].x, points[0].y);
    for (let i = 1; i + 1 < points.length; ++i) {
      const next = points[i + 1];
      context.quadraticCurveTo(points[i].x, points[i].y, (points[i].x + next.x) / 2, (points[i].y + next.y) / 2);
    }
    context.lineTo(last.x + (points.length === 1 ? 0.01 : 0), last.y);  // a line without length would have no ends
    context.stroke();
  }
}

// Dark on white in both colour schemes.
function drawnPicture() {
  const sheet = element("canvas");
  sheet.width = WIDTH + 2 * MARGIN;
  sheet.height = HEIGHT + 2 * MARGIN;
  const context = sheet.getContext("2d");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, sheet.width, sheet.height);
  context.translate(MARGIN, MARGIN);
  context.rect(0, 0, WIDTH, HEIGHT);
  context.clip();
  context.strokeStyle = "#000";
  ink(context, state.strokes);
  return new Promise((done) => sheet.toBlob(done, "image/png"));
}

function showStrokes() {
  const pad = byId("pad");
  const context = pad.getContext("2d");
  context.setTransform(pad.width / WIDTH, 0, 0, pad.height / HEIGHT, 0, 0);
  context.clearRect(0, 0, WIDTH, HEIGHT);
  context.strokeStyle = getComputedStyle(pad).color;
  ink(context, state.strokes);
}

function fitPad() {
  const pad = byId("pad");
  pad.width = Math.round(pad.clientWidth * devicePixelRatio);
  pad.height = Math.round(pad.clientHeight * devicePixelRatio);
  showStrokes();
}

function addPoints(event) {
  const box = byId("pad").getBoundingClientRect();
  const events = event.getCoalescedEvents?.() ?? [];
  for (const { clientX, clientY } of events.length > 0 ? events : [event]) {
    state.strokes[state.strokes.length - 1].push(
      { x: ((clientX - box.left) / box.width) * WIDTH, y: ((clientY - box.top) / box.height) * HEIGHT });
  }
  showStrokes();
}

function startStroke(event) {
  if (state.pointer !== null || event.button !== 0) return;
  event.preventDefault();
  byId("pad").setPointerCapture(event.pointerId);
  state.pointer = event.pointerId;
  if (state.file) forgetFile();
  state.strokes.push([]);
  addPoints(event);
  if (state.strokes.length === 1) return changed();
  byId("undo").disabled = false;
  read();
}

function moveStroke(event) {
  if (event.pointerId !== state.pointer) return;
  addPoints(event);
  read();
}

function endStroke(event) {
  if (event.pointerId !== state.pointer) return;
  state.pointer = null;
  read();
}

function clearAll() {
  state.strokes = [];
  state.pointer = null;
  forgetFile();
  showStrokes();
  changed();
}

function undo() {
  if (byId("undo").disabled) return;
  state.strokes.pop();
  state.pointer = null;
  showStrokes();
  changed();
}
