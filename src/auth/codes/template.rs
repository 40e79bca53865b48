//! Texts with places for values.

/// `template` with each `{name}` replaced by its value. Other braces stay, and values are not
/// expanded.
pub(super) fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut filled = String::with_capacity(template.len() + 32);
    let mut rest = template;
    while let Some(open) = rest.find('{') {
        let (before, after) = rest.split_at(open);
        filled.push_str(before);
        let value = values.iter().find_map(|(name, value)| {
            Some((*value, after[1..].strip_prefix(name)?.strip_prefix('}')?))
        });
        if let Some((value, tail)) = value {
            filled.push_str(value);
            rest = tail;
        } else {
            filled.push('{');
            rest = &after[1..];
        }
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_take_their_places_and_are_not_read_again() {
        let values = [("code", "{text}"), ("text", "x")];
        assert_eq!(fill("{code}-{text}{text}", &values), "{text}-xx");
        assert_eq!(fill("{", &values), "{");
        assert_eq!(
            fill("{codes} {{code} }{ş}", &values),
            "{codes} {{text} }{ş}"
        );
        assert_eq!(fill("", &values), "");
    }
}
