// Telling the server that a match was left or a call hung up here, until it says what became of it.

import type { ClientFrame, ServerFrame } from '../net/frames.d.ts';
import type { Conversation } from './conversation.svelte.ts';

export type How = 'left' | 'hung_up';

export interface LeavingRoom {
  /** The answer, an `error` of code `connection_lost`, or null where nobody is signed in. */
  ask(frame: ClientFrame): Promise<ServerFrame> | null;
  /** Asks for the match as the server has it. */
  lookAfter(matchId: string): Promise<void>;
}

export class Leaving {
  readonly #room: LeavingRoom;
  readonly #telling = new Set<string>();

  constructor(room: LeavingRoom) {
    this.#room = room;
  }

  /** Without a line it ends, and is to be called again when there is one. */
  async tell(chat: Conversation, how: How = 'left'): Promise<void> {
    const match_id = chat.match.id;
    if (this.#telling.has(match_id)) return;
    this.#telling.add(match_id);
    try {
      while (!chat.ended) {
        const answer = await this.#room.ask(
          how === 'left' ? { type: 'match.leave', match_id } : { type: 'rtc.state', match_id, state: 'ended' },
        );
        if (answer?.type === 'match.ended') chat.end(answer);
        if (answer?.type !== 'error') return;
        if (answer.code === 'not_found' || answer.code === 'match_ended') return this.#room.lookAfter(match_id);
        const pause = answer.retry_after_ms;
        if (!pause) return;
        await new Promise((resolve) => setTimeout(resolve, pause));
      }
    } finally {
      this.#telling.delete(match_id);
    }
  }
}
