// After a navigation, focus is on the heading of the new screen: a screen reader says where one is,
// and Tab goes on from there. A room that still loads gets it when its heading comes.

const PATIENCE_MS = 5000;

let waiting: (() => void) | null = null;

function take(): boolean {
  const heading = document.querySelector<HTMLElement>('main h1');
  if (!heading) return false;
  // A screen may have put it somewhere better, such as a field.
  if (heading.closest('main')?.contains(document.activeElement)) return true;
  if (!heading.hasAttribute('tabindex')) heading.tabIndex = -1;
  heading.focus({ preventScroll: true });
  return true;
}

export function focusHeading(): void {
  waiting?.();
  if (take()) return;
  const watch = new MutationObserver(() => take() && waiting?.());
  const timer = setTimeout(() => waiting?.(), PATIENCE_MS);
  waiting = () => {
    watch.disconnect();
    clearTimeout(timer);
    waiting = null;
  };
  watch.observe(document.body, { childList: true, subtree: true });
}

/**
 * Where what had focus is taken out, and nothing else got it, the heading does: of the dialog that is open, or of the
 * screen. Returns what ends that.
 */
export function neverLost(): () => void {
  let had: Element | null = null;
  const came = (event: FocusEvent): void => void (had = event.target as Element);
  const rescue = (): void => {
    if (document.activeElement !== document.body) return;
    const title = document.querySelector<HTMLElement>('dialog[open] h2[tabindex]');
    if (title) title.focus();
    else focusHeading();
  };
  const watch = new MutationObserver(() => {
    if (!had || had.isConnected) return;
    had = null;
    // Who knows a better place has given it focus by then.
    setTimeout(rescue);
  });
  document.addEventListener('focusin', came);
  watch.observe(document.body, { childList: true, subtree: true });
  return () => {
    document.removeEventListener('focusin', came);
    watch.disconnect();
  };
}

const FOCUSABLE = 'a[href], button, input';

/** Keeps focus in a group (`{@attach}`): where what had it is taken out, its neighbour gets it. */
export function keepFocus(group: HTMLElement): () => void {
  let had: Element | null = null;
  let at = 0;
  const came = (event: FocusEvent): void => {
    had = event.target as Element;
    at = [...group.children].findIndex((one) => one.contains(had));
  };
  const left = (event: FocusEvent): void => {
    if (event.relatedTarget) had = null;
  };
  const look = (): void => {
    if (!had || had.isConnected || document.activeElement !== document.body) return;
    had = null;
    const next = group.children[Math.min(at, group.children.length - 1)];
    const there = next?.matches(FOCUSABLE) ? next : next?.querySelector(FOCUSABLE);
    if (group.isConnected && there instanceof HTMLElement) there.focus();
    else focusHeading();
  };
  group.addEventListener('focusin', came);
  group.addEventListener('focusout', left);
  const watch = new MutationObserver(look);
  watch.observe(group, { childList: true });
  return () => {
    watch.disconnect();
    // The last one took the group with it, which is still there for a moment.
    queueMicrotask(look);
  };
}
