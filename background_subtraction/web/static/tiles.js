// Backgrounds as tiles: the blurred scene, the camera as it is, colours, and pictures and videos that were uploaded.

import { ask, attempt, element } from "./api.js";

const GREEN = "#78ff9b"; // what the program itself takes without a choice
const FIRST_BLUR_PX = 40;
const COLOURS = [["Green", GREEN], ["White", "#ffffff"], ["Black", "#000000"]];
const instances = [];
let uploads = [];
let count = 0;

export async function refreshBackgrounds() {
  uploads = (await ask("GET", "/api/backgrounds")).backgrounds;
  for (const tiles of instances) tiles.build();
}

/** Whether it is a picture or a video, which may be blurred, and not a colour. */
export const isPicture = (target) => /^(background|file):/.test(target ?? "");

const isDark = (colour) => parseInt(colour.slice(1, 3), 16) * 0.3 + parseInt(colour.slice(3, 5), 16) * 0.59
  + parseInt(colour.slice(5, 7), 16) * 0.11 < 140;

export class Tiles {
  constructor(root, put, settings) {
    this.root = root;
    this.put = put;
    this.settings = settings;
    this.group = `background-${++count}`;
    this.own = "#3b5b92";
    this.sceneBlur = FIRST_BLUR_PX;
    instances.push(this);
    this.build();
  }

  build() {
    const focused = this.root.contains(document.activeElement) ? document.activeElement.value : null;
    this.root.replaceChildren(
      this.#tile("Blur", "blur", element("span", { className: "blurred" }), element("span", { className: "over", textContent: "Blur" })),
      this.#tile("Off: the camera as it is", "none", element("span", { textContent: "Off" })),
      ...COLOURS.map(([name, colour]) => this.#colour(name, colour)),
      this.#ownColour(),
      ...uploads.map((upload) => this.#upload(upload)),
      this.#add(),
    );
    const { target_bgr: target, blur_bgr: blur } = this.settings();
    this.show(target, blur);
    if (focused) this.root.querySelector(`[value="${CSS.escape(focused)}"]`)?.focus();
  }

  /** Mark what is in force. */
  show(target, blur) {
    const value = target === null ? (blur ? "blur" : GREEN) : target;
    const radios = [...this.root.querySelectorAll("input[type=radio]")];
    const same = radios.find((radio) => radio.value === value);
    if (!same && /^#[0-9a-f]{6}$/i.test(value)) this.#setOwn(value);
    for (const radio of radios) radio.checked = radio === (same ?? (value.startsWith("#") ? this.ownRadio : null));
  }

  #tile(name, value, ...content) {
    const radio = element("input", { type: "radio", name: this.group, value, className: "unseen" });
    radio.setAttribute("aria-label", name);
    radio.addEventListener("change", () => this.put(this.#change(radio.value)));
    const label = element("label", { title: name }, radio, ...content);
    return element("div", { className: "tile" }, label);
  }

  /** The scene and pictures are blurred each by their own strength: a picture begins sharp. */
  #change(value) {
    const { target_bgr: target, blur_bgr: blur } = this.settings();
    if (target === null && blur) this.sceneBlur = blur;
    if (value === "blur") return { target_bgr: null, blur_bgr: this.sceneBlur };
    const staysBlurred = !isPicture(value) || isPicture(target);
    return staysBlurred ? { target_bgr: value } : { target_bgr: value, blur_bgr: 0 };
  }

  #colour(name, colour) {
    const tile = this.#tile(name, colour, element("span", { textContent: name, className: isDark(colour) ? "dark" : "light" }));
    tile.firstChild.style.backgroundColor = colour;
    return tile;
  }

  #ownColour() {
    const tile = this.#tile("A colour of your own", this.own, element("span", { textContent: "Colour…" }));
    const picker = element("input", { type: "color", value: this.own, className: "colour", tabIndex: -1 });
    picker.setAttribute("aria-label", "Choose a colour");
    picker.addEventListener("input", () => {
      this.#setOwn(picker.value);
      this.put({ target_bgr: picker.value });
    });
    tile.firstChild.append(picker);
    [this.ownRadio, this.ownText, this.picker] = [tile.querySelector("[type=radio]"), tile.querySelector("span"), picker];
    this.ownRadio.addEventListener("keydown", (event) => {
      if (event.key === "Enter") picker.showPicker?.();
    });
    this.#setOwn(this.own);
    return tile;
  }

  #setOwn(colour) {
    this.own = this.ownRadio.value = this.picker.value = colour;
    this.ownText.className = isDark(colour) ? "dark" : "light";
    this.ownRadio.parentElement.style.backgroundColor = colour;
  }

  #upload({ id, name, kind }) {
    const picture = element("img", { src: `/api/backgrounds/${id}/thumbnail`, alt: "", loading: "lazy" });
    const film = kind === "video" ? [element("span", { className: "film", textContent: "▶ video" })] : [];
    const tile = this.#tile(name, `background:${id}`, picture, ...film);
    const forget = element("button", { type: "button", className: "forget", textContent: "×" });
    forget.setAttribute("aria-label", `Delete ${name}`);
    forget.addEventListener("click", () => attempt(async () => {
      await ask("DELETE", `/api/backgrounds/${id}`);
      await refreshBackgrounds();
    }));
    tile.append(forget);
    return tile;
  }

  #add() {
    const file = element("input", { type: "file", accept: "image/*,video/*", className: "unseen" });
    file.setAttribute("aria-label", "Add a picture or a video as background");
    const text = element("span", { textContent: "+ Add" });
    file.addEventListener("change", () => this.#send(file, text));
    return element("div", { className: "tile add" }, element("label", { title: "Add a picture or a video" }, file, text));
  }

  async #send(file, text) {
    const form = new FormData();
    form.append("file", file.files[0]);
    text.textContent = "Sending…";
    const added = await attempt(() => ask("POST", "/api/backgrounds", form));
    text.textContent = "+ Add";
    file.value = "";
    if (!added) return;
    await attempt(refreshBackgrounds);
    await this.put(this.#change(`background:${added.id}`));
  }
}
