import { texts } from '../../text/texts.svelte.ts';

export const t = texts({
  tr: {
    title: 'Hak iadeleri',
    lead:
      'Eşleşmesi karşılıksız kalan, harcadığı hakkı geri isteyebilir. ' +
      'Bir dakika içinde sistem karar verir.',
    status: 'Durum',
    statuses: { pending: 'bekliyor', approved: 'onaylandı', rejected: 'reddedildi' },
    at: 'Ne zaman',
    who: 'Kim',
    match: 'Eşleşme',
    decided: 'Karar',
    reason: 'Neden',
    reasons: {
      too_early: 'süresi gelmemişti',
      answered: 'karşı taraf yazmıştı',
      connected: 'görüşme kurulmuştu',
      left_early: 'kendisi erken ayrılmıştı',
      too_late: 'süresi geçmişti',
      daily_cap: 'günlük sınır dolmuştu',
      not_paid: 'hak harcanmamıştı',
    },
    none: 'Böyle bir istek yok',
    noneYet: 'Şimdiye kadar kimse hakkını geri istemedi.',
    noneText: 'Süzgeci değiştirin ya da kaldırın.',
  },
  en: {
    title: 'Claims',
    lead:
      'Whoever spent a right on a match that nobody answered can ask for it back. ' +
      'The system decides within a minute.',
    status: 'State',
    statuses: { pending: 'pending', approved: 'approved', rejected: 'rejected' },
    at: 'When',
    who: 'Who',
    match: 'Match',
    decided: 'Decided',
    reason: 'Why not',
    reasons: {
      too_early: 'it was too early',
      answered: 'the other side had written',
      connected: 'the call was connected',
      left_early: 'they left early themselves',
      too_late: 'it was too late',
      daily_cap: 'the daily limit was reached',
      not_paid: 'no right was spent',
    },
    none: 'There is no such claim',
    noneYet: 'Nobody has asked for a right back so far.',
    noneText: 'Change the filter, or clear it.',
  },
});
