// A push service, and a browser that subscribed there.

import { createECDH, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';

export class PushService {
  /** What it answers. */
  status = 201;
  /** Every push that came, with the status that it was answered. */
  pushes = [];
  origin;
  #server;

  static async start() {
    const service = new PushService();
    service.#server = createServer(async (request, response) => {
      const { method, url, headers } = request;
      const body = [];
      for await (const part of request) body.push(part);
      const { status } = service;
      service.pushes.push({ method, url, headers, body: Buffer.concat(body), status });
      response.writeHead(status).end();
    });
    service.#server.listen(0, '127.0.0.1');
    await once(service.#server, 'listening');
    service.origin = `http://127.0.0.1:${service.#server.address().port}`;
    return service;
  }

  /** The body of `PUT /v1/me/push` of a browser whose pushes come here at `path`. */
  subscription(path) {
    const key = createECDH('prime256v1');
    key.generateKeys();
    const [p256dh, auth] = [key.getPublicKey(), randomBytes(16)].map((bytes) => bytes.toString('base64url'));
    return { platform: 'web', endpoint: this.origin + path, keys: { p256dh, auth } };
  }

  close() {
    this.#server.close();
  }
}
