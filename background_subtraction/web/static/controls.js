// The controls of `Settings`: each works at once, and shows what the server has.

import { attempt, part } from "./api.js";
import { isPicture, Tiles } from "./tiles.js";

const px = (value) => `${value} px`;
const TEXTS = {
  blur_bgr: (value) => (+value ? px(value) : "off"),
  zoom_limit: (value) => `${(+value).toFixed(1)} ×`,
  "mask.grow_px": (value) => (+value > 0 ? `+${value} px` : px(value)),
  "mask.soften_px": (value) => (+value ? px(value) : "off"),
  "mask.threshold": (value) => (+value ? (+value).toFixed(2) : "off"),
  "mask.steadiness": (value) => (+value ? (+value).toFixed(2) : "off"),
  mask_every: (value) => (+value === 1 ? "every frame" : `every ${value}.`),
};
const EDGE = { grow_px: 0, soften_px: 0, threshold: 0, steadiness: 0 };
const QUIET_MS = 1500; // After a change of one's own, what the server had before is not shown any more.

export const FIRST = {
  target_bgr: null, blur_bgr: 40, model: "", mirror: false, framing: false, zoom_limit: 2, hold: false, effect: true,
  mask_every: 1, skip_similar: false, mask: { ...EDGE },
};

/** {"mask.grow_px", 2} as {mask: {grow_px: 2}}. */
function nested(name, value) {
  return name.split(".").reduceRight((inner, key) => ({ [key]: inner }), value);
}

export function merged(settings, change) {
  const result = { ...settings };
  for (const [name, value] of Object.entries(change)) {
    const isGroup = value !== null && typeof value === "object" && !Array.isArray(value);
    result[name] = isGroup ? merged(settings[name] ?? {}, value) : value;
  }
  return result;
}

const at = (settings, name) => name.split(".").reduce((inner, key) => inner?.[key], settings);

export class Controls {
  /**
   * root: the form. send: takes a change, and gives a promise of all settings.
   */
  constructor(root, send) {
    this.root = root;
    this.send = send;
    this.settings = structuredClone(FIRST);
    this.waiting = {};
    this.sending = null;
    this.changed_ms = 0;
    this.inputs = [...root.querySelectorAll("[data-setting]")];
    for (const input of this.inputs) {
      input.addEventListener(input.type === "range" ? "input" : "change", () => this.changed(input));
    }
    part(root, "reset").addEventListener("click", () => this.put({ mask: EDGE }));
    part(root, "plate").addEventListener("click", () => attempt(() => this.capture()));
    this.tiles = new Tiles(part(root, "tiles"), (change) => this.put(change), () => this.settings);
    root.addEventListener("submit", (event) => event.preventDefault());
    this.render();
  }

  changed(input) {
    const value = { checkbox: () => input.checked, range: () => +input.value }[input.type] ?? (() => input.value);
    this.put(nested(input.dataset.setting, value()));
  }

  /** Change settings here at once, and on the server as fast as it answers. */
  put(change) {
    this.settings = merged(this.settings, change);
    this.changed_ms = performance.now();
    this.render();
    this.waiting = merged(this.waiting, change);
    this.sending ??= this.#sendAll();
    return this.sending;
  }

  async #sendAll() {
    let sent = null;
    while (Object.keys(this.waiting).length) {
      const change = this.waiting;
      this.waiting = {};
      const settings = await attempt(() => this.send(change));
      sent = settings ?? sent;
      this.changed_ms = settings ? performance.now() : 0; // after a refusal the server's own are shown at once
      if (!settings) this.refused?.();
    }
    this.waiting = {};
    this.sending = null;
    if (sent) this.show(sent, { now: true });
  }

  /** Show the server's settings, unless the user is just changing them. */
  show(settings, { now = false } = {}) {
    if (!now && (this.sending || performance.now() - this.changed_ms < QUIET_MS)) return;
    this.settings = settings;
    this.render();
  }

  showModels(models) {
    const select = this.root.querySelector('[data-setting="model"]');
    select.replaceChildren(...models.map(({ name, label }) => new Option(label ?? name, name)));
    this.render();
  }

  render() {
    this.#limitBlur(); // first: a value outside of the limits is not shown
    for (const input of this.inputs) this.#renderInput(input);
    this.tiles.show(this.settings.target_bgr, this.settings.blur_bgr);
    part(this.root, "plate").hidden = !this.capture || this.settings.model !== "clean_plate";
  }

  #renderInput(input) {
    const name = input.dataset.setting;
    const value = at(this.settings, name);
    if (value === undefined) return;
    if (input.type === "checkbox") input.checked = value;
    else if (input.tagName === "SELECT") this.#select(input, value);
    else input.value = value;
    const output = input.closest("label").querySelector("output");
    if (output) output.textContent = TEXTS[name](input.value);
  }

  /** A model that is none of the list was named when the run began. */
  #select(select, value) {
    if (![...select.options].some((option) => option.value === value)) select.add(new Option(value || "Automatic", value));
    select.value = value;
  }

  /** Blur is of the real scene or of a picture; a colour has none. */
  #limitBlur() {
    const blur = this.root.querySelector('[data-setting="blur_bgr"]');
    const target = this.settings.target_bgr;
    const isScene = target === null;
    blur.disabled = !isScene && !isPicture(target);
    blur.min = isScene && this.settings.blur_bgr ? 1 : 0;
  }
}
