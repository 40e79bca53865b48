// Camera and microphone of this device, until they are let go.

export type MediaTrouble = 'denied' | 'missing' | 'in_use' | 'insecure' | 'failed';

export function troubleOf(error: unknown): MediaTrouble {
  const name = (error as { name?: string } | null)?.name;
  if (name === 'NotAllowedError' || name === 'SecurityError') return 'denied';
  if (name === 'NotFoundError' || name === 'OverconstrainedError') return 'missing';
  if (name === 'NotReadableError' || name === 'AbortError') return 'in_use';
  return 'failed';
}

const SIZE = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30, max: 30 } };

async function camera(deviceId: string): Promise<MediaStreamTrack | null> {
  const video = { ...SIZE, deviceId: { exact: deviceId } };
  const stream = await navigator.mediaDevices.getUserMedia({ video }).catch(() => null);
  return stream?.getVideoTracks()[0] ?? null;
}

export class Media {
  stream: MediaStream | null = $state.raw(null);
  trouble: MediaTrouble | null = $state(null);
  busy = $state(false);
  microphone = $state(true);
  camera = $state(true);
  cameras: readonly MediaDeviceInfo[] = $state.raw([]);
  #let = false;

  /** Asks for both. False, and why in `trouble`. */
  async open(): Promise<boolean> {
    if (!navigator.mediaDevices) {
      this.trouble = 'insecure';
      return false;
    }
    this.busy = true;
    this.trouble = null;
    try {
      const audio = { echoCancellation: true, noiseSuppression: true };
      const stream = await navigator.mediaDevices.getUserMedia({ audio, video: SIZE });
      // Nobody waits for it any more.
      if (this.#let) for (const track of stream.getTracks()) track.stop();
      else {
        for (const track of this.stream?.getTracks() ?? []) track.stop();
        this.stream = stream;
        this.#apply();
      }
      await this.#list();
      return !this.#let;
    } catch (error) {
      this.trouble = troubleOf(error);
      return false;
    } finally {
      this.busy = false;
    }
  }

  mute(): void {
    this.microphone = !this.microphone;
    this.#apply();
  }

  hide(): void {
    this.camera = !this.camera;
    this.#apply();
  }

  /** The next camera; its track, or null if there is none or it cannot be had. */
  async turn(): Promise<MediaStreamTrack | null> {
    const old = this.stream?.getVideoTracks()[0];
    if (!this.stream || !old || this.cameras.length < 2) return null;
    const at = this.cameras.findIndex(({ deviceId }) => deviceId === old.getSettings().deviceId);
    const deviceId = this.cameras[(at + 1) % this.cameras.length]?.deviceId ?? '';
    // Phones have one camera open at a time.
    old.stop();
    // If the other one cannot be had, the one from before is opened again.
    const track = (await camera(deviceId)) ?? (await camera(old.getSettings().deviceId ?? ''));
    if (!track || this.#let || !this.stream) {
      track?.stop();
      return null;
    }
    this.stream = new MediaStream([...this.stream.getAudioTracks(), track]);
    this.#apply();
    return track;
  }

  /** Lamps go out. */
  close(): void {
    this.#let = true;
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.stream = null;
  }

  #apply(): void {
    for (const track of this.stream?.getAudioTracks() ?? []) track.enabled = this.microphone;
    for (const track of this.stream?.getVideoTracks() ?? []) track.enabled = this.camera;
  }

  async #list(): Promise<void> {
    const all = await navigator.mediaDevices.enumerateDevices().catch(() => []);
    this.cameras = all.filter(({ kind }) => kind === 'videoinput');
  }
}
