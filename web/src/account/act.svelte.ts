// Something that is done once at a time, and may be refused.

export class Act {
  busy = $state(false);
  /** Why it was not done. */
  refused = $state.raw<unknown>(null);

  /** True if it was done. Pressed again meanwhile, it does nothing. */
  async run(work: () => Promise<unknown>): Promise<boolean> {
    if (this.busy) return false;
    this.busy = true;
    this.refused = null;
    try {
      await work();
      return true;
    } catch (error) {
      this.refused = error;
      return false;
    } finally {
      this.busy = false;
    }
  }

  /** What the server calls the refusal; null if there is none. */
  get code(): string | null {
    return (this.refused as { code?: string } | null)?.code ?? null;
  }
}
