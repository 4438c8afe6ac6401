// Numbers as large as there is room for.

const UNSURE = 0.9; // a lower score is marked

/** 1 for a few digits, which fill the place, to 5 for a whole page of them. */
function size(numbers) {
  const longest = Math.max(...numbers.map((number) => number.text.length));
  const letters = numbers.reduce((sum, number) => sum + number.text.length + 1, 0);
  if (letters <= 4) return 1;
  if (letters <= 12 && longest <= 5) return 2;
  if (letters <= 30 && longest <= 9) return 3;
  return letters <= 110 && longest <= 14 ? 4 : 5;
}

/** Shows numbers, each { text, score 0..1 }, in the list `list`; touches only what has changed. */
export function showNumbers(list, numbers) {
  while (list.children.length > numbers.length) list.lastChild.remove();
  if (numbers.length) list.dataset.size = size(numbers);
  numbers.forEach((number, place) => {
    const item = list.children[place] ?? list.appendChild(newItem());
    const [value, score] = item.children;
    if (value.textContent !== number.text) value.textContent = number.text;
    value.classList.toggle("unsure", number.score < UNSURE);
    const percent = `${Math.floor(100 * number.score)} %`;
    if (score.textContent !== percent) score.textContent = percent;
  });
}

function newItem() {
  const item = document.createElement("li");
  const value = document.createElement("span");
  const score = document.createElement("span");
  score.className = "score";
  item.append(value, " ", score);
  return item;
}
