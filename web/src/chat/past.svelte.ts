// The chats that are over, as the server lists them: newest first, page by page.

import type { Match } from '../net/frames.d.ts';

interface Page {
  items: Match[];
  next_cursor?: string | null;
}

export interface PastRoom {
  /** Throws `Problem`. */
  page(cursor: string | undefined): Promise<Page>;
  /** False where it is not shown, or was known. */
  add(match: Match): boolean;
}

/** So many pages are asked for until one has something new. */
const MOST_PAGES = 5;

export class Past {
  /** There may be earlier ones. */
  more = $state(false);

  readonly #room: PastRoom;
  #cursor: string | undefined;
  #begun = false;

  constructor(room: PastRoom) {
    this.#room = room;
  }

  /** The newest, after each time without a line. What was listed before stays. */
  async newest(): Promise<void> {
    const page = await this.#room.page(undefined);
    if (!this.#begun) this.#at(page);
    for (const match of page.items) this.#room.add(match);
  }

  async earlier(): Promise<void> {
    for (let pages = 0, found = false; !found && this.more && pages < MOST_PAGES; pages += 1) {
      const page = await this.#room.page(this.#cursor);
      this.#at(page);
      for (const match of page.items) found = this.#room.add(match) || found;
    }
  }

  /** Somebody else is signed in. */
  forget(): void {
    this.#begun = this.more = false;
    this.#cursor = undefined;
  }

  #at({ next_cursor }: Page): void {
    this.#begun = true;
    this.#cursor = next_cursor ?? undefined;
    this.more = this.#cursor !== undefined;
  }
}
