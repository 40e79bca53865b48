// The form that stores nothing: the same checks on maps.

export class Memory {
  #users = new Map();
  #matches = new Map();

  async register({ phone, password, alias }) {
    if (this.#users.has(phone)) return null;
    const id = String(this.#users.size + 1);
    this.#users.set(phone, { id, password, alias });
    return id;
  }

  async match(a, b) {
    const id = String(this.#matches.size + 1);
    this.#matches.set(id, new Map([[a, { peer: b, last: 0, held: [] }], [b, { peer: a, last: 0, held: [] }]]));
    return id;
  }

  async end(id) {
    this.#matches.delete(id);
  }

  async send(sender, { match_id, seq, ciphertext, franking_tag }) {
    const side = this.#matches.get(match_id)?.get(sender);
    if (!side) return { code: 'not_found' };
    if (seq !== side.last + 1) return { code: 'out_of_order' };
    side.last = seq;
    const sent_at = new Date().toISOString();
    side.held.push({ match_id, seq, ciphertext, franking_tag, sent_at });
    return { receiver: side.peer, sent_at };
  }

  async ack(user, { match_id, seq }) {
    const match = this.#matches.get(match_id);
    const peer = match?.get(user)?.peer;
    if (!peer) return null;
    const side = match.get(peer);
    side.held = side.held.filter((message) => message.seq > seq);
    return peer;
  }

  async waiting(user) {
    const of = [...this.#matches.values()].flatMap((match) => {
      const peer = match.get(user)?.peer;
      return peer ? match.get(peer).held : [];
    });
    return of;
  }

  async close() {}
}
