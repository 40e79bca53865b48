// Turkish endings of numbers in figures: 20:14’te, 7’si, 2027’ye. They follow the last word one says.

export type Ending = 'de' | 'den' | 'e' | 'si';

interface Word {
  vowel: 'e' | 'a' | 'ü' | 'u' | 'i' | 'ı';
  open: boolean;
  hard: boolean;
}

const word = (vowel: Word['vowel'], end: 'open' | 'hard' | 'soft'): Word => ({
  vowel,
  open: end === 'open',
  hard: end === 'hard',
});

const ONES: readonly Word[] = [
  word('ı', 'soft'), // sıfır
  word('i', 'soft'), // bir
  word('i', 'open'), // iki
  word('ü', 'hard'), // üç
  word('ü', 'hard'), // dört
  word('e', 'hard'), // beş
  word('ı', 'open'), // altı
  word('i', 'open'), // yedi
  word('i', 'soft'), // sekiz
  word('u', 'soft'), // dokuz
];
const TENS: readonly Word[] = [
  word('u', 'soft'), // on
  word('i', 'open'), // yirmi
  word('u', 'soft'), // otuz
  word('ı', 'hard'), // kırk
  word('i', 'open'), // elli
  word('ı', 'hard'), // altmış
  word('i', 'hard'), // yetmiş
  word('e', 'soft'), // seksen
  word('a', 'soft'), // doksan
];
const HUNDRED = word('ü', 'soft'); // yüz
const THOUSAND = word('i', 'soft'); // bin
const MILLION = word('u', 'soft'); // milyon

function last(n: number): Word {
  const at = (list: readonly Word[], i: number): Word => list[i] ?? HUNDRED;
  if (n === 0 || n % 10 !== 0) return at(ONES, n % 10);
  if (n % 100 !== 0) return at(TENS, (n % 100) / 10 - 1);
  if (n % 1000 !== 0) return HUNDRED;
  return n % 1_000_000 !== 0 ? THOUSAND : MILLION;
}

/** The ending with its apostrophe, for a whole number: `ending(14, 'de')` is "’te". */
export function ending(n: number, which: Ending): string {
  const { vowel, open, hard } = last(Math.abs(n));
  const front = 'eiü'.includes(vowel);
  const wide = front ? 'e' : 'a';
  if (which === 'e') return `’${open ? 'y' : ''}${wide}`;
  if (which === 'si') {
    const narrow = { e: 'i', i: 'i', ü: 'ü', a: 'ı', ı: 'ı', u: 'u' }[vowel];
    return `’${open ? 's' : ''}${narrow}`;
  }
  return `’${hard ? 't' : 'd'}${wide}${which === 'den' ? 'n' : ''}`;
}

/** For a time of day such as "20:14" or "20:00", where the minutes are not said. */
export function clockEnding(time: string, which: Ending): string {
  const [hours, minutes] = time.split(':').map(Number);
  return ending(minutes || hours || 0, which);
}
