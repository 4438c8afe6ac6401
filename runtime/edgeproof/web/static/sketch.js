// The sketchpad: strokes on a white canvas, or a photo, posted to the device and read there.

import { showBars } from "./bars.js";
import { showNumbers } from "./numbers.js";

const PEN = 34; // width of a stroke in the canvas's own 1200 × 720 pixels: a felt pen on a card
const PAUSE_MS = 450; // after a stroke, before the sketch is read
const BUSY_MS = 700; // until the next try while the device reads another picture
const MOST_BYTES = 16 * 2 ** 20;
const SIDE = 28; // of a glyph
const MOST_SPOKEN = 8; // numbers in the line that is read aloud
const ROOM = 160; // pixels for the numbers read

const find = (id) => document.getElementById(id);
const pad = find("pad");
const pen = pad.getContext("2d");

let strokes = []; // each a list of [x, y]
let drawing = null;
let waiting = 0;
let turn = 0; // counts what was sent: an older answer is not shown

// --- drawing -----------------------------------------------------------------------------------------------------------

function place(event) {
  const box = pad.getBoundingClientRect();
  return [((event.clientX - box.left) * pad.width) / box.width, ((event.clientY - box.top) * pad.height) / box.height];
}

function paint() {
  pen.fillStyle = "#fdfcf9";
  pen.fillRect(0, 0, pad.width, pad.height);
  pen.strokeStyle = pen.fillStyle = "#1b2440";
  pen.lineWidth = PEN;
  pen.lineCap = pen.lineJoin = "round";
  for (const stroke of strokes) paintStroke(stroke);
  find("undo").disabled = find("clear").disabled = strokes.length === 0;
  find("pad-hint").hidden = strokes.length > 0;
}

function paintStroke(stroke) {
  pen.beginPath();
  pen.moveTo(...stroke[0]);
  if (stroke.length === 1) pen.lineTo(stroke[0][0] + 0.1, stroke[0][1]);
  for (let i = 1; i < stroke.length - 1; i++) {
    const [x, y] = stroke[i];
    const [nextX, nextY] = stroke[i + 1];
    pen.quadraticCurveTo(x, y, (x + nextX) / 2, (y + nextY) / 2); // through the middles: a mouse moves in corners
  }
  if (stroke.length > 1) pen.lineTo(...stroke.at(-1));
  pen.stroke();
}

pad.addEventListener("pointerdown", (event) => {
  if (event.button !== 0 || drawing) return;
  pad.setPointerCapture(event.pointerId);
  clearTimeout(waiting);
  drawing = { pointer: event.pointerId, stroke: [place(event)] };
  strokes.push(drawing.stroke);
  paint();
});
pad.addEventListener("pointermove", (event) => {
  if (event.pointerId !== drawing?.pointer) return;
  for (const step of event.getCoalescedEvents?.() ?? [event]) drawing.stroke.push(place(step));
  paint();
});
for (const name of ["pointerup", "pointercancel"]) {
  pad.addEventListener(name, (event) => {
    if (event.pointerId !== drawing?.pointer) return;
    drawing = null;
    readSoon();
  });
}
find("undo").addEventListener("click", () => {
  strokes.pop();
  paint();
  readSoon();
});
find("clear").addEventListener("click", () => {
  strokes = [];
  paint();
  readSoon();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "z" && (event.ctrlKey || event.metaKey) && strokes.length) {
    event.preventDefault();
    find("undo").click();
  }
});

// --- a photo -----------------------------------------------------------------------------------------------------------

for (const id of ["file", "camera"]) {
  find(id).addEventListener("change", (event) => {
    usePhoto(event.target.files[0]);
    event.target.value = ""; // the same one may be chosen again
  });
}
const area = find("sketch");
area.addEventListener("dragover", (event) => {
  event.preventDefault();
  area.classList.add("over");
});
area.addEventListener("dragleave", () => area.classList.remove("over"));
area.addEventListener("drop", (event) => {
  event.preventDefault();
  area.classList.remove("over");
  usePhoto(event.dataTransfer.files[0]);
});

async function usePhoto(file) {
  if (!file) return;
  clearTimeout(waiting);
  strokes = [];
  paint();
  if (file.size > MOST_BYTES) return fail("That photo is larger than 16 MB: choose a smaller one.");
  showPhoto(file);
  await read(file, "the photo");
}

/** The photo on the pad, as large as it fits; one that the browser cannot show is read all the same. */
async function showPhoto(file) {
  const picture = await createImageBitmap(file).catch(() => null);
  if (!picture || strokes.length) return;
  const scale = Math.min(pad.width / picture.width, pad.height / picture.height);
  const [width, height] = [picture.width * scale, picture.height * scale];
  pen.drawImage(picture, (pad.width - width) / 2, (pad.height - height) / 2, width, height);
  find("pad-hint").hidden = true;
  find("clear").disabled = false;
}

// --- reading -----------------------------------------------------------------------------------------------------------

function readSoon() {
  clearTimeout(waiting);
  turn += 1;
  if (!strokes.length) return say("Nothing drawn yet.");
  waiting = setTimeout(() => pad.toBlob((blob) => read(blob, "the sketch")), PAUSE_MS);
}

async function read(blob, what) {
  const mine = ++turn;
  say("Reading…", { keep: true });
  let answer;
  try {
    answer = await fetch("/sketch", { method: "POST", headers: { "Content-Type": blob.type || "image/unknown" }, body: blob });
  } catch {
    return mine === turn && fail("The device did not answer. Try again when the connection is back.");
  }
  if (mine !== turn) return undefined;
  if (answer.status === 429) return setTimeout(() => mine === turn && read(blob, what), BUSY_MS);
  const told = await answer.json().catch(() => ({ error: `The device answered ${answer.status}.` }));
  if (mine !== turn) return undefined;
  return answer.ok ? showReading(told, what) : fail(told.error);
}

function say(line, { keep = false, failed = false } = {}) {
  find("sketch-status").textContent = line;
  find("sketch-status").classList.toggle("failed", failed);
  if (!keep) find("result").hidden = true;
}

const fail = (line) => say(line, { failed: true });

function showReading(told, what) {
  const count = told.numbers.length;
  const texts = count > MOST_SPOKEN ? `${count} numbers` : told.numbers.map((number) => number.text).join(", ");
  const turned = told.turn ? `, turned by ${told.turn}°` : "";
  const none = `No number in ${what}${told.nothing ? `: ${told.nothing}` : ""}.`;
  say(texts ? `Read ${texts} in ${what} in ${told.ms.total.toFixed(1)} ms${turned}.` : none, { keep: true });
  const read = told.candidates.filter((candidate) => !candidate.reason);
  const refused = told.candidates.filter((candidate) => candidate.reason);
  const order = told.numbers.flatMap((number) => number.digits).filter((place) => read[place]);
  find("glyphs").replaceChildren(...order.map((place) => glyphCard(read[place])));
  find("glyphs").hidden = !order.length;
  showTimes(told.ms);
  showRefused(refused, told);
  showExplained(told.explained);
  find("result").hidden = false;
  showNumbers(find("sketch-numbers"), told.numbers, ROOM); // fitted, for which it has to be seen
}

function glyph(coded) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SIDE;
  canvas.setAttribute("aria-hidden", "true");
  const paper = canvas.getContext("2d");
  const image = paper.createImageData(SIDE, SIDE);
  const ink = atob(coded);
  for (let i = 0; i < ink.length; i++) {
    image.data.fill(255 - ink.charCodeAt(i), 4 * i, 4 * i + 3);
    image.data[4 * i + 3] = 255;
  }
  paper.putImageData(image, 0, 0);
  return canvas;
}

function element(tag, content) {
  const made = document.createElement(tag);
  made.textContent = content;
  return made;
}

function glyphCard(candidate) {
  const card = document.createElement("li");
  card.append(glyph(candidate.glyph), element("b", candidate.name), " ", `${(100 * candidate.score).toFixed(1)} %`);
  return card;
}

function showTimes(ms) {
  const most = Math.max(...Object.values(ms), 0.1);
  const rows = Object.entries(ms).map(([name, value]) => ({ name, share: value / most, amount: `${value.toFixed(1)} ms` }));
  showBars(find("sketch-ms"), rows);
}

function showRefused(refused, told) {
  const rows = refused.map((candidate) => {
    const row = document.createElement("li");
    row.append(glyph(candidate.glyph), element("span", candidate.reason));
    return row;
  });
  const never = Object.entries(told.never).map(([reason, count]) => element("li", `${count} × ${reason}`));
  if (told.more) never.push(element("li", `${told.more} more`));
  find("refused").replaceChildren(...rows, ...never);
  find("refused-box").hidden = !rows.length && !never.length;
}

function showExplained(coded) {
  const bytes = Uint8Array.from(atob(coded), (letter) => letter.charCodeAt(0));
  const image = find("explained");
  URL.revokeObjectURL(image.src);
  image.src = URL.createObjectURL(new Blob([bytes], { type: "image/jpeg" }));
}

paint();
