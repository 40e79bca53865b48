// Makes WebP of screenshots, which come as PNG in base64.

const QUALITY = 0.8;
/** Of the two phones of a film, and what is around them, in pixels of the film. */
const PHONE = 540;
const EDGE = 24;
const TAP_MS = 450;
/** By which a colour may differ and still be the same. */
const SAME = 6;
let before = null;

const decoded = async (base64) => createImageBitmap(await (await fetch(`data:image/png;base64,${base64}`)).blob());

function sheet(width, height) {
  const canvas = new OffscreenCanvas(width, height);
  // Opaque, so that a file is one picture without a mask.
  const pen = canvas.getContext('2d', { alpha: false, willReadFrequently: true });
  pen.imageSmoothingQuality = 'high';
  return { canvas, pen };
}

async function written(canvas, quality = QUALITY) {
  const blob = await canvas.convertToBlob({ type: 'image/webp', quality });
  const bytes = new Uint8Array(await blob.arrayBuffer());
  let text = '';
  for (let at = 0; at < bytes.length; at += 8_192) text += String.fromCharCode(...bytes.subarray(at, at + 8_192));
  return btoa(text);
}

async function convert({ png, width }) {
  const image = await decoded(png);
  const height = Math.round((image.height * width) / image.width);
  const { canvas, pen } = sheet(width, height);
  pen.drawImage(image, 0, 0, width, height);
  const colours = new Set(new Uint32Array(pen.getImageData(0, 0, width, height).data.buffer)).size;
  return { file: await written(canvas), width, height, colours };
}

/** The even rectangle around everything that is not as it was; null if nothing is. */
function changed(now, was, width, height) {
  if (!was) return { x: 0, y: 0, width, height };
  const [new32, old32] = [new Uint32Array(now.buffer), new Uint32Array(was.buffer)];
  let [left, top, right, bottom] = [width, height, -1, -1];
  for (let pixel = 0; pixel < new32.length; pixel += 1) {
    if (new32[pixel] === old32[pixel] || [0, 1, 2].every((n) => Math.abs(now[pixel * 4 + n] - was[pixel * 4 + n]) <= SAME)) continue;
    const x = pixel % width;
    if (x < left) left = x;
    if (x > right) right = x;
    bottom = Math.floor(pixel / width);
    if (top > bottom) top = bottom;
  }
  if (right < 0) return null;
  const [x, y] = [left & ~1, top & ~1];
  return { x, y, width: right + 1 - x, height: bottom + 1 - y };
}

/** Two phones beside each other, with a ring where somebody pressed a moment ago. */
async function frame({ pngs, taps, at, size }) {
  const images = await Promise.all(pngs.map(decoded));
  const high = Math.round((PHONE * size.height) / size.width);
  const [width, height] = [2 * PHONE + 3 * EDGE, high + 2 * EDGE];
  const { canvas, pen } = sheet(width, height);
  pen.fillStyle = '#e9e2d8';
  pen.fillRect(0, 0, width, height);
  images.forEach((image, side) => {
    const from = EDGE + side * (PHONE + EDGE);
    pen.save();
    pen.beginPath();
    pen.roundRect(from, EDGE, PHONE, high, 28);
    pen.clip();
    pen.drawImage(image, from, EDGE, PHONE, high);
    for (const tap of taps.filter((one) => one.side === side && at >= one.at && at < one.at + TAP_MS)) {
      pen.beginPath();
      pen.arc(from + (tap.x * PHONE) / size.width, EDGE + (tap.y * PHONE) / size.width, 26, 0, 2 * Math.PI);
      pen.fillStyle = 'rgb(120 110 100 / 45%)';
      pen.fill();
    }
    pen.restore();
  });
  const { data } = pen.getImageData(0, 0, width, height);
  const part = changed(data, before, width, height);
  before = data;
  if (!part) return { width, height, part };
  const cut = sheet(part.width, part.height);
  cut.pen.drawImage(canvas, -part.x, -part.y);
  return { width, height, part, file: await written(cut.canvas) };
}

/** How many frames a film has, and the size of its last one: all are decoded. */
async function watch(base64) {
  const data = await (await fetch(`data:image/webp;base64,${base64}`)).arrayBuffer();
  const decoder = new ImageDecoder({ data, type: 'image/webp' });
  await decoder.tracks.ready;
  await decoder.completed;
  const { frameCount } = decoder.tracks.selectedTrack;
  const { image } = await decoder.decode({ frameIndex: frameCount - 1 });
  return { frames: frameCount, width: image.displayWidth, height: image.displayHeight };
}

window.studio = { convert, frame, watch, begin: () => (before = null) };
