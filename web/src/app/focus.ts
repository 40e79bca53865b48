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
