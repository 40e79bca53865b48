//! Whatever two sides do in whatever batches: the store answers, and holds, what a simple model of
//! it does.

use std::time::Duration;

use rand::{RngExt as _, rngs::StdRng};
use tebdil_core::{
    store::{Append, ChatRules, MatchRow, NewMessage, NewReceipt, Receipt, Store},
    testing::TestStore,
};
use tebdil_protocol::{
    domain::MessageKind,
    id::{MatchId, SessionId, UserId},
    time::Timestamp,
};

use super::{device, message, receipt, settle, write_by};
use crate::{
    matches::{Account, couple, matched},
    rng,
};

tebdil_core::store_conformance! {
    every_history_is_that_of_the_model,
}

/// What may wait.
const WAITING: usize = 7;
const BYTES: usize = 300;

/// A message as the model remembers it.
struct Said {
    bytes: usize,
    kind: MessageKind,
    sent_at: Timestamp,
}

/// What a side has said, and how far the peer has come with it.
#[derive(Default)]
struct Side {
    said: Vec<Said>,
    delivered: usize,
    read: usize,
}

impl Side {
    fn waiting(&self) -> &[Said] {
        &self.said[self.delivered..]
    }

    fn bytes(&self) -> usize {
        self.waiting().iter().map(|said| said.bytes).sum()
    }

    fn unread(&self) -> usize {
        let unread = self.said[self.read..].iter();
        unread
            .filter(|said| said.kind == MessageKind::Content)
            .count()
    }

    /// The peer has come as far as `seq`. Whether that is news; `None` where nothing is that far.
    fn arrive(&mut self, seq: i64, read: bool) -> Option<bool> {
        let seq = usize::try_from(seq).unwrap();
        if seq > self.said.len() {
            return None;
        }
        let news = seq > self.delivered || (read && seq > self.read);
        self.delivered = self.delivered.max(seq);
        if read {
            self.read = self.read.max(seq);
        }
        Some(news)
    }
}

/// A match of two.
struct Model {
    id: MatchId,
    accounts: [Account; 2],
    /// Another device of each.
    others: [SessionId; 2],
    sides: [Side; 2],
}

impl Model {
    fn of_account(&self, sender: UserId) -> usize {
        usize::from(self.accounts[1].0.id == sender)
    }

    fn record(&mut self, receipt: &NewReceipt) -> Receipt {
        let at = self.of_account(receipt.user_id);
        if receipt.session_id != self.accounts[at].1.id {
            return Receipt::WrongDevice;
        }
        match self.sides[1 - at].arrive(receipt.seq, receipt.read) {
            None => Receipt::Beyond,
            Some(false) => Receipt::Known,
            Some(true) => Receipt::Recorded {
                sender: device(&self.accounts[1 - at]),
            },
        }
    }

    fn append(&mut self, message: &NewMessage, now: Timestamp) -> Append {
        let at = self.of_account(message.sender_id);
        if message.session_id != self.accounts[at].1.id {
            return Append::WrongDevice;
        }
        let receiver = device(&self.accounts[1 - at]);
        let side = &mut self.sides[at];
        let expected = i64::try_from(side.said.len()).unwrap() + 1;
        if message.seq < expected {
            return Append::Repeated { receiver };
        }
        if message.seq > expected {
            return Append::OutOfOrder { expected };
        }
        if side.waiting().len() >= WAITING || side.bytes() >= BYTES {
            return Append::Full;
        }
        side.said.push(Said {
            bytes: message.ciphertext.len(),
            kind: message.kind,
            sent_at: now,
        });
        Append::Accepted {
            sent_at: now,
            receiver,
        }
    }

    /// Mostly the next ones of a side, at times one that was there, that is far, or from elsewhere.
    fn some_messages(&self, rng: &mut StdRng) -> Vec<NewMessage> {
        let mut next = [0, 1].map(|at: usize| i64::try_from(self.sides[at].said.len()).unwrap());
        let count = rng.random_range(0..6);
        let mut messages = Vec::new();
        for _ in 0..count {
            let at = rng.random_range(0..2);
            next[at] += 1;
            let seq = match rng.random_range(0..10) {
                0 => next[at] + rng.random_range(1..4),
                1 | 2 => rng.random_range(1..=next[at]),
                _ => next[at],
            };
            let text = "x".repeat(rng.random_range(1..90));
            let mut one = message(self.id, &self.accounts[at], seq, &text);
            if rng.random_bool(0.1) {
                one.session_id = self.others[at];
            }
            if rng.random_bool(0.2) {
                one.kind = MessageKind::Handshake;
            }
            messages.push(one);
        }
        messages
    }

    fn some_receipts(&self, rng: &mut StdRng) -> Vec<NewReceipt> {
        let count = rng.random_range(0..3);
        let some = (0..count).map(|_| {
            let at = rng.random_range(0..2);
            let said = i64::try_from(self.sides[1 - at].said.len()).unwrap();
            let lowest = (said - 8).max(1);
            let mut one = receipt(
                self.id,
                &self.accounts[at],
                rng.random_range(lowest..=said + 1),
            );
            one.read = rng.random_bool(0.3);
            if rng.random_bool(0.1) {
                one.session_id = self.others[at];
            }
            one
        });
        some.collect()
    }

    /// What a device sees of the match, and what waits for it.
    async fn assert_seen(&self, store: &Store, at: usize) {
        let (mine, peers) = (&self.sides[at], &self.sides[1 - at]);
        let (user, session) = device(&self.accounts[at]);
        let row: MatchRow = store
            .matches()
            .match_of(self.id, user)
            .await
            .unwrap()
            .unwrap();
        let seen = [
            row.last_seq,
            row.peer_delivered_seq(),
            row.peer_read_seq,
            row.peer_last_seq,
            row.delivered_seq(),
            row.view(session, row.created_at).unread,
        ];
        let expected = [
            mine.said.len(),
            mine.delivered,
            mine.read,
            peers.said.len(),
            peers.delivered,
            peers.unread(),
        ];
        assert_eq!(seen, expected.map(|count| i64::try_from(count).unwrap()));

        let held = store
            .messages()
            .messages_from_peer(self.id, user, 0, 100)
            .await
            .unwrap();
        let held: Vec<(i64, usize, MessageKind, Timestamp)> = held
            .iter()
            .map(|row| (row.seq, row.content.len(), row.kind, row.sent_at))
            .collect();
        let first = i64::try_from(peers.delivered).unwrap() + 1;
        let expected: Vec<(i64, usize, MessageKind, Timestamp)> = (first..)
            .zip(peers.waiting())
            .map(|(seq, said)| (seq, said.bytes, said.kind, said.sent_at))
            .collect();
        assert_eq!(held, expected);
    }

    /// Every row of both tables.
    async fn assert_rows(&self, t: &TestStore) {
        const MESSAGES: &str = "SELECT seq FROM messages WHERE sender_id = ";
        const LOGS: &str = "SELECT seq FROM message_logs WHERE sender_id = ";
        for (account, side) in self.accounts.iter().zip(&self.sides) {
            let rows = async |sql: &str, and: &str| {
                t.numbers(&format!("{sql} {} {and} ORDER BY seq", account.0.id))
                    .await
            };
            let last = i64::try_from(side.said.len()).unwrap();
            let delivered = i64::try_from(side.delivered).unwrap();
            let (gone, waiting): (Vec<i64>, Vec<i64>) = (1..=last).partition(|n| *n <= delivered);
            assert_eq!(rows(MESSAGES, "").await, waiting);
            assert_eq!(rows(LOGS, "AND delivered_at IS NULL").await, waiting);
            assert_eq!(rows(LOGS, "AND delivered_at IS NOT NULL").await, gone);
        }
    }
}

async fn every_history_is_that_of_the_model(t: TestStore) {
    let (a, b) = couple(&t).await;
    let (other_a, other_b) = (t.register("kus").await.1.id, t.register("fil").await.1.id);
    let mut model = Model {
        id: matched(&t, &a, &b, 1).await,
        accounts: [a, b],
        others: [other_a, other_b],
        sides: [Side::default(), Side::default()],
    };
    let rules = ChatRules {
        undelivered: i64::try_from(WAITING).unwrap(),
        undelivered_bytes: i64::try_from(BYTES).unwrap(),
    };
    let nodes = [t.store.clone(), t.database.open(&t.clock).await];
    let mut rng = rng(13);
    let mut seen = [0; 4];
    let mut node = &nodes[0];
    for round in 0..250 {
        t.clock
            .advance(Duration::from_millis(rng.random_range(1..1_500)));
        let now = t.now();
        let (messages, receipts) = (model.some_messages(&mut rng), model.some_receipts(&mut rng));
        let outcomes = write_by(node, &messages, &receipts, &rules, now).await;
        let recorded: Vec<Receipt> = receipts.iter().map(|one| model.record(one)).collect();
        let appends: Vec<Append> = messages.iter().map(|one| model.append(one, now)).collect();
        assert_eq!(outcomes, (appends, recorded), "round {round}");
        if rng.random_bool(0.4) {
            settle(node).await;
            for at in [0, 1] {
                model.assert_seen(node, at).await;
            }
            model.assert_rows(&t).await;
            // What has arrived is known to the one that wrote it until it is taken out.
            node = &nodes[rng.random_range(0..2)];
        }
        for append in outcomes.0 {
            seen[match append {
                Append::Accepted { .. } => 0,
                Append::Full => 1,
                Append::Repeated { .. } => 2,
                _ => 3,
            }] += 1;
        }
    }
    assert!(seen.iter().all(|count| *count > 20), "{seen:?}");
    // What a repeat is answered, also of what is gone.
    for (account, side) in model.accounts.iter().zip(&model.sides) {
        for (seq, said) in (1..).zip(&side.said) {
            let at = t.messages().accepted_at(model.id, account.0.id, seq).await;
            assert_eq!(at.unwrap(), Some(said.sent_at));
        }
    }
}
