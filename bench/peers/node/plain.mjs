// One transaction for each message and for each acknowledgement.

import { Database } from './database.mjs';

const LAST = `SELECT s.peer_id, COALESCE((SELECT MAX(l.seq) FROM peer_message_logs l
              WHERE l.match_id = s.match_id AND l.sender_id = s.user_id), 0)::int AS last
              FROM peer_sides s JOIN peer_matches m ON m.id = s.match_id
              WHERE s.match_id = $1 AND s.user_id = $2 AND m.ended_at IS NULL FOR UPDATE OF s`;
const MESSAGE = `INSERT INTO peer_messages (match_id, sender_id, seq, ciphertext, franking_tag, sent_at)
                 VALUES ($1, $2, $3, $4, $5, $6)`;
const LOG = `INSERT INTO peer_message_logs (match_id, sender_id, seq, receiver_id, sent_at) VALUES ($1, $2, $3, $4, $5)`;
const PEER = 'SELECT peer_id FROM peer_sides WHERE match_id = $1 AND user_id = $2';
const GONE = 'DELETE FROM peer_messages WHERE match_id = $1 AND sender_id = $2 AND seq <= $3';
const ARRIVED = `UPDATE peer_message_logs SET delivered_at = now()
                 WHERE match_id = $1 AND sender_id = $2 AND seq <= $3 AND delivered_at IS NULL`;

export class Plain extends Database {
  async send(sender, { match_id, seq, ciphertext, franking_tag }) {
    return this.transaction(async (client) => {
      const { rows } = await client.query({ name: 'last', text: LAST, values: [match_id, sender] });
      if (!rows.length) return { code: 'not_found' };
      const [{ peer_id: receiver, last }] = rows;
      if (seq !== last + 1) return { code: 'out_of_order' };
      const sent_at = new Date().toISOString();
      const message = [match_id, sender, seq, ciphertext, franking_tag, sent_at];
      await client.query({ name: 'message', text: MESSAGE, values: message });
      await client.query({ name: 'log', text: LOG, values: [match_id, sender, seq, receiver, sent_at] });
      return { receiver, sent_at };
    });
  }

  async ack(user, { match_id, seq }) {
    return this.transaction(async (client) => {
      const { rows } = await client.query({ name: 'peer', text: PEER, values: [match_id, user] });
      if (!rows.length) return null;
      const [{ peer_id: sender }] = rows;
      await client.query({ name: 'gone', text: GONE, values: [match_id, sender, seq] });
      await client.query({ name: 'arrived', text: ARRIVED, values: [match_id, sender, seq] });
      return sender;
    });
  }
}
