// The three forms keep the same contract. Those with a database run where PEER_DATABASE and PEER_REDIS name one.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { after, test } from 'node:test';

import pg from 'pg';
import { io } from 'socket.io-client';

const { PEER_DATABASE: database, PEER_REDIS: redis } = process.env;
const run = `${process.pid}${Date.now()}`;
const tag = Buffer.alloc(32, 1).toString('base64');
let people = 0;

async function start(t, form, ...more) {
  const child = spawn(process.execPath, ['server.mjs', '--form', form, '--bcrypt-cost', '4', ...more], {
    cwd: import.meta.dirname, stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGTERM'));
  const [line] = await once(createInterface(child.stdout), 'line');
  return line.replace('listening on ', '');
}

const register = (url, body) =>
  fetch(`${url}/register`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });

async function somebody(t, url) {
  people += 1;
  const phone = `+${run.slice(-12)}${String(people).padStart(3, '0')}`;
  const body = { phone, password: 'correct horse battery', alias: 'somebody' };
  const answer = await register(url, body);
  assert.equal(answer.status, 201);
  assert.equal((await register(url, body)).status, 409);
  const { token } = await answer.json();
  const socket = io(url, { transports: ['websocket'], auth: { token }, forceNew: true });
  t.after(() => socket.close());
  await once(socket, 'connect');
  return socket;
}

async function meet(a, b) {
  const found = [once(a, 'match.found'), once(b, 'match.found')];
  a.emit('match.find', {});
  b.emit('match.find', {});
  const [[of_a], [of_b]] = await Promise.all(found);
  assert.equal(of_a.match_id, of_b.match_id);
  return of_a.match_id;
}

async function talk(a, b, match_id) {
  const send = (from, seq, more) =>
    from.emitWithAck('message.send', { match_id, seq, ciphertext: 'AAAA', franking_tag: tag, ...more });
  for (const [from, to, seq] of [[a, b, 1], [b, a, 1], [a, b, 2]]) {
    const [news, told] = [once(to, 'message.new'), once(from, 'message.delivered')];
    assert.equal((await send(from, seq)).ok, true);
    const [{ ciphertext, seq: arrived }] = await news;
    assert.deepEqual([ciphertext, arrived], ['AAAA', seq]);
    to.emit('message.ack', { match_id, seq });
    assert.deepEqual(await told, [{ match_id, seq }]);
  }
  assert.equal((await send(a, 4)).code, 'out_of_order');
  assert.equal((await send(a, 2)).code, 'out_of_order');
  assert.equal((await send(a, 3, { ciphertext: '' })).code, 'invalid_field');
  assert.equal((await send(a, 1, { match_id: '999999999' })).code, 'not_found');
}

async function kept(match_id) {
  const client = new pg.Client({ connectionString: database });
  await client.connect();
  after(() => client.end());
  const { rows } = await client.query(
    `SELECT (SELECT count(*)::int FROM peer_messages WHERE match_id = $1) AS held,
            (SELECT count(delivered_at)::int FROM peer_message_logs WHERE match_id = $1) AS logged`, [match_id]);
  return rows[0];
}

test('in memory: strangers meet and talk', async (t) => {
  const url = await start(t, 'memory');
  const [a, b] = [await somebody(t, url), await somebody(t, url)];
  await talk(a, b, await meet(a, b));
  assert.equal((await register(url, { phone: 1 })).status, 400);
});

for (const form of ['plain', 'tuned']) {
  const skip = database && redis ? false : 'PEER_DATABASE and PEER_REDIS are not set';
  test(`${form}: strangers of two processes meet and talk`, { skip }, async (t) => {
    const more = ['--database', database, '--redis', redis, '--prefix', `${form}${run}:`, '--secret', run];
    const urls = [await start(t, form, ...more), await start(t, form, ...more)];
    const [a, b] = [await somebody(t, urls[0]), await somebody(t, urls[1])];
    const id = await meet(a, b);
    await talk(a, b, id);
    assert.deepEqual(await kept(id), { held: 0, logged: 3 });
    const unread = once(b, 'message.new');
    await a.emitWithAck('message.send', { match_id: id, seq: 3, ciphertext: 'BBBB', franking_tag: tag });
    await unread;
    const again = io(urls[0], { transports: ['websocket'], auth: { ...b.auth, resume: true }, forceNew: true });
    t.after(() => again.close());
    const [{ ciphertext }] = await once(again, 'message.new');
    assert.equal(ciphertext, 'BBBB');
  });
}
