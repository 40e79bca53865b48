// The stack that Tebdil was first drawn for: Express, Socket.IO, PostgreSQL, Redis and BullMQ.
//
//   node server.mjs --form memory|plain|tuned [--listen 127.0.0.1:0] [--database postgres://…]
//                   [--redis redis://… --prefix bench:] [--bcrypt-cost 10]

import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';

import { createAdapter } from '@socket.io/redis-adapter';
import bcrypt from 'bcrypt';
import { Queue, Worker } from 'bullmq';
import express from 'express';
import { Redis } from 'ioredis';
import jwt from 'jsonwebtoken';
import { Server } from 'socket.io';

import { Waiting, WaitingInRedis } from './matching.mjs';
import { Memory } from './memory.mjs';
import { Plain } from './plain.mjs';
import { Tuned } from './tuned.mjs';

const MATCH_MS = 24 * 3_600_000;

function refuse(why) {
  console.error(why);
  process.exit(2);
}

function settings() {
  const text = (value) => ({ type: 'string', default: value });
  try {
    const { values } = parseArgs({
      options: {
        form: text(), listen: text('127.0.0.1:0'), database: text(), redis: text(), prefix: text('peer:'),
        secret: text(randomBytes(32).toString('hex')), 'bcrypt-cost': text('10'),
      },
    });
    if (!['memory', 'plain', 'tuned'].includes(values.form)) refuse('--form is memory, plain or tuned');
    if (values.form !== 'memory' && !values.database) refuse('--database is missing');
    return values;
  } catch (error) {
    return refuse(error.message);
  }
}

const options = settings();
const cost = Number(options['bcrypt-cost']);
const store = await { memory: () => new Memory(), plain: () => Plain.open(options.database), tuned: () => Tuned.open(options.database) }[options.form]();

// ——— Accounts

const app = express();
app.use(express.json({ limit: '4kb' }));
const isText = (value, least, most) => typeof value === 'string' && value.length >= least && value.length <= most;
app.post('/register', async (request, response) => {
  const { phone, password, alias } = request.body ?? {};
  if (!isText(phone, 8, 20) || !isText(password, 10, 71) || !isText(alias, 3, 20)) {
    return response.status(400).json({ code: 'invalid_field' });
  }
  const hash = await bcrypt.hash(password, cost);
  const user_id = await store.register({ phone, password: hash, alias });
  if (user_id === null) return response.status(409).json({ code: 'phone_taken' });
  return response.status(201).json({ user_id, token: jwt.sign({ sub: user_id }, options.secret, { expiresIn: '15m' }) });
});
app.use((error, _request, response, _next) => response.status(error.status ?? 500).json({ code: 'bad_request' }));

// ——— Sockets

const http = createServer(app);
const io = new Server(http, { transports: ['websocket'], perMessageDeflate: false });
let waiting = new Waiting();
let expiry = null;
if (options.redis) {
  const redis = new Redis(options.redis);
  waiting = new WaitingInRedis(redis, options.prefix);
  io.adapter(createAdapter(redis.duplicate(), redis.duplicate(), { key: `${options.prefix}io` }));
  const connection = new Redis(options.redis, { maxRetriesPerRequest: null });
  expiry = new Queue('expire', { connection, prefix: `${options.prefix}bull` });
  new Worker('expire', ({ data }) => store.end(data.match_id), { connection: connection.duplicate(), prefix: `${options.prefix}bull` });
}

io.use((socket, next) => {
  try {
    socket.data.user = jwt.verify(socket.handshake.auth.token, options.secret).sub;
    next();
  } catch {
    next(new Error('unauthorized'));
  }
});

const isMessage = (message) =>
  isText(message?.match_id, 1, 20) && Number.isSafeInteger(message.seq) && message.seq > 0
  && isText(message.ciphertext, 4, 22_000) && isText(message.franking_tag, 44, 44);

io.on('connection', async (socket) => {
  const { user } = socket.data;
  socket.join(user);
  const guarded = (work) => async (...given) => {
    try {
      await work(...given);
    } catch (error) {
      console.error(error.message);
      given.findLast((one) => typeof one === 'function')?.({ ok: false, code: 'unavailable' });
    }
  };

  socket.on('match.find', guarded(async () => {
    const other = await waiting.pair(user);
    if (!other) return;
    const match_id = await store.match(other, user);
    await expiry?.add('expire', { match_id }, { delay: MATCH_MS, removeOnComplete: true });
    io.to(other).emit('match.found', { match_id, role: 'a' });
    io.to(user).emit('match.found', { match_id, role: 'b' });
  }));

  socket.on('message.send', guarded(async (message, answer) => {
    if (typeof answer !== 'function') return;
    if (!isMessage(message)) return answer({ ok: false, code: 'invalid_field' });
    const { code, receiver, sent_at } = await store.send(user, message);
    if (code) return answer({ ok: false, code });
    answer({ ok: true, sent_at });
    const { match_id, seq, ciphertext, franking_tag } = message;
    io.to(receiver).emit('message.new', { match_id, seq, ciphertext, franking_tag, sent_at });
  }));

  socket.on('message.ack', guarded(async (ack) => {
    if (!isText(ack?.match_id, 1, 20) || !Number.isSafeInteger(ack.seq)) return;
    const sender = await store.ack(user, ack);
    if (sender) io.to(sender).emit('message.delivered', { match_id: ack.match_id, seq: ack.seq });
  }));

  if (socket.handshake.auth.resume) {
    for (const message of await store.waiting(user)) socket.emit('message.new', message);
  }
});

const [host, port] = options.listen.split(':');
http.listen(Number(port), host, () => console.log(`listening on http://${host}:${http.address().port}`));
process.on('SIGTERM', () => process.exit(0));
