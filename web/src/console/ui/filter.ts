// What a list is narrowed by. Its value is in the address bar.

interface Some {
  /** In the address, and of the query. */
  name: string;
  label: string;
}

/** One of some values; without `otherwise`, "all" is the first. */
interface Choice extends Some {
  options: readonly (readonly [value: string, label: string])[];
  /** What it is where the address says nothing. */
  otherwise?: string;
}

/** The id of somebody. */
interface Whose extends Some {
  id: true;
}

export type Filter = Choice | Whose;

/**
 * `null` where it is no id; '' is none. An id is copied from somewhere, often with space around it. A phone
 * number is shorter, and goes into no address.
 */
export function idOf(text: string): string | null {
  const id = text.trim();
  return /^(\d{16,19})?$/.test(id) ? id : null;
}
