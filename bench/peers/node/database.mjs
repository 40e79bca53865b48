// What both forms with PostgreSQL share: accounts and matches.

import { readFile } from 'node:fs/promises';

import pg from 'pg';

/** The key of the lock under which the schema is made. */
const SCHEMA_LOCK = 7_205_759;

export class Database {
  static async open(url, ...options) {
    const pool = new pg.Pool({ connectionString: url, max: 10 });
    const schema = await readFile(new URL('schema.sql', import.meta.url), 'utf8');
    const client = await pool.connect();
    try {
      // Two processes may start at once.
      await client.query(`BEGIN; SELECT pg_advisory_xact_lock(${SCHEMA_LOCK}); ${schema} COMMIT`);
    } finally {
      client.release();
    }
    return new this(pool, ...options);
  }

  constructor(pool) {
    this.pool = pool;
  }

  async register({ phone, password, alias }) {
    const { rows } = await this.pool.query({
      name: 'register',
      text: `INSERT INTO peer_users (phone, password, alias) VALUES ($1, $2, $3)
             ON CONFLICT (phone) DO NOTHING RETURNING id`,
      values: [phone, password, alias],
    });
    return rows[0]?.id ?? null;
  }

  async match(a, b) {
    return this.transaction(async (client) => {
      const { rows } = await client.query('INSERT INTO peer_matches DEFAULT VALUES RETURNING id');
      const [{ id }] = rows;
      await client.query({
        name: 'sides',
        text: 'INSERT INTO peer_sides (match_id, user_id, peer_id) VALUES ($1, $2, $3), ($1, $3, $2)',
        values: [id, a, b],
      });
      return id;
    });
  }

  async end(id) {
    await this.pool.query('UPDATE peer_matches SET ended_at = now() WHERE id = $1', [id]);
  }

  async waiting(user) {
    const { rows } = await this.pool.query({
      name: 'waiting',
      text: `SELECT m.match_id, m.seq::int AS seq, m.ciphertext, m.franking_tag, m.sent_at
             FROM peer_sides s JOIN peer_messages m ON m.match_id = s.match_id AND m.sender_id = s.peer_id
             WHERE s.user_id = $1 ORDER BY m.match_id, m.seq`,
      values: [user],
    });
    return rows;
  }

  async transaction(work) {
    const client = await this.pool.connect();
    try {
      await client.query('BEGIN');
      const done = await work(client);
      await client.query('COMMIT');
      return done;
    } catch (error) {
      await client.query('ROLLBACK');
      throw error;
    } finally {
      client.release();
    }
  }

  async close() {
    await this.pool.end();
  }
}
