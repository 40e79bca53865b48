// Notes and reasons as the server takes them.

export const MOST_CHARS = 500;

const CONTROLS = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/g;

/** Line breaks stay, other control characters do not. */
export const lines = (text: string): string =>
  text.replace(/\r\n?/g, '\n').replace(CONTROLS, ' ').trim();

/** In one line. */
export const line = (text: string): string => lines(text).replace(/\s*\n\s*/g, ' ');

/** As the server counts: whole characters, not their halves. */
export const chars = (text: string): number => [...text].length;

export const fits = (text: string, most = MOST_CHARS): boolean =>
  chars(text) >= 1 && chars(text) <= most;
