// The running session: its picture, its figures, its settings.

import { ask, attempt, element, part, request, showFigures, tell, wait } from "./api.js";
import { Controls } from "./controls.js";
import { connect, connectionTo, firstFrame } from "./rtc.js";

const EVERY_MS = 1000;
const AGAIN_MS = 3000;

/** The preview: WebRTC, or pictures one after another where that does not work. */
class Preview {
  constructor(root) {
    [this.video, this.image, this.notice, this.way] = ["video", "mjpeg", "notice", "way"].map((name) => part(root, name));
    this.image.addEventListener("load", () => this.#say(""));
    this.image.addEventListener("error", () => !this.image.hidden && this.#say("The preview has stopped."));
  }

  async start() {
    this.stop();
    this.#say("Connecting…");
    if (!window.RTCPeerConnection) return this.#fallBack(new Error("this browser has none"));
    const connection = connectionTo(this.video);
    this.connection = connection;
    try {
      connection.addTransceiver("video", { direction: "recvonly" });
      await connect(connection, "preview");
      await firstFrame(this.video, connection);
      if (this.connection !== connection) return undefined;
      this.#say("");
      this.way.textContent = "WebRTC";
      connection.addEventListener("connectionstatechange", () => this.#lost(connection));
    } catch (problem) {
      connection.close();
      if (this.connection === connection) this.#fallBack(problem);
    }
    return undefined;
  }

  stop() {
    this.connection?.close();
    this.connection = null;
    this.video.srcObject = null;
    this.image.hidden = true;
    this.image.removeAttribute("src");
    this.video.hidden = false;
  }

  get running() {
    return Boolean(this.connection) || !this.image.hidden;
  }

  #fallBack(problem) {
    this.connection = null;
    this.way.textContent = "MJPEG";
    this.way.title = `No WebRTC: ${problem.message}`;
    this.video.hidden = true;
    this.image.hidden = false;
    this.image.src = `/api/preview.mjpeg?${Date.now()}`;
  }

  async #lost(connection) {
    if (connection.connectionState !== "failed" || this.connection !== connection) return;
    this.#say("The connection was lost. Connecting again…");
    await wait(AGAIN_MS);
    if (this.connection === connection) await this.start();
  }

  #say(text) {
    this.notice.textContent = text;
    this.notice.hidden = !text;
  }
}

export class Live {
  constructor(root) {
    this.root = root;
    this.preview = new Preview(root);
    this.controls = new Controls(root.querySelector("form"), (change) => ask("PATCH", "/api/settings", change));
    this.controls.capture = () => ask("POST", "/api/clean_plate");
    this.controls.refused = () => this.look();
    part(root, "record").addEventListener("click", () => attempt(() => this.#record()));
    part(root, "snapshot").addEventListener("click", () => attempt(() => this.#snapshot()));
    part(root, "use-preset").addEventListener("click", () => attempt(() => this.#usePreset()));
    part(root, "keep-preset").addEventListener("click", () => attempt(() => this.#keepPreset()));
    part(root, "preset-name").addEventListener("keydown", (event) => {
      if (event.key === "Enter") attempt(() => this.#keepPreset());
    });
    document.addEventListener("visibilitychange", () => this.#follow());
  }

  /** Whether the server has a run. */
  async begin() {
    const run = await ask("GET", "/api/session");
    if (!run.running) {
      part(this.root, "notice").textContent = "No camera runs on this server. Use your own, or drop files.";
      this.root.querySelector("form").inert = true;
      return false;
    }
    this.controls.show(run.settings, { now: true });
    await this.#listPresets();
    this.#poll();
    return true;
  }

  /** The tab was opened or left. A preview that nobody sees costs the run nothing. */
  set shown(shown) {
    this.isShown = shown;
    this.#follow();
  }

  #follow() {
    const wanted = this.isShown && !document.hidden && this.isRunning;
    if (wanted && !this.preview.running) this.preview.start();
    if (!wanted && this.preview.running) this.preview.stop();
  }

  async #poll() {
    this.isRunning = true;
    this.#follow();
    let lost = false;
    for (;;) {
      if (!document.hidden) {
        try {
          await this.look();
          if (lost) this.#comeBack();
          lost = false;
        } catch (problem) {
          lost = true;
          tell(problem);
        }
      }
      await wait(EVERY_MS);
    }
  }

  /** The server answers again. It is another one perhaps, which knows nothing of this preview. */
  #comeBack() {
    tell("");
    this.preview.stop();
    this.#follow();
  }

  async look() {
    const [run, recording] = await Promise.all([ask("GET", "/api/session"), ask("GET", "/api/recording")]);
    showFigures(this.root, run);
    this.controls.show(run.settings);
    this.#showRecording(recording);
  }

  async #record() {
    const isOn = part(this.root, "record").getAttribute("aria-pressed") === "true";
    this.#showRecording(await ask(isOn ? "DELETE" : "POST", "/api/recording"));
  }

  #showRecording({ recording, name, seconds, problem }) {
    const link = part(this.root, "recording");
    part(this.root, "record").setAttribute("aria-pressed", recording);
    part(this.root, "record-text").textContent = recording ? `Stop ${clock(seconds)}` : "Record";
    link.hidden = recording || !name;
    link.href = `/api/recordings/${encodeURIComponent(name)}`;
    if (problem && problem !== this.saidOfRecording) tell(`The recording ended: ${problem}`);
    this.saidOfRecording = problem;
  }

  async #snapshot() {
    const answer = await request("GET", "/api/snapshot.png");
    const url = URL.createObjectURL(await answer.blob());
    element("a", { href: url, download: `snapshot-${stamp()}.png` }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  }

  async #listPresets(chosen = "") {
    const { presets } = await ask("GET", "/api/presets");
    const select = part(this.root, "preset");
    select.replaceChildren(...presets.map((name) => new Option(name, name, false, name === chosen)));
    if (!presets.length) select.add(new Option("None yet", ""));
    select.disabled = part(this.root, "use-preset").disabled = !presets.length;
  }

  async #usePreset() {
    const name = part(this.root, "preset").value;
    this.controls.show(await ask("POST", `/api/presets/${encodeURIComponent(name)}`), { now: true });
  }

  async #keepPreset() {
    const field = part(this.root, "preset-name");
    if (!field.value.trim()) return field.focus();
    const name = field.value.trim();
    await ask("PUT", `/api/presets/${encodeURIComponent(name)}`);
    field.value = "";
    return this.#listPresets(name);
  }
}

const two = (number) => String(Math.floor(number)).padStart(2, "0");
const clock = (seconds) => `${two(seconds / 60)}:${two(seconds % 60)}`;
const stamp = () => new Date().toISOString().slice(0, 19).replaceAll(":", "").replace("T", "-");
