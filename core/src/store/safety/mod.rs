//! Reports, bans, appeals and blocks.

pub(crate) mod alerts;
pub(crate) mod appeals;
pub(crate) mod auto_ban;
pub(crate) mod ban_admin;
pub(crate) mod bans;
pub(crate) mod blocks;
pub(crate) mod decisions;
pub(crate) mod queue;
pub(crate) mod reports;
pub(crate) mod warnings;

pub use appeals::{APPEAL_CONTEXT, AppealRow, Appealing, DecidedAppeal, NewAppeal};
pub use auto_ban::{AUTO_BAN_ATTEMPTS, AUTO_BAN_QUEUE, AutoBanOrder, AutoBanned};
pub use ban_admin::{BanFilter, Judged, StaffBan, StaffMember};
pub use bans::{BAN_ATTEMPTS, BAN_QUEUE, BanOrder, BanRow, Banning, Confirmation, NewBan};
pub use blocks::{BlockRow, Blocking};
pub use decisions::{NewResolution, Resolving};
pub use queue::{Queue, Taking};
pub use reports::{Holder, NewReport, ReportEntry, ReportFilter, ReportSubject, Reporting};
pub use warnings::{Answering, NewAnswer, WARNING_ANSWER_CONTEXT};

use std::ops::Deref;

use super::Store;

/// Reports, bans, appeals and blocks.
#[derive(Debug, Clone, Copy)]
pub struct Safety<'s>(&'s Store);

impl Store {
    /// Reports, bans, appeals and blocks.
    pub const fn safety(&self) -> Safety<'_> {
        Safety(self)
    }
}

impl Deref for Safety<'_> {
    type Target = Store;

    fn deref(&self) -> &Store {
        self.0
    }
}
