//! The shape of every frame on the wire. A change here is a change of the contract: clients in the
//! field rely on it.

use insta::assert_snapshot;
use serde_json::json;
use utoipa::PartialSchema as _;

use super::{
    Ad, ClientFrame, CloseCode, DeviceInfo, ErrorCode, FrameId, Frank, Hello, Match,
    MatchCancelled, MatchEnded, MatchFind, MatchFound, MatchRef, MessageAccepted, MessageAck,
    MessageNew, MessageSend, MessageSync, Notification, NotificationsRead, Peer, PeerPresence,
    Quota, ResumePoint, RtcCandidate, RtcDescription, RtcState, RunningSearch, ServerFrame,
    ServerMessage, SessionLimits, TokenRefresh, Typing, User, Welcome, WhoEnded,
    parse_client_frame,
};
use crate::{
    Placement,
    domain::{
        CallState, CancelReason, DescriptionKind, EndReason, Locale, MatchRole, MatchStatus,
        MessageKind, Mode, NotificationType, UserRole,
    },
    id::{AdId, MatchId, NotificationId, SessionId, TicketId, UserId},
    notice::Notice,
    time::Timestamp,
};

const MATCH: MatchId = MatchId(7);
const NOON: Timestamp = Timestamp::from_millis(1_795_262_400_000);

/// What a client sends, after the server has read it as the same.
fn sent(frame: &ClientFrame) -> String {
    let text = frame.to_json(None);
    let (id, read) =
        parse_client_frame(&text).unwrap_or_else(|refused| panic!("{text}: {refused:?}"));
    assert_eq!((id, read.to_json(None)), (None, text.clone()));
    for id in [FrameId::Number(3), FrameId::Text("a".to_owned())] {
        let (re, read) = parse_client_frame(&frame.to_json(Some(&id))).expect("with an id");
        assert_eq!((re, read.to_json(None)), (Some(id), text.clone()));
    }
    text
}

/// What the server sends, after a client has read it as the same.
fn told(frame: &ServerFrame) -> String {
    let text = frame.to_json(None);
    for re in [
        None,
        Some(FrameId::Number(3)),
        Some(FrameId::Text("a".to_owned())),
    ] {
        let read: ServerMessage = serde_json::from_str(&frame.to_json(re.as_ref()))
            .unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(
            read,
            ServerMessage {
                re,
                frame: frame.clone()
            }
        );
    }
    text
}

fn quota() -> Quota {
    Quota {
        text: 9,
        video: 3,
        bonus: 1,
        daily_text: 10,
        daily_video: 3,
        resets_at: NOON,
    }
}

fn active_match() -> Match {
    Match {
        id: MATCH,
        this_device: false,
        mode: Mode::Text,
        status: MatchStatus::Active,
        peer: Peer::new("kediadam".to_owned(), "9021".to_owned()),
        role: MatchRole::Offerer,
        shared_interests: vec!["müzik".to_owned()],
        created_at: NOON,
        expires_at: NOON,
        ended_at: None,
        ended_reason: None,
        unread: 2,
        claim: None,
    }
}

#[test]
fn client_frames() {
    assert_snapshot!(sent(&ClientFrame::Hello(Hello { token: "t".into(), device: None, resume: Vec::new() })), @r#"{"type":"hello","token":"t"}"#);
    let device = DeviceInfo {
        name: Some("Pixel".to_owned()),
        platform: Some("android".to_owned()),
        connection: Some("wifi".to_owned()),
    };
    let resume = vec![ResumePoint {
        match_id: MATCH,
        peer_seq: 4,
    }];
    assert_snapshot!(sent(&ClientFrame::Hello(Hello { token: "t".into(), device: Some(device), resume })), @r#"{"type":"hello","token":"t","device":{"name":"Pixel","platform":"android","connection":"wifi"},"resume":[{"match_id":"7","peer_seq":4}]}"#);

    let wish = MatchFind {
        mode: Mode::Text,
        interests: None,
        languages: None,
        max_distance_km: None,
        background: false,
    };
    assert_snapshot!(sent(&ClientFrame::MatchFind(wish.clone())), @r#"{"type":"match.find","mode":"text"}"#);
    let later = MatchFind {
        background: true,
        ..wish
    };
    assert_snapshot!(sent(&ClientFrame::MatchFind(later)), @r#"{"type":"match.find","mode":"text","background":true}"#);
    let wish = MatchFind {
        mode: Mode::Video,
        interests: Some(vec!["müzik".to_owned()]),
        languages: Some(vec!["tr".to_owned()]),
        max_distance_km: Some(50),
        background: false,
    };
    assert_snapshot!(sent(&ClientFrame::MatchFind(wish)), @r#"{"type":"match.find","mode":"video","interests":["müzik"],"languages":["tr"],"max_distance_km":50}"#);
    assert_snapshot!(sent(&ClientFrame::MatchCancel), @r#"{"type":"match.cancel"}"#);
    assert_snapshot!(sent(&ClientFrame::Ping), @r#"{"type":"ping"}"#);
    assert_snapshot!(sent(&ClientFrame::MatchLeave(MatchRef { match_id: MATCH })), @r#"{"type":"match.leave","match_id":"7"}"#);

    let message = MessageSend {
        match_id: MATCH,
        seq: 5,
        kind: MessageKind::Content,
        ciphertext: vec![1, 2, 3],
        franking_tag: None,
    };
    assert_snapshot!(sent(&ClientFrame::MessageSend(message.clone())), @r#"{"type":"message.send","match_id":"7","seq":5,"kind":"content","ciphertext":"AQID"}"#);
    let handshake = MessageSend {
        kind: MessageKind::Handshake,
        ..message.clone()
    };
    let message = MessageSend {
        franking_tag: Some(vec![255; 32]),
        ..message
    };
    assert_snapshot!(sent(&ClientFrame::MessageSend(message)), @r#"{"type":"message.send","match_id":"7","seq":5,"kind":"content","ciphertext":"AQID","franking_tag":"//////////////////////////////////////////8="}"#);
    assert_snapshot!(sent(&ClientFrame::MessageSend(handshake)), @r#"{"type":"message.send","match_id":"7","seq":5,"kind":"handshake","ciphertext":"AQID"}"#);
    assert_snapshot!(sent(&ClientFrame::MessageAck(MessageAck { match_id: MATCH, seq: 4 })), @r#"{"type":"message.ack","match_id":"7","seq":4}"#);
    assert_snapshot!(sent(&ClientFrame::MessageRead(MessageAck { match_id: MATCH, seq: 4 })), @r#"{"type":"message.read","match_id":"7","seq":4}"#);
    assert_snapshot!(sent(&ClientFrame::MessageSync(MessageSync { match_id: MATCH, peer_seq: 4 })), @r#"{"type":"message.sync","match_id":"7","peer_seq":4}"#);
    assert_snapshot!(sent(&ClientFrame::Typing(Typing { match_id: MATCH, on: true })), @r#"{"type":"typing","match_id":"7","on":true}"#);
    let offer = RtcDescription {
        match_id: MATCH,
        kind: DescriptionKind::Offer,
        sdp: "v=0".into(),
        round: None,
    };
    assert_snapshot!(sent(&ClientFrame::RtcDescription(offer)), @r#"{"type":"rtc.description","match_id":"7","kind":"offer","sdp":"v=0"}"#);
    let candidate = RtcCandidate {
        match_id: MATCH,
        candidate: "candidate:1".into(),
        sdp_mid: Some("0".to_owned()),
        sdp_m_line_index: Some(0),
    };
    assert_snapshot!(sent(&ClientFrame::RtcCandidate(candidate)), @r#"{"type":"rtc.candidate","match_id":"7","candidate":"candidate:1","sdp_mid":"0","sdp_m_line_index":0}"#);
    assert_snapshot!(sent(&ClientFrame::RtcState(RtcState { match_id: MATCH, state: CallState::Connected })), @r#"{"type":"rtc.state","match_id":"7","state":"connected"}"#);
    assert_snapshot!(sent(&ClientFrame::TokenRefresh(TokenRefresh { token: "t".into() })), @r#"{"type":"token.refresh","token":"t"}"#);
}

#[test]
fn welcome() {
    let welcome = Welcome {
        session_id: SessionId(5),
        user: User {
            id: UserId(1),
            alias: "kediadam".to_owned(),
            tag: "9021".to_owned(),
            handle: "kediadam#9021".to_owned(),
            phone_masked: "+90 ••• 67".to_owned(),
            is_premium: false,
            locale: Locale::Tr,
            role: UserRole::User,
            created_at: NOON,
            interests: vec!["müzik".to_owned()],
            languages: vec!["tr".to_owned()],
            quota: quota(),
        },
        quota: quota(),
        matches: vec![active_match()],
        keys_remaining: 20,
        unread_notifications: 3,
        search: None,
        server_time: NOON,
        heartbeat_s: 20,
        limits: SessionLimits {
            max_frame_bytes: 65_536,
            max_ciphertext_bytes: 16_384,
            max_devices: 5,
            frames_per_second: 20,
        },
    };
    assert_snapshot!(told(&ServerFrame::Welcome(Box::new(welcome))), @r#"{"type":"welcome","session_id":"5","user":{"id":"1","alias":"kediadam","tag":"9021","handle":"kediadam#9021","phone_masked":"+90 ••• 67","is_premium":false,"locale":"tr","role":"user","created_at":"2026-11-21T12:00:00.000Z","interests":["müzik"],"languages":["tr"],"quota":{"text":9,"video":3,"bonus":1,"daily_text":10,"daily_video":3,"resets_at":"2026-11-21T12:00:00.000Z"}},"quota":{"text":9,"video":3,"bonus":1,"daily_text":10,"daily_video":3,"resets_at":"2026-11-21T12:00:00.000Z"},"matches":[{"id":"7","this_device":false,"mode":"text","status":"active","peer":{"alias":"kediadam","tag":"9021","handle":"kediadam#9021"},"role":"offerer","shared_interests":["müzik"],"created_at":"2026-11-21T12:00:00.000Z","expires_at":"2026-11-21T12:00:00.000Z","ended_at":null,"ended_reason":null,"unread":2}],"keys_remaining":20,"unread_notifications":3,"server_time":"2026-11-21T12:00:00.000Z","heartbeat_s":20,"limits":{"max_frame_bytes":65536,"max_ciphertext_bytes":16384,"max_devices":5,"frames_per_second":20}}"#);
    let running = RunningSearch {
        ticket_id: TicketId(9),
        mode: Mode::Text,
    };
    assert_snapshot!(serde_json::to_string(&running).expect("JSON"), @r#"{"ticket_id":"9","mode":"text"}"#);
}

#[test]
fn match_frames() {
    assert_snapshot!(told(&ServerFrame::MatchSearching { ticket_id: TicketId(9) }), @r#"{"type":"match.searching","ticket_id":"9"}"#);
    let found = MatchFound {
        found: active_match(),
        peer_key_package: None,
        keys_remaining: Some(20),
        quota: quota(),
    };
    assert_snapshot!(told(&ServerFrame::MatchFound(Box::new(found.clone()))), @r#"{"type":"match.found","match":{"id":"7","this_device":false,"mode":"text","status":"active","peer":{"alias":"kediadam","tag":"9021","handle":"kediadam#9021"},"role":"offerer","shared_interests":["müzik"],"created_at":"2026-11-21T12:00:00.000Z","expires_at":"2026-11-21T12:00:00.000Z","ended_at":null,"ended_reason":null,"unread":2},"keys_remaining":20,"quota":{"text":9,"video":3,"bonus":1,"daily_text":10,"daily_video":3,"resets_at":"2026-11-21T12:00:00.000Z"}}"#);
    let ended = Match {
        status: MatchStatus::Completed,
        ended_at: Some(NOON),
        ended_reason: Some(EndReason::Left),
        this_device: true,
        ..active_match()
    };
    let found = MatchFound {
        found: ended,
        peer_key_package: Some("AQID".to_owned()),
        ..found
    };
    assert_snapshot!(told(&ServerFrame::MatchFound(Box::new(found))), @r#"{"type":"match.found","match":{"id":"7","this_device":true,"mode":"text","status":"completed","peer":{"alias":"kediadam","tag":"9021","handle":"kediadam#9021"},"role":"offerer","shared_interests":["müzik"],"created_at":"2026-11-21T12:00:00.000Z","expires_at":"2026-11-21T12:00:00.000Z","ended_at":"2026-11-21T12:00:00.000Z","ended_reason":"left","unread":2},"peer_key_package":"AQID","keys_remaining":20,"quota":{"text":9,"video":3,"bonus":1,"daily_text":10,"daily_video":3,"resets_at":"2026-11-21T12:00:00.000Z"}}"#);
    let cancelled = MatchCancelled {
        ticket_id: None,
        reason: CancelReason::Cancelled,
    };
    assert_snapshot!(told(&ServerFrame::MatchCancelled(cancelled)), @r#"{"type":"match.cancelled","reason":"cancelled"}"#);
    let replaced = MatchCancelled {
        ticket_id: Some(TicketId(9)),
        reason: CancelReason::Replaced,
    };
    assert_snapshot!(told(&ServerFrame::MatchCancelled(replaced)), @r#"{"type":"match.cancelled","ticket_id":"9","reason":"replaced"}"#);
    for (status, reason, by) in [
        (MatchStatus::Completed, EndReason::Left, WhoEnded::Me),
        (MatchStatus::Cancelled, EndReason::Blocked, WhoEnded::Peer),
        (MatchStatus::Expired, EndReason::Expired, WhoEnded::System),
    ] {
        let text = told(&ServerFrame::MatchEnded(MatchEnded {
            match_id: MATCH,
            status,
            reason,
            by,
        }));
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&text).expect("JSON")["status"],
            status.as_str()
        );
    }
    let ended = MatchEnded {
        match_id: MATCH,
        status: MatchStatus::Completed,
        reason: EndReason::Left,
        by: WhoEnded::Me,
    };
    assert_snapshot!(told(&ServerFrame::MatchEnded(ended)), @r#"{"type":"match.ended","match_id":"7","status":"completed","reason":"left","by":"self"}"#);
    assert_snapshot!(told(&ServerFrame::PeerPresence(PeerPresence { match_id: MATCH, online: false })), @r#"{"type":"peer.presence","match_id":"7","online":false}"#);
}

#[test]
fn message_frames() {
    let accepted = MessageAccepted {
        match_id: MATCH,
        seq: 4,
        sent_at: NOON,
        frank: None,
    };
    assert_snapshot!(told(&ServerFrame::MessageAccepted(accepted.clone())), @r#"{"type":"message.accepted","match_id":"7","seq":4,"sent_at":"2026-11-21T12:00:00.000Z"}"#);
    let frank = Some(Frank {
        kid: "f1".to_owned(),
        mac: vec![0; 32],
    });
    let accepted = MessageAccepted {
        frank: frank.clone(),
        ..accepted
    };
    assert_snapshot!(told(&ServerFrame::MessageAccepted(accepted)), @r#"{"type":"message.accepted","match_id":"7","seq":4,"sent_at":"2026-11-21T12:00:00.000Z","frank":{"kid":"f1","mac":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}}"#);
    let new = MessageNew {
        match_id: MATCH,
        seq: 4,
        kind: MessageKind::Handshake,
        ciphertext: vec![1, 2, 3],
        franking_tag: None,
        frank: None,
        sent_at: NOON,
    };
    assert_snapshot!(told(&ServerFrame::MessageNew(new.clone())), @r#"{"type":"message.new","match_id":"7","seq":4,"kind":"handshake","ciphertext":"AQID","sent_at":"2026-11-21T12:00:00.000Z"}"#);
    let new = MessageNew {
        kind: MessageKind::Content,
        franking_tag: Some(vec![255; 32]),
        frank,
        ..new
    };
    assert_snapshot!(told(&ServerFrame::MessageNew(new)), @r#"{"type":"message.new","match_id":"7","seq":4,"kind":"content","ciphertext":"AQID","franking_tag":"//////////////////////////////////////////8=","frank":{"kid":"f1","mac":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="},"sent_at":"2026-11-21T12:00:00.000Z"}"#);
    assert_snapshot!(told(&ServerFrame::MessageDelivered { match_id: MATCH, seq: 4 }), @r#"{"type":"message.delivered","match_id":"7","seq":4}"#);
    assert_snapshot!(told(&ServerFrame::MessageRead { match_id: MATCH, seq: 4 }), @r#"{"type":"message.read","match_id":"7","seq":4}"#);
    let answer = RtcDescription {
        match_id: MATCH,
        kind: DescriptionKind::Answer,
        sdp: "v=0".into(),
        round: Some(5),
    };
    assert_snapshot!(told(&ServerFrame::RtcDescription(answer)), @r#"{"type":"rtc.description","match_id":"7","kind":"answer","sdp":"v=0","round":5}"#);
    let end = RtcCandidate {
        match_id: MATCH,
        candidate: "".into(),
        sdp_mid: None,
        sdp_m_line_index: None,
    };
    assert_snapshot!(told(&ServerFrame::RtcCandidate(end)), @r#"{"type":"rtc.candidate","match_id":"7","candidate":""}"#);
    assert_snapshot!(told(&ServerFrame::RtcState(RtcState { match_id: MATCH, state: CallState::Failed })), @r#"{"type":"rtc.state","match_id":"7","state":"failed"}"#);
    assert_snapshot!(told(&ServerFrame::Typing { match_id: MATCH, on: true }), @r#"{"type":"typing","match_id":"7","on":true}"#);
}

#[test]
fn other_frames() {
    assert_snapshot!(told(&ServerFrame::Quota { quota: quota() }), @r#"{"type":"quota","quota":{"text":9,"video":3,"bonus":1,"daily_text":10,"daily_video":3,"resets_at":"2026-11-21T12:00:00.000Z"}}"#);
    let notification = Notification {
        id: NotificationId(12),
        kind: NotificationType::Claim,
        message: "A right was given back.".to_owned(),
        data: Notice::ClaimApproved { match_id: MATCH },
        read: false,
        created_at: NOON,
    };
    let read = NotificationsRead {
        ids: Some(vec![NotificationId(12)]),
        unread: 2,
    };
    assert_snapshot!(told(&ServerFrame::NotificationsRead(read)), @r#"{"type":"notification.read","ids":["12"],"unread":2}"#);
    let all = NotificationsRead {
        ids: None,
        unread: 0,
    };
    assert_snapshot!(told(&ServerFrame::NotificationsRead(all)), @r#"{"type":"notification.read","unread":0}"#);
    assert_snapshot!(told(&ServerFrame::Notification { notification }), @r#"{"type":"notification","notification":{"id":"12","type":"claim","message":"A right was given back.","data":{"code":"claim_approved","match_id":"7"},"read":false,"created_at":"2026-11-21T12:00:00.000Z"}}"#);
    let ad = Ad {
        id: AdId(13),
        title: "Çay".to_owned(),
        content: "Sıcak çay".to_owned(),
        click_url: Some("https://x.example/a".to_owned()),
        placement: Placement::match_end(),
    };
    assert_snapshot!(told(&ServerFrame::Ad { ad: ad.clone() }), @r#"{"type":"ad","ad":{"id":"13","title":"Çay","content":"Sıcak çay","click_url":"https://x.example/a","placement":"match_end"}}"#);
    assert_snapshot!(told(&ServerFrame::Ad { ad: Ad { click_url: None, ..ad } }), @r#"{"type":"ad","ad":{"id":"13","title":"Çay","content":"Sıcak çay","click_url":null,"placement":"match_end"}}"#);
    assert_snapshot!(told(&ServerFrame::Pong), @r#"{"type":"pong"}"#);
    assert_snapshot!(told(&ServerFrame::Draining { retry_after_ms: 250 }), @r#"{"type":"draining","retry_after_ms":250}"#);
    assert_snapshot!(told(&ServerFrame::error(ErrorCode::NotFound, "match_id: no such match")), @r#"{"type":"error","code":"not_found","message":"match_id: no such match"}"#);
    let full = ServerFrame::Error {
        code: ErrorCode::QuotaExhausted,
        message: "x".to_owned(),
        retry_after_ms: Some(5),
        resets_at: Some(NOON),
        expected_seq: Some(4),
    };
    assert_snapshot!(told(&full), @r#"{"type":"error","code":"quota_exhausted","message":"x","retry_after_ms":5,"resets_at":"2026-11-21T12:00:00.000Z","expected_seq":4}"#);
    assert_snapshot!(full.to_json(Some(&FrameId::Text("a".to_owned()))), @r#"{"type":"error","code":"quota_exhausted","message":"x","retry_after_ms":5,"resets_at":"2026-11-21T12:00:00.000Z","expected_seq":4,"re":"a"}"#);
}

/// Does not compile until a new variant has a name here; its snapshot belongs above.
#[expect(dead_code, reason = "the compiler reads it")]
fn every_variant_has_a_snapshot(client: &ClientFrame, server: &ServerFrame) {
    match client {
        ClientFrame::Hello(_)
        | ClientFrame::MatchFind(_)
        | ClientFrame::MatchCancel
        | ClientFrame::MatchLeave(_)
        | ClientFrame::MessageSend(_)
        | ClientFrame::MessageAck(_)
        | ClientFrame::MessageRead(_)
        | ClientFrame::MessageSync(_)
        | ClientFrame::Typing(_)
        | ClientFrame::RtcDescription(_)
        | ClientFrame::RtcCandidate(_)
        | ClientFrame::RtcState(_)
        | ClientFrame::TokenRefresh(_)
        | ClientFrame::Ping => {}
    }
    match server {
        ServerFrame::Welcome(_)
        | ServerFrame::MatchSearching { .. }
        | ServerFrame::MatchFound(_)
        | ServerFrame::MatchCancelled(_)
        | ServerFrame::MatchEnded(_)
        | ServerFrame::MessageAccepted(_)
        | ServerFrame::MessageNew(_)
        | ServerFrame::MessageDelivered { .. }
        | ServerFrame::MessageRead { .. }
        | ServerFrame::Typing { .. }
        | ServerFrame::PeerPresence(_)
        | ServerFrame::Quota { .. }
        | ServerFrame::Notification { .. }
        | ServerFrame::Ad { .. }
        | ServerFrame::NotificationsRead(_)
        | ServerFrame::Pong
        | ServerFrame::Draining { .. }
        | ServerFrame::Error { .. }
        // Never sent.
        | ServerFrame::RtcDescription(_)
        | ServerFrame::RtcCandidate(_)
        | ServerFrame::RtcState(_)
        | ServerFrame::Unknown => {}
    }
}

#[test]
fn the_contract_names_every_frame_and_code() {
    const CONTRACT: &str = include_str!("../../docs/protocol.md");
    let named = |text: &str| assert!(CONTRACT.contains(text), "docs/protocol.md lacks {text}");
    for code in ErrorCode::ALL {
        named(&format!(
            "| `{}` | {} | {} |",
            code.as_str(),
            code.status(),
            code.title()
        ));
    }
    for code in CloseCode::ALL {
        named(&code.code().to_string());
    }
    for schema in [ClientFrame::schema(), ServerFrame::schema()] {
        let schema = serde_json::to_value(schema).expect("schema");
        let types: Vec<&str> = schema["oneOf"]
            .as_array()
            .expect("variants")
            .iter()
            .filter_map(type_of)
            .collect();
        assert!(types.len() >= 10, "{types:?}");
        types
            .into_iter()
            .filter(|name| *name != "unknown")
            .for_each(|name| named(&format!("`{name}")));
    }
}

/// The `type` that a variant's schema asks for.
fn type_of(variant: &serde_json::Value) -> Option<&str> {
    match variant["properties"]["type"]["enum"][0].as_str() {
        Some(name) => Some(name),
        None => variant["allOf"].as_array()?.iter().find_map(type_of),
    }
}

#[test]
fn a_client_passes_over_what_it_does_not_know() {
    let read = |value: serde_json::Value| {
        serde_json::from_value::<ServerMessage>(value)
            .expect("read")
            .frame
    };
    assert_eq!(
        read(json!({ "type": "from.the.future", "state": "connected" })),
        ServerFrame::Unknown
    );
    let typing = ServerFrame::Typing {
        match_id: MATCH,
        on: true,
    };
    assert_eq!(
        read(json!({ "type": "typing", "match_id": "7", "on": true, "since": 5 })),
        typing
    );
    let error = read(json!({ "type": "error", "code": "of_a_later_version", "message": "x" }));
    assert_eq!(error, ServerFrame::error(ErrorCode::Unknown, "x"));
}
