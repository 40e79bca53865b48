// The container of an animated WebP: Chromium makes pictures of frames, and nobody here makes a film of them.
// https://developers.google.com/speed/webp/docs/riff_container

const ANIMATED = 0x02;
/** A frame replaces what it covers, and stays. */
const REPLACE = 0x02;

function chunk(name, ...parts) {
  const body = Buffer.concat(parts);
  const head = Buffer.alloc(8, name, 'latin1');
  head.writeUInt32LE(body.length, 4);
  return Buffer.concat([head, body, Buffer.alloc(body.length % 2)]);
}

/** Numbers of three bytes each. */
function triples(...numbers) {
  const bytes = Buffer.alloc(numbers.length * 3);
  numbers.forEach((number, index) => bytes.writeUIntLE(number, index * 3, 3));
  return bytes;
}

/** What a picture of one frame consists of, without the rest that its file has. */
function picture(file) {
  for (let at = 12; at < file.length; ) {
    const length = file.readUInt32LE(at + 4);
    const end = at + 8 + length + (length % 2);
    if (/^VP8[ L]$/.test(file.toString('latin1', at, at + 4))) return file.subarray(at, end);
    at = end;
  }
  throw new Error('a WebP without a picture');
}

/**
 * An endless film of this size in pixels. Each frame is a rectangle of it: `file`, an opaque WebP, at the even `x` and `y`,
 * `width` by `height`, which is shown for `ms`.
 */
export function film(width, height, frames) {
  const canvas = Buffer.concat([Buffer.from([ANIMATED, 0, 0, 0]), triples(width - 1, height - 1)]);
  // White behind it, and as many rounds as there are.
  const loop = Buffer.from([255, 255, 255, 255, 0, 0]);
  const shown = frames.map(({ file, x, y, width: w, height: h, ms }) =>
    chunk('ANMF', triples(x / 2, y / 2, w - 1, h - 1, Math.round(ms)), Buffer.from([REPLACE]), picture(file)),
  );
  return chunk('RIFF', Buffer.from('WEBP'), chunk('VP8X', canvas), chunk('ANIM', loop), ...shown);
}
