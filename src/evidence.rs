//! The proof in reports, and how it is kept: encrypted, for one report only.

use rand::rngs::StdRng;
use serde::{Deserialize, Serialize};
use tebdil_core::{
    crypto::{CryptoError, FieldCipher, Sealed},
    franking::{EvidenceError, FrankingKeys},
    store::{ReportSubject, WARNING_ANSWER_CONTEXT},
};
use tebdil_protocol::{
    Evidence, MAX_CIPHERTEXT_BYTES, VerifiedMessage,
    id::{MatchId, NotificationId, ReportId, UserId},
    time::Timestamp,
};

/// Why an item of the evidence is no proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoProof {
    /// The field of the request, e.g. `evidence[1].salt`.
    pub field: String,
    pub detail: &'static str,
}

/// A proven message, as it is stored.
#[derive(Serialize, Deserialize)]
struct Proven {
    /// Position among the sender's messages in the match.
    seq: i64,
    /// The exact content.
    content: String,
    sent_at: Timestamp,
    kid: String,
}

/// The exact form of a text message. Anything more, such as a second `text` that another program
/// would take for the first, is not one.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TextMessage {
    #[serde(rename = "type")]
    kind: String,
    text: String,
}

/// Messages of one user to another that were all proven.
pub struct Verified(Vec<Proven>);

impl Verified {
    /// Checks that `subject` has sent all of `evidence` to `reporter` in this match.
    ///
    /// # Errors
    /// The first that proves nothing.
    pub fn check(
        keys: &FrankingKeys,
        evidence: &[Evidence],
        match_id: MatchId,
        subject: &ReportSubject,
        reporter: UserId,
    ) -> Result<Self, NoProof> {
        let handle = subject.handle();
        let mut proven: Vec<Proven> = Vec::with_capacity(evidence.len());
        for (index, item) in evidence.iter().enumerate() {
            let refused = |field: &str, detail| NoProof {
                field: format!("evidence[{index}].{field}"),
                detail,
            };
            if item.match_id != match_id {
                return Err(refused("match_id", "is of another match"));
            }
            if proven.iter().any(|before| before.seq == item.seq) {
                return Err(refused("seq", "is there twice"));
            }
            if item.content.len() > MAX_CIPHERTEXT_BYTES {
                return Err(refused("content", "is longer than a message can be"));
            }
            keys.verify(item, subject.user_id, reporter, &handle).map_err(|error| match error {
                EvidenceError::Length(field) => refused(field, "must be 32 bytes"),
                EvidenceError::Tag => refused("franking_tag", "is not that of this content, salt, match and sender"),
                EvidenceError::UnknownKey => refused("frank.kid", "there is no such key, or not any more"),
                EvidenceError::Frank => {
                    refused("frank.mac", "the server has not passed on this message from this sender to this recipient at this time")
                }
            })?;
            // No JSON is asked for: parsers differ, and what one client shows must be reportable.
            let content = String::from_utf8(item.content.clone())
                .map_err(|_| refused("content", "is not UTF-8"))?;
            proven.push(Proven {
                seq: item.seq,
                content,
                sent_at: item.sent_at,
                kid: item.frank.kid.clone(),
            });
        }
        proven.sort_by_key(|message| message.seq);
        Ok(Self(proven))
    }

    /// How many there are.
    pub fn count(&self) -> i64 {
        i64::try_from(self.0.len()).expect("few")
    }

    /// Encrypts them for a report; `None` where there are none.
    pub fn seal(&self, cipher: &FieldCipher, report: ReportId) -> Option<Sealed> {
        let json = serde_json::to_vec(&self.0).expect("messages are plain data");
        (!self.0.is_empty()).then(|| Written::Evidence.seal(cipher, report, &json))
    }
}

/// What is stored encrypted with a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// The reporter's note.
    Note,
    Evidence,
    /// The note of the moderator who decided.
    Resolution,
}

impl Written {
    const fn context(self) -> &'static str {
        match self {
            Self::Note => "reports.note",
            Self::Evidence => "reports.evidence",
            Self::Resolution => "reports.resolution",
        }
    }

    /// Encrypts it for the report.
    pub fn seal(self, cipher: &FieldCipher, report: ReportId, plain: &[u8]) -> Sealed {
        let mut rng: StdRng = rand::make_rng();
        cipher.seal(self.context(), &report.0.to_be_bytes(), plain, &mut rng)
    }

    /// Decrypts it as text.
    ///
    /// # Errors
    /// When it was sealed as something else, or its key is gone.
    pub fn open(
        self,
        cipher: &FieldCipher,
        report: ReportId,
        sealed: &Sealed,
    ) -> Result<String, CryptoError> {
        let plain = cipher.open(
            self.context(),
            &report.0.to_be_bytes(),
            &sealed.key_id,
            &sealed.ciphertext,
        )?;
        String::from_utf8(plain.to_vec()).map_err(|_| CryptoError::Refused)
    }
}

/// Encrypts what a warned user says to it, for the notification of the warning.
pub fn seal_answer(cipher: &FieldCipher, warning: NotificationId, text: &str) -> Sealed {
    let mut rng: StdRng = rand::make_rng();
    let bound = warning.0.to_be_bytes();
    cipher.seal(WARNING_ANSWER_CONTEXT, &bound, text.as_bytes(), &mut rng)
}

/// What a warned user said to it.
///
/// # Errors
/// When its key is gone.
pub fn open_answer(
    cipher: &FieldCipher,
    warning: NotificationId,
    sealed: &Sealed,
) -> Result<String, CryptoError> {
    let Sealed { ciphertext, key_id } = sealed;
    let bound = warning.0.to_be_bytes();
    let plain = cipher.open(WARNING_ANSWER_CONTEXT, &bound, key_id, ciphertext)?;
    String::from_utf8(plain.to_vec()).map_err(|_| CryptoError::Refused)
}

/// The messages of a report in the form for moderators, oldest first.
///
/// # Errors
/// When they cannot be decrypted.
pub fn open_evidence(
    cipher: &FieldCipher,
    report: ReportId,
    sealed: &Sealed,
) -> Result<Vec<VerifiedMessage>, CryptoError> {
    let json = Written::Evidence.open(cipher, report, sealed)?;
    let proven: Vec<Proven> = serde_json::from_str(&json).map_err(|_| CryptoError::Refused)?;
    Ok(proven.into_iter().map(shown).collect())
}

fn shown(
    Proven {
        seq,
        content,
        sent_at,
        kid,
    }: Proven,
) -> VerifiedMessage {
    let text = match serde_json::from_str(&content) {
        Ok(TextMessage { kind, text }) if kind == "text" => text,
        _ => content,
    };
    VerifiedMessage {
        seq,
        text,
        sent_at,
        verified: true,
        kid,
    }
}

#[cfg(test)]
mod tests {
    use tebdil_core::crypto::{Key, KeyRing};

    use super::*;

    fn text_of(content: &str) -> String {
        shown(Proven {
            seq: 1,
            content: content.to_owned(),
            sent_at: Timestamp::from_millis(0),
            kid: "k".to_owned(),
        })
        .text
    }

    #[test]
    fn only_plain_text_messages_are_shown_as_their_text() {
        assert_eq!(text_of(r#"{"type":"text","text":"sel\u00e2m"}"#), "selâm");
        for other in [
            r#"{"type":"text","text":"nice","text":"nasty"}"#,
            r#"{"type":"text","text":"nice","html":"nasty"}"#,
            r#"{"type":"call","text":"x"}"#,
            r#"{"type":"text"}"#,
            // JavaScript reads these as texts.
            r#"{"type":"text","text":"nasty \ud800"}"#,
            r#"{"type":"text","type":1e999,"text":"nasty"}"#,
        ] {
            assert_eq!(text_of(other), other);
        }
    }

    #[test]
    fn what_is_kept_opens_for_its_report_and_purpose_only() {
        let cipher = FieldCipher::new(KeyRing::new("k", Key::from([1; 32])));
        let sealed = Written::Note.seal(&cipher, ReportId(7), "çok kötü".as_bytes());
        assert_eq!(
            Written::Note.open(&cipher, ReportId(7), &sealed).as_deref(),
            Ok("çok kötü")
        );
        assert_eq!(
            Written::Note.open(&cipher, ReportId(8), &sealed),
            Err(CryptoError::Refused)
        );
        assert_eq!(
            Written::Resolution.open(&cipher, ReportId(7), &sealed),
            Err(CryptoError::Refused)
        );
        assert_eq!(Verified(Vec::new()).seal(&cipher, ReportId(7)), None);
    }
}
