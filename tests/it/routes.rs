//! The documented API as tests walk it, so that what holds for every route is asked of every route.

use reqwest::Method;
use serde_json::{Map, Value, json};

/// Who may call an operation, by the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Needs {
    /// Anybody, without signing in.
    Nothing,
    User,
    Moderator,
    Admin,
    /// An admin who has lately confirmed who they are.
    ConfirmedAdmin,
    /// Another proof than an access token.
    Other(String),
}

impl Needs {
    /// Whether it is for staff.
    pub const fn is_staff(&self) -> bool {
        matches!(self, Self::Moderator | Self::Admin | Self::ConfirmedAdmin)
    }
}

/// An operation of the document.
#[derive(Debug, Clone)]
pub struct Operation {
    pub method: Method,
    /// With its parameters in braces.
    pub path: String,
    pub needs: Needs,
    /// A body of the documented shape, where there is one.
    pub body: Option<Value>,
    /// Names of its query parameters.
    pub query: Vec<String>,
    /// Names of what a 200 answers with.
    pub answer: Vec<String>,
}

impl Operation {
    /// `post /v1/admin/ads`
    pub fn name(&self) -> String {
        format!("{} {}", self.method.as_str().to_lowercase(), self.path)
    }

    pub fn is_staff(&self) -> bool {
        self.path.starts_with("/v1/admin/")
    }

    pub fn changes(&self) -> bool {
        self.method != Method::GET
    }

    /// The path with `value` for each parameter.
    pub fn filled(&self, value: &str) -> String {
        let parts = self
            .path
            .split('/')
            .map(|part| if part.starts_with('{') { value } else { part });
        parts.collect::<Vec<_>>().join("/")
    }
}

/// Every operation of a document.
pub fn operations(document: &Value) -> Vec<Operation> {
    let paths = document["paths"].as_object().expect("paths");
    let methods = |(path, item): (&String, &Value)| -> Vec<Operation> {
        let item = item.as_object().expect("operations");
        item.iter()
            .map(|(method, spec)| operation(document, method, path, spec))
            .collect()
    };
    paths.iter().flat_map(methods).collect()
}

fn operation(document: &Value, method: &str, path: &str, spec: &Value) -> Operation {
    let parameters = spec["parameters"].as_array().into_iter().flatten();
    let query = parameters
        .filter(|parameter| parameter["in"] == "query")
        .map(|parameter| text(&parameter["name"]))
        .collect();
    let body = &spec["requestBody"]["content"]["application/json"]["schema"];
    let answer = resolved(
        document,
        &spec["responses"]["200"]["content"]["application/json"]["schema"],
    );
    Operation {
        method: method.to_uppercase().parse().expect("a method"),
        path: path.to_owned(),
        needs: needs(spec.get("security").unwrap_or(&document["security"])),
        body: body.is_object().then(|| example(document, body)),
        query,
        answer: answer["properties"]
            .as_object()
            .into_iter()
            .flat_map(Map::keys)
            .cloned()
            .collect(),
    }
}

fn needs(security: &Value) -> Needs {
    let one = match security.as_array().map(Vec::as_slice) {
        Some([one]) => one.as_object().expect("a requirement"),
        other => panic!("one requirement is understood: {other:?}"),
    };
    let Some((scheme, roles)) = one.iter().next() else {
        return Needs::Nothing;
    };
    match (scheme.as_str(), roles.to_string().as_str()) {
        ("bearer", "[]") => Needs::User,
        ("bearer", r#"["moderator"]"#) => Needs::Moderator,
        ("bearer", r#"["admin"]"#) => Needs::Admin,
        ("bearer", r#"["admin","confirmed"]"#) => Needs::ConfirmedAdmin,
        ("bearer", other) => panic!("no role: {other}"),
        (other, _) => Needs::Other(other.to_owned()),
    }
}

fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(reference) => {
            &document["components"]["schemas"][reference.rsplit('/').next().expect("a name")]
        }
        None => schema,
    }
}

/// What has the shape of a schema, with as little as it allows.
fn example(document: &Value, schema: &Value) -> Value {
    let schema = resolved(document, schema);
    if let Some(word) = schema["enum"].get(0) {
        return word.clone();
    }
    if let Some(choice) = schema["oneOf"]
        .as_array()
        .and_then(|all| all.iter().find(|one| one["type"] != "null"))
    {
        return example(document, choice);
    }
    let kind = schema["type"]
        .as_str()
        .or_else(|| schema["type"][0].as_str());
    match kind {
        Some("string") => json!("x"),
        Some("integer" | "number") => json!(1),
        Some("boolean") => json!(true),
        Some("array") => json!([]),
        _ => {
            let mut object = Map::new();
            for part in schema["allOf"]
                .as_array()
                .into_iter()
                .flatten()
                .chain([schema])
            {
                let part = resolved(document, part);
                for name in part["required"].as_array().into_iter().flatten() {
                    let name = text(name);
                    let value = example(document, &part["properties"][&name]);
                    object.insert(name, value);
                }
            }
            Value::Object(object)
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().expect("text").to_owned()
}
