// One transaction for all messages and acknowledgements of five milliseconds, each kind in one statement. What a
// batch has to know of a match is kept in memory, and read from the database once.

import { Database } from './database.mjs';

const BATCH_MS = 5;

const SIDE = `SELECT s.peer_id, COALESCE((SELECT MAX(l.seq) FROM peer_message_logs l
              WHERE l.match_id = s.match_id AND l.sender_id = s.user_id), 0)::int AS last
              FROM peer_sides s JOIN peer_matches m ON m.id = s.match_id
              WHERE s.match_id = $1 AND s.user_id = $2 AND m.ended_at IS NULL`;
const MESSAGES = `INSERT INTO peer_messages (match_id, sender_id, seq, ciphertext, franking_tag, sent_at)
                  SELECT * FROM UNNEST($1::bigint[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::timestamptz[])`;
const LOGS = `INSERT INTO peer_message_logs (match_id, sender_id, seq, receiver_id, sent_at)
              SELECT * FROM UNNEST($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::timestamptz[])`;
const GONE = `DELETE FROM peer_messages m USING UNNEST($1::bigint[], $2::bigint[], $3::bigint[]) AS a (match_id, sender_id, seq)
              WHERE m.match_id = a.match_id AND m.sender_id = a.sender_id AND m.seq <= a.seq`;
const ARRIVED = `UPDATE peer_message_logs l SET delivered_at = now()
                 FROM UNNEST($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[]) AS a (match_id, sender_id, before, seq)
                 WHERE l.match_id = a.match_id AND l.sender_id = a.sender_id AND l.seq > a.before AND l.seq <= a.seq`;

/** The columns of these rows. */
const columns = (rows) => rows[0].map((_, column) => rows.map((row) => row[column]));

export class Tuned extends Database {
  #sides = new Map();
  #messages = [];
  #acks = [];
  #waiters = [];
  #timer = null;
  #writing = Promise.resolve();

  async send(sender, { match_id, seq, ciphertext, franking_tag }) {
    const side = await this.#side(match_id, sender);
    if (!side) return { code: 'not_found' };
    if (seq !== side.last + 1) return { code: 'out_of_order' };
    side.last = seq;
    const sent_at = new Date().toISOString();
    this.#messages.push([match_id, sender, seq, ciphertext, franking_tag, sent_at, side.peer]);
    try {
      await this.#committed();
    } catch (error) {
      this.#sides.clear();
      throw error;
    }
    return { receiver: side.peer, sent_at };
  }

  async ack(user, { match_id, seq }) {
    const side = await this.#side(match_id, user);
    if (!side) return null;
    this.#acks.push([match_id, side.peer, side.taken, seq]);
    side.taken = seq;
    await this.#committed();
    return side.peer;
  }

  async end(id) {
    await super.end(id);
    for (const key of this.#sides.keys()) if (key.startsWith(`${id} `)) this.#sides.delete(key);
  }

  async #side(match, user) {
    const key = `${match} ${user}`;
    const known = this.#sides.get(key);
    if (known) return known;
    const { rows } = await this.pool.query({ name: 'side', text: SIDE, values: [match, user] });
    if (!rows.length) return null;
    const side = { peer: rows[0].peer_id, last: rows[0].last, taken: 0 };
    // Another call may have read it meanwhile, and counted on.
    return this.#sides.get(key) ?? (this.#sides.set(key, side), side);
  }

  /** Resolves once what was queued is durable. */
  #committed() {
    this.#timer ??= setTimeout(() => this.#write(), BATCH_MS);
    return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }));
  }

  #write() {
    this.#timer = null;
    const [messages, acks, waiters] = [this.#messages, this.#acks, this.#waiters];
    [this.#messages, this.#acks, this.#waiters] = [[], [], []];
    // One after the other, so that what is acknowledged is there.
    this.#writing = this.#writing.then(() => this.#batch(messages, acks)).then(
      () => waiters.forEach(({ resolve }) => resolve()),
      (error) => waiters.forEach(({ reject }) => reject(error)),
    );
  }

  async #batch(messages, acks) {
    await this.transaction(async (client) => {
      if (messages.length) {
        const [match, sender, seq, ciphertext, tag, at, receiver] = columns(messages);
        await client.query({ name: 'messages', text: MESSAGES, values: [match, sender, seq, ciphertext, tag, at] });
        await client.query({ name: 'logs', text: LOGS, values: [match, sender, seq, receiver, at] });
      }
      if (acks.length) {
        const [match, sender, before, seq] = columns(acks);
        await client.query({ name: 'gone', text: GONE, values: [match, sender, seq] });
        await client.query({ name: 'arrived', text: ARRIVED, values: [match, sender, before, seq] });
      }
    });
  }
}
