//! Bodies of leaving for good.

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
    /// At whose wish it is done, as a ticket's number; never a person's data. 1 to 500 characters
    /// without control characters.
    #[schema(value_type = Line500)]
    pub note: String,
}
