// Asking again and again, but only while somebody looks at the page.

/** Calls `ask` every `ms` while the page is seen, and when it is seen again. Ends with what it returns. */
export function whileSeen(ask: () => Promise<unknown>, ms: number): () => void {
  let last = Date.now();
  const look = (): void => {
    last = Date.now();
    // What was refused is said where it is shown; the next time may do.
    ask().catch(() => undefined);
  };
  const timer = setInterval(() => {
    if (!document.hidden) look();
  }, ms);
  const seen = (): void => {
    if (!document.hidden && Date.now() - last >= ms) look();
  };
  document.addEventListener('visibilitychange', seen);
  return () => {
    clearInterval(timer);
    document.removeEventListener('visibilitychange', seen);
  };
}
