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
 * What had focus is taken out, and nothing else got it: the heading does, of the dialog that is open or of the screen.
 * What is only moved, in a list that is sorted anew, keeps it. Returns what ends that.
 */
export function neverLost(): () => void {
  let had: HTMLElement | null = null;
  const came = ({ target }: FocusEvent): void => void (had = target as HTMLElement);
  // Whoever points elsewhere has let it go.
  const pointed = ({ target }: Event): void => {
    if (!had?.contains(target as Node)) had = null;
  };
  const rescue = (): void => {
    if (document.activeElement !== document.body) return;
    const title = document.querySelector<HTMLElement>('dialog[open] h2[tabindex]');
    if (title) title.focus();
    else focusHeading();
  };
  const changed = (records: MutationRecord[]): void => {
    if (!had || document.activeElement !== document.body) return;
    if (!had.isConnected) {
      had = null;
      // Who knows a better place has given it focus by then.
      setTimeout(rescue);
    } else if (records.some(({ removedNodes }) => [...removedNodes].some((one) => one.contains(had)))) {
      had.focus({ preventScroll: true });
    }
  };
  const watch = new MutationObserver(changed);
  document.addEventListener('focusin', came);
  document.addEventListener('pointerdown', pointed);
  watch.observe(document.body, { childList: true, subtree: true });
  return () => {
    document.removeEventListener('focusin', came);
    document.removeEventListener('pointerdown', pointed);
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
