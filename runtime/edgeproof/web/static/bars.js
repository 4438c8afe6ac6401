// Rows of a name, a bar and an amount.

/** Shows rows, each { name, share 0..1, amount }, in the list of terms `list`. */
export function showBars(list, rows) {
  while (list.children.length > rows.length) list.lastChild.remove();
  rows.forEach(({ name, share, amount }, place) => {
    const row = list.children[place] ?? list.appendChild(newRow());
    const [title, value] = row.children;
    const [bar, text] = value.children;
    title.textContent = name;
    bar.style.width = `${100 * share}%`;
    text.textContent = amount;
  });
}

function newRow() {
  const row = document.createElement("div");
  const value = document.createElement("dd");
  value.append(document.createElement("i"), document.createElement("span"));
  row.append(document.createElement("dt"), value);
  return row;
}
