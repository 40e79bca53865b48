// Who leaves the desk leaves the console, too.

const LOOK_MS = 10_000;
const SIGNS = ['keydown', 'pointerdown', 'pointermove', 'wheel'] as const;

/** Calls `run` once, when nobody did anything for `ms`; a computer that slept counts that, too, before it is woken. */
export function whenIdle(ms: number, run: () => void, page: EventTarget = window): () => void {
  let last = Date.now();
  const look = (): boolean => {
    if (Date.now() - last < ms) return false;
    end();
    run();
    return true;
  };
  const sign = (): void => {
    if (!look()) last = Date.now();
  };
  const timer = setInterval(look, LOOK_MS);
  const end = (): void => {
    clearInterval(timer);
    for (const name of SIGNS) page.removeEventListener(name, sign, true);
  };
  for (const name of SIGNS) page.addEventListener(name, sign, true);
  return end;
}
