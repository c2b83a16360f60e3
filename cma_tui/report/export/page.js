"use strict";
const bar = document.getElementById("player"), slider = bar.querySelector("input");
const button = bar.querySelector("button"), told = bar.querySelector("output");
const steps = Array.from(document.querySelectorAll("[data-t]"));
const times = JSON.parse(document.getElementById("times").textContent);
let timer = 0;
function clock(s) {
  const two = n => String(n).padStart(2, "0");
  s = Math.floor(s);
  return (s >= 3600 ? Math.floor(s / 3600) + ":" : "") + two(Math.floor(s / 60) % 60) + ":" + two(s % 60);
}
function show(n) {
  steps.forEach(step => { step.hidden = Number(step.dataset.t) >= n; });
  document.querySelectorAll(".turn").forEach(turn => {
    turn.hidden = turn.querySelector("[data-t]:not([hidden])") === null;
  });
  slider.value = n;
  told.textContent = n ? n + " of " + steps.length + " · " + clock(times[n - 1]) : "the beginning";
}
function pause() { clearTimeout(timer); timer = 0; button.textContent = "Play"; }
function step() {
  const n = Number(slider.value);
  if (n >= steps.length) { pause(); return; }
  show(n + 1);
  const now = steps.find(one => Number(one.dataset.t) === n);
  if (now) { now.scrollIntoView({block: "nearest"}); }
  const wait = n + 1 < times.length ? times[n + 1] - times[n] : 0;
  timer = setTimeout(step, Math.min(2000, Math.max(60, wait * 1000)));
}
button.addEventListener("click", () => {
  if (timer) { pause(); return; }
  if (Number(slider.value) >= steps.length) { show(0); }
  button.textContent = "Pause";
  step();
});
slider.addEventListener("input", () => { pause(); show(Number(slider.value)); });
slider.max = steps.length;
slider.value = steps.length;
told.textContent = steps.length + " steps";
bar.hidden = false;
