// Pictures and videos: dropped, sent, followed, compared, downloaded.

import { ask, element, noAnswer, part, Refusal, refusalOf, wait } from "./api.js";
import { Controls } from "./controls.js";

const EVERY_MS = 700;
const AT_ONCE = 2;
const HINTS = {
  composite: "The person over the background below.",
  transparent: "A PNG, or a WebM video, with an alpha channel.",
  alpha: "White where the person is, black elsewhere.",
};
const VIDEO = /\.(3gp|avi|flv|m2ts|m4v|mkv|mov|mp4|mpe?g|mts|ogv|ts|webm|wmv|gif)$/i;
const isVideo = (file) => file.type.startsWith("video/") || VIDEO.test(file.name);

/** Send a form, and tell how much of it has gone. */
function send(path, form, onSent, signal) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", path);
    request.responseType = "blob";
    request.upload.addEventListener("progress", ({ loaded, total }) => onSent(loaded / total));
    request.addEventListener("error", () => reject(noAnswer()));
    request.addEventListener("abort", () => reject(new Refusal("")));
    request.addEventListener("load", async () => {
      if (request.status < 300) return resolve(request.response);
      return reject(await refusalOf(request.status, request.response));
    });
    signal.addEventListener("abort", () => request.abort());
    request.send(form);
  });
}

class Job {
  constructor(file, options, list) {
    this.file = file;
    this.options = options;
    this.item = document.getElementById("job").content.cloneNode(true).firstElementChild;
    this.item.querySelector("h2").textContent = file.name;
    this.item.querySelector("h2").title = file.name;
    part(this.item, "again").addEventListener("click", () => this.run());
    part(this.item, "remove").addEventListener("click", () => this.remove());
    list.prepend(this.item);
    this.run();
  }

  async run() {
    this.#forget();
    this.abort = new AbortController();
    const options = this.options();
    this.#say("Waiting");
    this.#problem("");
    part(this.item, "again").hidden = part(this.item, "download").hidden = true;
    try {
      const work = isVideo(this.file) ? () => this.#video(options) : () => this.#picture(options);
      const [url, name] = await queue(work, this.abort.signal);
      this.#done(url, name);
    } catch (problem) {
      this.#say(problem.message ? "Not done" : "");
      this.#problem(problem.message);
    }
    this.item.querySelector("progress").hidden = true;
    part(this.item, "again").hidden = false;
  }

  remove() {
    this.abort.abort();
    this.#forget();
    this.item.remove();
  }

  async #picture(options) {
    const blob = await send("/api/remove", formOf(this.file, options), (share) => this.#sent(share), this.abort.signal);
    this.url = URL.createObjectURL(blob);
    return [this.url, `${stem(this.file.name)}.png`];
  }

  async #video(options) {
    const answer = await send("/api/videos", formOf(this.file, options), (share) => this.#sent(share), this.abort.signal);
    const { id } = JSON.parse(await answer.text());
    this.id = id;
    for (;;) {
      const job = await ask("GET", `/api/jobs/${id}`);
      if (job.state === "done") return [`/api/jobs/${id}/result`, stem(this.file.name) + (options.output === "transparent" ? ".webm" : ".mp4")];
      if (["failed", "cancelled"].includes(job.state)) throw new Refusal(job.error ?? "It was cancelled.");
      if (this.abort.signal.aborted) throw new Refusal("");
      this.#computed(job);
      await wait(EVERY_MS);
    }
  }

  #sent(share) {
    this.#progress(share < 1 ? share : null);
    this.#say(share < 1 ? `Sending, ${Math.round(share * 100)} %` : "Computing");
  }

  #computed({ state, frames, total, eta_s: left_s }) {
    this.#progress(state === "running" && frames && total ? frames / total : null);
    const left = left_s ? `, ${Math.ceil(left_s)} s left` : "";
    const done = frames ? `Frame ${frames}${total ? ` of ${total}` : ""}${left}` : "Beginning";
    this.#say(state === "waiting" ? "Waiting for its turn" : done);
  }

  #done(url, name) {
    this.#say("Done");
    Object.assign(part(this.item, "download"), { href: url, download: name, hidden: false });
    const compare = this.item.querySelector(".compare");
    this.before = URL.createObjectURL(this.file);
    compare.replaceChildren(...(isVideo(this.file) ? videos : pictures)(this.before, url, this.file.name));
    compare.hidden = false;
    addSlider(compare);
  }

  #forget() {
    for (const url of [this.url, this.before]) if (url) URL.revokeObjectURL(url);
    if (this.id) ask("DELETE", `/api/jobs/${this.id}`).catch(() => {});
    this.url = this.before = this.id = null;
    this.item.querySelector(".compare").hidden = true;
    this.item.querySelector(".compare").replaceChildren();
  }

  #progress(share) {
    const bar = this.item.querySelector("progress");
    bar.hidden = false;
    if (share === null) bar.removeAttribute("value");
    else bar.value = share;
  }

  #say(text) {
    this.item.querySelector(".job-state").textContent = text;
  }

  #problem(text) {
    const line = this.item.querySelector(".job-problem");
    line.textContent = text;
    line.hidden = !text;
  }
}

let running = 0;
const waiting = [];

/** Some at a time, so that one visitor does not fill the server's queue. */
async function queue(work, signal) {
  while (running >= AT_ONCE) await new Promise((resolve) => waiting.push(resolve));
  running++;
  try {
    if (signal.aborted) throw new Refusal("");
    return await work();
  } finally {
    running--;
    waiting.shift()?.();
  }
}

function formOf(file, options) {
  const form = new FormData();
  for (const [name, value] of Object.entries(options)) form.append(name, value);
  form.append("file", file);
  return form;
}

const stem = (name) => `${name.replace(/\.[^.]+$/, "")}-cut`;

function pictures(before, after, name) {
  const was = element("img", { src: before, alt: `${name}, before`, className: "before" });
  return [element("img", { src: after, alt: `${name}, after`, className: "after" }), was];
}

function videos(before, after, name) {
  const common = { muted: true, loop: true, playsInline: true, autoplay: true };
  const is = element("video", { ...common, src: after, className: "after", ariaLabel: `${name}, after` });
  const was = element("video", { ...common, src: before, className: "before", ariaLabel: `${name}, before` });
  is.addEventListener("timeupdate", () => {
    if (Math.abs(was.currentTime - is.currentTime) > 0.15) was.currentTime = is.currentTime;
  });
  return [is, was];
}

/** The picture before, left of the slider. What the browser cannot show of it is left out. */
function addSlider(compare) {
  const slider = element("input", { type: "range", min: 0, max: 100, step: 1, value: 50, ariaLabel: "Before and after" });
  const tags = [element("span", { className: "tag was", textContent: "Before" }), element("span", { className: "tag is", textContent: "After" })];
  slider.addEventListener("input", () => {
    compare.style.setProperty("--cut", `${slider.value}%`);
    tags[0].hidden = slider.value < 12;
    tags[1].hidden = slider.value > 88;
  });
  compare.style.setProperty("--cut", "50%");
  compare.append(slider, ...tags);
  compare.classList.add("split");
  compare.querySelector(".before").addEventListener("error", (event) => {
    compare.classList.remove("split");
    for (const part of [event.target, slider, ...tags]) part.remove();
  });
}

export class Files {
  constructor(root) {
    this.root = root;
    this.form = root.querySelector("form");
    this.controls = new Controls(this.form, async () => this.controls.settings);
    const [drop, input] = [part(root, "drop"), part(root, "files")];
    input.addEventListener("change", () => {
      this.add(input.files);
      input.value = "";
    });
    for (const radio of this.form.elements.view) radio.addEventListener("change", () => this.#showView());
    this.#takeDrops(drop);
    this.#showView();
  }

  add(files) {
    for (const file of [...files].reverse()) new Job(file, () => this.#options(), part(this.root, "jobs"));
  }

  /** What is sent beside the file: the names of the HTTP interface. */
  #options() {
    const { target_bgr, blur_bgr, model, mask } = this.controls.settings;
    return { output: this.form.elements.view.value, settings: JSON.stringify({ target_bgr, blur_bgr, model, mask }) };
  }

  #showView() {
    const view = this.form.elements.view.value;
    part(this.root, "view-hint").textContent = HINTS[view];
    this.form.querySelector(".backgrounds").hidden = view !== "composite";
  }

  /** Dropped anywhere on the page while it is open. */
  #takeDrops(drop) {
    document.addEventListener("dragover", (event) => {
      event.preventDefault();
      drop.classList.add("over");
    });
    document.addEventListener("dragleave", (event) => !event.relatedTarget && drop.classList.remove("over"));
    document.addEventListener("drop", (event) => {
      event.preventDefault();
      drop.classList.remove("over");
      if (event.dataTransfer.files.length) {
        this.open?.();
        this.add(event.dataTransfer.files);
      }
    });
  }
}
