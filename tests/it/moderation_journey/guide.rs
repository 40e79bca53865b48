//! The guide of moderators.

/// Every call in the moderators' guide is one that the OpenAPI document knows, with the parameters
/// it names.
#[test]
fn the_guide_calls_what_is_there() {
    let document = serde_json::to_value(tebdil::http::openapi()).expect("JSON");
    let guide = include_str!("../../../docs/moderation.md");
    let words: Vec<&str> = guide
        .split(|c: char| c.is_whitespace() || "'`\"".contains(c))
        .filter(|word| !word.is_empty())
        .collect();
    let mut calls = 0;
    for pair in words.windows(2) {
        let &[method, address] = pair else { continue };
        if !["GET", "POST", "PATCH", "DELETE"].contains(&method) || !address.starts_with("/v1/") {
            continue;
        }
        let (path, query) = address.split_once('?').unwrap_or((address, ""));
        let id = |part: &str| {
            part == "ID" || part.bytes().all(|byte| byte.is_ascii_digit()) && !part.is_empty()
        };
        let path = path
            .split('/')
            .map(|part| if id(part) { "{id}" } else { part })
            .collect::<Vec<_>>()
            .join("/");
        let operation = &document["paths"][&path][method.to_lowercase()];
        assert!(operation.is_object(), "{method} {path}");
        let names: Vec<&str> = operation["parameters"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|named| named["name"].as_str())
            .collect();
        for (name, _) in query.split('&').filter_map(|part| part.split_once('=')) {
            assert!(names.contains(&name), "{method} {path}: {name}");
        }
        calls += 1;
    }
    assert!(calls > 15, "{calls}");
}
