//! Bodies of requests to erase an account.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Secret, bounds::Line500};

/// `DELETE /v1/me`
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ErasureRequest {
    pub password: Secret,
}

/// `POST /v1/admin/users/{id}/erase`
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AccountErasureRequest {
    /// Who asked for it, such as a ticket's number; never personal data. 1 to 500 characters
    /// without control characters.
    #[schema(value_type = Line500)]
    pub note: String,
}
