// The `Idempotency-Key` of a call that is not to be done twice.

export class Repeat {
  #key: string | null = null;

  /** The same until it is known what became of the call. */
  get key(): string {
    return (this.#key ??= crypto.randomUUID());
  }

  /** It was done, or what is asked for is another thing now. */
  over(): void {
    this.#key = null;
  }

  /** It failed. Without an answer, or after a fault of the server, it may have been done all the same. */
  failed(error: unknown): void {
    const { code, status } = error as { code?: string; status?: number };
    if (status && status < 500 && code !== 'request_in_progress') this.over();
  }
}
