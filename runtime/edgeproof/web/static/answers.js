// What a picture shows, where the model is one of pictures and not of pages: the likeliest classes, and what it was of late.

import { showBars } from "./bars.js";

const HISTORY_S = 20; // that the device remembers
const LEAST_SHARE = 0.12; // of the strip, from which a spell has its name on it

const find = (id) => document.getElementById(id);

let shown = null; // the kind that the page is set for

/** Words and sections for pictures or for pages; touches nothing while that stays the same. */
export function showKind(pictures) {
  if (pictures === shown) return;
  shown = pictures;
  document.body.classList.toggle("pictures", pictures);
  find("sketch").hidden = find("skip").hidden = pictures;
  find("now-title").textContent = pictures ? "Seen now" : "Read now";
  find("numbers-none").textContent = pictures ? "Not sure what this is." : "No number in the picture.";
  find("digits-title").textContent = pictures ? "Answers, refused" : "Digits, refused";
}

/** told: a message with `likeliest` and `spells`, both empty for pages and for pictures in several regions. */
export function showAnswers({ likeliest, spells }) {
  find("likeliest").hidden = !likeliest.length;
  const rows = likeliest.map(({ text, score }) => ({ name: text, share: score, amount: `${Math.floor(100 * score)} %` }));
  showBars(find("likeliest-bars"), rows);
  find("spells-box").hidden = !spells.length;
  const told = JSON.stringify(spells);
  if (find("spells").dataset.told === told) return;
  find("spells").dataset.told = told;
  find("spells").replaceChildren(...spells.map(block));
}

function block([text, seconds]) {
  const item = document.createElement("li");
  item.style.width = `${(100 * seconds) / HISTORY_S}%`;
  item.title = `${text || "not sure"}, ${seconds.toFixed(1)} s`;
  if (!text) return item;
  item.style.backgroundColor = `hsl(${hueOf(text)} 30% 32%)`;
  if (seconds / HISTORY_S >= LEAST_SHARE) item.textContent = text;
  return item;
}

/** Always the same for a name, as in the picture. */
function hueOf(text) {
  let mixed = 7;
  for (const letter of text) mixed = (31 * mixed + letter.codePointAt(0)) % 9973;
  return (mixed * 47) % 360;
}
