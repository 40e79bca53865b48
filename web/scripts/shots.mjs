// Pictures of the gallery's screens: `node scripts/shots.mjs [NAME…]`, into a folder outside the
// repository. SHOTS names another one; FOLD=1 takes only what is seen without scrolling.

import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { visit } from './gallery.mjs';

const folder = process.env.SHOTS ?? `${tmpdir()}/tebdil-shots`;
await mkdir(folder, { recursive: true });
const fullPage = !process.env.FOLD;
const taken = await visit((page, name) =>
  page.screenshot({ path: `${folder}/${name}.png`, fullPage }),
);
console.log(`${taken} pictures in ${folder}`);
