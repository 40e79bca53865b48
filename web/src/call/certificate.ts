// The certificate of this side of a call. The peer trusts one for the whole match, so it is kept
// while the page lives. It cannot be kept longer: a page that was loaded anew has to end the call.

const made = new Map<string, Promise<RTCCertificate>>();

/** Null if an earlier life of this page has told another one. */
export async function certificateOf(matchId: string): Promise<RTCCertificate | null> {
  const here = made.get(matchId);
  if (here) return here;
  const key = `call-${matchId}`;
  try {
    if (sessionStorage.getItem(key)) return null;
    sessionStorage.setItem(key, 'told');
  } catch {
    // No storage: as if it was the first time.
  }
  const settings = { name: 'ECDSA', namedCurve: 'P-256' };
  const one = RTCPeerConnection.generateCertificate(settings);
  made.set(matchId, one);
  return one;
}

/** The match is over. */
export function forgetCertificate(matchId: string): void {
  made.delete(matchId);
  try {
    sessionStorage.removeItem(`call-${matchId}`);
  } catch {
    // Nothing was kept.
  }
}
