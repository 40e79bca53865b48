// One side of a call, as a web client makes it. The test carries its frames: `window.tell` takes them out, `side.hear` brings them in.

const tell = (frame) => window.tell(frame);

class Side {
  #media;
  #pc;
  #offers;
  // Of the newest offer, which an answer names.
  #round;
  #begin;
  // One frame at a time, from the start of the call on: a candidate waits for the description before it.
  #turn = new Promise((resolve) => {
    this.#begin = resolve;
  });

  /** Asks for camera and microphone, as before a search. */
  async prepare() {
    this.#media = await navigator.mediaDevices.getUserMedia({ audio: true, video: { width: 320, height: 240, frameRate: 15 } });
  }

  /** Begins the call; the offerer offers. */
  start({ offers, iceServers, policy }) {
    this.#offers = offers;
    this.#pc = new RTCPeerConnection({ iceServers, iceTransportPolicy: policy });
    this.#pc.onconnectionstatechange = () => tell({ type: 'state', state: this.#pc.connectionState });
    this.#pc.onicecandidate = ({ candidate }) => {
      if (!candidate) return;
      const { candidate: line, sdpMid, sdpMLineIndex } = candidate;
      tell({ type: 'rtc.candidate', candidate: line, sdp_mid: sdpMid, sdp_m_line_index: sdpMLineIndex });
    };
    this.#pc.ontrack = ({ streams }) => {
      document.querySelector('#peer').srcObject = streams[0];
    };
    // Only the offerer of a match offers; the peer's tracks go into its answer.
    this.#pc.onnegotiationneeded = () => this.#offers && this.#queue(() => this.#describe('offer'));
    for (const track of this.#media.getTracks()) this.#pc.addTrack(track, this.#media);
    this.#begin();
  }

  /** Takes what the peer's side told. */
  hear(frame) {
    return this.#queue(async () => {
      if (frame.type === 'rtc.candidate') {
        await this.addCandidate(frame);
        return;
      }
      await this.#pc.setRemoteDescription({ type: frame.kind, sdp: frame.sdp });
      this.#round = frame.round;
      if (frame.kind === 'offer') await this.#describe('answer');
    });
  }

  /** Gives ICE a candidate, wherever it comes from. */
  addCandidate({ candidate, sdp_mid, sdp_m_line_index }) {
    return this.#pc.addIceCandidate({ candidate, sdpMid: sdp_mid, sdpMLineIndex: sdp_m_line_index });
  }

  /** Adds a second video track. */
  addTrack() {
    this.#pc.addTrack(this.#media.getVideoTracks()[0].clone(), new MediaStream());
  }

  /** Gathers and connects anew, media going on. */
  restartIce() {
    this.#pc.restartIce();
  }

  /** Ends its part of the call. */
  close() {
    this.#pc.close();
  }

  /** What this side sees: frames decoded of each video track that comes, candidates, and the pairs that work. */
  async stats() {
    const all = [...(await this.#pc.getStats()).values()];
    const of = (type) => all.filter((entry) => entry.type === type);
    const byId = (id) => all.find((entry) => entry.id === id);
    const candidate = ({ candidateType: type, address, port, relatedAddress: related, usernameFragment: ufrag }) => ({ type, address, port, related, ufrag });
    const pair = (entry) => ({ local: candidate(byId(entry.localCandidateId)), remote: candidate(byId(entry.remoteCandidateId)) });
    const used = of('candidate-pair').filter((entry) => entry.state === 'succeeded' || entry.nominated);
    return {
      framesDecoded: of('inbound-rtp').filter(({ kind }) => kind === 'video').map((track) => track.framesDecoded ?? 0),
      locals: of('local-candidate').map(candidate),
      remotes: of('remote-candidate').map(candidate),
      pairs: used.map(pair),
      // Of the newest generation of ICE; older ones go on while they work.
      ufrag: /^a=ice-ufrag:(\S+)/m.exec(this.#pc.localDescription.sdp)[1],
    };
  }

  async #describe(kind) {
    await this.#pc.setLocalDescription();
    tell({ type: 'rtc.description', kind, sdp: this.#pc.localDescription.sdp, ...(kind === 'answer' && { round: this.#round }) });
  }

  #queue(step) {
    const done = this.#turn.then(step);
    // Whoever waits for a step sees its error; those after it go on.
    this.#turn = done.catch(() => {});
    return done;
  }
}

window.side = new Side();
