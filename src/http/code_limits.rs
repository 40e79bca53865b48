//! How many one-time codes may be asked for and guessed.
//!
//! A code costs money and rings at somebody's pocket, so these limits hold on all nodes together or not at all: while Redis does not answer, no code is
//! sent (503). `limits.enabled` does not turn them off. Guesses are counted by the store in any case, each code with five; the limits here come before it.

use tebdil_core::crypto::PhoneIndex;

use super::{
    client_ip::ClientAddress,
    problem::Failure,
    rate_limit::{Limiters, Who},
};
use crate::{auth::CodePhone, config::Limit};

impl Limiters {
    /// Counts a code that is asked for from an address.
    pub(super) async fn code_from(&self, address: ClientAddress) -> Result<(), Failure> {
        self.check(Limit::CodeAddress, address).await
    }

    /// Counts a code that is asked for a phone. From narrow to wide: what floods one number does not use up what everybody shares.
    pub(super) async fn code_to(&self, phone: &CodePhone) -> Result<(), Failure> {
        self.check(Limit::CodePhone, phone.index).await?;
        self.check(Limit::CodePhoneDay, phone.index).await?;
        self.check(Limit::CodePrefix, Who::Prefix(phone.prefix())).await?;
        self.check(Limit::CodeDay, Who::Everybody).await
    }

    /// Counts a guess, for phones that have a code as for those that have none; `phone` where the text is a phone.
    pub(super) async fn guess(&self, address: ClientAddress, phone: Option<PhoneIndex>) -> Result<(), Failure> {
        self.check(Limit::GuessAddress, address).await?;
        match phone {
            Some(phone) => self.check(Limit::GuessPhone, phone).await,
            None => Ok(()),
        }
    }
}
