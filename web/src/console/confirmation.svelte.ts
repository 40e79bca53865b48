// Confirming who one is before something that destroys, without the screen.

import { type Proof, Proving } from '../welcome/proving.svelte.ts';

export class Confirmation extends Proving {
  /** True once it is confirmed, false when it was given up. */
  readonly answer: Promise<boolean>;
  readonly #send: (proof: Proof) => Promise<void>;
  #settle!: (confirmed: boolean) => void;

  /** `send` throws `Problem`. */
  constructor(send: (proof: Proof) => Promise<void>) {
    super();
    this.#send = send;
    this.answer = new Promise((resolve) => (this.#settle = resolve));
  }

  async submit(): Promise<void> {
    const confirmed = await this.prove(async (proof) => {
      await this.#send(proof);
      return true;
    });
    if (confirmed) this.#settle(true);
  }

  cancel(): void {
    this.#settle(false);
  }

  protected override refuse(error: unknown): void {
    const { code } = error as { code?: string };
    if (code === 'invalid_credentials') this.blame('password', { code: 'password_wrong' });
    else super.refuse(error);
  }
}
