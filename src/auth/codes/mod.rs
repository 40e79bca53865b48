//! One-time codes: made, sent to a phone by a background task, and recognised.
//!
//! A request never waits for a gateway, and a password reset not even for the look-up of the
//! account: requests go into a bounded queue, and [`CodesTask`] carries them out. So the answer and
//! its time do not tell who has an account. Codes that were queued when the process died are not
//! sent; users ask for another. The number of codes is limited before anything is queued, and their
//! cost when they are sent (`limits/codes.rs`).
//!
//! To add a way to send: a variant of [`CodeSender`], and its settings in `[verification]`.

mod gateway;
mod template;
mod texts;

use std::sync::Arc;

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use rand::RngExt as _;
use tebdil_core::{
    crypto::{BlindIndex, CodeHash, PhoneIndex},
    ids::IdGenerator,
    settings::SettingProblem,
    store::{NewCode, Store, StoreError, TriedCode},
};
use tebdil_protocol::{
    Secret,
    domain::{CodePurpose, Locale},
    id::{CodeId, UserId},
    time::Clock,
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{
    phone::Phones,
    settings::{Sender, Verification},
};
use crate::limits::{Limiters, SpentText};

pub use gateway::{Gateway, GatewayError};

/// Orders that may wait; more are answered 503.
const QUEUE: usize = 512;
/// Orders that are carried out at the same time: a slow gateway must not keep the others waiting.
const AT_ONCE: usize = 16;
/// Digits of an E.164 number that one operator's numbers share: country and operator.
const PREFIX_DIGITS: usize = 6;

/// A phone that codes may be sent to.
#[derive(Debug, Clone)]
pub struct CodePhone {
    pub(super) e164: Secret,
    pub index: PhoneIndex,
}

impl CodePhone {
    /// The country and operator part of the number, for limits. Many people share it.
    pub fn prefix(&self) -> &[u8] {
        let digits = self.e164.expose().trim_start_matches('+').as_bytes();
        &digits[..digits.len().min(PREFIX_DIGITS)]
    }
}

/// What is sent to a phone.
#[derive(Debug)]
pub struct CodeMessage {
    pub phone: Secret,
    pub code: Secret,
    pub text: Secret,
}

/// How codes are sent.
#[derive(Debug, Clone)]
pub enum CodeSender {
    /// Writes them to the log: development only, and refused without
    /// `verification.unsafe_allow_log`.
    Log,
    Gateway(Box<Gateway>),
}

impl CodeSender {
    /// As the settings say; `None` if no codes are sent.
    ///
    /// # Errors
    /// The first setting that cannot be used.
    pub fn new(settings: &Verification) -> Result<Option<Self>, SettingProblem> {
        Ok(match settings.sender {
            Sender::Off => None,
            Sender::Log => Some(Self::Log),
            Sender::Gateway => Some(Self::Gateway(Box::new(Gateway::new(&settings.gateway)?))),
        })
    }

    async fn send(&self, message: &CodeMessage) -> Result<(), GatewayError> {
        match self {
            Self::Log => {
                let phone = Phones::masked(message.phone.expose());
                tracing::warn!(
                    phone,
                    text = message.text.expose(),
                    "a code that nobody is sent: verification.sender is for development"
                );
                Ok(())
            }
            Self::Gateway(gateway) => gateway.send(message).await,
        }
    }
}

/// Every place in the queue is taken, or the server ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many codes wait to be sent")]
pub struct QueueFull;

#[derive(Debug)]
enum CodeOrder {
    /// A registration's code, which is stored already.
    Registration {
        phone: Secret,
        locale: Locale,
        alias: String,
        code: Secret,
        spent: SpentText,
    },
    /// Whoever has this phone wants a new password.
    PasswordReset { phone: CodePhone },
}

/// What making codes needs.
#[derive(Debug, Clone)]
pub struct CodeContext {
    pub store: Store,
    pub blind: BlindIndex,
    pub ids: Arc<IdGenerator>,
    pub clock: Clock,
    pub limiters: Arc<Limiters>,
}

/// A code that is not stored yet.
pub(super) struct Drawn {
    pub id: CodeId,
    pub code: Secret,
    pub hash: CodeHash,
}

impl CodeContext {
    /// Six digits, each as likely as any other.
    pub(super) fn draw(&self, purpose: CodePurpose, phone: &PhoneIndex) -> Drawn {
        let id = self.ids.next();
        let code = Secret::from(format!("{:06}", rand::rng().random_range(0..1_000_000_u32)));
        let hash = self.blind.code(purpose, phone, id, code.expose());
        Drawn { id, code, hash }
    }

    /// The code that a guess matches. None if it matches two: then nobody knows which registration
    /// was meant.
    pub(super) fn recognise(
        &self,
        purpose: CodePurpose,
        phone: &PhoneIndex,
        guess: &str,
        tried: Vec<TriedCode>,
    ) -> Option<TriedCode> {
        let mut right = tried
            .into_iter()
            .filter(|code| self.blind.code(purpose, phone, code.id, guess) == code.hash);
        right.next().filter(|_| right.next().is_none())
    }
}

/// Accepts orders for codes.
#[derive(Debug)]
pub struct Codes {
    pub(super) context: CodeContext,
    /// `None` if no codes are sent.
    orders: Option<mpsc::Sender<CodeOrder>>,
}

impl Codes {
    /// Codes sent by `sender`, and the task that does it.
    pub fn new(sender: Option<CodeSender>, context: CodeContext) -> (Self, Option<CodesTask>) {
        let Some(sender) = sender else {
            return (
                Self {
                    context,
                    orders: None,
                },
                None,
            );
        };
        let (orders, waiting) = mpsc::channel(QUEUE);
        let task = CodesTask {
            sender,
            context: context.clone(),
            orders: waiting,
        };
        (
            Self {
                context,
                orders: Some(orders),
            },
            Some(task),
        )
    }

    /// Whether codes are sent.
    pub const fn are_sent(&self) -> bool {
        self.orders.is_some()
    }

    pub(super) fn send_registration(
        &self,
        phone: Secret,
        locale: Locale,
        alias: String,
        code: Secret,
        spent: SpentText,
    ) -> Result<(), QueueFull> {
        self.order(CodeOrder::Registration {
            phone,
            locale,
            alias,
            code,
            spent,
        })
    }

    pub(super) fn send_password_reset(&self, phone: CodePhone) -> Result<(), QueueFull> {
        self.order(CodeOrder::PasswordReset { phone })
    }

    fn order(&self, order: CodeOrder) -> Result<(), QueueFull> {
        let taken = self
            .orders
            .as_ref()
            .is_some_and(|orders| orders.try_send(order).is_ok());
        if taken {
            Ok(())
        } else {
            metrics::counter!("tebdil_code_queue_full_total").increment(1);
            Err(QueueFull)
        }
    }
}

/// The task that carries orders out.
#[derive(Debug)]
pub struct CodesTask {
    sender: CodeSender,
    context: CodeContext,
    orders: mpsc::Receiver<CodeOrder>,
}

impl CodesTask {
    /// Works until `closing`, and then until the queue is empty.
    pub async fn run(mut self, closing: CancellationToken) {
        let mut orders = std::mem::replace(&mut self.orders, mpsc::channel(1).1);
        let task = &self;
        let mut running = FuturesUnordered::new();
        loop {
            tokio::select! {
                Some(()) = running.next() => {}
                order = orders.recv(), if running.len() < AT_ONCE => match order {
                    Some(order) => running.push(task.carry_out(order)),
                    None => break,
                },
                () = closing.cancelled(), if !orders.is_closed() => orders.close(),
            }
        }
        while running.next().await.is_some() {}
    }

    async fn carry_out(&self, order: CodeOrder) {
        match order {
            CodeOrder::Registration {
                phone,
                locale,
                alias,
                code,
                spent,
            } => {
                let text = texts::registration(locale, &alias, code.expose());
                self.send(
                    CodePurpose::Registration,
                    &CodeMessage { phone, code, text },
                    spent,
                )
                .await;
            }
            CodeOrder::PasswordReset { phone } => match self.password_reset(&phone).await {
                // Only once it is known that there is somebody: a request that sends no text costs
                // nothing, and its answer reveals nothing.
                Ok(Some(message)) => match self
                    .context
                    .limiters
                    .spend_text(CodePurpose::PasswordReset, phone.prefix())
                    .await
                {
                    Ok(spent) => self.send(CodePurpose::PasswordReset, &message, spent).await,
                    Err(limited) => {
                        tracing::warn!(
                            ?limited,
                            "a password reset was not sent: no more texts are sent for now"
                        );
                        count(CodePurpose::PasswordReset, "over_budget");
                    }
                },
                Ok(None) => count(CodePurpose::PasswordReset, "withheld"),
                Err(error) => {
                    tracing::error!(%error, "a code was not made");
                    count(CodePurpose::PasswordReset, "failed");
                }
            },
        }
    }

    /// Stores a code for whoever has the phone. If nobody has it, or may use it, a code is stored
    /// all the same and sent to nobody, so that guesses take the same path and the same time.
    async fn password_reset(&self, phone: &CodePhone) -> Result<Option<CodeMessage>, StoreError> {
        let CodeContext { store, clock, .. } = &self.context;
        let now = clock.now();
        let user = store.accounts().user_by_phone(&phone.index).await?;
        let ban = store.safety().active_ban(&phone.index, now).await?;
        let user = user.filter(|_| ban.is_none());
        let Drawn { id, code, hash } = self.context.draw(CodePurpose::PasswordReset, &phone.index);
        let owner: Option<UserId> = user.as_ref().map(|user| user.id);
        let new = NewCode {
            id,
            purpose: CodePurpose::PasswordReset,
            phone: phone.index,
            user: owner,
            hash,
            registration: None,
        };
        store.accounts().insert_code(new, now).await?;
        Ok(user.map(|user| {
            let text = texts::password_reset(user.locale, code.expose());
            CodeMessage {
                phone: phone.e164.clone(),
                code,
                text,
            }
        }))
    }

    async fn send(&self, purpose: CodePurpose, message: &CodeMessage, spent: SpentText) {
        match self.sender.send(message).await {
            Ok(()) => count(purpose, "sent"),
            Err(error) => {
                tracing::warn!(%error, "the gateway did not take a code");
                if error.is_unsent() {
                    self.context.limiters.refund_text(spent).await;
                }
                count(purpose, "failed");
            }
        }
    }
}

fn count(purpose: CodePurpose, outcome: &'static str) {
    metrics::counter!("tebdil_codes_total", "purpose" => purpose.as_str(), "outcome" => outcome)
        .increment(1);
}

#[cfg(test)]
mod tests {
    use tebdil_core::testing::{Backend, TestStore};

    use super::*;

    #[tokio::test]
    async fn what_the_queue_takes_is_done_and_the_rest_refused() {
        let t = TestStore::create(Backend::Sqlite)
            .await
            .expect("SQLite is always there");
        let ids = Arc::clone(t.store.ids());
        let context = CodeContext {
            store: t.store.clone(),
            blind: t.index.clone(),
            ids,
            clock: t.clock.clone(),
            limiters: Arc::new(Limiters::alone(&t, &[]).await),
        };
        let (codes, task) = Codes::new(Some(CodeSender::Log), context.clone());
        let phone = CodePhone {
            e164: "+905301234567".into(),
            index: t.index.phone("+905301234567"),
        };
        for _ in 0..QUEUE {
            assert_eq!(codes.send_password_reset(phone.clone()), Ok(()));
        }
        assert_eq!(codes.send_password_reset(phone.clone()), Err(QueueFull));
        let closing = CancellationToken::new();
        closing.cancel();
        task.expect("there is a sender").run(closing).await;
        let stored = t
            .numbers("SELECT COUNT(*) FROM one_time_codes WHERE user_id IS NULL")
            .await;
        assert_eq!(stored, [i64::try_from(QUEUE).expect("few")]);
        assert_eq!(
            codes.send_password_reset(phone.clone()),
            Err(QueueFull),
            "nobody works any more"
        );
        assert_eq!(
            Codes::new(None, context).0.send_password_reset(phone),
            Err(QueueFull)
        );
    }

    #[tokio::test]
    async fn a_guess_that_is_right_for_two_codes_is_right_for_none() {
        let t = TestStore::create(Backend::Sqlite)
            .await
            .expect("SQLite is always there");
        let ids = Arc::clone(t.store.ids());
        let context = CodeContext {
            store: t.store.clone(),
            blind: t.index.clone(),
            ids,
            clock: t.clock.clone(),
            limiters: Arc::new(Limiters::alone(&t, &[]).await),
        };
        let (purpose, phone) = (CodePurpose::Registration, t.index.phone("+905301234567"));
        let tried = |row: i64, code: &str| {
            let id = CodeId(row);
            TriedCode {
                id,
                user: None,
                hash: t.index.code(purpose, &phone, id, code),
                registration: None,
            }
        };
        let recognised = |tried| {
            context
                .recognise(purpose, &phone, "123456", tried)
                .map(|code| code.id)
        };
        assert_eq!(
            recognised(vec![tried(1, "123456"), tried(2, "654321")]),
            Some(CodeId(1))
        );
        assert_eq!(
            recognised(vec![tried(1, "123456"), tried(2, "123456")]),
            None
        );
        assert_eq!(recognised(vec![tried(1, "654321")]), None);
        let drawn = context.draw(purpose, &phone);
        assert_eq!(drawn.code.expose().len(), 6);
        assert_eq!(
            drawn.hash,
            t.index.code(purpose, &phone, drawn.id, drawn.code.expose())
        );
    }

    #[test]
    fn the_prefix_is_country_and_operator() {
        let phone = |e164: &str| CodePhone {
            e164: e164.into(),
            index: BlindIndex::new(tebdil_core::crypto::Key::from([1; 32])).phone(e164),
        };
        assert_eq!(phone("+905301234567").prefix(), b"905301");
        assert_eq!(phone("+2471").prefix(), b"2471");
        assert_eq!(
            format!("{:?}", phone("+905301234567")),
            "CodePhone { e164: Secret(…), index: PhoneIndex(…) }"
        );
    }
}
