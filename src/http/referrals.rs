//! `/v1/referrals`: inviting people, and what became of it.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use tebdil_core::store::{Invitation, ReferralRow};
use tebdil_protocol::{ErrorCode, Page, Referral, ReferralRequest, Referrals};

use super::{
    Api,
    auth::Signed,
    body::StrictJson,
    paging::Params,
    problem::{Answer, Failure},
};

/// Invite a phone number. The answer is the same whether or not it has an account; only a number
/// that never had one earns a reward.
#[utoipa::path(
    post, operation_id = "create_referral", path = "/v1/referrals", tag = "referrals", request_body = ReferralRequest,
    responses(
        (status = 201, body = Referral),
        (status = "4XX", description = "already_invited: by this user; invalid_phone; invalid_field: the user's own; rate_limited: no more today"),
    )
)]
pub(super) async fn create(
    State(api): State<Arc<Api>>,
    who: Signed,
    StrictJson(request): StrictJson<ReferralRequest>,
) -> Answer<(StatusCode, Json<Referral>)> {
    let phone = api.accounts.phone_index(&request.phone);
    let phone = phone.ok_or_else(|| {
        Failure::field(
            ErrorCode::InvalidPhone,
            "phone",
            ErrorCode::InvalidPhone.title(),
        )
    })?;
    let (now, zone) = (api.clock.now(), &api.config.quota.zone);
    match api
        .store
        .economy()
        .invite(
            who.user_id,
            &phone,
            api.config.referrals.invitations_per_day,
            now.midnight(zone),
            now,
        )
        .await?
    {
        Invitation::Invited(row) => Ok((StatusCode::CREATED, Json(shown(row)))),
        Invitation::Already => Err(ErrorCode::AlreadyInvited.into()),
        Invitation::Own => Err(Failure::field(
            ErrorCode::InvalidField,
            "phone",
            "must be somebody else's",
        )),
        Invitation::TooMany => Err(Failure::retry_after(
            ErrorCode::RateLimited,
            now.next_midnight(zone).since(now),
        )),
        Invitation::NotFound => Err(ErrorCode::Unauthorized.into()),
    }
}

/// The user's invite code and invitations, newest first.
#[utoipa::path(
    get, operation_id = "list_referrals", path = "/v1/referrals", tag = "referrals", params(("limit" = Option<i64>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, body = Referrals))
)]
pub(super) async fn list(
    State(api): State<Arc<Api>>,
    who: Signed,
    params: Params,
) -> Answer<Json<Referrals>> {
    let paging = params.paging()?;
    let user = api
        .store
        .accounts()
        .user(who.user_id)
        .await?
        .ok_or(ErrorCode::Unauthorized)?;
    let rows = api
        .store
        .economy()
        .referrals_of(who.user_id, paging.position(), paging.rows())
        .await?;
    let Page { items, next_cursor } = paging.page(rows, |row| row.id.0, shown);
    Ok(Json(Referrals {
        invite_code: user.invite_code,
        items,
        next_cursor,
    }))
}

fn shown(row: ReferralRow) -> Referral {
    Referral {
        id: row.id,
        via: row.via,
        status: row.status(),
        created_at: row.created_at,
        rewarded_at: row.rewarded_at,
    }
}
