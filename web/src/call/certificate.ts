// The certificate of this side of a call. The peer trusts one for the whole match, so it is kept
// while the page lives. It cannot be kept longer: a page that was loaded anew has to end the call.

const made = new Map<string, Promise<RTCCertificate>>();

/** Null if the peer was `told` one that this page has not. */
export async function certificateOf(matchId: string, told: boolean): Promise<RTCCertificate | null> {
  const here = made.get(matchId);
  if (here || told) return here ?? null;
  const settings = { name: 'ECDSA', namedCurve: 'P-256' };
  const one = RTCPeerConnection.generateCertificate(settings);
  made.set(matchId, one);
  return one;
}

/** The match is over. */
export function forgetCertificate(matchId: string): void {
  made.delete(matchId);
}
