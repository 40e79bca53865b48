//! How many one-time codes may be asked for and guessed.
//!
//! A code costs money and rings at somebody's pocket, so these limits hold on all nodes together or
//! not at all: while Redis does not answer, no code is sent (503). `limits.enabled` does not turn
//! them off. What texts may cost in all is counted where they are sent (`auth/codes/budget.rs`).
//! Guesses are counted by the store in any case, each code with five; the limits here come before
//! it.

use tebdil_core::{crypto::PhoneIndex, realtime::Denied};
use tebdil_protocol::{ErrorCode, domain::CodePurpose};

use super::{
    client_ip::ClientAddress,
    problem::Failure,
    rate_limit::{Limiters, Who, codes_of, counted, refusal},
};
use crate::{auth::CodePhone, config::Limit};

impl Limiters {
    /// Counts a code that is asked for from an address.
    pub(super) async fn code_from(&self, address: ClientAddress) -> Result<(), Failure> {
        self.check(Limit::CodeAddress, address).await
    }

    /// Counts a code that is asked for a phone. Each purpose by itself: whoever has resets sent to
    /// a phone does not keep it from registering.
    pub(super) async fn code_to(
        &self,
        purpose: CodePurpose,
        phone: &CodePhone,
    ) -> Result<(), Failure> {
        let who = Who::CodesOf(purpose, phone.index);
        self.check(Limit::CodePhone, who).await?;
        self.check(Limit::CodePhoneDay, who).await
    }

    /// A code is under way: what others guessed before it does not keep its owner from using it.
    pub(super) async fn code_ordered(&self, purpose: CodePurpose, phone: PhoneIndex) {
        self.guesses
            .clear(&codes_of(&self.blind, purpose, phone))
            .await;
    }

    /// Counts a guess, for phones that have a code as for those that have none; `phone` where the
    /// text is a phone.
    pub(super) async fn guess(
        &self,
        address: ClientAddress,
        purpose: CodePurpose,
        phone: Option<PhoneIndex>,
    ) -> Result<(), Failure> {
        self.check(Limit::GuessAddress, address).await?;
        let Some(phone) = phone else { return Ok(()) };
        match self
            .guesses
            .begin(&codes_of(&self.blind, purpose, phone))
            .await
        {
            // While nobody counts for all nodes, who has a code can use it all the same.
            Ok(_) | Err(Denied::Unknown) => Ok(()),
            Err(denied) => {
                counted(Limit::GuessPhone.as_str(), denied);
                Err(refusal(ErrorCode::TooManyAttempts, denied))
            }
        }
    }
}
