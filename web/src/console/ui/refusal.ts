// Why something that staff asked for was not done, in words.

import { Problem } from '../../net/problem.ts';
import { explain } from '../../text/problems.ts';
import { texts } from '../../text/texts.svelte.ts';

const t = texts({
  tr: {
    confirmation_required: 'Kim olduğunuz onaylanmadı. Hiçbir şey yapılmadı.',
    forbidden:
      'Bunu siz yapamazsınız: kendinizle ilgili olabilir, bu kişiyi siz şikâyet etmiş olabilirsiniz ' +
      'ya da kişi ekipten olabilir. Hiçbir şey yapılmadı.',
    already_banned: 'Bu kişi zaten yasaklı. Sayfadaki bilgiler yenilendi.',
    not_banned: 'Bu kişi artık yasaklı değil. Sayfadaki bilgiler yenilendi.',
    already_decided: 'Buna az önce bir başkası karar verdi. Sayfadaki bilgiler yenilendi.',
    job_not_dead: 'Bu iş artık durmuş değil: başka biri yeniden başlatmış.',
    already_corrected: 'Bu kaynakla bir düzeltme zaten yapılmış. Yenisiyse başka bir kaynak yazın.',
    ad_not_running:
      'Bu reklam şu an kimseye gösterilmiyor: kapalı, süresi dışında, bütçesi dolmuş ya da reklam görmeyenlere yönelik.',
  },
  en: {
    confirmation_required: 'You did not confirm who you are. Nothing was done.',
    forbidden:
      'You may not do this: it may be about yourself, you may have reported this person, ' +
      'or they may be staff. Nothing was done.',
    already_banned: 'This person is banned already. The page shows it as it is now.',
    not_banned: 'This person is not banned any more. The page shows it as it is now.',
    already_decided: 'Somebody else has just decided this. The page shows it as it is now.',
    job_not_dead: 'This job is no longer dead: somebody else let it run again.',
    already_corrected:
      'There already is a correction with this reference. If this is another one, give it another reference.',
    ad_not_running: 
      'Nobody is shown this ad now: it is off, outside its time, its budget is used up, or it is for people who see no ads.',
  },
});

export function refusal(error: unknown): string {
  const code = error instanceof Problem ? error.code : '';
  return code in t ? t[code as keyof typeof t] : explain(error);
}

/** Whoever was asked who they are has changed their mind: no fault to be alarmed at. */
export const isGivenUp = (error: unknown): boolean =>
  error instanceof Problem && error.code === 'confirmation_required';

export type Faults<F extends string> = Partial<Record<F, string>>;

/** What is wrong with which field. Empty where the server blames none of these. */
export function faultsOf<F extends string>(error: unknown, words: Record<F, string>): Faults<F> {
  const named = error instanceof Problem ? error.errors : [];
  const known = named.map(({ field }) => field as F).filter((field) => field in words);
  return Object.fromEntries(known.map((field) => [field, words[field]])) as Faults<F>;
}
