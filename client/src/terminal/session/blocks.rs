//! People the user does not want to meet again.

use rust_i18n::t;
use tebdil_client::chat::ChatError;
use tebdil_protocol::Block;

use super::{super::screen::printable, ChatSession};

impl ChatSession {
    /// Blocks whom one talks to, or talked to last.
    pub(super) async fn block(&mut self) -> Result<(), ChatError> {
        let Some(match_id) = self.current_or_ended() else {
            self.warn(&t!("no_match"));
            return Ok(());
        };
        let block = self.chat.block(match_id).await?;
        self.note(&t!("blocked", who = printable(&block.peer.handle)));
        Ok(())
    }

    /// Lists whom the user has blocked, newest first.
    pub(super) async fn blocks(&mut self) -> Result<(), ChatError> {
        let listed = self.listed().await?;
        if listed.is_empty() {
            self.quiet(&t!("blocks.none"));
        }
        for (number, block) in listed.iter().enumerate() {
            self.quiet(&t!(
                "blocks.line",
                number = number + 1,
                who = printable(&block.peer.handle)
            ));
        }
        Ok(())
    }

    /// Takes a block back, by its number in the list.
    pub(super) async fn unblock(&mut self, number: Option<&str>) -> Result<(), ChatError> {
        let listed = self.listed().await?;
        let chosen = number
            .and_then(|text| text.parse::<usize>().ok())
            .and_then(|number| listed.get(number.checked_sub(1)?));
        let Some(block) = chosen else {
            self.warn(&t!("unblock_usage"));
            return Ok(());
        };
        self.chat.account().unblock(block.id).await?;
        self.note(&t!("unblocked", who = printable(&block.peer.handle)));
        Ok(())
    }

    async fn listed(&self) -> Result<Vec<Block>, ChatError> {
        Ok(self.chat.account().blocks().await?.items)
    }
}
