//! One side of a call: the Rust client, and a peer connection that does what it says.

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use bytes::Bytes;
use tebdil_client::{
    call::CallError,
    chat::{Chat, ChatEvent, ChatEvents, ChatOptions, EndDetails, test_phone},
    rest::{Account, Api},
};
use tebdil_protocol::{
    IceServers, Match, MatchFind, RtcCandidate, RtcDescription,
    domain::{CallState, DescriptionKind, MatchRole, Mode},
    id::MatchId,
    time::Clock,
};
use tokio::{task::JoinSet, time::Instant};
use webrtc::{
    api::{
        APIBuilder,
        interceptor_registry::register_default_interceptors,
        media_engine::{MIME_TYPE_VP8, MediaEngine},
        setting_engine::SettingEngine,
    },
    data_channel::RTCDataChannel,
    ice_transport::{
        ice_candidate::RTCIceCandidateInit, ice_candidate_pair::RTCIceCandidatePair,
        ice_server::RTCIceServer,
    },
    interceptor::registry::Registry,
    media::Sample,
    peer_connection::{
        RTCPeerConnection, configuration::RTCConfiguration,
        policy::ice_transport_policy::RTCIceTransportPolicy,
        sdp::session_description::RTCSessionDescription, signaling_state::RTCSignalingState,
    },
    rtp::{codecs::vp8::Vp8Packet, packetizer::Depacketizer as _},
    rtp_transceiver::rtp_codec::RTCRtpCodecCapability,
    stats::StatsReportType,
    track::{
        track_local::track_local_static_sample::TrackLocalStaticSample, track_remote::TrackRemote,
    },
};

use crate::{PATIENCE, eventually};

/// A video frame lasts so long.
const FRAME: Duration = Duration::from_millis(33);

/// 62 bytes that begin as a VP8 key frame of 16 × 16 does (RFC 6386 §9.1), and say in the last one
/// whose they are.
pub fn key_frame(role: MatchRole) -> Bytes {
    let mut frame = vec![0x90, 0x06, 0x00, 0x9d, 0x01, 0x2a, 0x10, 0x00, 0x10, 0x00];
    frame.resize(61, 0x5a);
    frame.push(if role == MatchRole::Offerer { 1 } else { 2 });
    frame.into()
}

/// What one side saw of a call.
#[derive(Default)]
pub struct Seen {
    /// Video frames of the peer, and when the last one came.
    pub frames: usize,
    pub last_frame: Option<Instant>,
    /// Frames that are not the peer's.
    pub wrong_frames: usize,
    pub words: Vec<String>,
    pub states: Vec<CallState>,
    pub refused: Vec<CallError>,
    pub errors: Vec<String>,
    pub ended: Option<EndDetails>,
}

/// Someone who is matched for a call and has not begun it.
pub struct Person {
    pub chat: Chat,
    pub events: ChatEvents,
    pub found: Match,
}

impl Person {
    async fn register(server: &str, number: u32, alias: &str) -> (Chat, ChatEvents) {
        Chat::register_simple(
            &ChatOptions::new(server),
            &test_phone(number),
            "a long password",
            alias,
        )
        .await
        .expect("registered")
    }

    async fn secured(chat: Chat, mut events: ChatEvents) -> Self {
        let secured = async {
            let mut found = None;
            loop {
                match events.recv().await.expect("an event") {
                    ChatEvent::Matched { found: new, .. } => found = Some(*new),
                    ChatEvent::Secured { .. } => return found.expect("matched before"),
                    ChatEvent::NotSecured { error, .. } => panic!("{error}"),
                    _ => {}
                }
            }
        };
        let found = tokio::time::timeout(PATIENCE, secured)
            .await
            .expect("a match in time");
        Self {
            chat,
            events,
            found,
        }
    }

    pub fn match_id(&self) -> MatchId {
        self.found.id
    }

    /// Relays as the server at `server` names them.
    pub async fn ice_servers(&self, server: &str) -> IceServers {
        let tokens = self.chat.account().tokens().expect("signed in");
        let account = Account::new(
            Api::new(server).expect("an address"),
            tokens,
            Clock::system(0),
        );
        let servers = account.ice_servers(self.match_id()).await.expect("relays");
        assert_eq!(servers.transport_policy, "relay");
        servers
    }
}

/// Two people, each at a server of their own, who are matched for a call: the offerer first.
pub async fn couple(servers: [&str; 2]) -> [Person; 2] {
    let (ada, bora) = (
        Person::register(servers[0], 1, "ada").await,
        Person::register(servers[1], 2, "bora").await,
    );
    for (chat, _) in [&ada, &bora] {
        let find = MatchFind {
            mode: Mode::Video,
            interests: None,
            languages: None,
            max_distance_km: None,
            background: false,
        };
        chat.find_with(find).await.expect("searching");
    }
    let (ada, bora) = tokio::join!(
        Person::secured(ada.0, ada.1),
        Person::secured(bora.0, bora.1)
    );
    if ada.found.role == MatchRole::Offerer {
        [ada, bora]
    } else {
        [bora, ada]
    }
}

/// One side of a call that goes on.
pub struct Caller {
    pub chat: Chat,
    pub match_id: MatchId,
    pub role: MatchRole,
    pub connection: Arc<RTCPeerConnection>,
    seen: Arc<Mutex<Seen>>,
    tasks: JoinSet<()>,
}

impl Caller {
    /// Answers whatever the peer offers from now on, and sends video and a word as soon as there is
    /// a call.
    pub async fn new(person: Person, servers: &IceServers, policy: RTCIceTransportPolicy) -> Self {
        let Person {
            chat,
            events,
            found,
        } = person;
        let (match_id, role) = (found.id, found.role);
        let connection = Arc::new(peer_connection(servers, policy).await);
        let seen = Arc::<Mutex<Seen>>::default();
        let mut tasks = JoinSet::new();

        let signals = chat.clone();
        connection.on_ice_candidate(Box::new(move |candidate| {
            let signals = signals.clone();
            Box::pin(async move {
                let candidate = candidate
                    .map(|candidate| candidate.to_json().expect("well-formed").candidate)
                    .unwrap_or_default();
                let candidate = RtcCandidate {
                    match_id,
                    candidate: candidate.into(),
                    sdp_mid: None,
                    sdp_m_line_index: Some(0),
                };
                // The match may have ended meanwhile.
                let _ = signals.candidate(candidate).await;
            })
        }));
        let peer = if role == MatchRole::Offerer {
            MatchRole::Answerer
        } else {
            MatchRole::Offerer
        };
        let watched = Arc::clone(&seen);
        connection.on_track(Box::new(move |track, _, _| {
            Box::pin(watch(track, key_frame(peer), Arc::clone(&watched)))
        }));
        let heard = Arc::clone(&seen);
        connection.on_data_channel(Box::new(move |channel| {
            talk(&channel, role, Arc::clone(&heard));
            Box::pin(async {})
        }));

        let codec = RTCRtpCodecCapability {
            mime_type: MIME_TYPE_VP8.to_owned(),
            ..Default::default()
        };
        let track = Arc::new(TrackLocalStaticSample::new(
            codec,
            "video".to_owned(),
            "camera".to_owned(),
        ));
        connection
            .add_track(Arc::clone(&track) as _)
            .await
            .expect("a track");
        tasks.spawn(async move {
            let mut frames = tokio::time::interval(FRAME);
            loop {
                frames.tick().await;
                let sample = Sample {
                    data: key_frame(role),
                    duration: FRAME,
                    ..Default::default()
                };
                // Nobody takes it before the call stands, nor when it is over.
                let _ = track.write_sample(&sample).await;
            }
        });
        tasks.spawn(follow(
            chat.clone(),
            events,
            Arc::clone(&connection),
            Arc::clone(&seen),
        ));
        Self {
            chat,
            match_id,
            role,
            connection,
            seen,
            tasks,
        }
    }

    pub fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().expect("nobody panics with it")
    }

    /// Begins the call, as its offerer does.
    pub async fn offer(&self) {
        let channel = self
            .connection
            .create_data_channel("words", None)
            .await
            .expect("a channel");
        talk(&channel, self.role, Arc::clone(&self.seen));
        let offer = self.connection.create_offer(None).await.expect("an offer");
        let sdp = offer.sdp.as_str().into();
        self.connection
            .set_local_description(offer)
            .await
            .expect("it is ours");
        self.chat
            .describe(RtcDescription {
                match_id: self.match_id,
                kind: DescriptionKind::Offer,
                sdp,
                round: None,
            })
            .await
            .expect("sent");
    }

    /// Waits for video and a word of the peer.
    pub async fn hears_and_sees(&self) {
        eventually("video and a word of the peer", async || {
            let seen = self.seen();
            assert!(
                seen.refused.is_empty() && seen.errors.is_empty(),
                "{:?} {:?}",
                seen.refused,
                seen.errors
            );
            seen.frames >= 10 && !seen.words.is_empty()
        })
        .await;
        let said = if self.role == MatchRole::Offerer {
            "selam, Answerer"
        } else {
            "selam, Offerer"
        };
        let seen = self.seen();
        assert_eq!(
            (seen.words.as_slice(), seen.wrong_frames),
            (&[said.to_owned()][..], 0)
        );
    }

    /// The way that media goes.
    pub async fn selected(&self) -> RTCIceCandidatePair {
        self.connection
            .sctp()
            .transport()
            .ice_transport()
            .get_selected_candidate_pair()
            .await
            .expect("connected")
    }

    /// The addresses of the peer that this side ever heard of or from.
    pub async fn remote_addresses(&self) -> Vec<String> {
        let stats = self.connection.get_stats().await;
        let remote = stats
            .reports
            .into_values()
            .filter_map(|report| match report {
                StatsReportType::RemoteCandidate(candidate) => Some(candidate.ip),
                _ => None,
            });
        remote.collect()
    }

    pub async fn close(mut self) {
        self.connection.close().await.expect("closed");
        self.chat.close().await;
        self.tasks.shutdown().await;
    }
}

/// A peer connection with the default codecs.
pub async fn peer_connection(
    servers: &IceServers,
    policy: RTCIceTransportPolicy,
) -> RTCPeerConnection {
    let mut media = MediaEngine::default();
    media.register_default_codecs().expect("known codecs");
    let registry =
        register_default_interceptors(Registry::new(), &mut media).expect("known interceptors");
    let mut settings = SettingEngine::default();
    settings.set_relay_acceptance_min_wait(Some(Duration::ZERO));
    settings.set_include_loopback_candidate(true);
    let api = APIBuilder::new()
        .with_media_engine(media)
        .with_interceptor_registry(registry)
        .with_setting_engine(settings)
        .build();
    let ice_servers = servers.ice_servers.iter().map(|server| RTCIceServer {
        urls: server.urls.clone(),
        username: server.username.clone(),
        credential: server.credential.expose().to_owned(),
    });
    let configuration = RTCConfiguration {
        ice_servers: ice_servers.collect(),
        ice_transport_policy: policy,
        ..Default::default()
    };
    api.new_peer_connection(configuration)
        .await
        .expect("a peer connection")
}

/// Counts the frames of the peer.
async fn watch(track: Arc<TrackRemote>, expected: Bytes, seen: Arc<Mutex<Seen>>) {
    while let Ok((packet, _)) = track.read_rtp().await {
        let frame = Vp8Packet::default()
            .depacketize(&packet.payload)
            .unwrap_or_default();
        if frame.is_empty() {
            // Padding, by which a sender measures the way.
            continue;
        }
        let mut seen = seen.lock().expect("nobody panics with it");
        seen.last_frame = Some(Instant::now());
        if frame == expected {
            seen.frames += 1;
        } else {
            seen.wrong_frames += 1;
        }
    }
}

/// Says a word as soon as the channel is open, and keeps what the peer says.
fn talk(channel: &Arc<RTCDataChannel>, role: MatchRole, seen: Arc<Mutex<Seen>>) {
    channel.on_message(Box::new(move |message| {
        let word = String::from_utf8_lossy(&message.data).into_owned();
        seen.lock().expect("nobody panics with it").words.push(word);
        Box::pin(async {})
    }));
    let ours = Arc::clone(channel);
    channel.on_open(Box::new(move || {
        Box::pin(async move {
            ours.send_text(format!("selam, {role:?}"))
                .await
                .expect("it is open");
        })
    }));
}

/// Does what the peer's signals ask for, until the match ends.
async fn follow(
    chat: Chat,
    mut events: ChatEvents,
    connection: Arc<RTCPeerConnection>,
    seen: Arc<Mutex<Seen>>,
) {
    let note = |note: &dyn Fn(&mut Seen)| note(&mut seen.lock().expect("nobody panics with it"));
    while let Some(event) = events.recv().await {
        match event {
            // An answer to an offer that was made past this connection is nothing to it.
            ChatEvent::Description(answer)
                if answer.kind == DescriptionKind::Answer
                    && connection.signaling_state() != RTCSignalingState::HaveLocalOffer => {}
            ChatEvent::Description(description) => {
                let sdp = description.sdp.expose().to_owned();
                if description.kind == DescriptionKind::Answer {
                    let answer = RTCSessionDescription::answer(sdp).expect("an answer");
                    connection
                        .set_remote_description(answer)
                        .await
                        .expect("it fits");
                    continue;
                }
                let offer = RTCSessionDescription::offer(sdp).expect("an offer");
                connection
                    .set_remote_description(offer)
                    .await
                    .expect("it fits");
                let answer = connection.create_answer(None).await.expect("an answer");
                let sdp = answer.sdp.as_str().into();
                connection
                    .set_local_description(answer)
                    .await
                    .expect("it is ours");
                let (match_id, round) = (description.match_id, description.round);
                chat.describe(RtcDescription {
                    match_id,
                    kind: DescriptionKind::Answer,
                    sdp,
                    round,
                })
                .await
                .expect("sent");
            }
            ChatEvent::Candidate(candidate) => {
                let init = RTCIceCandidateInit {
                    candidate: candidate.candidate.expose().to_owned(),
                    ..Default::default()
                };
                connection.add_ice_candidate(init).await.expect("it fits");
            }
            ChatEvent::CallState(said) => note(&|seen| seen.states.push(said.state)),
            ChatEvent::CallRefused { error, .. } => note(&|seen| seen.refused.push(error)),
            ChatEvent::Error { code, message } => {
                note(&|seen| seen.errors.push(format!("{}: {message}", code.as_str())));
            }
            ChatEvent::Ended { details, .. } => note(&|seen| seen.ended = details),
            _ => {}
        }
    }
}
