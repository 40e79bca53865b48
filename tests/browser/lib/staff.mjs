// People who decide, by the API.

import { randomInt } from 'node:crypto';

import { PASSWORD } from './client.mjs';

/** A moderator's way to call the API. */
export async function moderator(server, alias) {
  const phone = `+90534${randomInt(1_000_000, 9_999_999)}`;
  const person = { phone, password: PASSWORD, alias, birth_date: '1985-03-04', accept_terms: true };
  const { tokens } = await server.call('POST', '/v1/auth/register', null, person);
  await server.admin('grant', '--role', 'moderator', phone);
  return (method, path, body) => server.call(method, `/v1/admin${path}`, tokens.access_token, body);
}
