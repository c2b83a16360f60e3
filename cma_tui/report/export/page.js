"use strict";
const player = document.getElementById("player"), part = name => player.querySelector("." + name);
const slider = part("place"), told = part("told"), speeds = part("speed"), idle = part("idle"), stops = part("stops");
const {times, turns, tools, failed, read, written, marks} = JSON.parse(document.getElementById("steps").textContent);
const KINDS = ["turn", "error", "approval", "compaction"];
const all = times.length, shown = times.map(() => []), gone = times.map(() => []);
document.querySelectorAll("[data-t]").forEach(one => shown[one.dataset.t].push(one));
document.querySelectorAll("[data-u]").forEach(one => gone[one.dataset.u].push(one));
const chapters = Array.from(document.querySelectorAll(".turn"), one => {
  const first = one.querySelector(".row[data-t]");
  return [one, first ? Number(first.dataset.t) : 0];
});
let at = all, played = 0, since = 0, timer = 0, offsets = [];

function reckon() {
  let sum = 0;
  const limit = idle.checked ? 2 : Infinity;
  offsets = times.map((time, n) => n ? sum += Math.min(Math.max(0, time - times[n - 1]), limit) : 0);
}
function clock(s) {
  const two = n => String(n).padStart(2, "0");
  s = Math.floor(s);
  return (s >= 3600 ? Math.floor(s / 3600) + ":" : "") + two(Math.floor(s / 60) % 60) + ":" + two(s % 60);
}
function short(n) { return n < 1000 ? String(n) : n < 1e6 ? (n / 1e3).toFixed(1) + "k" : (n / 1e6).toFixed(1) + "M"; }
function words(n) {
  if (!n) { return "the beginning"; }
  const parts = [n + " of " + all, clock(times[n - 1])];
  if (turns[n - 1]) { parts.push("turn " + turns[n - 1]); }
  parts.push(tools[n - 1] + (tools[n - 1] === 1 ? " tool" : " tools"));
  if (failed[n - 1]) { parts.push(failed[n - 1] + " failed"); }
  parts.push("in " + short(read[n - 1]) + " out " + short(written[n - 1]));
  return parts.join(" \u00b7 ");
}
function show(n, look) {
  n = Math.max(0, Math.min(all, n));
  for (let k = at; k < n; k++) {
    shown[k].forEach(one => { one.hidden = false; });
    gone[k].forEach(one => { one.hidden = true; });
  }
  for (let k = at - 1; k >= n; k--) {
    shown[k].forEach(one => { one.hidden = true; });
    gone[k].forEach(one => { one.hidden = false; });
  }
  at = n;
  chapters.forEach(([one, first]) => { one.hidden = first >= n; });
  slider.value = n;
  told.textContent = words(n);
  const latest = look && n ? shown[n - 1][0] : null;
  if (latest) { (latest.closest(".row") || latest).scrollIntoView({block: "nearest"}); }
}
function go(n) {
  show(n, true);
  played = at ? offsets[at - 1] : 0;
  since = performance.now();
}
function pause() { clearTimeout(timer); timer = 0; part("play").textContent = "Play"; }
function next(from, by) {
  const kinds = by === "turn" ? [0] : [1, 2, 3];
  return marks.find(([step, kind]) => step > from && kinds.includes(kind));
}
function beat() {
  const now = performance.now(), speed = Number(speeds.value) || Infinity;
  played += (now - since) / 1000 * speed;
  since = now;
  let n = at;
  while (n < all && offsets[n] <= played) { n++; }
  const mark = stops.checked ? next(at, "any") : null;
  if (mark && mark[0] <= n) { go(mark[0]); pause(); return; }
  if (n !== at) { show(n, true); }
  if (n >= all) { pause(); return; }
  timer = setTimeout(beat, Math.max(16, (offsets[n] - played) / speed * 1000));
}
function play() {
  if (timer) { pause(); return; }
  if (at >= all) { show(0); }
  played = at ? offsets[at - 1] : 0;
  since = performance.now();
  part("play").textContent = "Pause";
  timer = setTimeout(beat, 0);
}
function skip(seconds) {
  const wanted = (at ? offsets[at - 1] : 0) + seconds;
  let n = offsets.findIndex(offset => offset > wanted);
  n = n < 0 ? all : n;
  go(seconds > 0 ? Math.max(n, at + 1) : Math.min(n, at - 1));
}
function turn(by) {
  if (by > 0) { const mark = next(at, "turn"); go(mark ? mark[0] : all); return; }
  const before = marks.filter(([step, kind]) => kind === 0 && step < at);
  go(before.length ? before[before.length - 1][0] : 0);
}
function faster(by) {
  speeds.selectedIndex = Math.max(0, Math.min(speeds.options.length - 1, speeds.selectedIndex + by));
}
const KEYS = {
  " ": play, ".": () => { pause(); go(at + 1); }, ",": () => { pause(); go(at - 1); },
  "}": () => turn(1), "{": () => turn(-1), ArrowRight: () => skip(5), ArrowLeft: () => skip(-5),
  "+": () => faster(1), "-": () => faster(-1), Home: () => go(0), End: () => go(all)
};
document.addEventListener("keydown", event => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input,select,button,summary,a")) { return; }
  const does = KEYS[event.key] || (/^[0-9]$/.test(event.key)
    ? () => go(offsets.filter(offset => offset <= offsets[all - 1] * Number(event.key) / 10).length * Math.sign(event.key))
    : null);
  if (does && all) { event.preventDefault(); does(); }
});
part("play").addEventListener("click", play);
part("back").addEventListener("click", KEYS[","]);
part("on").addEventListener("click", KEYS["."]);
part("turn-back").addEventListener("click", KEYS["{"]);
part("turn-on").addEventListener("click", KEYS["}"]);
idle.addEventListener("change", () => { reckon(); played = at ? offsets[at - 1] : 0; });
slider.addEventListener("input", () => { pause(); show(Number(slider.value)); });
slider.max = all;
slider.value = all;
marks.forEach(([step, kind]) => {
  const mark = document.createElement("i");
  mark.className = KINDS[kind];
  mark.style.left = 100 * step / all + "%";
  part("marks").append(mark);
});
reckon();
told.textContent = words(all);
player.hidden = !all;
