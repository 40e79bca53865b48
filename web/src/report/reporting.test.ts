import { expect, test, vi } from 'vitest';
import type { KeptEvidence } from '../chat/conversation.svelte.ts';
import type { ReportRequest } from '../net/api.d.ts';
import { Problem } from '../net/rest.ts';
import { Reporting } from './reporting.svelte.ts';
import { t } from './text.ts';

const kept = (seq: number): KeptEvidence =>
  ({ text: `m${seq}`, evidence: { seq } as KeptEvidence['evidence'] });
const numbers = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1);

async function reporting(messages = numbers(3)) {
  const report = vi.fn(async (_request: ReportRequest, _key: string): Promise<unknown> => ({}));
  const block = vi.fn(async () => undefined);
  const form = new Reporting({
    matchId: '7',
    evidence: async () => messages.map(kept),
    report,
    block,
    limits: { report_messages: 20, reports_per_day: 5 },
  });
  await vi.waitFor(() => expect(form.messages).not.toBeNull());
  return { form, report, block };
}

const sent = (report: { mock: { calls: [ReportRequest, string][] } }): unknown[] =>
  report.mock.calls.map(([request]) => request.evidence?.map(({ seq }) => seq));

test('the last ten messages are ticked and seen at first', async () => {
  const { form } = await reporting(numbers(15));
  expect(form.shown.map(({ evidence }) => evidence.seq)).toEqual(numbers(15).slice(5));
  expect([...form.ticked]).toEqual(numbers(15).slice(5));
  expect(form.more).toBe(true);
  form.all = true;
  expect([form.shown.length, form.more]).toEqual([15, false]);
});

test('a report has at most what the server takes', async () => {
  const { form, report } = await reporting(numbers(30));
  form.reason = 'spam';
  for (const n of numbers(30)) form.tick(n, true);
  await form.send();
  expect(sent(report)).toEqual([numbers(30).slice(10)]);
});

test('only what is ticked is sent, oldest first', async () => {
  const { form, report, block } = await reporting();
  form.reason = 'threat';
  form.note = ' bir\r\niki\u0007 ';
  form.tick(2, false);
  form.tick(1, false);
  form.tick(1, true);
  await form.send();
  expect(report.mock.calls[0]?.[0]).toMatchObject({ match_id: '7', reason: 'threat', note: 'bir\niki' });
  expect(sent(report)).toEqual([[1, 3]]);
  expect([form.step, form.blocked]).toEqual(['sent', true]);
  expect(block).toHaveBeenCalledOnce();
});

test('nothing is sent without a reason', async () => {
  const { form, report } = await reporting();
  await form.send();
  expect([form.step, form.wrong]).toEqual(['choosing', t.choose]);
  expect(report).not.toHaveBeenCalled();
});

test('a report without messages says so to nobody', async () => {
  const { form, report } = await reporting([]);
  form.reason = 'other';
  form.also = false;
  await form.send();
  expect(report.mock.calls[0]?.[0]).toEqual({ match_id: '7', reason: 'other' });
  expect(form.blocked).toBe(false);
});

test('a repeat of a lost report is the same request', async () => {
  const { form, report } = await reporting();
  form.reason = 'hate';
  report.mockRejectedValueOnce(new Problem('offline', 0));
  await form.send();
  expect(form.step).toBe('choosing');
  await form.send();
  form.step = 'choosing';
  form.note = 'more';
  await form.send();
  const [first, second, third] = report.mock.calls.map(([, key]) => key);
  expect(first).toBe(second);
  expect(third).not.toBe(first);
});

test('a message that proves nothing is unticked', async () => {
  const { form, report } = await reporting();
  form.reason = 'hate';
  form.tick(1, false);
  const errors = [{ field: 'evidence[1].franking_tag', code: 'evidence_invalid', detail: '' }];
  report.mockRejectedValueOnce(new Problem('evidence_invalid', 422, { errors } as never));
  await form.send();
  expect([...form.ticked]).toEqual([2]);
  expect([form.step, form.wrong]).toEqual(['choosing', t.refused.evidence_invalid]);
});

test('whoever was reported before can be blocked', async () => {
  const { form, report, block } = await reporting();
  form.reason = 'hate';
  report.mockRejectedValueOnce(new Problem('already_reported', 409));
  await form.send();
  expect([form.step, form.wrong]).toEqual(['refused', t.refused.already_reported]);
  block.mockRejectedValueOnce(new Problem('offline', 0));
  await form.block();
  expect([form.blocked, form.wrong.startsWith(t.notBlocked)]).toEqual([false, true]);
  await form.block();
  expect([form.blocked, form.wrong]).toEqual([true, '']);
});
