// The console's screens: each an address, what the server answers, and what is pressed then.

import {
  DAY, HOSTILE, HOUR, LONG, ago, appeals, bans, claims, decided, evidence, idOf, matches, page, past, people, queue,
  reports, somebody, threat,
} from './rows.ts';
import { adDays, ads, announcements, firstDay, jobs, log, overview, queues } from './house.ts';
import { message } from '../../console/reports/fixtures.ts';
import { type Answers, LOST, NEVER, refuse, signedIn, staff } from './server.ts';

export interface StaffScreen {
  /** Of the console. */
  path: string;
  answers: Answers;
  /** Nobody is signed in. */
  away?: boolean;
  /** False: another tab has the same session. */
  alone?: boolean;
  /** Done once it stands there: press, type. */
  then?: (root: HTMLElement) => Promise<void>;
}

type Then = NonNullable<StaffScreen['then']>;

const inside: Answers = {
  'GET /v1/me': staff('admin'),
  'GET /v1/admin/overview': overview,
};

/** What an admin sees in a room. */
const room = (path: string, answers: Answers, then?: Then): StaffScreen => ({
  path: `/admin/${path}`, answers: { ...inside, ...answers }, ...(then && { then }),
});

const gate = (answers: Answers, more: Partial<StaffScreen> = {}): StaffScreen =>
  ({ path: '/admin', away: true, answers, ...more });

/** The first thing that this finds once it is there. */
async function found<T extends HTMLElement>(root: ParentNode, wanted: string): Promise<T> {
  for (let tries = 0; tries < 100; tries += 1) {
    const one = root.querySelector<T>(wanted);
    if (one) return one;
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
  throw new Error(`nothing there is ${wanted}`);
}

const press = (...all: string[]): Then => async (root) => {
  for (const wanted of all) (await found(root, wanted)).click();
};
const type = (...texts: string[]): Then => async (root) => {
  await found(root, 'form input');
  const fields = [...root.querySelectorAll<HTMLInputElement>('form :is(input:not([type=radio]), textarea)')];
  for (const [n, text] of texts.entries()) {
    fields[n]!.value = text;
    fields[n]!.dispatchEvent(new InputEvent('input', { bubbles: true }));
  }
};
const first = (...all: Then[]): Then => async (root) => {
  for (const one of all) await one(root);
};
const there = (wanted: string): Then => async (root) => void (await found(root, wanted));
const key = (...all: string[]): Then => async (root) => {
  await found(root, 'h1');
  for (const one of all) dispatchEvent(new KeyboardEvent('keydown', { key: one }));
};

const credentials = first(type('+90 532 111 22 33', 'a long enough passphrase'), press('[type=submit]'));
const login = (answer: unknown): Answers => ({ ...inside, 'POST /v1/auth/login': answer });
const setup = {
  secret: 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP',
  uri: 'otpauth://totp/Tebdil:yargic%232201?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Tebdil',
};
const enrolling: Answers = {
  ...inside,
  'GET /v1/admin/overview': refuse(403, 'totp_enrolment_required'),
  'POST /v1/me/totp': setup,
  'POST /v1/me/totp/confirm': { recovery_codes: Array.from({ length: 10 }, (_, n) => `k7qp-${4000 + 137 * n}-m2xd`) },
};
const begun = first(type('a long enough passphrase'), press('[type=submit]'));

const gates: Record<string, StaffScreen> = {
  'sign-in': gate({}),
  'sign-in-empty': gate({}, { then: press('[type=submit]') }),
  'sign-in-wrong': gate(login(refuse(401, 'invalid_credentials')), { then: credentials }),
  'sign-in-often': gate(login(refuse(429, 'too_many_attempts')), { then: credentials }),
  'sign-in-second': gate(login(refuse(401, 'totp_required')), { then: credentials }),
  'sign-in-no-staff': gate(login({ ...signedIn, user: { ...signedIn.user, role: 'user' } }), { then: credentials }),
  'sign-in-elsewhere': gate({}, { away: false, alone: false }),
  'sign-in-no-line': gate({ 'GET /v1/me': LOST }, { away: false }),
  enrol: gate(enrolling, { away: false }),
  'enrol-code': gate(enrolling, { away: false, then: begun }),
  'enrol-codes': gate(enrolling, {
    away: false, then: first(begun, there('.qr'), type('', '123456'), press('[type=submit]')),
  }),
};

const shell: Record<string, StaffScreen> = {
  'no-page': room('nothing', {}),
  'only-admins': room('ads', { 'GET /v1/me': staff('moderator') }),
  keys: room('overview', {}, key('?')),
  you: room('overview', {}, press('.foot > .line')),
  menu: room('overview', {}, press('.top > .btn')),
};

const overviews: Record<string, StaffScreen> = {
  overview: room('overview', {}),
  'overview-table': room('overview', {}, press('section > header > .btn')),
  'overview-first-day': room('overview', { 'GET /v1/admin/overview': firstDay }),
  'overview-no-line': room('overview', { 'GET /v1/admin/overview': LOST }),
};

const details = (more: object = {}) => ({ ...threat, evidence, answer: null, ...more });
const about: Answers = {
  'GET /v1/admin/reports/queue': queue(reports),
  'POST /v1/admin/reports/*/take': { until: ago(-HOUR / 12) },
  'DELETE /v1/admin/reports/*/take': null,
  'POST /v1/admin/reports/*/resolve': null,
  'GET /v1/admin/reports/*': details(),
  'GET /v1/admin/users/*': somebody,
  'GET /v1/admin/reports': page(past),
};
const report = (answers: Answers = {}, then?: Then): StaffScreen =>
  room(`reports/${threat.id}`, { ...about, ...answers }, then);
const ready = there('.decide');
const hostile = details({
  note: HOSTILE[0]!, evidence: HOSTILE.map((text, n) => message(n + 1, text)),
  answer: { at: ago(HOUR), text: HOSTILE[1]! },
});
const queueOf = (items: typeof reports, more: Answers = {}): StaffScreen =>
  room('reports', { ...about, 'GET /v1/admin/reports/queue': queue(items), ...more });

const reportScreens: Record<string, StaffScreen> = {
  reports: queueOf(reports),
  'reports-empty': queueOf([]),
  'reports-loading': queueOf([], { 'GET /v1/admin/reports/queue': NEVER }),
  'reports-no-line': queueOf([], { 'GET /v1/admin/reports/queue': LOST }),
  'reports-all-taken': queueOf(reports.slice(2, 3)),
  report: report({}, first(ready, key('3'))),
  'report-hostile': report({ 'GET /v1/admin/reports/*': hostile }, ready),
  'report-no-evidence': report({ 'GET /v1/admin/reports/*': details({ evidence: [], evidence_count: 0 }) }, ready),
  'report-unread': report({ 'GET /v1/admin/reports/*': LOST }),
  'report-opening': report({ 'POST /v1/admin/reports/*/take': NEVER }),
  'report-taken': report({ 'POST /v1/admin/reports/*/take': refuse(409, 'taken') }),
  'report-decided': report({
    'POST /v1/admin/reports/*/take': refuse(409, 'already_decided'),
    'GET /v1/admin/reports/*': details({
      ...past[0], id: threat.id, answer: { at: ago(DAY), text: 'Özür dilerim, bir daha olmayacak.' },
    }),
  }),
  'report-nothing-chosen': report({}, first(ready, press('.decide [type=submit]'))),
  'report-held': report({}, first(ready, key('2'), press('.decide [type=submit]'), ready)),
};

const appealed = (id: string | null, items: typeof appeals, more: Answers = {}, then?: Then): StaffScreen =>
  room(['appeals', id].filter(Boolean).join('/'), { 'GET /v1/admin/appeals': page(items), ...more }, then);
const appealScreens: Record<string, StaffScreen> = {
  appeals: appealed(null, appeals),
  appeal: appealed(appeals[0]!.id, appeals, {}, press('.appeal-decide [type=submit]')),
  'appeal-own': appealed(appeals[1]!.id, appeals),
  'appeal-long': appealed(appeals[2]!.id, appeals),
  'appeal-gone': appealed(idOf(1), appeals),
  'appeals-empty': appealed(null, []),
  'appeals-decided': room(`appeals/${decided[0]!.id}?status=lifted`, { 'GET /v1/admin/appeals': page(decided, true) }),
  'appeals-no-line': appealed(null, [], { 'GET /v1/admin/appeals': LOST }),
};

const listed = (items: readonly unknown[], more = false): Answers => ({ 'GET /v1/admin/bans': page(items, more) });
const banScreens: Record<string, StaffScreen> = {
  bans: room('bans', listed(bans, true)),
  'bans-empty': room('bans', listed([])),
  'ban-confirm': room('bans', listed(bans), press('.acts > .btn')),
  'ban-lift': room('bans', listed(bans), press('.acts > .btn + .btn')),
};

const person = (path: string, account: object, answers: Answers = {}, then?: Then): StaffScreen =>
  room(`people/${path}`, {
    'GET /v1/admin/users/*': account,
    'GET /v1/admin/matches': page(matches, true),
    'GET /v1/admin/reports': page(past),
    'GET /v1/admin/system-logs': page(log),
    'GET /v1/admin/bans': page(bans),
    ...answers,
  }, then);
const id = somebody.id;
const quota = {
  text: 4, daily_text: 10, video: 1, daily_video: 3, bonus: 0, resets_at: ago(-HOUR),
};
const account = { ...somebody, quota };
const banned = {
  ...account, is_banned: true, unreliable: true, is_premium: true, role: 'moderator', handle: people[7]!.handle,
};
const deed = (n: number): Then => press('.deeds-of summary', `.deeds-of li:nth-child(${n}) button`);
/** Who it is has to be confirmed first. */
const unsure: Answers = { 'DELETE /v1/admin/users/*/sessions': refuse(403, 'confirmation_required') };
const peopleScreens: Record<string, StaffScreen> = {
  people: room('people', { 'GET /v1/admin/users': page(people, true) }),
  'people-none': room('people', { 'GET /v1/admin/users': page([]) }),
  'people-loading': room('people', { 'GET /v1/admin/users': NEVER }),
  'people-phone': room('people', {
    'GET /v1/admin/users': page(people), 'POST /v1/admin/users/find': page(people.slice(0, 1)),
  }, first(type('+90 532 111 22 33'), press('.finder [type=submit]'))),
  person: person(id, account),
  'person-banned': person(id, banned),
  'person-more': person(id, account, {}, press('.deeds-of summary')),
  'person-about': person(`${id}?tab=about`, account),
  'person-log': person(`${id}?tab=log`, account),
  'person-bans': person(`${id}?tab=bans`, banned),
  'person-erased': person(id, { ...account, ...people[6], id, quota: null }),
  'person-gone': person(id, refuse(404, 'not_found')),
  'person-no-line': person(id, refuse(503, 'unavailable')),
  'person-ban': person(id, account, {}, press('.deeds-of > .btn.bad')),
  'person-role': person(id, account, {}, deed(1)),
  'person-premium': person(id, account, {}, deed(2)),
  'person-quota': person(id, account, {}, deed(3)),
  'person-sessions': person(id, account, {}, deed(4)),
  'person-erase': person(id, account, {}, deed(5)),
  confirm: person(id, account, unsure, first(deed(4), press('dialog .btn.bad'), there('dialog [type=password]'))),
};

const ofAds: Answers = {
  'GET /v1/admin/ads': page(ads),
  'GET /v1/admin/ads/*/days': { items: adDays },
  'GET /v1/admin/ads/*': ads[0],
};
const adScreens: Record<string, StaffScreen> = {
  ads: room('ads', ofAds),
  'ads-none': room('ads', { 'GET /v1/admin/ads': page([]) }),
  ad: room(`ads/${ads[0]!.id}`, ofAds),
  'ad-long': room(`ads/${ads[3]!.id}`, {
    ...ofAds, 'GET /v1/admin/ads/*': ads[3], 'GET /v1/admin/ads/*/days': { items: [] },
  }),
  'ad-new': room('ads/new', ofAds),
  'ad-faults': room('ads/new', ofAds, first(type('', '', 'http://10.0.0.1/'), press('form [type=submit]'))),
  'ad-gone': room(`ads/${idOf(1)}`, { 'GET /v1/admin/ads/*': refuse(404, 'not_found') }),
  'ad-notify': room(`ads/${ads[0]!.id}`, ofAds, press('aside .btn:not(.bad-quiet)')),
  'ad-remove': room(`ads/${ads[0]!.id}`, ofAds, press('aside .btn.bad-quiet')),
};

const told = { 'GET /v1/admin/announcements': page(announcements) };
const maintenance = type('Bu gece bakım var.', 'Maintenance tonight.');
const dead = { 'GET /v1/admin/jobs': page(jobs), 'GET /v1/admin/jobs/queues': { items: queues } };
const houseScreens: Record<string, StaffScreen> = {
  announcements: room('announcements', told, maintenance),
  'announcements-none': room('announcements', { 'GET /v1/admin/announcements': page([]) }),
  'announcements-send': room('announcements', told, first(maintenance, press('form [type=submit]'))),
  'announcements-faults': room('announcements', told, press('form [type=submit]')),
  claims: room('claims', { 'GET /v1/admin/claims': page(claims, true) }),
  'claims-none': room('claims', { 'GET /v1/admin/claims': page([]) }),
  jobs: room('jobs', dead),
  'jobs-none': room('jobs', {
    'GET /v1/admin/jobs': page([]), 'GET /v1/admin/jobs/queues': { items: queues.slice(4) },
  }),
  'jobs-remove': room('jobs', dead, press('td .btn.bad-quiet')),
  'jobs-no-line': room('jobs', { 'GET /v1/admin/jobs': LOST, 'GET /v1/admin/jobs/queues': LOST }),
  log: room('log', { 'GET /v1/admin/system-logs': page(log, true) }),
  'log-none': room('log', { 'GET /v1/admin/system-logs': page([]) }),
  'log-filtered': room(`log?user=${id}&action=banned`, { 'GET /v1/admin/system-logs': page(log.slice(0, 1)) }),
  'log-no-line': room('log', { 'GET /v1/admin/system-logs': LOST }),
  'log-long': room('log', {
    'GET /v1/admin/system-logs': page(log.map((one) => ({ ...one, details: { note: LONG } }))),
  }),
};

/** By name: "console-" comes before each. */
export const staffScreens: Record<string, StaffScreen> = Object.fromEntries(
  Object.entries({
    ...gates, ...shell, ...overviews, ...reportScreens, ...appealScreens, ...banScreens, ...peopleScreens, ...adScreens,
    ...houseScreens,
  }).map(([name, screen]) => [`console-${name}`, screen]),
);
