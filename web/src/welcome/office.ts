// The calls of who is not signed in yet.

import type { Rest } from '../net/rest.ts';
import { language } from '../text/texts.svelte.ts';
import type { Office } from './registration.svelte.ts';
import type { Clerk } from './resetting.svelte.ts';
import type { Desk } from './signing-in.svelte.ts';
import { thisDevice } from './this-device.ts';

export const office = (rest: Rest): Office => ({
  async register(form, key) {
    const answer = await rest.post(
      '/v1/auth/register',
      { ...form, locale: language.current, device: thisDevice() },
      { key },
    );
    return 'tokens' in answer ? answer : null;
  },
  verify: (phone, code, key) => rest.post('/v1/auth/verify-phone', { phone, code }, { key }),
});

export const desk = (rest: Rest): Desk => ({
  login: (credentials) => rest.post('/v1/auth/login', { ...credentials, device: thisDevice() }),
});

export const clerk = (rest: Rest): Clerk => ({
  ask: (phone) => rest.post('/v1/auth/password-reset', { phone }),
  confirm: (phone, code, new_password, key) =>
    rest.post('/v1/auth/password-reset/confirm', { phone, code, new_password }, { key }),
});

export const accept = (rest: Rest, terms_version: number): Promise<void> =>
  rest.post('/v1/me/consent', { terms_version });
