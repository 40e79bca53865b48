//! What nodes say to each other.
//!
//! One line of JSON. What is not for the router follows it as it is, so that it is encoded once and
//! read by nobody in between: a frame for clients, or what matchmakers say. To add a message: a
//! variant here and an arm in `app/router.rs`.

use bytes::Bytes;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tebdil_protocol::{
    Signal,
    domain::MatchRole,
    id::{MatchId, SessionId, UserId},
};

use super::{Mark, Outgoing};

/// Which devices of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    All,
    /// The one with this session.
    Only(SessionId),
    /// All but the one with this session.
    Except(SessionId),
}

impl Audience {
    /// Whether a device belongs to it.
    pub fn includes(self, session: SessionId) -> bool {
        match self {
            Self::All => true,
            Self::Only(one) => one == session,
            Self::Except(one) => one != session,
        }
    }
}

/// A message from one node to another. `Debug` shows no frame.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum NodeMessage {
    /// A frame for devices of a user.
    Frame {
        user: UserId,
        audience: Audience,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mark: Option<Mark>,
        #[serde(skip)]
        body: Body,
    },
    /// Devices of a user are closed, with this code of the contract.
    Close {
        user: UserId,
        audience: Audience,
        code: u16,
    },
    /// Frames for this user were lost.
    Resync { user: UserId },
    /// Frames for more users than the sender remembers were lost.
    ResyncAll,
    /// A signal of a call, sanitised, for the device of a user with this session, from the side
    /// with this role.
    Signal {
        user: UserId,
        session: SessionId,
        from: MatchRole,
        signal: Signal,
    },
    /// A video match is over: whoever relays its call cuts it.
    CutCall { match_id: MatchId },
    /// Between the matchmakers of two nodes.
    Matchmaking {
        #[serde(skip)]
        body: Body,
    },
}

/// What follows the line of a message.
#[derive(Clone, Default)]
pub struct Body(Bytes);

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Body({} bytes)", self.0.len())
    }
}

/// Bytes that no node of this build would send.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// What exactly is wrong is not told: it may quote what stands there.
    #[error("its head is no message of this version")]
    Head,
    #[error("what follows its head cannot be read")]
    Body,
}

impl NodeMessage {
    /// A frame for devices of a user.
    pub fn frame(user: UserId, audience: Audience, frame: &Outgoing) -> Self {
        Self::Frame {
            user,
            audience,
            mark: frame.mark,
            body: Body(frame.text.clone().into()),
        }
    }

    /// What a matchmaker says to another, which [reads](Body::read) it.
    pub fn matchmaking(message: &impl Serialize) -> Self {
        let body = serde_json::to_vec(message);
        let body = body.expect("messages have string keys and serialize");
        Self::Matchmaking {
            body: Body(body.into()),
        }
    }

    /// As it goes over the bus.
    pub fn encode(&self) -> Bytes {
        let mut bytes = serde_json::to_vec(self).expect("messages have string keys and serialize");
        if let Self::Frame { body, .. } | Self::Matchmaking { body } = self {
            bytes.push(b'\n');
            bytes.extend_from_slice(&body.0);
        }
        bytes.into()
    }

    /// Reads what [`NodeMessage::encode`] wrote.
    ///
    /// # Errors
    /// [`Unreadable`]
    pub fn decode(mut bytes: Bytes) -> Result<Self, Unreadable> {
        let line = bytes.iter().position(|byte| *byte == b'\n');
        let rest = line.map(|at| bytes.split_off(at).slice(1..));
        let mut message = serde_json::from_slice(&bytes).map_err(|_| Unreadable::Head)?;
        if let Self::Frame { body, .. } | Self::Matchmaking { body } = &mut message {
            body.0 = rest.unwrap_or_default();
        }
        Ok(message)
    }
}

impl Body {
    /// The frame with its mark, ready to be queued.
    ///
    /// # Errors
    /// When it is not UTF-8.
    pub fn into_outgoing(self, mark: Option<Mark>) -> Result<Outgoing, Unreadable> {
        Ok(Outgoing {
            text: self.0.try_into().map_err(|_| Unreadable::Body)?,
            mark,
        })
    }

    /// What a matchmaker said.
    ///
    /// # Errors
    /// When it is not in the form of this build.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Unreadable> {
        serde_json::from_slice(&self.0).map_err(|_| Unreadable::Body)
    }
}

#[cfg(test)]
mod tests {
    use tebdil_protocol::{RtcDescription, ServerFrame, domain::DescriptionKind};

    use super::*;

    #[test]
    fn a_frame_comes_back_as_it_was() {
        let frame = Outgoing::new(
            &ServerFrame::Typing {
                match_id: MatchId(7),
                on: true,
            },
            None,
        );
        let marked = Outgoing {
            mark: Some(Mark::Message(MatchId(7), 3)),
            ..frame.clone()
        };
        for (audience, sent) in [
            (Audience::All, &frame),
            (Audience::Only(SessionId(2)), &marked),
            (Audience::Except(SessionId(2)), &frame),
        ] {
            let message =
                NodeMessage::decode(NodeMessage::frame(UserId(1), audience, sent).encode())
                    .expect("readable");
            let NodeMessage::Frame {
                user,
                audience: to,
                mark,
                body,
            } = message
            else {
                panic!("another message")
            };
            assert_eq!((user, to, mark), (UserId(1), audience, sent.mark));
            assert_eq!(body.into_outgoing(mark).expect("text").text, sent.text);
        }
    }

    #[test]
    fn a_signal_comes_back_as_it_was() {
        let said = Signal::Description(RtcDescription {
            match_id: MatchId(7),
            kind: DescriptionKind::Answer,
            sdp: "v=0\r\n".into(),
            round: Some(5),
        });
        let message = NodeMessage::Signal {
            user: UserId(1),
            session: SessionId(2),
            from: MatchRole::Answerer,
            signal: said.clone(),
        };
        assert!(!format!("{message:?}").contains("v=0"));
        let message = NodeMessage::decode(message.encode()).expect("readable");
        assert!(matches!(
            message,
            NodeMessage::Signal { user: UserId(1), session: SessionId(2), from: MatchRole::Answerer, signal }
                if signal == said
        ));
    }

    #[test]
    fn what_matchmakers_say_is_read_by_them_alone() {
        let said = vec![("1".to_owned(), 2)];
        let message = NodeMessage::matchmaking(&said);
        assert!(!format!("{message:?}").contains('1'));
        let message = NodeMessage::decode(message.encode()).expect("readable");
        let NodeMessage::Matchmaking { body } = message else {
            panic!("another message")
        };
        assert_eq!(body.read::<Vec<(String, i32)>>().expect("the same"), said);
    }

    #[test]
    fn what_is_no_message_is_an_error() {
        for bytes in [
            &b""[..],
            b"{}",
            b"{\"kind\":\"nonsense\"}",
            b"\n\n",
            &[0xff, 0xfe],
        ] {
            assert!(
                NodeMessage::decode(Bytes::copy_from_slice(bytes)).is_err(),
                "{bytes:?}"
            );
        }
        let not_text =
            Bytes::from_static(b"{\"kind\":\"frame\",\"user\":\"1\",\"audience\":\"all\"}\n\xff");
        let NodeMessage::Frame { body, .. } = NodeMessage::decode(not_text).expect("a frame")
        else {
            panic!("another message")
        };
        assert!(body.clone().into_outgoing(None).is_err());
        assert!(body.read::<Vec<u8>>().is_err());
    }

    #[test]
    fn debug_shows_no_frame() {
        let frame = Outgoing::new(
            &ServerFrame::error(tebdil_protocol::ErrorCode::NotFound, "hunter2"),
            None,
        );
        assert!(
            !format!("{:?}", NodeMessage::frame(UserId(1), Audience::All, &frame))
                .contains("hunter2")
        );
    }
}
