// What is shown of a push. It says that there is something, never what (docs/protocol.md, Pushes).
// This runs in the worker, which knows the browser's language and not the one that was chosen here.

export interface Shown {
  title: string;
  /** A later one of the same kind replaces it. */
  tag: string;
  /** Where it leads within the app. */
  path: string;
}

const WORDS = {
  tr: { match: 'Birini bulduk', message: 'Yeni mesaj', other: 'Yeni bildirim' },
  en: { match: 'You met somebody', message: 'New message', other: 'New notification' },
};

export function shownOf(data: unknown, browserLanguage: string): Shown {
  const words = browserLanguage.toLowerCase().startsWith('tr') ? WORDS.tr : WORDS.en;
  const { type, match_id } = (data ?? {}) as { type?: unknown; match_id?: unknown };
  const match = typeof match_id === 'string' && /^[1-9]\d{0,18}$/.test(match_id) ? match_id : null;
  if (match && (type === 'match' || type === 'message')) {
    return { title: words[type], tag: `match-${match}`, path: `/chats/${match}` };
  }
  return { title: words.other, tag: 'notification', path: '/notifications' };
}
