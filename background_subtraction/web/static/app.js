// The page: three tabs, of which one is shown.

import { ask, attempt } from "./api.js";
import { Camera } from "./camera.js";
import { Files } from "./files.js";
import { Live } from "./live.js";
import { refreshBackgrounds } from "./tiles.js";

const tabs = [...document.querySelectorAll('[role="tab"]')];
const panel = (tab) => document.getElementById(tab.getAttribute("aria-controls"));

const addressOf = (tab) => `#/${panel(tab).id}`; // the name of no element: nothing is scrolled to

for (const place of document.querySelectorAll("[data-insert]")) {
  place.append(document.getElementById(place.dataset.insert).content.cloneNode(true));
}
const live = new Live(document.getElementById("live"));
const camera = new Camera(document.getElementById("camera"));
const files = new Files(document.getElementById("files"));

function open(tab, { focus = false } = {}) {
  for (const other of tabs) {
    other.setAttribute("aria-selected", other === tab);
    other.tabIndex = other === tab ? 0 : -1;
    panel(other).hidden = other !== tab;
  }
  live.shown = tab.id === "tab-live";
  history.replaceState(null, "", addressOf(tab));
  if (focus) tab.focus();
}

/** WAI-ARIA's keys for tabs. */
function step(event) {
  const at = tabs.indexOf(event.target);
  const next = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key];
  if (next === undefined) return;
  event.preventDefault();
  open(tabs.at(next % tabs.length), { focus: true });
}

for (const tab of tabs) {
  tab.addEventListener("click", () => open(tab));
  tab.addEventListener("keydown", step);
}
files.open = () => open(document.getElementById("tab-files"));

const named = tabs.find((tab) => addressOf(tab) === location.hash);
await attempt(async () => {
  const isRunning = await live.begin();
  open(named ?? document.getElementById(isRunning ? "tab-live" : "tab-camera"));
  const { models } = await ask("GET", "/api/models");
  for (const part of [live, camera, files]) part.controls.showModels(models);
  await refreshBackgrounds();
});
document.documentElement.dataset.ready = "";
