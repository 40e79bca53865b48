//! `/v1/admin/ads`

use std::{sync::Arc, time::Duration};

use axum::{Json, extract::State, http::StatusCode};
use tebdil_core::store::{AdChange, AdNotifying};
use tebdil_protocol::{
    AdDays, AdPatch, AdRefused, AdSettings, AdminAd, Announcement, ErrorCode, Page, TargetGroup,
    id::AdId,
};

use super::{Admin, ConfirmedAdmin};
use crate::http::{
    Api,
    body::StrictJson,
    paging::{IdPath, Params},
    problem::{Answer, Failure},
};

/// How many days an ad's chart has, with today.
const DAYS: u64 = 90;

impl From<AdRefused> for Failure {
    fn from(refused: AdRefused) -> Self {
        Self::field(ErrorCode::InvalidField, refused.field, refused.detail)
    }
}

/// Whether ads for a group are allowed.
fn allowed(api: &Api, target: TargetGroup) -> Answer<()> {
    if target.premium() == Some(true) && !api.config.ads.premium {
        return Err(Failure::field(
            ErrorCode::InvalidField,
            "target_group",
            "premium users are shown no ads by this server",
        ));
    }
    Ok(())
}

/// Ads, newest first.
#[utoipa::path(
    get, operation_id = "list_ads", path = "/v1/admin/ads", tag = "admin", security(("bearer" = ["admin"])),
    params(("limit" = Option<i64>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, body = Page<AdminAd>))
)]
pub(in crate::http) async fn list(
    State(api): State<Arc<Api>>,
    _: Admin,
    params: Params,
) -> Answer<Json<Page<AdminAd>>> {
    let paging = params.paging()?;
    let rows = api
        .store
        .economy()
        .ads(paging.position(), paging.rows())
        .await?;
    Ok(Json(paging.page(rows, |row| row.id.0, AdminAd::from)))
}

/// Make an ad.
#[utoipa::path(
    post, operation_id = "create_ad", path = "/v1/admin/ads", tag = "admin", security(("bearer" = ["admin"])), request_body = AdSettings,
    responses((status = 201, body = AdminAd))
)]
pub(in crate::http) async fn create(
    State(api): State<Arc<Api>>,
    Admin(who): Admin,
    StrictJson(settings): StrictJson<AdSettings>,
) -> Answer<(StatusCode, Json<AdminAd>)> {
    settings.check()?;
    allowed(&api, settings.target_group)?;
    let row = api
        .store
        .economy()
        .create_ad(who.user_id, &settings, api.clock.now())
        .await?;
    api.ads.changed().await;
    Ok((StatusCode::CREATED, Json(row.into())))
}

/// One ad.
#[utoipa::path(
    get, operation_id = "get_ad", path = "/v1/admin/ads/{id}", tag = "admin", security(("bearer" = ["admin"])), params(("id" = String, Path)),
    responses((status = 200, body = AdminAd))
)]
pub(in crate::http) async fn get(
    State(api): State<Arc<Api>>,
    _: Admin,
    IdPath(id): IdPath<AdId>,
) -> Answer<Json<AdminAd>> {
    Ok(Json(
        api.store
            .economy()
            .ad(id)
            .await?
            .ok_or_else(Failure::not_found)?
            .into(),
    ))
}

/// How often an ad was shown, viewed and clicked on each of the last 90 days, newest first; days on
/// which it was not shown are left out. A view or click counts for the day on which the ad was
/// shown. Up to a minute old.
#[utoipa::path(
    get, operation_id = "list_ad_days", path = "/v1/admin/ads/{id}/days", tag = "admin", security(("bearer" = ["admin"])), params(("id" = String, Path)),
    responses((status = 200, body = AdDays))
)]
pub(in crate::http) async fn days(
    State(api): State<Arc<Api>>,
    _: Admin,
    IdPath(id): IdPath<AdId>,
) -> Answer<Json<AdDays>> {
    let first = api.clock.now() - Duration::from_hours(24 * (DAYS - 1));
    let from = first.local_day(&api.config.quota.zone);
    let days = api.store.economy().ad_days(id, &from).await?;
    let items = days.ok_or_else(Failure::not_found)?;
    Ok(Json(AdDays { items }))
}

/// Change parts of an ad: all of them or, if one is refused, none. Other nodes show the change
/// within 5 seconds.
#[utoipa::path(
    patch, operation_id = "update_ad", path = "/v1/admin/ads/{id}", tag = "admin", security(("bearer" = ["admin"])),
    params(("id" = String, Path)), request_body = AdPatch,
    responses((status = 200, body = AdminAd))
)]
pub(in crate::http) async fn change(
    State(api): State<Arc<Api>>,
    Admin(who): Admin,
    IdPath(id): IdPath<AdId>,
    StrictJson(patch): StrictJson<AdPatch>,
) -> Answer<Json<AdminAd>> {
    patch
        .target_group
        .map_or(Ok(()), |target| allowed(&api, target))?;
    let row = match api
        .store
        .economy()
        .change_ad(who.user_id, id, &patch, api.clock.now())
        .await?
    {
        AdChange::Changed(row) => row,
        AdChange::Refused(refused) => return Err(refused.into()),
        AdChange::NotFound => return Err(Failure::not_found()),
    };
    api.ads.changed().await;
    Ok(Json(row.into()))
}

/// Send an ad as a notification to its target group: in the background, once to each user who has
/// not turned ads off.
#[utoipa::path(
    post, operation_id = "notify_ad", path = "/v1/admin/ads/{id}/notify", tag = "admin", security(("bearer" = ["admin", "confirmed"])), params(("id" = String, Path)),
    responses((status = 201, body = Announcement), (status = "4XX", description = "ad_not_running"))
)]
pub(in crate::http) async fn notify(
    State(api): State<Arc<Api>>,
    ConfirmedAdmin(who): ConfirmedAdmin,
    IdPath(id): IdPath<AdId>,
) -> Answer<(StatusCode, Json<Announcement>)> {
    match api
        .store
        .notices()
        .notify_of_ad(who.user_id, id, api.config.ads.premium, api.clock.now())
        .await?
    {
        AdNotifying::Made(made) => Ok((StatusCode::CREATED, Json(made))),
        AdNotifying::NotRunning => Err(ErrorCode::AdNotRunning.into()),
        AdNotifying::NotFound => Err(Failure::not_found()),
    }
}

/// Delete an ad with its counts.
#[utoipa::path(
    delete, operation_id = "delete_ad", path = "/v1/admin/ads/{id}", tag = "admin", security(("bearer" = ["admin", "confirmed"])), params(("id" = String, Path)),
    responses((status = 204))
)]
pub(in crate::http) async fn delete(
    State(api): State<Arc<Api>>,
    ConfirmedAdmin(who): ConfirmedAdmin,
    IdPath(id): IdPath<AdId>,
) -> Answer<StatusCode> {
    if !api
        .store
        .economy()
        .delete_ad(who.user_id, id, api.clock.now())
        .await?
    {
        return Err(Failure::not_found());
    }
    api.ads.changed().await;
    Ok(StatusCode::NO_CONTENT)
}
