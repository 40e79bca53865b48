//! `/v1/admin/users`: finding accounts, and their roles.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use tebdil_core::store::{AccountFilter, AccountRow, AccountSearch, RoleChange};
use tebdil_protocol::{
    AdminUser, AdminUserDetail, ErrorCode, FindUsersRequest, FoundUsers, Page, Peer, RoleRequest,
    domain::UserRole, id::UserId,
};

use super::{Admin, ConfirmedAdmin, Staff};
use crate::{
    auth::search_key,
    http::{
        Api,
        body::StrictJson,
        paging::{IdPath, Params},
        problem::{Answer, Failure},
    },
};

/// The fewest digits of a phone number, and of an id: anything in between is neither an id nor an
/// alias that anybody looks for.
const PHONE_DIGITS: usize = 7;
const ID_DIGITS: usize = 16;

/// Accounts, newest first. `query` is an id, a handle, or the beginning of an alias; never a phone
/// number.
#[utoipa::path(
    get, operation_id = "list_users", path = "/v1/admin/users", tag = "admin", security(("bearer" = ["moderator"])),
    params(
        ("query" = Option<String>, Query, format = "account-query", min_length = 1), ("role" = Option<UserRole>, Query), ("banned" = Option<bool>, Query),
        ("premium" = Option<bool>, Query), ("limit" = Option<i64>, Query), ("cursor" = Option<String>, Query),
    ),
    responses((status = 200, body = Page<AdminUser>))
)]
pub(in crate::http) async fn list(
    State(api): State<Arc<Api>>,
    _: Staff,
    params: Params,
) -> Answer<Json<Page<AdminUser>>> {
    let paging = params.paging()?;
    let query = params.get("query", "", |text| Some(text.trim().to_owned()))?;
    let yes_or_no = |text: &str| text.parse().ok();
    let filter = AccountFilter {
        search: query.as_deref().map(wanted).transpose()?,
        role: params.get(
            "role",
            "must be user, moderator or admin",
            UserRole::from_text,
        )?,
        banned: params.get("banned", "must be true or false", yes_or_no)?,
        premium: params.get("premium", "must be true or false", yes_or_no)?,
        before: paging.position(),
    };
    let rows = api
        .store
        .accounts()
        .list_accounts(&filter, paging.rows())
        .await?;
    let Page { items, next_cursor } = paging.page(rows, |row| row.id.0, |row| row);
    let items = items
        .into_iter()
        .map(|row| shown(&api, row))
        .collect::<Answer<_>>()?;
    Ok(Json(Page { items, next_cursor }))
}

/// Whose phone it is or was. The number is in the body, because URLs are kept in logs.
#[utoipa::path(
    post, operation_id = "find_users", path = "/v1/admin/users/find", tag = "admin", security(("bearer" = ["admin"])), request_body = FindUsersRequest,
    responses((status = 200, body = FoundUsers), (status = "4XX", description = "invalid_phone"))
)]
pub(in crate::http) async fn find(
    State(api): State<Arc<Api>>,
    Admin(who): Admin,
    StrictJson(request): StrictJson<FindUsersRequest>,
) -> Answer<Json<FoundUsers>> {
    let invalid = || {
        Failure::field(
            ErrorCode::InvalidPhone,
            "phone",
            ErrorCode::InvalidPhone.title(),
        )
    };
    let phone = api
        .accounts
        .phone_index(&request.phone)
        .ok_or_else(invalid)?;
    let rows = api
        .store
        .accounts()
        .accounts_of_phone(&phone, who.user_id, api.clock.now())
        .await?;
    let items = rows
        .into_iter()
        .map(|row| shown(&api, row))
        .collect::<Answer<_>>()?;
    Ok(Json(FoundUsers { items }))
}

/// One account, with counts about it. Looking at it is recorded.
#[utoipa::path(
    get, operation_id = "get_user", path = "/v1/admin/users/{id}", tag = "admin", security(("bearer" = ["moderator"])), params(("id" = String, Path)),
    responses((status = 200, body = AdminUserDetail))
)]
pub(in crate::http) async fn get(
    State(api): State<Arc<Api>>,
    Staff(who): Staff,
    IdPath(user): IdPath<UserId>,
) -> Answer<Json<AdminUserDetail>> {
    let now = api.clock.now();
    let row = api
        .store
        .accounts()
        .account_for(user, who.user_id, now)
        .await?
        .ok_or_else(Failure::not_found)?;
    let counts = api
        .store
        .accounts()
        .account_counts(user, who.user_id, now)
        .await?;
    let quota = match row.erased_at {
        None => {
            api.store
                .economy()
                .quota(user, &api.config.quota, now)
                .await?
        }
        Some(_) => None,
    };
    Ok(Json(AdminUserDetail {
        unreliable: row.unreliable,
        user: shown(&api, row)?,
        quota,
        counts,
    }))
}

/// Give somebody else another role. It takes effect with the next request.
#[utoipa::path(
    post, operation_id = "set_user_role", path = "/v1/admin/users/{id}/role", tag = "admin", security(("bearer" = ["admin", "confirmed"])), params(("id" = String, Path)),
    request_body = RoleRequest,
    responses((status = 200, body = AdminUser), (status = "4XX", description = "forbidden: also for one's own role"))
)]
pub(in crate::http) async fn role(
    State(api): State<Arc<Api>>,
    ConfirmedAdmin(who): ConfirmedAdmin,
    IdPath(user): IdPath<UserId>,
    StrictJson(RoleRequest { role }): StrictJson<RoleRequest>,
) -> Answer<Json<AdminUser>> {
    match api
        .store
        .accounts()
        .set_role(user, role, who.user_id, api.clock.now())
        .await?
    {
        RoleChange::Done => {}
        RoleChange::Forbidden => return Err(ErrorCode::Forbidden.into()),
        RoleChange::NotFound => return Err(Failure::not_found()),
    }
    let filter = AccountFilter {
        search: Some(AccountSearch::Id(user)),
        ..AccountFilter::default()
    };
    let row = api
        .store
        .accounts()
        .list_accounts(&filter, 1)
        .await?
        .pop()
        .ok_or_else(Failure::not_found)?;
    Ok(Json(shown(&api, row)?))
}

/// Sign a user out everywhere, for example if a device or a password may be in the wrong hands.
#[utoipa::path(
    delete, path = "/v1/admin/users/{id}/sessions", tag = "admin", security(("bearer" = ["admin", "confirmed"])), params(("id" = String, Path)),
    responses((status = 204))
)]
pub(in crate::http) async fn end_sessions(
    State(api): State<Arc<Api>>,
    ConfirmedAdmin(who): ConfirmedAdmin,
    IdPath(user): IdPath<UserId>,
) -> Answer<StatusCode> {
    let ended = api
        .store
        .accounts()
        .end_sessions(user, who.user_id, api.clock.now())
        .await?
        .ok_or_else(Failure::not_found)?;
    api.hub.sign_out(user, ended);
    Ok(StatusCode::NO_CONTENT)
}

/// The account as staff see it.
fn shown(api: &Api, row: AccountRow) -> Answer<AdminUser> {
    let of_phone = |row: &AccountRow| api.accounts.phone_masked(&row.phone_index, &row.phone);
    let phone_masked = if row.erased_at.is_none() {
        Some(of_phone(&row)?)
    } else {
        None
    };
    Ok(AdminUser {
        id: row.id,
        handle: row
            .erased_at
            .is_none()
            .then(|| Peer::new(row.alias, row.tag).handle),
        phone_masked,
        role: row.role,
        is_banned: row.is_banned,
        is_premium: row.is_premium,
        created_at: row.created_at,
        last_active: row.last_active,
        erased_at: row.erased_at,
    })
}

/// Reads the search term.
fn wanted(query: &str) -> Answer<AccountSearch> {
    let refused = |detail: &str| Failure::field(ErrorCode::InvalidField, "query", detail);
    let unreadable = || refused("must be an id, a handle, or what an alias begins with");
    let digits = query.bytes().filter(u8::is_ascii_digit).count();
    if digits >= ID_DIGITS
        && let Ok(id) = query.parse()
    {
        return Ok(AccountSearch::Id(id));
    }
    // A '+' in a URL is read as a space.
    let of_phone = query
        .bytes()
        .all(|byte| byte.is_ascii_digit() || b"+ ()-./".contains(&byte));
    if of_phone && digits >= PHONE_DIGITS {
        return Err(refused(
            "phone numbers are not looked up by address: POST /v1/admin/users/find",
        ));
    }
    let Some((alias, tag)) = query.split_once('#') else {
        return search_key(query)
            .map(AccountSearch::Prefix)
            .ok_or_else(unreadable);
    };
    let alias_key = search_key(alias).ok_or_else(unreadable)?;
    if tag.len() != 4 || !tag.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(refused("the tag of a handle has four digits"));
    }
    Ok(AccountSearch::Handle {
        alias_key,
        tag: tag.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_looked_for_is_told_apart() {
        let key = |text: &str| text.to_owned();
        assert_eq!(
            wanted("381234567890123456").ok(),
            Some(AccountSearch::Id(UserId(381_234_567_890_123_456)))
        );
        assert_eq!(
            wanted("KediAdam#0042").ok(),
            Some(AccountSearch::Handle {
                alias_key: key("kediadam"),
                tag: key("0042")
            })
        );
        assert_eq!(
            wanted("KediA").ok(),
            Some(AccountSearch::Prefix(key("kedia")))
        );
        assert_eq!(
            wanted("1907").ok(),
            Some(AccountSearch::Prefix(key("1907")))
        );
    }

    #[test]
    fn a_phone_number_is_no_query() {
        for phone in [
            "+905301234567",
            " 905301234567",
            "05301234567",
            "5301234567",
            "0530 123 45 67",
            "0090-530.1234567",
            "(0530) 123-45-67",
        ] {
            let refused = format!("{:?}", wanted(phone));
            assert!(
                refused.contains("/v1/admin/users/find") && !refused.contains("530"),
                "{phone}: {refused}"
            );
        }
    }

    #[test]
    fn what_cannot_be_found_is_refused() {
        for bad in [
            "",
            "kedi adam",
            "kedi#42",
            "kedi#abcd",
            "kedi#00421",
            "#0042",
            "kedi%",
            "99999999999999999999",
            "kedi#0042#1",
        ] {
            assert!(
                wanted(bad).is_err_and(|failure| failure.code() == ErrorCode::InvalidField),
                "{bad:?}"
            );
        }
    }
}
