//! Under `/v1/admin`: for moderators and admins. Every change writes a row of `system_logs` that
//! names who made it.

pub(super) mod ads;
pub(super) mod announcements;
pub(super) mod appeals;
pub(super) mod bans;
pub(super) mod claims;
pub(super) mod confirm;
pub(super) mod erasure;
pub(super) mod jobs;
pub(super) mod matches;
pub(super) mod overview;
pub(super) mod reports;
pub(super) mod subscriptions;
pub(super) mod system_logs;
pub(super) mod users;

use std::sync::Arc;

use axum::{extract::FromRequestParts, http::request::Parts};

use super::{
    auth::{RequiredRole, Signed},
    problem::Failure,
};
use crate::http::Api;

/// A signed-in admin.
#[derive(Debug, Clone, Copy)]
pub struct Admin(pub Signed);

impl FromRequestParts<Arc<Api>> for Admin {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Failure> {
        Signed::admit(parts, api, RequiredRole::Admin)
            .await
            .map(Self)
    }
}

/// An admin who has shown password and second factor in the last `auth.confirm_for_s`: for what
/// destroys, reaches everybody, or gives power away. An open console on an unlocked machine is not enough.
#[derive(Debug, Clone, Copy)]
pub struct ConfirmedAdmin(pub Signed);

impl FromRequestParts<Arc<Api>> for ConfirmedAdmin {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Failure> {
        Signed::admit(parts, api, RequiredRole::ConfirmedAdmin)
            .await
            .map(Self)
    }
}

/// A signed-in moderator or admin.
#[derive(Debug, Clone, Copy)]
pub struct Staff(pub Signed);

impl FromRequestParts<Arc<Api>> for Staff {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Failure> {
        Signed::admit(parts, api, RequiredRole::Staff)
            .await
            .map(Self)
    }
}
