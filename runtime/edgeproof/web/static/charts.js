// Small line charts of the last minute, drawn by hand: a few hundred points need no library.

const SPAN_S = 60;

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** The round number at or above `value` that a scale may end with. */
function ceiling(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].find((step) => step * power >= value) * power;
}

export class Chart {
  /** lines: [{ colour: CSS variable, dash: [..], fill: bool }], in the order of the values that `push` takes. */
  constructor(canvas, lines, { least = 1, label = String } = {}) {
    this.canvas = canvas;
    this.lines = lines;
    this.least = least;
    this.label = label;
    this.points = [];
  }

  clear() {
    this.points = [];
  }

  /** A point `ago` seconds before now; a value that is null leaves a gap. */
  push(values, ago = 0) {
    const now = performance.now() / 1000;
    this.points.push([now - ago, values]);
    while (this.points.length && this.points[0][0] < now - SPAN_S - 2) this.points.shift();
  }

  draw() {
    const { canvas } = this;
    const ratio = window.devicePixelRatio || 1;
    const width = canvas.clientWidth;
    const height = canvas.clientHeight;
    if (!width) return;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    const pen = canvas.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    const highest = Math.max(this.least, ...this.points.flatMap(([, values]) => values.filter(Number.isFinite)));
    const top = ceiling(highest);
    const foot = height - 1;
    const x = (at) => width * (1 - (performance.now() / 1000 - at) / SPAN_S);
    const y = (value) => foot - (value / top) * (height - 16);
    this.#scale(pen, width, foot, y(top), top);
    this.lines.forEach((line, place) => this.#line(pen, line, place, x, y, foot));
  }

  #scale(pen, width, foot, head, top) {
    pen.strokeStyle = colour("--line");
    pen.lineWidth = 1;
    pen.beginPath();
    for (const level of [foot + 0.5, Math.round(head) + 0.5]) {
      pen.moveTo(0, level);
      pen.lineTo(width, level);
    }
    pen.stroke();
    pen.fillStyle = colour("--soft");
    pen.font = "11px ui-sans-serif, system-ui, sans-serif";
    pen.fillText(this.label(top), 0, head - 4);
  }

  #line(pen, line, place, x, y, foot) {
    pen.strokeStyle = colour(line.colour);
    pen.lineWidth = line.fill ? 2 : 1.5;
    pen.lineJoin = "round";
    pen.setLineDash(line.dash || []);
    let run = [];
    const finish = () => {
      if (run.length) this.#run(pen, run, line, foot);
      run = [];
    };
    for (const [at, values] of this.points) {
      if (Number.isFinite(values[place])) run.push([x(at), y(values[place])]);
      else finish();
    }
    finish();
    pen.setLineDash([]);
  }

  #run(pen, run, line, foot) {
    const path = new Path2D();
    run.forEach(([left, top], place) => (place ? path.lineTo(left, top) : path.moveTo(left, top)));
    pen.stroke(path);
    if (!line.fill) return;
    path.lineTo(run.at(-1)[0], foot);
    path.lineTo(run[0][0], foot);
    pen.globalAlpha = 0.12;
    pen.fillStyle = colour(line.colour);
    pen.fill(path);
    pen.globalAlpha = 1;
  }
}
