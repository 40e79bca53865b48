// Waiting that always ends.

/** How long anything may take that should take a moment, milliseconds. */
export const PATIENCE_MS = 30_000;

/** Resolves after so many milliseconds. */
export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** What `promise` brings, or an error that names `what` when it takes too long. */
export async function inTime(what, promise, ms = PATIENCE_MS) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`took over ${ms} ms: ${what}`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Asks until the answer is not falsy, and returns it. `what`, a text or what makes one, is said when it never is. */
export async function eventually(what, ask, ms = PATIENCE_MS) {
  const deadline = performance.now() + ms;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (performance.now() > deadline) throw new Error(`never within ${ms} ms: ${typeof what === 'function' ? what() : what}`);
    await pause(25);
  }
}
