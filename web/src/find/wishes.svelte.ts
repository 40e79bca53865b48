// Whom somebody looks for, until the page is closed. It begins with what the profile says.

import type { MatchFind } from '../net/frames.d.ts';

export const NEAR_KM = 50;
/** As docs/protocol.md says of a profile. */
export const MOST_INTERESTS = 10;
export const MOST_INTEREST_CHARS = 32;

class Wishes {
  mode: MatchFind['mode'] = $state('text');
  /** Null: those of the profile. */
  interests: string[] | null = $state(null);
  languages: string[] | null = $state(null);
  near = $state(false);

  frame(): MatchFind {
    return {
      mode: this.mode,
      ...(this.interests && { interests: $state.snapshot(this.interests) }),
      ...(this.languages && { languages: $state.snapshot(this.languages) }),
      ...(this.near && { max_distance_km: NEAR_KM }),
    } as MatchFind;
  }

  add(interest: string, have: readonly string[]): void {
    const one = interest.trim().toLowerCase();
    const fits = one !== '' && [...one].length <= MOST_INTEREST_CHARS;
    if (!fits || have.includes(one) || have.length >= MOST_INTERESTS) return;
    this.interests = [...have, one];
  }

  remove(interest: string, have: readonly string[]): void {
    this.interests = have.filter((one) => one !== interest);
  }

  toggleLanguage(code: string, have: readonly string[]): void {
    this.languages = have.includes(code) ? have.filter((one) => one !== code) : [...have, code];
  }

  /** Somebody else may sign in here. */
  forget(): void {
    this.mode = 'text';
    this.interests = this.languages = null;
    this.near = false;
  }
}

export const wishes = new Wishes();
