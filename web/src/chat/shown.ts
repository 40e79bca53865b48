// Texts of a stranger, as they are put on the screen. Directions are kept apart by `<bdi>`; here is
// what markup cannot do: very long ones are cut, and ones that nobody can see are said in words.

const MOST_CHARS = 1_200;
const MOST_LINES = 24;
/** Spaces, controls, and what takes no place of its own: marks, joiners, fillers. */
const UNSEEN = /^[\s\p{Cc}\p{Cf}\p{M}\p{Default_Ignorable_Code_Point}\u2800]*$/u;

/** A text that shows nothing at all would be an empty bubble. */
export const unseen = (text: string): boolean => UNSEEN.test(text);

/** The beginning of a long text; `cut` tells that there is more. */
export function shortened(
  text: string, most = MOST_CHARS, mostLines = MOST_LINES,
): { text: string; cut: boolean } {
  let end = Math.min(most, text.length);
  let lines = 0;
  for (let at = text.indexOf('\n'); at >= 0 && at < end; at = text.indexOf('\n', at + 1)) {
    if (++lines === mostLines) end = at;
  }
  if (end === text.length) return { text, cut: false };
  // A character outside the BMP is two units: never half of one.
  const last = text.charCodeAt(end - 1);
  if (last >= 0xd800 && last <= 0xdbff) end -= 1;
  return { text: `${text.slice(0, end).trimEnd()}…`, cut: true };
}

/** A handle in a sentence without markup: nothing of it acts on what stands around it. */
export function within(handle: string): string {
  return `\u2068${handle.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '')}\u2069`;
}
