import type { Shown } from '../gallery/shown.ts';
import { meta } from '../gallery/fixtures.ts';
import Consent from './Consent.svelte';
import Register from './Register.svelte';
import { Registration } from './registration.svelte.ts';
import Reset from './Reset.svelte';
import { Resetting } from './resetting.svelte.ts';
import SignIn from './SignIn.svelte';
import { SigningIn } from './signing-in.svelte.ts';
import Welcome from './Welcome.svelte';

const never = (): Promise<never> => new Promise(() => undefined);
const refuse =
  (code: string, status: number, more = {}) =>
  (): Promise<never> =>
    Promise.reject(Object.assign(new Error(code), { code, status, ...more }));

function registering(
  fill: Partial<Registration> = {},
  register: () => Promise<never> = never,
): Registration {
  const made = new Registration({ register, verify: refuse('code_invalid', 422) }, 18);
  return Object.assign(made, fill);
}

const phone = '0532 123 45 67';
const person = { phone, alias: 'kediadam', day: '31', month: '01', year: '1990' };
const filled = { ...person, password: 'vapur kahve martı', accepted: true };

function step(n: number, registration: Registration, then?: Shown['then']): Shown {
  return {
    component: Register,
    props: { registration },
    model: { phase: 'welcome' },
    path: n === 1 ? '/register' : `/register?step=${n}`,
    ...(then ? { then } : {}),
  };
}

const press = (root: HTMLElement): void =>
  root.querySelector<HTMLElement>('[type=submit]')?.click();
const welcome = { phase: 'welcome' } as const;

const short = registering({ phone: '0532 123 45' });
short.left('phone');
const young = registering({ ...person, year: '2010' });
young.left('birth');
const taken = registering(filled, refuse('phone_taken', 409));
void taken.register();
const invited = registering();
invited.invite = 'KEDI';
const tried = Object.assign(new SigningIn({ login: refuse('invalid_credentials', 401) }), {
  phone,
  password: 'vapur',
});
const second = Object.assign(new SigningIn({ login: refuse('totp_required', 401) }), {
  phone,
  password: 'vapur',
  second: true,
});
const often = refuse('too_many_attempts', 429, { retryAfterMs: 240_000 });

export const screens: Record<string, Shown> = {
  welcome: { component: Welcome, model: welcome },
  'welcome-open': {
    component: Welcome,
    model: welcome,
    then: (root) => root.querySelector('details')?.setAttribute('open', ''),
  },
  'register-phone': step(1, registering()),
  'register-phone-short': step(1, short),
  'register-phone-taken': step(1, taken),
  'register-phone-invited': step(1, invited),
  'register-name': step(2, registering({ phone })),
  'register-name-young': step(2, young),
  'register-password': step(
    3,
    registering({ ...filled, password: 'vapur12', accepted: false }),
    press,
  ),
  'register-password-good': step(3, registering(filled)),
  'register-password-often': step(3, registering(filled, often), press),
  'register-code': step(4, registering({ ...filled, codeSentAt: Date.now() })),
  'register-code-wrong': step(
    4,
    registering({ ...filled, code: '123456', codeSentAt: Date.now() - 80_000 }),
    press,
  ),
  'sign-in': { component: SignIn, model: welcome },
  'sign-in-wrong': { component: SignIn, model: welcome, props: { form: tried }, then: press },
  'sign-in-second': { component: SignIn, model: welcome, props: { form: second }, then: press },
  reset: { component: Reset, model: welcome },
  'reset-code': {
    component: Reset,
    model: welcome,
    props: {
      form: Object.assign(new Resetting({ ask: never, confirm: never }), {
        phone,
        codeSentAt: Date.now(),
      }),
    },
  },
  'reset-none': {
    component: Reset,
    model: { ...welcome, meta: { ...meta, password_reset: false } },
  },
  consent: { component: Consent, model: { phase: 'consent' } },
};
