// The live part of the page. Whatever comes from the device is text: it is set as textContent, never as markup.

import { Chart } from "./charts.js";
import { showAnswers, showKind } from "./answers.js";
import { showNumbers } from "./numbers.js";
import "./sketch.js";

const AGAIN_MS = 1000; // until the next try to connect
const SILENT_MS = 5000; // without a message the connection is taken as lost: a dead network says nothing
const SPOKEN_MS = 2000; // numbers are read aloud when they stayed for so long
const MOST_EVENTS = 100;

const find = (id) => document.getElementById(id);
const stream = find("stream");
const calm = window.matchMedia("(prefers-reduced-motion: reduce)");

const charts = {
  ms: new Chart(
    find("chart-ms"),
    [{ colour: "--soft", dash: [] }, { colour: "--soft", dash: [2, 3] }, { colour: "--accent", fill: true }],
    { label: (top) => `${top} ms` },
  ),
  age: new Chart(find("chart-age"), [{ colour: "--accent", fill: true }], { least: 50, label: duration }),
  fps: new Chart(find("chart-fps"), [{ colour: "--accent", fill: true }], { least: 5, label: (top) => `${top}` }),
};

let source = null;
let lastMessage = 0;
let lastDrawn = 0;

function connect() {
  disconnect();
  source = new EventSource("/events");
  source.onopen = () => {
    find("lost").textContent = "";
    find("screen").classList.remove("old");
    stream.src = `/stream?${Date.now()}`;
  };
  source.onmessage = (event) => {
    lastMessage = Date.now();
    show(JSON.parse(event.data));
  };
  source.onerror = lose;
  lastMessage = Date.now();
}

function disconnect() {
  if (source) source.close();
  source = null;
  stream.removeAttribute("src"); // a hidden page costs the device nothing
}

function lose() {
  disconnect();
  find("lost").textContent = "Connection lost. Trying again…";
  find("screen").classList.add("old");
  find("condition").dataset.state = "waiting";
  find("condition-text").textContent = "not connected";
  find("screen-note").textContent = "no picture";
  setTimeout(() => !source && !document.hidden && connect(), AGAIN_MS);
}

setInterval(() => source && Date.now() - lastMessage > SILENT_MS && lose(), 1000);
stream.addEventListener("error", () => source && setTimeout(() => source && (stream.src = `/stream?${Date.now()}`), AGAIN_MS));
document.addEventListener("visibilitychange", () => (document.hidden ? disconnect() : connect()));

// --- what a message says ---------------------------------------------------------------------------------------------

function text(id, value) {
  const element = find(id);
  if (element.textContent !== value) element.textContent = value;
}

function duration(ms) {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const s = ms / 1000;
  if (s < 10) return `${s.toFixed(1)} s`;
  if (s < 120) return `${Math.round(s)} s`;
  if (s < 7200) return `${Math.round(s / 60)} min`;
  return `${Math.floor(s / 3600)} h ${Math.round((s % 3600) / 60)} min`;
}

function show(told) {
  showCondition(told);
  showFacts(told);
  if (told.history) showPast(told.history);
  showKind(told.pictures);
  showEvents(told.events, Boolean(told.history), told.regions > 1);
  if (told.numbers) {
    const numbers = told.numbers.map((number) => ({ ...number, text: named(number, told.regions > 1) }));
    showNumbers(find("numbers"), numbers, roomForNumbers());
    find("numbers-none").hidden = numbers.length > 0;
    showAnswers(told);
    speak(numbers.map((number) => number.text).join(", "), told.pictures);
  }
  if (told.ms) {
    text("total", told.ms.total.toFixed(1));
    text("segment", told.ms.segment.toFixed(1));
    text("classify", told.ms.classify.toFixed(1));
    const age = told.fps ? told.late_ms : told.age_ms; // while frames come, that of each as it was read
    text("age", duration(age));
    charts.ms.push(told.fps ? [told.ms.segment, told.ms.classify, told.ms.total] : [null, null, null]);
    charts.age.push([age]);
    charts.fps.push([told.fps]);
  }
  const now = performance.now();
  if (now - lastDrawn < (calm.matches ? 1000 : 150)) return;
  lastDrawn = now;
  for (const chart of Object.values(charts)) chart.draw();
}

/** Of several regions each is named by its number. */
function named({ id, text }, several) {
  return several ? `#${id} ${text}` : text;
}

/** Beside the picture as high as that, below it less. */
function roomForNumbers() {
  const beside = window.matchMedia("(min-width: 60rem)").matches;
  return beside ? Math.max(240, find("screen").clientHeight - 56) : 0.36 * window.innerHeight;
}

function showCondition(told) {
  find("condition").dataset.state = told.condition;
  text("condition-text", told.why ? `${told.condition}: ${told.why}` : told.condition);
  const still = told.source_state !== "live";
  text("source-name", told.name ?? "");
  text("screen-note", still ? `${told.source_state}${told.why ? `: ${told.why}` : ""}` : "");
  find("screen").classList.toggle("old", told.source_state === "stalled");
}

function showFacts(told) {
  const { facts } = told;
  text("artifact", facts.artifact);
  text("backend", facts.backend);
  text("provider", facts.provider);
  text("requested", facts.skipped.length ? `${facts.requested}; not taken: ${facts.skipped.join("; ")}` : facts.requested);
  text("viewers", `${told.viewers}`);
  text("up", duration(1000 * told.up_s));
  text("frames", told.frames.toLocaleString("en"));
  text("dropped", told.dropped.toLocaleString("en"));
  text("fps", told.fps.toFixed(1));
  text("source-state", told.kind ? `${told.kind}, ${told.source_state}` : told.source_state);
  if (!told.name) return;
  text("size", `${told.width} × ${told.height}, frame ${told.frame.toLocaleString("en")}`);
  text("digits", `${told.digits}, ${told.rejected}`);
  find("screen").style.aspectRatio = `${stream.naturalWidth || told.width} / ${stream.naturalHeight || told.height}`;
  stream.alt = `Live picture of ${told.name} with what was read drawn in it`;
}

function showPast(history) {
  for (const chart of Object.values(charts)) chart.clear();
  for (const [ago, segment, classify, total, age, fps] of history) {
    charts.ms.push([segment, classify, total], ago);
    charts.age.push([age], ago);
    charts.fps.push([fps], ago);
  }
}

// --- events ------------------------------------------------------------------------------------------------------------

let lastEvent = 0;

function showEvents(events, afresh, several) {
  const list = find("events");
  if (afresh) {
    list.replaceChildren();
    lastEvent = 0;
  }
  for (const event of events) {
    if (event.seq <= lastEvent) continue;
    lastEvent = event.seq;
    list.prepend(eventRow(event, several));
  }
  while (list.children.length > MOST_EVENTS) list.lastChild.remove();
  list.hidden = !list.children.length;
  find("events-none").hidden = !list.hidden;
}

function eventRow(event, several) {
  const row = document.createElement("li");
  const time = document.createElement("time");
  time.textContent = new Date(1000 * event.at).toLocaleTimeString("en-GB");
  const kind = document.createElement("span");
  kind.className = "kind";
  kind.textContent = event.kind;
  const what = document.createElement("span");
  what.className = "text";
  what.textContent = named({ id: event.id, text: event.before ? `${event.before} → ${event.text}` : event.text }, several);
  row.append(time, kind, what);
  return row;
}

// --- aloud -------------------------------------------------------------------------------------------------------------

let heard = "";
let spoken = "";
let heardSince = 0;

function speak(numbers, pictures) {
  const now = Date.now();
  if (numbers !== heard) [heard, heardSince] = [numbers, now];
  if (numbers === spoken || now - heardSince < SPOKEN_MS) return;
  spoken = numbers;
  const nothing = pictures ? "Not sure" : "No number in the picture";
  text("spoken", numbers ? `${pictures ? "Seen" : "Read"}: ${numbers}` : nothing);
}

connect();
