//! Adds to the API document what its operations have in common.
//!
//! To add an endpoint, write in `#[utoipa::path]` only what is particular to it: an `operation_id`
//! (a unique verb and noun, such as `list_matches`), the body, the answer, and the codes that only
//! it refuses with, as `(status = "4XX", description = "not_found, already_decided; not_banned: it
//! is over")`: the text after a colon, up to the next semicolon, replaces the titles of the codes
//! before it. Status, schema and media type follow from the code. [`complete`] adds the rest from
//! what the operation has (a token, a role, a body, a query, an id in its path): every common
//! refusal; the header `Idempotency-Key`; the shapes of `{id}`, `limit` and `cursor`; and that a
//! body has no unknown fields. Bounds of a body's fields are at the fields in `tebdil_protocol`, as
//! `#[schema(max_length = …)]`.

use std::collections::{BTreeMap, BTreeSet};

use axum::{
    extract::MatchedPath,
    http::{Method, request::Parts},
};
use tebdil_protocol::{ErrorCode, id::UserId};
use utoipa::{
    PartialSchema as _,
    openapi::{
        Content, KnownFormat, ObjectBuilder, OpenApi, PathItem, Ref, RefOr, Required, Response,
        ResponseBuilder, Schema, SchemaFormat,
        path::{Operation, Parameter, ParameterBuilder, ParameterIn},
        schema::{AdditionalProperties, ArrayItems, SchemaType, Type},
        security::SecurityRequirement,
    },
};

use super::{
    auth::{BEFORE_CONSENT, RequiredRole},
    client_ip, idempotency, paging,
};

/// Media type of every refusal.
const PROBLEM: &str = "application/problem+json";
/// The status under which a handler names its own refusals.
const OWN_REFUSALS: &str = "4XX";
/// Where the schemas of the document are.
const SCHEMAS: &str = "#/components/schemas/";

/// Completes the document.
pub(super) fn complete(openapi: &mut OpenApi) {
    let default = openapi.security.clone();
    let mut bodies = BTreeSet::new();
    for (path, item) in &mut openapi.paths.paths {
        for (method, operation) in operations(item) {
            let requirement = requirement(default.as_deref(), operation);
            let facts = Facts {
                is_api: path.starts_with("/v1/"),
                is_keyed: method != Method::GET && !idempotency::UNKEYED.contains(&path.as_str()),
                is_limited: !client_ip::UNLIMITED.contains(&path.as_str()),
                has_token: requirement
                    .as_object()
                    .is_some_and(|schemes| !schemes.is_empty()),
                has_session: requirement.get("bearer").is_some(),
                asks_consent: !BEFORE_CONSENT.contains(&(method.as_str(), path.as_str())),
                has_role: requirement["bearer"].get(0).is_some(),
                has_body: operation.request_body.is_some(),
                has_id: path.contains("{id}"),
                has_query: operation
                    .parameters
                    .iter()
                    .flatten()
                    .any(|parameter| is_in(parameter, &ParameterIn::Query)),
            };
            describe_parameters(operation, &facts);
            describe_refusals(operation, &facts);
            if let Some(RefOr::T(body)) = &operation.request_body {
                bodies.extend(body.content.values().filter_map(named_schema));
            }
        }
    }
    let Some(components) = &mut openapi.components else {
        return;
    };
    name_items(&mut components.schemas);
    let copies = close(&mut components.schemas, bodies);
    for item in openapi.paths.paths.values_mut() {
        for (_, operation) in operations(item) {
            let Some(RefOr::T(body)) = &mut operation.request_body else {
                continue;
            };
            for content in body.content.values_mut() {
                if let Some(copy) = named_schema(content).and_then(|name| copies.get(&name)) {
                    *content = RefOr::T(Content::new(Some(Ref::from_schema_name(copy))));
                }
            }
        }
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (Method, &mut Operation)> {
    let all = [
        (Method::GET, &mut item.get),
        (Method::PUT, &mut item.put),
        (Method::POST, &mut item.post),
        (Method::DELETE, &mut item.delete),
        (Method::PATCH, &mut item.patch),
    ];
    all.into_iter()
        .filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

/// What each mutating route requires of an access token, as its documented operation says.
#[derive(Debug)]
pub(super) struct Roles(BTreeMap<(String, String), RequiredRole>);

impl Roles {
    /// Reads them from the document.
    pub fn new(openapi: &OpenApi) -> Self {
        let mut roles = BTreeMap::new();
        for (path, item) in &openapi.paths.paths {
            let PathItem {
                put,
                post,
                delete,
                patch,
                ..
            } = item;
            for (method, operation) in [
                (Method::PUT, put),
                (Method::POST, post),
                (Method::DELETE, delete),
                (Method::PATCH, patch),
            ] {
                let Some(operation) = operation else { continue };
                let needs = match requirement(openapi.security.as_deref(), operation).get("bearer")
                {
                    None => continue,
                    Some(roles) => match (roles.get(0), roles.get(1)) {
                        (None, _) => RequiredRole::User,
                        (Some(role), _) if role == "moderator" => RequiredRole::Staff,
                        (Some(_), None) => RequiredRole::Admin,
                        (Some(_), Some(_)) => RequiredRole::ConfirmedAdmin,
                    },
                };
                roles.insert((method.to_string(), path.clone()), needs);
            }
        }
        Self(roles)
    }

    /// That of a request's route; `None` if it needs no access token.
    pub fn of(&self, parts: &Parts) -> Option<RequiredRole> {
        let path = parts.extensions.get::<MatchedPath>()?.as_str().to_owned();
        self.0.get(&(parts.method.to_string(), path)).copied()
    }
}

/// What an operation requires: the scheme with its scopes, or nothing.
fn requirement(
    default: Option<&[SecurityRequirement]>,
    operation: &Operation,
) -> serde_json::Value {
    let security = operation
        .security
        .as_deref()
        .or(default)
        .unwrap_or_default();
    security
        .first()
        .and_then(|requirement| serde_json::to_value(requirement).ok())
        .unwrap_or_default()
}

/// The features of an operation, which decide how it can be refused.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
struct Facts {
    is_api: bool,
    /// It takes an `Idempotency-Key`.
    is_keyed: bool,
    is_limited: bool,
    has_token: bool,
    has_session: bool,
    /// The current terms must have been accepted.
    asks_consent: bool,
    has_role: bool,
    has_body: bool,
    has_id: bool,
    has_query: bool,
}

impl Facts {
    /// Codes that any such operation can answer.
    fn refusals(&self) -> impl Iterator<Item = ErrorCode> {
        use ErrorCode as E;
        let reads_body = self.has_body || self.is_keyed;
        let all = [
            (self.has_query || reads_body, E::BadRequest),
            (self.has_token, E::Unauthorized),
            (self.has_session, E::Banned),
            (self.has_session && self.asks_consent, E::ConsentRequired),
            (self.has_role, E::Forbidden),
            (self.has_id, E::NotFound),
            (self.is_keyed, E::RequestInProgress),
            (reads_body, E::PayloadTooLarge),
            // A body signed byte by byte is read as JSON whatever its media type.
            (self.has_body && self.is_limited, E::UnsupportedMediaType),
            (self.has_query || self.has_body, E::InvalidField),
            (self.has_body, E::UnknownField),
            (self.is_keyed, E::IdempotencyKeyReused),
            (self.is_limited && self.is_api, E::RateLimited),
            (self.is_api, E::Internal),
            (self.is_api, E::Unavailable),
        ];
        all.into_iter()
            .filter(|(possible, _)| *possible)
            .map(|(_, code)| code)
    }
}

fn is_in(parameter: &RefOr<Parameter>, place: &ParameterIn) -> bool {
    matches!(parameter, RefOr::T(parameter) if parameter.parameter_in == *place)
}

/// Gives every refusal of an operation the same form: under the status of its code, with the note
/// of the handler or the code's own title. Those named by the handler come first.
fn describe_refusals(operation: &mut Operation, facts: &Facts) {
    let responses = &mut operation.responses.responses;
    let own = match responses.remove(OWN_REFUSALS) {
        Some(RefOr::T(own)) => own.description,
        _ => String::new(),
    };
    let own = own.split(';').flat_map(|part| {
        let (codes, note) = part.split_once(':').unwrap_or((part, ""));
        let codes = codes
            .split(',')
            .map(str::trim)
            .filter(|code| !code.is_empty());
        codes.map(move |code| (known(code), note.trim()))
    });
    for (code, note) in own.chain(facts.refusals().map(|code| (code, ""))) {
        let refusal = responses
            .entry(code.status().to_string())
            .or_insert_with(|| RefOr::T(refused()));
        let RefOr::T(Response { description, .. }) = refusal else {
            continue;
        };
        let name = format!("`{}`: ", code.as_str());
        if description.contains(&name) {
            continue;
        }
        if !description.is_empty() {
            description.push_str("; ");
        }
        let title = code.title().trim_end_matches('.');
        *description += &name;
        *description += if note.is_empty() { title } else { note };
    }
}

/// The code of this name; an unknown one shows in the document as `unknown`.
fn known(name: &str) -> ErrorCode {
    let mut all = ErrorCode::ALL.iter().copied();
    all.find(|code| code.as_str() == name)
        .unwrap_or(ErrorCode::Unknown)
}

fn refused() -> Response {
    let problem = Content::new(Some(Ref::from_schema_name("Problem")));
    ResponseBuilder::new().content(PROBLEM, problem).build()
}

/// The name of the schema that a content refers to.
fn named_schema(content: &RefOr<Content>) -> Option<String> {
    match content {
        RefOr::T(Content {
            schema: Some(RefOr::Ref(schema)),
            ..
        }) => schema.ref_location.strip_prefix(SCHEMAS).map(str::to_owned),
        _ => None,
    }
}

/// Describes the form of ids, pages and keys. An absent parameter is absent, never `null`.
fn describe_parameters(operation: &mut Operation, facts: &Facts) {
    for parameter in operation.parameters.iter_mut().flatten() {
        let RefOr::T(parameter) = parameter else {
            continue;
        };
        match (&parameter.parameter_in, parameter.name.as_str()) {
            (ParameterIn::Path, "id") => parameter.schema = Some(UserId::schema()),
            (ParameterIn::Query, "limit") => parameter.schema = Some(paging::limit_schema()),
            (ParameterIn::Query, "cursor") => parameter.schema = Some(paging::cursor_schema()),
            _ => parameter.schema = parameter.schema.take().map(without_null),
        }
    }
    if facts.is_keyed {
        let key = ParameterBuilder::new()
            .name("Idempotency-Key")
            .parameter_in(ParameterIn::Header)
            .required(Required::False)
            .description(Some(
                "A repeat with the same key gets the first answer, for 24 hours.",
            ))
            .schema(Some(idempotency::key_schema()));
        operation
            .parameters
            .get_or_insert_default()
            .push(RefOr::T(key.build()));
    }
}

/// A schema without the choice of `null`.
fn without_null(schema: RefOr<Schema>) -> RefOr<Schema> {
    match schema {
        RefOr::T(Schema::OneOf(mut choice)) => {
            choice
                .items
                .retain(|item| !matches!(item, RefOr::T(Schema::Object(object)) if object.schema_type == SchemaType::Type(Type::Null)));
            match choice.items.len() {
                1 => choice.items.remove(0),
                _ => RefOr::T(Schema::OneOf(choice)),
            }
        }
        RefOr::T(Schema::Object(mut object)) => {
            if let SchemaType::Array(types) = &mut object.schema_type {
                types.retain(|kind| *kind != Type::Null);
                if let [one] = types.as_slice() {
                    object.schema_type = SchemaType::Type(one.clone());
                }
            }
            RefOr::T(Schema::Object(object))
        }
        other => other,
    }
}

/// Makes each page of a list refer to its items by name: as a generic type it would contain a copy
/// of their schema.
fn name_items(schemas: &mut BTreeMap<String, RefOr<Schema>>) {
    let names: Vec<String> = schemas
        .keys()
        .filter_map(|name| name.strip_prefix("Page_").map(str::to_owned))
        .collect();
    for item in names {
        if schemas.contains_key(&item)
            && let Some(RefOr::T(Schema::Object(page))) = schemas.get_mut(&format!("Page_{item}"))
            && let Some(RefOr::T(Schema::Array(list))) = page.properties.get_mut("items")
        {
            list.items = ArrayItems::RefOrSchema(Box::new(Ref::from_schema_name(item).into()));
        }
    }
}

/// Declares that the schemas of bodies, and what is in them, have no further fields. One that other
/// schemas include (serde's `flatten`) cannot declare that itself: the body gets a copy that does.
/// Returns the names of such copies, by the original name.
fn close(
    schemas: &mut BTreeMap<String, RefOr<Schema>>,
    bodies: BTreeSet<String>,
) -> BTreeMap<String, String> {
    let mut flattened = Vec::new();
    for schema in schemas.values() {
        if let RefOr::T(Schema::AllOf(all)) = schema {
            flattened.extend(all.items.iter().filter_map(|part| match part {
                RefOr::Ref(part) => part.ref_location.strip_prefix(SCHEMAS).map(str::to_owned),
                RefOr::T(_) => None,
            }));
        }
    }
    let mut copies = BTreeMap::new();
    let mut waiting = Vec::new();
    for name in bodies {
        if flattened.contains(&name)
            && let Some(schema) = schemas.get(&name).cloned()
        {
            let copy = format!("{name}Body");
            schemas.insert(copy.clone(), schema);
            waiting.push(copy.clone());
            copies.insert(name, copy);
        } else {
            waiting.push(name);
        }
    }
    let mut closed: BTreeSet<String> = flattened.into_iter().collect();
    while let Some(name) = waiting.pop() {
        if closed.insert(name.clone())
            && let Some(RefOr::T(schema)) = schemas.get_mut(&name)
        {
            close_one(schema, &mut waiting);
        }
    }
    copies
}

/// Closes a schema and those inside it; `named` gets what it refers to.
fn close_one(schema: &mut Schema, named: &mut Vec<String>) {
    let parts: Vec<&mut RefOr<Schema>> = match schema {
        Schema::Object(object) => {
            if !object.properties.is_empty() {
                object.additional_properties =
                    Some(Box::new(AdditionalProperties::FreeForm(false)));
            }
            object.properties.values_mut().collect()
        }
        Schema::OneOf(choice) => choice.items.iter_mut().collect(),
        Schema::AnyOf(choice) => choice.items.iter_mut().collect(),
        Schema::Array(array) => match &mut array.items {
            ArrayItems::RefOrSchema(items) => vec![items.as_mut()],
            ArrayItems::False => Vec::new(),
        },
        // Of parts that are combined, none may forbid the others' fields.
        _ => Vec::new(),
    };
    for part in parts {
        match part {
            RefOr::Ref(part) => {
                named.extend(part.ref_location.strip_prefix(SCHEMAS).map(str::to_owned));
            }
            RefOr::T(part) => close_one(part, named),
        }
    }
}

/// The schema of a text that matches `pattern` from end to end.
pub(super) fn text_schema(pattern: &str) -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some(pattern))
        .into()
}

/// The schema of a whole number.
pub(super) fn number_schema(least: i64, most: i64, default: i64) -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
        .minimum(Some(least))
        .maximum(Some(most))
        .default(Some(default.into()))
        .into()
}

#[cfg(test)]
mod tests {
    #[test]
    fn refusals_are_named_by_known_codes() {
        let openapi = serde_json::to_value(crate::http::openapi()).expect("JSON");
        for (path, item) in openapi["paths"].as_object().expect("paths") {
            assert!(!item.to_string().contains("`unknown`"), "{path}: {item}");
        }
    }
}
