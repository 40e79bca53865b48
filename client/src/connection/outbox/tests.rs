use proptest::prelude::*;

use super::*;

const MATCH: MatchId = MatchId(1);
const AFTER: Duration = Duration::from_secs(2);

fn message(match_id: i64, seq: i64, kind: MessageKind) -> MessageSend {
    MessageSend {
        match_id: MatchId(match_id),
        seq,
        kind,
        ciphertext: seq.to_be_bytes().to_vec(),
        franking_tag: None,
    }
}

fn content(match_id: i64, seq: i64) -> MessageSend {
    message(match_id, seq, MessageKind::Content)
}

fn refusal(code: ErrorCode) -> Refusal {
    Refusal {
        code,
        retry_after: Some(AFTER),
        expected_seq: None,
    }
}

fn out_of_order(expected: i64) -> Refusal {
    Refusal {
        code: ErrorCode::OutOfOrder,
        retry_after: None,
        expected_seq: Some(expected),
    }
}

/// An outbox, and the ids of the frames that left it.
struct Sender {
    outbox: Outbox,
    now: Instant,
    last_id: i64,
    ids: HashMap<(i64, i64), i64>,
    /// What the last refusal left as the next number.
    expected_seq: Option<i64>,
}

impl Sender {
    fn new(window: u64, messages: impl IntoIterator<Item = MessageSend>) -> Self {
        let mut outbox = Outbox::new(window);
        for message in messages {
            outbox.push(Entry::new(message, None, None));
        }
        Self {
            outbox,
            now: Instant::now(),
            last_id: 0,
            ids: HashMap::new(),
            expected_seq: None,
        }
    }

    /// Sends what may go out: match and number of each.
    fn send_of_all(&mut self) -> Vec<(i64, i64)> {
        let mut sent = vec![];
        while let Some(message) = self.outbox.next(self.now) {
            let name = (message.match_id.0, message.seq);
            self.last_id += 1;
            self.outbox.mark_sent(self.last_id, self.now);
            self.ids.insert(name, self.last_id);
            sent.push(name);
        }
        sent
    }

    /// The same where there is one match.
    fn send(&mut self) -> Vec<i64> {
        self.send_of_all().into_iter().map(|(_, seq)| seq).collect()
    }

    fn accept(&mut self, seq: i64) -> bool {
        self.outbox.accepted(MATCH, seq).is_some()
    }

    /// The last frame with this message is refused; what leaves the outbox with it.
    fn refuse(&mut self, seq: i64, refusal: Refusal) -> Vec<(i64, ErrorCode)> {
        self.refuse_frame(self.ids[&(MATCH.0, seq)], refusal)
    }

    fn refuse_frame(&mut self, id: i64, refusal: Refusal) -> Vec<(i64, ErrorCode)> {
        let gone = self.outbox.refused(id, refusal, self.now);
        self.expected_seq = gone.expected_seq;
        gone.entries
            .into_iter()
            .map(|(entry, code)| (entry.message.seq, code))
            .collect()
    }
}

fn sender(window: u64, count: i64) -> Sender {
    Sender::new(window, (1..=count).map(|seq| content(1, seq)))
}

fn numbers(range: std::ops::RangeInclusive<i64>) -> Vec<i64> {
    range.collect()
}

#[test]
fn order_window_and_restart() {
    let mut sender = Sender::new(3, [4, 2, 1, 3, 5].map(|seq| content(1, seq)));
    assert_eq!(sender.send(), [1, 2, 3]);
    assert!(sender.accept(2) && !sender.accept(2));
    assert!(sender.send().is_empty(), "4 would be too far ahead of 1");
    assert!(sender.accept(1));
    assert_eq!(sender.send(), [4, 5]);
    assert!(sender.accept(5));
    sender.outbox.restart();
    assert_eq!(sender.send(), [3, 4]);
    let minute = Duration::from_mins(1);
    sender.outbox.resend_overdue(sender.now, minute);
    assert!(sender.send().is_empty());
    sender.outbox.resend_overdue(sender.now + minute, minute);
    assert_eq!(sender.send(), [3, 4]);
}

#[test]
fn a_handshake_is_waited_for_in_its_match_only() {
    let mut sender = Sender::new(
        8,
        [
            message(1, 1, MessageKind::Handshake),
            content(1, 2),
            content(2, 1),
            content(1, 3),
        ],
    );
    assert_eq!(sender.send_of_all(), [(1, 1), (2, 1)]);
    assert!(sender.accept(1));
    assert_eq!(sender.send_of_all(), [(1, 2), (1, 3)]);
}

#[test]
fn a_peer_that_is_behind_holds_back_its_match_alone() {
    let both = [content(1, 1), content(2, 1), content(1, 2), content(2, 2)];
    let mut sender = Sender::new(8, both);
    assert_eq!(sender.send_of_all(), [(1, 1), (2, 1), (1, 2), (2, 2)]);
    assert_eq!(sender.refuse(1, refusal(ErrorCode::TooManyUndelivered)), []);
    assert_eq!(sender.refuse(2, out_of_order(1)), []);
    for message in [content(1, 3), content(2, 3)] {
        sender.outbox.push(Entry::new(message, None, None));
    }
    assert_eq!(sender.send_of_all(), [(2, 3)]);
    assert_eq!(sender.outbox.held_until(), Some(sender.now + AFTER));
    sender.now += AFTER;
    assert_eq!(sender.send_of_all(), [(1, 1), (1, 2), (1, 3)], "in order");
    assert_eq!(sender.outbox.held_until(), None);
}

#[test]
fn after_a_passing_refusal_the_window_is_sent_again_in_order() {
    let mut sender = sender(16, 20);
    assert_eq!(sender.send(), numbers(1..=16));
    assert_eq!(sender.refuse(1, refusal(ErrorCode::Unavailable)), []);
    for seq in 2..=16 {
        assert_eq!(sender.refuse(seq, out_of_order(1)), []);
        assert!(sender.send().is_empty(), "held back");
    }
    sender.now += AFTER;
    assert_eq!(sender.send(), numbers(1..=16));
    assert!(sender.send().is_empty(), "once");
    assert!((1..=16).all(|seq| sender.accept(seq)));
    assert_eq!(sender.send(), numbers(17..=20));
}

#[test]
fn what_came_too_early_waits_for_what_is_on_its_way() {
    let mut sender = sender(16, 4);
    assert_eq!(sender.send(), numbers(1..=4));
    for seq in [2, 3, 4] {
        assert_eq!(sender.refuse(seq, out_of_order(1)), []);
        assert!(sender.send().is_empty(), "1 is not answered yet");
    }
    assert!(sender.accept(1));
    assert_eq!(sender.send(), [2, 3, 4]);

    assert_eq!(sender.refuse(3, out_of_order(2)), []);
    assert!(sender.send().is_empty());
    assert_eq!(sender.refuse(2, refusal(ErrorCode::RateLimited)), []);
    assert!(sender.send().is_empty(), "held back");
    sender.now += AFTER;
    assert_eq!(sender.send(), [2, 3], "and 4 is still on its way");
    assert_eq!(sender.refuse(4, out_of_order(2)), []);
    assert!(sender.send().is_empty());
    let overdue = Duration::from_secs(20);
    sender.now += overdue;
    sender.outbox.resend_overdue(sender.now, overdue);
    assert_eq!(sender.send(), [2, 3, 4], "2 was lost");
}

#[test]
fn a_late_refusal_of_an_earlier_transmission_does_nothing() {
    let mut sender = sender(16, 3);
    assert_eq!(sender.send(), [1, 2, 3]);
    let early = sender.ids.clone();
    let overdue = Duration::from_secs(20);
    sender.now += overdue;
    sender.outbox.resend_overdue(sender.now, overdue);
    let refusals = [
        refusal(ErrorCode::Unavailable),
        refusal(ErrorCode::TooManyUndelivered),
        refusal(ErrorCode::InvalidField),
        refusal(ErrorCode::MatchEnded),
        out_of_order(1),
        out_of_order(0),
    ];
    let late = |sender: &mut Sender| {
        for (refusal, id) in refusals.iter().zip(early.values().cycle()) {
            assert_eq!(sender.refuse_frame(*id, *refusal), []);
        }
    };
    late(&mut sender);
    assert_eq!(sender.send(), [1, 2, 3]);
    late(&mut sender);
    assert!(sender.send().is_empty());
    assert_eq!(sender.outbox.held_until(), None);
    assert!((1..=3).all(|seq| sender.accept(seq)));
    assert_eq!(
        sender.refuse_frame(99, refusal(ErrorCode::MatchEnded)),
        [],
        "never sent"
    );
}

#[test]
fn a_gap_that_cannot_be_filled_refuses_the_match() {
    for expected in [Some(3), Some(6), Some(7), None] {
        let mut sender = Sender::new(16, [content(1, 5), content(1, 6), content(2, 1)]);
        assert_eq!(sender.send_of_all().len(), 3);
        let refusal = Refusal {
            expected_seq: expected,
            ..out_of_order(0)
        };
        assert_eq!(
            sender.refuse(6, refusal),
            [5, 6].map(|seq| (seq, ErrorCode::OutOfOrder)),
            "{expected:?}"
        );
        assert_eq!(sender.expected_seq, expected);
        assert_eq!(sender.refuse(5, out_of_order(3)), []);
        sender.outbox.restart();
        assert_eq!(sender.send_of_all(), [(2, 1)]);
    }
}

#[test]
fn a_refusal_for_good_takes_what_is_behind_it() {
    let mut sender = sender(16, 4);
    sender.outbox.push(Entry::new(content(2, 9), None, None));
    assert_eq!(sender.send_of_all().len(), 5);
    assert_eq!(
        sender.refuse(2, refusal(ErrorCode::FrankingTagMismatch)),
        [
            (2, ErrorCode::FrankingTagMismatch),
            (3, ErrorCode::OutOfOrder),
            (4, ErrorCode::OutOfOrder)
        ]
    );
    assert_eq!(sender.expected_seq, Some(2));
    // The number is used again; what the server says of the frames before is not about it.
    let ids = sender.ids.clone();
    sender.outbox.push(Entry::new(content(1, 2), None, None));
    assert_eq!(sender.send_of_all(), [(1, 2)]);
    for seq in [2, 3, 4] {
        assert_eq!(sender.refuse_frame(ids[&(1, seq)], out_of_order(2)), []);
    }
    assert!(sender.accept(1) && sender.accept(2));
    assert!(!sender.outbox.is_empty(), "another match");

    for code in [
        ErrorCode::MatchEnded,
        ErrorCode::NotFound,
        ErrorCode::WrongDevice,
    ] {
        let mut sender = Sender::new(16, [content(1, 1), content(1, 2), content(2, 1)]);
        sender.send_of_all();
        assert_eq!(sender.refuse(2, refusal(code)), [(1, code), (2, code)]);
        assert_eq!(sender.expected_seq, None);
        assert_eq!(sender.outbox.remove_match(MATCH).len(), 0);
        assert_eq!(sender.outbox.remove_match(MatchId(2)).len(), 1);
    }
}

#[test]
fn a_message_that_breaks_the_server_is_given_up() {
    let mut sender = sender(16, 2);
    for _ in 1..MAX_INTERNAL_ERRORS {
        assert_eq!(sender.send(), [1, 2]);
        assert_eq!(sender.refuse(1, refusal(ErrorCode::Internal)), []);
        assert_eq!(sender.refuse(2, out_of_order(1)), []);
        sender.now += AFTER;
    }
    assert_eq!(sender.send(), [1, 2]);
    assert_eq!(
        sender.refuse(1, refusal(ErrorCode::Internal)),
        [(1, ErrorCode::Internal), (2, ErrorCode::OutOfOrder)]
    );
    assert_eq!(sender.expected_seq, None, "it may be stored");
    assert!(sender.outbox.is_empty());
}

/// What a server did with a frame.
enum Answer {
    Accepted(i64),
    Refused(i64, Refusal),
    /// It was not read; the frame is not named.
    PassedOver,
}

/// A server that takes `last + 1`, and a socket to it.
#[derive(Default)]
struct Server {
    taken: Vec<i64>,
    coming: VecDeque<(i64, i64)>,
    answers: VecDeque<Answer>,
}

impl Server {
    fn last(&self) -> i64 {
        i64::try_from(self.taken.len()).expect("small")
    }

    /// Reads a frame and writes down an answer; `whim`: refuses for the moment.
    fn read(&mut self, whim: Option<ErrorCode>) {
        let Some((id, seq)) = self.coming.pop_front() else {
            return;
        };
        let expected = self.last() + 1;
        let answer = match whim {
            // Before anything is looked at, so also before what is still to be answered.
            Some(code @ (ErrorCode::RateLimited | ErrorCode::Draining)) => {
                return self.answers.push_front(Answer::Refused(id, refusal(code)));
            }
            _ if seq > expected => Answer::Refused(id, out_of_order(expected)),
            _ if seq < expected => Answer::Accepted(seq),
            Some(code) => Answer::Refused(id, refusal(code)),
            None => {
                self.taken.push(seq);
                Answer::Accepted(seq)
            }
        };
        self.answers.push_back(answer);
    }
}

struct Talk {
    sender: Sender,
    server: Server,
}

impl Talk {
    fn transmit(&mut self) -> bool {
        let Some(message) = self.sender.outbox.next(self.sender.now) else {
            return false;
        };
        let seq = message.seq;
        self.sender.last_id += 1;
        self.sender
            .outbox
            .mark_sent(self.sender.last_id, self.sender.now);
        self.server.coming.push_back((self.sender.last_id, seq));
        true
    }

    fn hear(&mut self) {
        match self.server.answers.pop_front() {
            Some(Answer::Accepted(seq)) => drop(self.sender.accept(seq)),
            Some(Answer::Refused(id, refusal)) => {
                assert_eq!(
                    self.sender.refuse_frame(id, refusal),
                    [],
                    "nothing is given up"
                );
            }
            Some(Answer::PassedOver) => {
                self.sender.outbox.again_from(self.sender.now + AFTER);
            }
            None => {}
        }
    }

    fn pass_time(&mut self, time: Duration) {
        self.sender.now += time;
        self.sender
            .outbox
            .resend_overdue(self.sender.now, Duration::from_secs(20));
    }

    fn step(&mut self, step: u8) {
        let whims = [
            ErrorCode::RateLimited,
            ErrorCode::Draining,
            ErrorCode::Unavailable,
            ErrorCode::TooManyUndelivered,
        ];
        match step {
            0..5 => drop(self.transmit()),
            5..9 => self.server.read(None),
            9..13 => self.server.read(Some(whims[usize::from(step - 9)])),
            13..17 => self.hear(),
            17 => self.pass_time(AFTER),
            18 => self.pass_time(Duration::from_secs(20)),
            19 => {
                self.server.coming.clear();
                self.server.answers.clear();
                self.sender.outbox.restart();
            }
            20 => {
                if self.server.coming.pop_front().is_some() {
                    self.server.answers.push_back(Answer::PassedOver);
                }
            }
            _ => drop(self.server.answers.pop_front()),
        }
    }
}

proptest! {
    /// Whatever the server refuses for the moment or loses, the peer gets 1, 2, 3 … once each, and
    /// nothing is sent again and again.
    #[test]
    fn everything_arrives_once_and_in_order(
        steps in proptest::collection::vec(0_u8..22, 0..400),
        handshakes in proptest::collection::btree_set(1_i64..=30, 0..4),
    ) {
        let messages = (1..=30).map(|seq| {
            let handshake = handshakes.contains(&seq);
            message(1, seq, if handshake { MessageKind::Handshake } else { MessageKind::Content })
        });
        let mut talk = Talk { sender: Sender::new(16, messages), server: Server::default() };
        for step in steps {
            talk.step(step);
        }
        // From now on the server takes what it can.
        let mut transmissions = 0;
        for _ in 0..100 {
            while talk.transmit() {
                transmissions += 1;
            }
            while !talk.server.coming.is_empty() || !talk.server.answers.is_empty() {
                talk.server.read(None);
                talk.hear();
            }
            talk.pass_time(AFTER);
        }
        prop_assert!(talk.sender.outbox.is_empty());
        prop_assert_eq!(talk.server.taken, numbers(1..=30));
        prop_assert!(transmissions <= 30 + 3 * 16, "{} transmissions", transmissions);
    }
}
