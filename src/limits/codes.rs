//! How many one-time codes may be asked for, guessed, and paid for.
//!
//! A code costs money and makes somebody's phone ring, so requests and texts are counted on all
//! nodes together: while Redis does not answer, no code is sent (503). `limits.enabled` does not
//! turn that off. The store counts guesses in any case, five for each code; the limits here come
//! first.
//!
//! Only a text that was sent, or may have been, counts towards the budget: it is spent first, and
//! given back if none was sent. So requests that send no text use up nobody's allowance.
//! Registrations and password resets have separate budgets, so that a flood of one does not stop
//! the other.

use tebdil_core::crypto::PhoneIndex;
use tebdil_protocol::{ErrorCode, domain::CodePurpose};

use super::{Limit, Limited, Limiters, Who};
use crate::address::ClientAddress;

/// What was spent on a text that is about to be sent.
#[derive(Debug, Clone, Copy)]
pub struct SpentText {
    purpose: CodePurpose,
    prefix: [u8; 32],
}

impl Limiters {
    /// Counts a code that is asked for from an address.
    ///
    /// # Errors
    /// [`Limited`]
    pub async fn code_from(&self, address: ClientAddress) -> Result<(), Limited> {
        self.check(Limit::CodeAddress, address).await
    }

    /// Counts a code that is asked for a phone. Purposes count separately: sending resets to a
    /// phone does not keep it from registering.
    ///
    /// # Errors
    /// [`Limited`]
    pub async fn code_to(&self, purpose: CodePurpose, phone: PhoneIndex) -> Result<(), Limited> {
        let who = Who::CodesOf(purpose, phone);
        self.check(Limit::CodePhone, who).await?;
        self.check(Limit::CodePhoneDay, who).await
    }

    /// A code is on its way: earlier guesses by others do not keep its owner from using it.
    pub async fn code_ordered(&self, purpose: CodePurpose, phone: PhoneIndex) {
        for (key, _) in Who::CodesOf(purpose, phone).keys(&self.blind) {
            self.of(Limit::GuessPhone).clear(&key).await;
        }
    }

    /// Counts a guess, whether or not the phone has a code; `phone` if the text is a phone number.
    ///
    /// # Errors
    /// [`Limited`]
    pub async fn guess(
        &self,
        address: ClientAddress,
        purpose: CodePurpose,
        phone: Option<PhoneIndex>,
    ) -> Result<(), Limited> {
        self.check(Limit::GuessAddress, address).await?;
        let Some(phone) = phone else { return Ok(()) };
        let who = Who::CodesOf(purpose, phone);
        match self.check(Limit::GuessPhone, who).await {
            // While nobody counts for all nodes, whoever has a code can still use it.
            Err(limited) if limited.code == ErrorCode::Unavailable => Ok(()),
            counted => counted,
        }
    }

    /// Spends one text to a phone number that begins with `prefix`.
    ///
    /// # Errors
    /// [`Limited`]; then nothing was spent.
    pub async fn spend_text(
        &self,
        purpose: CodePurpose,
        prefix: &[u8],
    ) -> Result<SpentText, Limited> {
        let prefix = [purpose.as_str().as_bytes(), b"\n", prefix].concat();
        let prefix = self.blind.limited(&prefix);
        self.count(Limit::CodePrefix, &prefix, 1).await?;
        if let Err(limited) = self.count(a_day_of(purpose), &self.everybody(), 1).await {
            self.of(Limit::CodePrefix).give_back(&prefix).await;
            return Err(limited);
        }
        Ok(SpentText { purpose, prefix })
    }

    /// Gives back what was spent on a text that was not sent. While Redis does not answer it stays
    /// spent.
    pub async fn refund_text(&self, SpentText { purpose, prefix }: SpentText) {
        self.of(Limit::CodePrefix).give_back(&prefix).await;
        let day = self.of(a_day_of(purpose));
        day.give_back(&self.everybody()).await;
    }

    fn everybody(&self) -> [u8; 32] {
        self.blind.limited(b"everybody")
    }
}

const fn a_day_of(purpose: CodePurpose) -> Limit {
    match purpose {
        CodePurpose::Registration => Limit::CodeRegisterDay,
        CodePurpose::PasswordReset => Limit::CodeResetDay,
    }
}

#[cfg(test)]
mod tests {
    use tebdil_core::testing::{Backend, TestStore};

    use super::*;

    #[tokio::test]
    async fn texts_not_sent_are_given_back_and_purposes_are_apart() {
        let t = TestStore::create(Backend::Sqlite)
            .await
            .expect("SQLite is always there");
        let bursts = [(Limit::CodePrefix, 3), (Limit::CodeRegisterDay, 4)];
        let limiters = Limiters::alone(&t, &bursts).await;
        let take = async |purpose, prefix: &str| {
            let spent = limiters.spend_text(purpose, prefix.as_bytes()).await;
            spent.map_err(|limited| limited.code)
        };
        let (register, reset) = (CodePurpose::Registration, CodePurpose::PasswordReset);
        let (here, there) = ("905301", "905421");
        for _ in 0..10 {
            let spent = take(register, here).await.expect("it was given back");
            limiters.refund_text(spent).await;
        }
        for _ in 0..3 {
            take(register, here).await.expect("three for a prefix");
        }
        let refused = take(register, here).await.expect_err("three were sent");
        assert_eq!(refused, ErrorCode::TooManyAttempts);
        take(reset, here).await.expect("resets have their own");
        take(register, there)
            .await
            .expect("another prefix, the fourth of the day");
        for _ in 0..5 {
            let refused = take(register, there).await.expect_err("the day is over");
            assert_eq!(refused, ErrorCode::TooManyAttempts);
        }
        // What the day refused was not taken from the prefix.
        let prefix = limiters.blind.limited(b"registration\n905421");
        for _ in 0..2 {
            let left = limiters.count(Limit::CodePrefix, &prefix, 1).await;
            left.expect("two of three are left");
        }
    }
}
