// How good the line of a call is, from what the browser counts.

export type Quality = 'good' | 'fair' | 'poor';

/** Of the peer's packets that were lost since the last look, and of the way there and back, seconds. */
const FAIR = { lost: 0.02, trip: 0.4 };
const POOR = { lost: 0.08, trip: 0.8 };

export type Counted = Partial<Record<'packetsReceived' | 'packetsLost' | 'currentRoundTripTime', number>> & {
  type: string;
  nominated?: boolean;
};

export class QualityMeter {
  #received = 0;
  #lost = 0;
  #begun = false;

  /** What happened since the last look; null where there is nothing to compare with. */
  look(report: Iterable<Counted>): Quality | null {
    let [received, lost, trip] = [0, 0, 0];
    for (const one of report) {
      if (one.type === 'inbound-rtp') {
        received += one.packetsReceived ?? 0;
        lost += one.packetsLost ?? 0;
      } else if (one.type === 'candidate-pair' && one.nominated) {
        trip = Math.max(trip, one.currentRoundTripTime ?? 0);
      }
    }
    const arrived = received - this.#received;
    // A packet that came late after all is taken off what was lost.
    const missing = Math.max(0, lost - this.#lost);
    const first = !this.#begun;
    [this.#received, this.#lost, this.#begun] = [received, lost, true];
    if (first || arrived < 0) return null;
    const share = arrived + missing > 0 ? missing / (arrived + missing) : 1;
    if (share > POOR.lost || trip > POOR.trip) return 'poor';
    return share > FAIR.lost || trip > FAIR.trip ? 'fair' : 'good';
  }
}
