// The controls of a call, which go out of the way of the picture after a while.

/** How long after the last sign of somebody, milliseconds. */
export const SHOWN_MS = 3_000;

export class Controls {
  shown = $state(true);
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Somebody moved, touched or typed. `hide` says, when the time is up, whether they may go. */
  seen(hide: () => boolean): void {
    this.shown = true;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      if (hide()) this.shown = false;
      else this.seen(hide);
    }, SHOWN_MS);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
