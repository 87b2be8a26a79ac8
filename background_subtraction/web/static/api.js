// Requests to the server, where problems are told, and what all parts of the page use.

export class Refusal extends Error {}

/** Send a request, and give the answer's JSON; null where it has none. */
export async function ask(method, path, body) {
  const answer = await request(method, path, body);
  return answer.status === 204 ? null : answer.json();
}

/** Send a request, and give the answer, unless it is a refusal. */
export async function request(method, path, body) {
  const isForm = body instanceof FormData;
  let answer;
  try {
    answer = await fetch(path, {
      method,
      headers: body && !isForm ? { "Content-Type": "application/json" } : {},
      body: body && !isForm ? JSON.stringify(body) : body,
    });
  } catch {
    throw noAnswer();
  }
  if (!answer.ok) throw await refusalOf(answer.status, answer);
  return answer;
}

export const noAnswer = () => new Refusal("The server does not answer. Is it still running?");

/** body: a Response or a Blob with what the server said. */
export async function refusalOf(status, body) {
  const said = await body.text().then(JSON.parse).catch(() => ({}));
  return new Refusal(said.error ?? `The server answered ${status}.`);
}

const box = document.getElementById("problem");
box.querySelector("button").addEventListener("click", () => tell(""));

/** Show one line, "" to take it away. Errors that are none of the server's are shown too. */
export function tell(problem) {
  const text = problem instanceof Error ? problem.message : problem;
  box.querySelector("p").textContent = text;
  box.hidden = !text;
}

/** Call `action`, and tell what goes wrong. */
export async function attempt(action) {
  try {
    const result = await action();
    tell("");
    return result;
  } catch (problem) {
    tell(problem);
    return undefined;
  }
}

export const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
export const part = (root, name) => root.querySelector(`[data-part="${name}"]`);

/** Make an element. children: elements and texts. */
export function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

/** Put figures of a run under its picture. */
export function showFigures(root, run) {
  const texts = {
    fps: run.fps ? run.fps.toFixed(1) : "–",
    median: run.median_ms ? `${run.median_ms.toFixed(0)} ms` : "–",
    p99: run.p99_ms ? `${run.p99_ms.toFixed(0)} ms` : "–",
    dropped: `${run.dropped ?? "–"}`,
    size: run.size ? `${run.size[0]}×${run.size[1]}` : "–",
    device: run.device ?? "–",
  };
  for (const [name, text] of Object.entries(texts)) root.querySelector(`[data-figure="${name}"]`).textContent = text;
  const loading = run.loading ? `The model “${run.loading}” is being prepared. The one before goes on.` : "";
  part(root, "loading").textContent = loading || run.problem || "";
}
