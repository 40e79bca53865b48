// For tests: a WebSocket whose other end is the test.

export class FakeSocket {
  readonly url: string;
  readyState = 0;
  readonly sent: Record<string, unknown>[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  /** The line is dead: nothing is answered. */
  mute = false;

  constructor(url = '') {
    this.url = url;
  }

  send(text: string): void {
    const frame = JSON.parse(text) as Record<string, unknown>;
    this.sent.push(frame);
    if (frame.type === 'ping' && !this.mute) queueMicrotask(() => this.hear({ type: 'pong', re: frame.id }));
  }

  close(): void {
    this.readyState = 2;
    if (!this.mute) queueMicrotask(() => this.shut(1006));
  }

  open(): void {
    this.readyState = 1;
    this.onopen?.();
  }

  hear(frame: unknown): void {
    this.onmessage?.({ data: typeof frame === 'string' ? frame : JSON.stringify(frame) });
  }

  /** The server closed it. */
  shut(code: number): void {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.onclose?.({ code });
  }

  /** What was sent of this type. */
  of(type: string): Record<string, unknown>[] {
    return this.sent.filter((frame) => frame.type === type);
  }
}
