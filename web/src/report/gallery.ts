import { ago, match, MINUTE } from '../gallery/fixtures.ts';
import type { Shown } from '../gallery/shown.ts';
import type { KeptEvidence } from '../chat/conversation.svelte.ts';
import { Problem } from '../net/rest.ts';
import Report from './Report.svelte';
import { Reporting } from './reporting.svelte.ts';

const kept = (seq: number, text: string, minutes: number): KeptEvidence => ({
  text,
  evidence: {
    match_id: '1',
    seq,
    sent_at: ago(minutes * MINUTE),
    frank: { kid: '1', mac: '' },
    content: '',
    salt: '',
    franking_tag: '',
    ciphertext_sha256: '',
    sender_handle: 'marti#4410',
  },
});
const said = [
  kept(2, 'Kahveyi nasıl içersiniz?', 30),
  kept(3, 'Neden cevap vermiyorsunuz', 14),
  kept(4, 'Nerede oturduğunuzu bulmak zor değil', 12),
  kept(5, 'Cevap vermezseniz pişman olursunuz', 12),
];
const many = Array.from({ length: 20 }, (_, i) => kept(i + 1, `Mesaj ${i + 1}`, 60 - i));
const done = async (): Promise<void> => undefined;
const never = (): Promise<never> => new Promise(() => undefined);
const limits = { report_messages: 20, reports_per_day: 20 };

function reporting(
  messages: KeptEvidence[],
  report: () => Promise<unknown> = never,
  block: () => Promise<void> = done,
): Reporting {
  const room = { matchId: '1', evidence: async () => messages, report, block, limits };
  return new Reporting(room);
}

function screen(form: Reporting, more: Partial<Shown> = {}): Shown {
  const props = { match: match('1', 'marti#4410'), open: true, onclose: () => undefined };
  return { component: Report, props: { ...props, reporting: form }, ...more };
}

const threat = (form: Reporting): Reporting => Object.assign(form, { reason: 'threat' });
const send = (form: Reporting): Shown =>
  screen(threat(form), { then: async () => void (await Promise.race([form.send(), pause()])) });
const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 200));
const refuse = (code: 'already_reported' | 'offline', status: number) => (): Promise<never> =>
  Promise.reject(new Problem(code, status));

const plain = threat(reporting(said));
const unsaid = reporting(said);

export const screens: Record<string, Shown> = {
  report: screen(plain, { then: () => plain.tick(2, false) }),
  'report-empty': screen(reporting([])),
  'report-many': screen(threat(reporting(many))),
  'report-no-reason': screen(unsaid, { then: () => unsaid.send() }),
  'report-sending': send(reporting(said)),
  'report-sent': send(reporting(said, done)),
  'report-not-blocked': send(reporting(said, done, refuse('offline', 0))),
  'report-refused': send(reporting(said, refuse('already_reported', 409))),
};
