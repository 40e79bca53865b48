// A correction of an allowance, as it is typed and as the server takes it.

const MOST = 1_000_000;

type Correction =
  | { amount: number; reference: string }
  | { faults: { amount: boolean; reference: boolean } };

export function checkCorrection(amount: string, reference: string): Correction {
  // A minus may come from elsewhere, where it is a sign of its own.
  const text = amount.trim().replace(/^[−–]/, '-');
  const whole = /^[+-]?\d{1,7}$/.test(text) ? Number(text) : 0;
  const named = reference.trim();
  const faults = {
    amount: whole === 0 || Math.abs(whole) > MOST,
    reference: !/^[!-~]{1,64}$/.test(named),
  };
  if (faults.amount || faults.reference) return { faults };
  return { amount: whole, reference: named };
}
