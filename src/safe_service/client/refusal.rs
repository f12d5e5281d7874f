//! The service's words in the body of a refusal: what it says, and about which field.
//!
//! They are kept as they came; [`crate::safe_service::words`] turns them into what to do. Whoever shows them
//! escapes them for its surface.

use serde_json::Value;

/// Characters of the service's words that are kept.
const MESSAGE_CHARS_MAX: usize = 600;

/// Problems of one refusal that are kept; a body may name any number of fields.
const PROBLEMS_MAX: usize = 30;

/// Fields of the body that are about no field of the request.
const GENERAL: [&str; 3] = ["detail", "message", "nonFieldErrors"];

/// Fields in which the service explains itself, the most telling first; then any others.
const TELLING: [&str; 7] = ["data", "detail", "message", "nonFieldErrors", "delegate", "safe", "delegator"];

/// One thing that the service has against a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldProblem {
    /// The field of the request it is about; `None` where it is about the whole.
    pub field: Option<String>,
    /// In the service's words.
    pub text: String,
}

/// Everything that the service has against a request; empty when it gave no reason.
pub(super) fn problems_of(body: &[u8]) -> Vec<FieldProblem> {
    let Ok(body) = serde_json::from_slice::<Value>(body) else { return Vec::new() };
    let kept = |text: String| text.chars().take(MESSAGE_CHARS_MAX).collect::<String>();
    let mut problems = Vec::new();
    match &body {
        Value::Object(fields) => {
            for (name, value) in fields {
                let field = (!GENERAL.contains(&name.as_str())).then(|| kept(name.clone()));
                let texts = texts(value).into_iter();
                problems.extend(texts.map(|text| FieldProblem { field: field.clone(), text: kept(text) }));
            }
            // `code` and `arguments` explain a message; alone they say nothing to a person.
            if problems.iter().any(|problem| problem.field.is_none()) {
                problems.retain(|problem| {
                    !matches!(problem.field.as_deref(), Some("code" | "arguments" | "statusCode"))
                });
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            let texts = texts(&body).into_iter();
            problems.extend(texts.map(|text| FieldProblem { field: None, text: kept(text) }));
        }
    }
    problems.truncate(PROBLEMS_MAX);
    problems
}

/// The service's words in one line.
pub(super) fn message_of(body: &[u8]) -> String {
    let Ok(body) = serde_json::from_slice::<Value>(body) else {
        return "it gave no reason".to_owned();
    };
    let message = match &body {
        Value::Object(fields) => {
            TELLING.iter().find_map(|name| fields.get(*name).and_then(plain)).or_else(|| {
                let each: Vec<_> = fields
                    .iter()
                    .filter_map(|(name, value)| Some(format!("{name}: {}", plain(value)?)))
                    .collect();
                (!each.is_empty()).then(|| each.join("; "))
            })
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => plain(&body),
    };
    let message = message.unwrap_or_else(|| "it gave no reason".to_owned());
    message.chars().take(MESSAGE_CHARS_MAX).collect()
}

/// A text, or texts, as one line.
fn plain(value: &Value) -> Option<String> {
    let texts = texts(value);
    (!texts.is_empty()).then(|| texts.join("; "))
}

/// Every text in it.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(several) => several.iter().flat_map(texts).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_services_words_are_found_wherever_it_puts_them() {
        for (body, words) in [
            (r#"{"detail":"Not here."}"#, "Not here."),
            (
                r#"{"code":1,"message":"Checksum address validation failed","arguments":["0x1"]}"#,
                "Checksum address validation failed",
            ),
            (r#"{"safe":["b"],"nonFieldErrors":["a","c"]}"#, "a; c"),
            (r#"{"to":["x"],"value":["y","z"]}"#, "to: x; value: y; z"),
            (r#"["At least one query param must be provided"]"#, "At least one query param must be provided"),
            (r#"{"data":{"deep":1},"label":["l"]}"#, "label: l"),
            ("<html>Server Error (500)</html>", "it gave no reason"),
            ("", "it gave no reason"),
            ("{}", "it gave no reason"),
        ] {
            assert_eq!(message_of(body.as_bytes()), words);
        }
        let endless = format!(r#"{{"detail":"{}"}}"#, "x".repeat(10_000));
        assert_eq!(message_of(endless.as_bytes()).len(), MESSAGE_CHARS_MAX);
    }

    #[test]
    fn every_field_that_was_refused_is_kept_with_its_name() {
        let told = |body: &str| {
            let problems = problems_of(body.as_bytes()).into_iter();
            problems
                .map(|one| format!("{}: {}", one.field.unwrap_or("-".into()), one.text))
                .collect::<Vec<_>>()
        };
        assert_eq!(told(r#"{"to":["x"],"data":["y","z"]}"#), ["data: y", "data: z", "to: x"]);
        assert_eq!(told(r#"{"code":1,"message":"m","arguments":["0x1"]}"#), ["-: m"]);
        assert_eq!(told(r#"["a","b"]"#), ["-: a", "-: b"]);
        assert_eq!(told("<html>"), Vec::<String>::new());
        let flood: Vec<_> = (0..1_000).map(|n| format!(r#""f{n}":["x"]"#)).collect();
        assert_eq!(told(&format!("{{{}}}", flood.join(","))).len(), PROBLEMS_MAX);
    }
}
