// Keys file crops. Only a person's own key or tap changes which crop is shown: what comes back late, or from elsewhere, waits behind
// it, so that no key ever meets a crop that was not yet seen. Text from the device is set as textContent, never as markup.

const AHEAD = 12; // crops that are loaded and shown small
const AGAIN_MS = 10_000; // until the folder is looked at again
const LOST_MS = 1000; // and while the device does not answer

const find = (id) => document.getElementById(id);

let list = []; // crops that wait; the first one is shown
const known = new Map(); // every crop of which the device told, by id
const filed = []; // ids, the last one last
const pending = new Set(); // ids of which the device has not answered yet
let classes = []; // as told: { name, keys }
let actions = new Map(); // by key
let told = { counts: [], left: 0, done: 0, last: null };

const isReject = (name) => name === "reject";
const isLong = (name) => name.length > 3;
const called = (name) => (isReject(name) ? "none of these" : name);

// --- the device --------------------------------------------------------------------------------------------------------

let chain = Promise.resolve();
let again = 0;

/** One request after the other: an undo must not overtake what it undoes. Gives { ok, status, content }. */
function ask(path, content) {
  const answer = chain.then(() => exchange(path, content));
  chain = answer;
  return answer;
}

async function exchange(path, asked) {
  const posted = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(asked) };
  try {
    const answer = await fetch(path, asked ? posted : {});
    const content = await answer.json().catch(() => ({ error: `the device answered ${answer.status}` }));
    find("lost").textContent = "";
    return { ok: answer.ok, status: answer.status, content };
  } catch {
    find("lost").textContent = "Connection lost. Trying again…";
    clearTimeout(again);
    again = setTimeout(look, LOST_MS);
    return { ok: false, status: 0, content: { error: "the device did not answer" } };
  }
}

/** What waits in the folder by now; the crop that is shown stays. */
async function look() {
  const answer = await ask("/crops");
  if (!answer.ok) return answer.status && say(answer.content.error, true);
  const now = answer.content;
  find("folder").textContent = now.folder;
  showChoices(now);
  const there = new Set(now.crops.map((crop) => crop.id));
  const shown = list[0];
  list = list.filter((crop) => there.has(crop.id) || (crop === shown && !crop.broken));
  for (const crop of now.crops) {
    const old = known.get(crop.id);
    if (old?.broken) old.image = old.broken = null; // the next try
    if (!list.some((waiting) => waiting.id === crop.id) && !pending.has(crop.id)) list.push(old ?? crop);
    known.set(crop.id, old ?? crop);
  }
  return show(now);
}

// --- what is done ------------------------------------------------------------------------------------------------------

async function file(place) {
  const crop = list[0];
  if (!crop) return;
  if (!crop.image.naturalWidth) return say(crop.broken ? "This crop cannot be shown: skip it." : "One moment: this crop is not yet shown.");
  list.shift();
  filed.push(crop.id);
  pending.add(crop.id);
  show();
  const answer = await ask("/label", { crop: crop.id, class: place });
  pending.delete(crop.id);
  if (answer.ok) {
    say(`Filed as ${called(classes[place].name)}.`);
    return show(answer.content);
  }
  filed.splice(filed.lastIndexOf(crop.id), 1);
  if (answer.status !== 409 && answer.status !== 410) list.splice(1, 0, crop);
  say(`Not filed: ${answer.content.error}.`, true);
  show();
}

async function undo() {
  const id = filed.pop() ?? told.last;
  if (!id) return say("Nothing to undo.");
  const answer = await ask("/undo", { crop: id });
  if (!answer.ok) {
    if (answer.status !== 410) filed.push(id);
    return say(`Not undone: ${answer.content.error}.`, true);
  }
  const crop = Object.assign(known.get(id) ?? {}, answer.content.crop);
  known.set(id, crop);
  list = [crop, ...list.filter((other) => other.id !== id)];
  say("Undone: here it is again.");
  return show(answer.content);
}

function turn(forward) {
  if (list.length < 2) return say("There is no other crop.");
  if (forward) list.push(list.shift());
  else list.unshift(list.pop());
  say(forward ? "Skipped; it comes again at the end." : "");
  show();
}

document.addEventListener("keydown", (event) => {
  if (event.key === "z" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    undo();
  }
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || !find("keys").checked) return;
  if ((event.key === " " || event.key === "Enter") && event.target.closest("button, a, input")) return;
  const { key } = event;
  const action = actions.get(key) ?? actions.get(key.toLowerCase()) ?? actions.get(key.toUpperCase());
  if (!action) return;
  event.preventDefault();
  action();
});
find("undo").addEventListener("click", undo);
find("skip").addEventListener("click", () => turn(true));
// After a mouse or finger the next key is for the crop, not for the button.
document.addEventListener("click", (event) => event.detail && event.target.closest("button")?.blur());

// --- what is seen ------------------------------------------------------------------------------------------------------

function say(line, failed = false) {
  find("status").textContent = line;
  find("status").classList.toggle("failed", failed);
}

function element(tag, content, name = "") {
  const made = document.createElement(tag);
  made.textContent = content;
  made.className = name;
  return made;
}

function imageOf(crop) {
  if (!crop.image) {
    crop.image = new Image();
    crop.image.addEventListener("load", () => crop === list[0] && showGuess(crop));
    crop.image.addEventListener("error", () => {
      crop.broken = true;
      if (crop === list[0]) showGuess(crop);
    });
    crop.image.src = `/crop/${crop.id}`;
  }
  return crop.image;
}

/** The first crop large, the next ones small, and how far it is. */
function show(now = told) {
  told = { ...told, ...now };
  const [crop, ...next] = list;
  find("stage").replaceChildren(...(crop ? [imageOf(crop)] : []));
  showGuess(crop);
  find("strip").replaceChildren(
    ...next.slice(0, AHEAD).map((one) => {
      const item = document.createElement("li");
      const image = imageOf(one);
      image.alt = "";
      item.append(image, one.guess ? `${called(one.guess)}, ${one.percent} %` : "–");
      return item;
    }),
  );
  find("none").hidden = Boolean(crop);
  if (!crop) showNone();
  const all = told.done + told.left;
  find("bar").max = Math.max(1, all);
  find("bar").value = told.done;
  find("progress").textContent = `${told.done} of ${all}`;
  find("skip").disabled = list.length < 2;
  find("undo").disabled = !filed.length && !told.last;
  for (const button of find("classes").children) {
    const place = Number(button.value);
    button.lastChild.firstChild.textContent = `${told.counts[place]}`;
    button.classList.toggle("guessed", Boolean(crop) && crop.guess === classes[place].name);
    button.disabled = !crop;
  }
}

function showGuess(crop) {
  find("guess").replaceChildren();
  find("name").textContent = crop?.name ?? "";
  if (!crop) return;
  const guess = crop.guess ? `read as ${called(crop.guess)}, ${crop.percent} %` : "nothing was read";
  crop.image.alt = `Crop, ${guess}`;
  if (crop.broken) find("guess").append("This crop cannot be shown: it is gone, or no picture. Skip it.");
  else if (crop.guess) find("guess").append("Read as ", element("b", called(crop.guess)), element("span", `, ${crop.percent} % sure`));
  else find("guess").append("Nothing was read in it");
}

function showNone() {
  const done = told.done > 0 || told.counts.some(Boolean);
  if (told.left) find("none-text").textContent = "One moment…";
  else find("none-text").textContent = done ? "All are labelled. Train with them:" : "No crops wait in this folder. This writes some:";
  const fill = "edgeproof read SOURCE --save-uncertain FOLDER";
  find("none-command").textContent = told.left ? "" : done ? told.next : fill;
  if (told.left && !pending.size) look(); // more than were told of at once
}

function showChoices(now) {
  if (JSON.stringify([classes, now.keys]) === JSON.stringify([now.classes, told.keys])) return;
  classes = now.classes;
  actions = new Map();
  const put = (keys, action) => keys.forEach((key) => actions.set(key, action));
  classes.forEach((choice, place) => put(choice.keys, () => file(place)));
  put(now.keys.undo, undo);
  put(now.keys.skip, () => turn(true));
  put(now.keys.back, () => turn(false));
  find("undo-key").textContent = now.keys.undo[0];
  find("classes").replaceChildren(...classes.map(choiceButton));
  find("classes").classList.toggle("wide", classes.some((choice) => !isReject(choice.name) && isLong(choice.name)));
}

function choiceButton(choice, place) {
  const button = document.createElement("button");
  button.type = "button";
  button.value = place;
  button.className = isReject(choice.name) ? "reject" : "";
  if (choice.keys.length) button.setAttribute("aria-keyshortcuts", choice.keys.join(" "));
  const name = called(choice.name);
  const count = element("span", "");
  count.append("0", element("span", " labelled", "word"));
  button.append(element("b", name, isLong(name) ? "long" : ""), " ", element("kbd", choice.keys[0] ?? ""), " ", count);
  button.addEventListener("click", () => file(place));
  return button;
}

setInterval(() => !document.hidden && look(), AGAIN_MS);
document.addEventListener("visibilitychange", () => !document.hidden && look());
look();
