// The browser's own camera: to the server by WebRTC, and back over another background.

import { attempt, element, part, showFigures, tell, Refusal } from "./api.js";
import { Controls, merged } from "./controls.js";
import { connect, connectionTo, firstFrame } from "./rtc.js";

const WANTED = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30, max: 30 } };
const KEPT = "settings of my camera";
const ANSWER_MS = 30_000;
const REFUSALS = {
  NotAllowedError: "The browser was not allowed to use the camera. Allow it in the address bar, and start again.",
  NotFoundError: "This device has no camera.",
  NotReadableError: "Another program uses the camera. Close it, and start again.",
};

/** What the server is told and answers, over a data channel. */
class Talk {
  constructor(channel, onStatistics) {
    this.channel = channel;
    this.answers = new Map();
    this.next = 1;
    this.opened = new Promise((resolve) => channel.addEventListener("open", resolve, { once: true }));
    channel.addEventListener("message", ({ data }) => {
      const message = JSON.parse(data);
      if (message.statistics) onStatistics(message.statistics);
      this.answers.get(message.id)?.(message);
    });
  }

  ask(message) {
    const id = this.next++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Refusal("The server does not answer.")), ANSWER_MS);
      this.answers.set(id, ({ settings, error }) => {
        clearTimeout(timer);
        this.answers.delete(id);
        if (error) reject(new Refusal(error));
        else resolve(settings);
      });
      this.channel.send(JSON.stringify({ id, ...message }));
    });
  }
}

export class Camera {
  constructor(root) {
    this.root = root;
    [this.video, this.own, this.notice] = ["video", "own", "notice"].map((name) => part(root, name));
    part(root, "latency").textContent = "Latency here"; // without the ways there and back
    this.controls = new Controls(root.querySelector("form"), (change) => this.#change(change));
    this.controls.settings = merged(this.controls.settings, kept());
    this.controls.render();
    this.controls.capture = () => this.talk?.ask({ capture_plate: true });
    this.controls.refused = () => this.accepted && this.controls.show(this.accepted, { now: true });
    part(root, "start").addEventListener("click", () => attempt(() => (this.connection ? this.stop() : this.start())));
    part(root, "devices").addEventListener("change", () => attempt(() => this.#restart()));
    if (!navigator.mediaDevices) this.#explain();
  }

  async start() {
    const button = part(this.root, "start");
    button.disabled = true;
    this.#state("Connecting…");
    try {
      await this.#connect();
      button.textContent = "Stop";
      button.classList.remove("main");
    } catch (problem) {
      this.stop();
      throw REFUSALS[problem.name] ? new Error(REFUSALS[problem.name]) : problem;
    } finally {
      button.disabled = false;
      if (!this.connection) this.#state("");
    }
  }

  stop() {
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.connection?.close();
    this.connection = this.stream = this.talk = null;
    this.video.hidden = this.own.hidden = true;
    this.notice.hidden = false;
    part(this.root, "figures").hidden = true;
    const button = part(this.root, "start");
    button.textContent = "Start my camera";
    button.classList.add("main");
    this.#state("");
  }

  async #connect() {
    const chosen = part(this.root, "devices").value;
    const video = chosen ? { ...WANTED, deviceId: { exact: chosen } } : WANTED;
    this.stream = await navigator.mediaDevices.getUserMedia({ video, audio: false });
    const connection = connectionTo(this.video);
    this.connection = connection;
    const [track] = this.stream.getVideoTracks();
    track.contentHint = "detail"; // rather fewer frames than smaller ones
    track.addEventListener("ended", () => this.stop());
    connection.addTransceiver(track, { direction: "sendrecv", streams: [this.stream] });
    this.talk = new Talk(connection.createDataChannel("settings"), (figures) => showFigures(this.root, figures));
    this.own.srcObject = this.stream;
    await connect(connection, "camera");
    this.talk.opened.then(() => this.#tellSettings());
    await firstFrame(this.video, connection);
    this.video.hidden = this.own.hidden = false;
    this.notice.hidden = true;
    part(this.root, "figures").hidden = false;
    this.#state("There and back by WebRTC");
    connection.addEventListener("connectionstatechange", () => this.#lost(connection));
    await this.#listDevices(track);
  }

  #lost(connection) {
    if (this.connection !== connection || connection.connectionState !== "failed") return;
    this.stop();
    tell("The connection to the server was lost. Start again.");
  }

  async #restart() {
    this.stop();
    await this.start();
  }

  #tellSettings() {
    attempt(async () => this.controls.show(await this.#change(this.controls.settings), { now: true }));
  }

  /** Before the camera runs, settings are only kept: it begins with them. */
  async #change(change) {
    const settings = this.talk ? await this.talk.ask({ change }) : merged(this.controls.settings, change);
    this.accepted = settings;
    localStorage.setItem(KEPT, JSON.stringify({ ...settings, hold: false }));
    return settings;
  }

  async #listDevices(track) {
    const cameras = (await navigator.mediaDevices.enumerateDevices()).filter(({ kind }) => kind === "videoinput");
    const used = track.getSettings().deviceId;
    const options = cameras.map(({ deviceId, label }) => new Option(label, deviceId, false, deviceId === used));
    part(this.root, "devices").replaceChildren(...options);
    part(this.root, "devices-label").hidden = cameras.length < 2;
  }

  #state(text) {
    part(this.root, "state").textContent = text;
  }

  /** Browsers give their camera to https, and to this machine, alone. */
  #explain() {
    part(this.root, "start").disabled = true;
    const port = location.port || "80";
    const said = "Browsers give their camera only to pages by https or of this machine. On your machine, run the command, and open the address:";
    const lines = [`ssh -L ${port}:localhost:${port} ${location.hostname}`, `http://localhost:${port}`];
    const other = "A phone needs https: start the server with --web_certificate FILE.";
    const shown = [element("p", {}, said), ...lines.map((line) => element("code", {}, line)), element("p", {}, other)];
    this.notice.replaceChildren(...shown);
  }
}

function kept() {
  try {
    return JSON.parse(localStorage.getItem(KEPT)) ?? {};
  } catch {
    return {};
  }
}
