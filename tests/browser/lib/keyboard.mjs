// Somebody who has only a keyboard.

import { PASSWORD } from './client.mjs';
import { eventually } from './waiting.mjs';

/** What has focus, by the name that is read out: '' where nothing has. */
const named = (page) =>
  page.evaluate(() => {
    const { activeElement: one } = document;
    if (!one || one === document.body) return '';
    const labels = [...(one.labels ?? [])].map((label) => label.textContent).join(' ');
    return (one.getAttribute('aria-label') ?? (labels || one.textContent)).replace(/\s+/g, ' ').trim();
  });

/** Tabs to what has this name. It must be seen there: not behind something that stays in place, and with a ring. */
export async function reach(page, name) {
  const heard = [];
  for (let times = 0; times < 60; times += 1) {
    await page.keyboard.press('Tab');
    const at = await named(page);
    heard.push(at);
    if (!name.test(at)) continue;
    // A toast may be before it, and goes by itself.
    await eventually(`${at} is seen when it has focus`, () => seen(page), 12_000);
    return;
  }
  throw new Error(`${name} is not reached by Tab, only ${[...new Set(heard)].join(' | ')}`);
}

/** Whether what has focus, or its label where that is shown instead, is in view and marked. */
const seen = (page) =>
  page.evaluate(() => {
    const { activeElement: one } = document;
    const shown = [one, ...(one.labels ?? [])];
    const marked = shown.some((part) => {
      const { outlineStyle, boxShadow } = getComputedStyle(part);
      return outlineStyle !== 'none' || boxShadow !== 'none';
    });
    return marked && shown.some((part) => {
      const { left, top, width, height } = part.getBoundingClientRect();
      const there = document.elementFromPoint(left + width / 2, top + height / 2);
      return shown.some((each) => each.contains(there));
    });
  });

/** Reaches it, and presses a key on it. */
export async function press(page, name, key = 'Enter') {
  await reach(page, name);
  await page.keyboard.press(key);
}

/** Reaches a field and types into it. */
export async function write(page, name, text) {
  await reach(page, name);
  await page.keyboard.type(text);
}

/** Waits until this has focus, as where one goes on from. */
export async function focused(page, name) {
  let last = '';
  await eventually(
    () => `${name} has focus, not ${last || 'nothing'}`,
    async () => name.test((last = await named(page))),
    10_000,
  );
}

/** Fills in everything that is asked of somebody new, from the first page on, and presses `last`. */
export async function register(page, server, phone, alias, last = /^Finish$/) {
  await page.goto(server.url);
  await press(page, /^Get started$/);
  await focused(page, /^Your phone$/);
  await write(page, /^Mobile number$/, phone);
  await page.keyboard.press('Enter');
  await focused(page, /^Your name here$/);
  await write(page, /^Alias$/, alias);
  // A full part leads on to the next one.
  await write(page, /^Day$/, '01021990');
  await press(page, /^Continue$/);
  await focused(page, /^Your password$/);
  await write(page, /^Password$/, PASSWORD);
  await press(page, /^I accept/, 'Space');
  await press(page, last);
}

/** Signs in, from the page for that. */
export async function signIn(page, phone, password) {
  await focused(page, /^Welcome back$/);
  await write(page, /^Mobile number$/, phone);
  await write(page, /^Password$/, password);
  await page.keyboard.press('Enter');
}
