import { ago, chat, chats, HOUR, match, mine, MINUTE, said } from '../gallery/fixtures.ts';
import type { Shown } from '../gallery/shown.ts';
import type { Chat } from '../app/model.ts';
import type { Rest } from '../net/rest.ts';
import Inside from '../app/Inside.svelte';

const press = (label: RegExp) => (root: HTMLElement): void => {
  const all = [...root.querySelectorAll<HTMLElement>('button, .row')];
  all.find((one) => label.test(one.textContent) || label.test(one.ariaLabel ?? ''))?.click();
};
const loaded = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 300));
const peer = async (root: HTMLElement): Promise<void> => {
  // The room is loaded when it is first opened, and a busy machine takes its time.
  for (let n = 0; n < 10 && !root.querySelector('button.peer'); n += 1) await loaded();
  root.querySelector<HTMLElement>('button.peer')?.click();
  await loaded();
};

const rest = { post: async () => undefined } as unknown as Rest;

const running = (then?: Shown['then']): Shown => ({
  component: Inside,
  path: '/chats/1',
  then: then ?? loaded,
});
const over = (of: Chat, more: Shown['model'] = {}): Shown => ({
  component: Inside,
  path: '/chats/9',
  model: { chats: [...chats, of], ...more },
  then: loaded,
});

const ended = (handle: string, claim: Chat['match']['claim'] = null): Chat['match'] =>
  match('9', handle, {
    status: 'cancelled',
    ended_at: ago(6 * MINUTE),
    ended_reason: 'left',
    shared_interests: ['sinema'],
    claim,
  });
const gone = ended('deleted#0000');
const unanswered = [mine('1', 'Merhaba, en son hangi filmde uyuyakaldınız?', 34, 'delivered')];
const claimed = (status: 'pending' | 'approved' | 'rejected'): Chat =>
  chat(
    ended('sahaf#1550', {
      id: '1',
      match_id: '9',
      status,
      created_at: ago(MINUTE),
      reason: status === 'rejected' ? 'answered' : null,
    }),
    { messages: unanswered, endedBy: 'peer' },
  );

const hostile = chat(match('9', 'marti\u202e#4410', { created_at: ago(HOUR) }), {
  online: true,
  messages: [
    said('1', '<img src=x onerror=alert(1)><script>alert(2)</script>', 20),
    said('2', '\u202Eters yazı, sonra düz olmalı', 19),
    mine('3', 'Bu satır düz', 18),
    said('4', '\u200b\u200d\u2060', 17),
    said('5', 'a\u0300'.repeat(3) + 'z' + '\u0301\u0302\u0303\u0304'.repeat(40), 16),
    said('6', 'W'.repeat(15_000), 15),
    said('7', 'satır\n'.repeat(400), 14),
    said('8', 'مرحبا, 123 أهلا', 13),
    { from: 'system', key: 'p9', kind: 'unreadable', at: ago(12 * MINUTE) },
    { from: 'system', key: 'm10', kind: 'missing', at: ago(11 * MINUTE) },
    said('10', 'Sonuncu', 10),
  ],
});

const flood = chat(match('9', 'marti#4410', { created_at: ago(20 * HOUR) }), {
  messages: Array.from({ length: 5_000 }, (_, i) => {
    const text = `${i + 1}. ${'kahve içer miyiz '.repeat(1 + (i % 7))}`;
    return i % 3 ? said(String(i + 1), text, 1_100 - i / 5) : mine(`s${i}`, text, 1_100 - i / 5);
  }),
});

const ad = {
  id: '5',
  title: 'Mahallenizdeki sahaf',
  content: 'Okunmuş kitaplar, okunmamış notlarla. Cumartesi günleri çay bizden.',
  click_url: 'https://sahaf.example/cay',
  placement: 'match_end',
};

export const screens: Record<string, Shown> = {
  'chats-past': {
    component: Inside,
    path: '/chats',
    model: {
      chats: [
        ...chats,
        chat(ended('sahaf#1550')),
        chat({ ...gone, id: '10', status: 'completed', ended_reason: 'erased' }),
        chat({ ...claimed('approved').match, id: '11' }, { endedBy: 'peer' }),
        chat({ ...claimed('pending').match, id: '12' }),
      ],
      moreChats: true,
    },
    then: async (root) => {
      await loaded();
      for (const fold of root.querySelectorAll('details')) fold.open = true;
    },
  },
  'chat-peer': running(peer),
  'chat-safety': running(async (root) => {
    await peer(root);
    press(/Güvenlik|Safety/)(root);
    await loaded();
  }),
  'chat-block': running(async (root) => {
    await peer(root);
    press(/^\s*(Engelle|Block)/)(root);
    await loaded();
  }),
  'chat-ended': over(
    chat(ended('sahaf#1550'), { messages: unanswered, endedBy: 'peer' }),
  ),
  'chat-ended-pending': over(claimed('pending')),
  'chat-ended-approved': over(claimed('approved')),
  'chat-ended-rejected': over(claimed('rejected')),
  'chat-ended-ad': over(
    chat(
      { ...ended('gece_kusu#6602'), status: 'completed' },
      { messages: [...unanswered, said('2', 'Uyumadım ki', 20)], endedBy: 'self' },
    ),
    { ad: { matchId: '9', ad }, rest },
  ),
  'chat-ended-later': over(chat(ended('sahaf#1550'))),
  'chat-ended-call': over(
    chat({ ...ended('sahaf#1550'), mode: 'video', ended_reason: 'hung_up' }, { endedBy: 'peer' }),
  ),
  'chat-hostile': over(hostile),
  'chat-flood': over(flood),
  'chat-unread': over(
    chat(flood.match, { messages: flood.messages, unread: 1_000, firstUnread: '4001' }),
  ),
  'chat-broken': over(chat(match('9', 'sahaf#1550'), { broken: true })),
  'chat-elsewhere': over(chat(match('9', 'sahaf#1550', { this_device: false }))),
};
