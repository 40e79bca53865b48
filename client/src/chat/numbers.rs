//! The numbers of one's own messages in a match.

/// Gives each message of a match its number. A number that the server may have taken is not given
/// out again: what comes under it would be lost as a repeat.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    last: i64,
    /// The highest number that was accepted.
    accepted: i64,
    /// Where to go on once no later number is on its way any more.
    free: Option<i64>,
}

impl Numbers {
    /// Goes on where an earlier process stood.
    ///
    /// `waiting`: the lowest number that has no answer; what is before it was accepted.
    pub fn after(last: i64, waiting: Option<i64>) -> Self {
        Self {
            last,
            accepted: waiting.map_or(last, |seq| last.min(seq - 1)),
            free: None,
        }
    }

    /// The last number given out.
    pub fn last(&self) -> i64 {
        self.last
    }

    /// The number of the next message.
    pub fn give(&mut self) -> i64 {
        self.last += 1;
        self.last
    }

    /// A message was accepted.
    pub fn accepted(&mut self, seq: i64) {
        self.accepted = self.accepted.max(seq);
        self.free = self.free.filter(|free| *free > seq);
    }

    /// A message was refused; the next one is to be `expected`, where that is known. `on_its_way`:
    /// the highest number without an answer.
    pub fn refused(&mut self, expected: Option<i64>, on_its_way: Option<i64>) {
        // A server that went back, as with a restored backup, expects what it had accepted. The peer
        // has that, and would take another message under the number for a repeat.
        let free = expected.filter(|seq| *seq > self.accepted);
        self.free = free.or(self.free);
        if let Some(free) = self.free
            && on_its_way.is_none_or(|seq| seq < free)
        {
            self.last = self.last.min(free - 1);
            self.free = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(count: usize) -> Numbers {
        let mut numbers = Numbers::default();
        for _ in 0..count {
            numbers.give();
        }
        numbers
    }

    #[test]
    fn refused_numbers_are_given_out_again() {
        let mut numbers = given(4);
        // 3 was refused for what it is, 4 with it; 2 has no answer yet.
        numbers.refused(Some(3), Some(4));
        numbers.refused(Some(3), Some(2));
        assert_eq!(numbers.give(), 3);
    }

    #[test]
    fn a_number_on_its_way_is_not_given_out_twice() {
        let mut numbers = given(6);
        // 6 was sealed before it was known that 4 was refused, and 5 with it.
        numbers.refused(Some(4), Some(6));
        numbers.refused(Some(4), Some(6));
        assert_eq!(numbers.give(), 7);
        numbers.refused(Some(4), Some(7));
        assert_eq!(numbers.last(), 7);
        numbers.refused(Some(4), None);
        assert_eq!(numbers.give(), 4);
    }

    #[test]
    fn what_may_be_stored_keeps_its_number() {
        let mut numbers = given(2);
        numbers.refused(None, Some(2));
        numbers.refused(None, None);
        assert_eq!(numbers.give(), 3);
        numbers.refused(Some(2), None);
        assert_eq!(numbers.give(), 2, "1 was stored");

        let mut numbers = given(3);
        numbers.refused(Some(1), Some(3));
        numbers.accepted(3);
        numbers.refused(None, None);
        assert_eq!(numbers.give(), 4);
    }

    #[test]
    fn nothing_is_skipped_whatever_the_server_expects() {
        let mut numbers = Numbers::after(5, None);
        numbers.refused(Some(9), None);
        assert_eq!(numbers.give(), 6);
    }

    #[test]
    fn what_was_accepted_is_not_said_again_under_its_number() {
        let mut numbers = given(9);
        numbers.accepted(9);
        numbers.give();
        numbers.refused(Some(7), None);
        assert_eq!(numbers.give(), 11, "the server had 7, 8 and 9");
        numbers.refused(Some(10), None);
        assert_eq!(numbers.give(), 10);

        for (waiting, next) in [(None, 10), (Some(8), 8)] {
            let mut numbers = Numbers::after(9, waiting);
            numbers.refused(Some(7), None);
            numbers.refused(Some(8), None);
            assert_eq!(numbers.give(), next, "{waiting:?}");
        }
    }
}
