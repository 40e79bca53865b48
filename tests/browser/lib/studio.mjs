// Makes pictures of screenshots in a page of Chromium, which can write WebP; nothing else here has to.

import { fileURLToPath } from 'node:url';

import { film } from './webp.mjs';

/** A page in which pictures are made. */
export class Studio {
  #page;

  static async open(browser) {
    const studio = new Studio();
    // Decoders are for secure pages only, such as one from this machine.
    studio.#page = await browser.open(() => {});
    await studio.#page.addScriptTag({ path: fileURLToPath(new URL('../page/studio.js', import.meta.url)), type: 'module' });
    return studio;
  }

  #do(what, argument) {
    return this.#page.evaluate(([name, value]) => window.studio[name](value), [what, argument]);
  }

  /** A screenshot as WebP of this width in pixels: `file`, its `width` and `height`, and how many `colours` are in it. */
  async picture(png, width) {
    const made = await this.#do('convert', { png: png.toString('base64'), width });
    return { ...made, file: Buffer.from(made.file, 'base64') };
  }

  /** What a `Recorder` saw, as an animated WebP of `length` milliseconds, however long a slow machine took. */
  async film({ shots, taps, size, end }, length) {
    await this.#do('begin');
    const frames = [];
    const pace = length / (end - shots[0].at);
    let whole;
    for (const [index, { pngs, at }] of shots.entries()) {
      const ms = ((shots[index + 1]?.at ?? end) - at) * pace;
      const { width, height, part, file } = await this.#do('frame', { pngs, at, taps, size });
      whole = { width, height };
      if (part) frames.push({ ...part, file: Buffer.from(file, 'base64'), ms });
      else frames.at(-1).ms += ms;
    }
    return { file: film(whole.width, whole.height, frames), frames: frames.length, ...whole };
  }

  /** What a browser sees in a film: how many `frames`, and its `width` and `height`. */
  watch(file) {
    return this.#do('watch', file.toString('base64'));
  }
}

/** Looks at two pages again and again. */
export class Recorder {
  shots = [];
  taps = [];
  size;
  end;
  #sides;
  #every;
  #running = true;
  #done;

  /** Begins; `every` so many milliseconds, or as often as this machine can. */
  static async start(sides, every) {
    const recorder = new Recorder();
    recorder.#sides = sides;
    recorder.#every = every;
    recorder.size = sides[0].page.viewportSize();
    const sessions = await Promise.all(sides.map(({ context, page }) => context.newCDPSession(page)));
    recorder.#done = recorder.#record(sessions);
    // What fails here is told by `stop`.
    recorder.#done.catch(() => {});
    return recorder;
  }

  async #record(sessions) {
    while (this.#running) {
      const at = performance.now();
      const shots = await Promise.all(sessions.map((session) => session.send('Page.captureScreenshot', { format: 'png', optimizeForSpeed: true })));
      this.shots.push({ at, pngs: shots.map(({ data }) => data) });
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, at + this.#every - performance.now())));
    }
  }

  /** Presses what `locator` finds in the page of a side. */
  async tap(side, locator) {
    const { x, y, width, height } = await (await locator.elementHandle()).boundingBox();
    this.taps.push({ side: this.#sides.indexOf(side), x: x + width / 2, y: y + height / 2, at: performance.now() });
    await locator.click();
  }

  async stop() {
    this.#running = false;
    await this.#done;
    this.end = performance.now();
    return this;
  }
}
