// Numbers as large as there is room for.

const UNSURE = 0.9; // a lower score is marked

const SIZES = [10, 8, 6.5, 5.25, 4.25, 3.5, 2.75, 2.25, 1.75, 1.5, 1.25]; // rem

/** The largest size at which the list is no higher than `room` pixels and no number is broken. */
function fit(list, room) {
  list.classList.remove("tight");
  for (const size of SIZES) {
    list.style.fontSize = `${size}rem`;
    if (list.scrollHeight <= room && list.scrollWidth <= list.clientWidth) return;
  }
  list.classList.add("tight"); // the smallest, without scores, and a number may take two lines
}

/** Shows numbers, each { text, score 0..1 }, in the list `list`, `room` pixels high; touches only what has changed. */
export function showNumbers(list, numbers, room) {
  const fitted = `${numbers.map((number) => number.text).join(" ")} ${room} ${list.clientWidth}`;
  while (list.children.length > numbers.length) list.lastChild.remove();
  numbers.forEach((number, place) => {
    const item = list.children[place] ?? list.appendChild(newItem());
    const [value, score] = item.children;
    if (value.textContent !== number.text) value.textContent = number.text;
    value.classList.toggle("unsure", number.score < UNSURE);
    const percent = `${Math.floor(100 * number.score)} %`;
    if (score.textContent !== percent) score.textContent = percent;
  });
  if (list.dataset.fitted === fitted) return;
  list.dataset.fitted = fitted;
  fit(list, room);
}

function newItem() {
  const item = document.createElement("li");
  const value = document.createElement("span");
  const score = document.createElement("span");
  score.className = "score";
  item.append(value, " ", score);
  return item;
}
