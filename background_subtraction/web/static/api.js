// Requests to the server, and where problems are told.

export class Refusal extends Error {
  constructor(message, parameter = null, status = 0) {
    super(message);
    this.parameter = parameter;
    this.status = status;
  }
}

export async function ask(method, path, body) {
  const isForm = body instanceof FormData;
  let answer;
  try {
    answer = await fetch(path, {
      method,
      headers: body && !isForm ? { "Content-Type": "application/json" } : {},
      body: body && !isForm ? JSON.stringify(body) : body,
    });
  } catch {
    throw new Refusal("The server does not answer. Is it still running?");
  }
  if (!answer.ok) throw await refusalOf(answer);
  return answer.status === 204 ? null : answer.json();
}

async function refusalOf(answer) {
  const said = await answer.json().catch(() => ({}));
  return new Refusal(said.error ?? `The server answered ${answer.status}.`, said.parameter, answer.status);
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
