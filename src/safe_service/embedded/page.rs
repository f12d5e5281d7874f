//! Pages of a list, as the real service cuts them: `limit` and `offset`, clamped without a word, and
//! absolute addresses of the pages beside.

use serde_json::{Map, Value, json};
use url::form_urlencoded;

/// Rows of a page when nothing is said (service 6.10.1).
const ROWS_DEFAULT: usize = 100;
/// Rows of a page at most (service 6.10.1).
const ROWS_MAX: usize = 200;
/// Rows of a page of executed transactions when nothing is said (service 6.10.1).
const HISTORY_ROWS_DEFAULT: usize = 20;
/// Rows of such a page at most (service 6.10.1).
const HISTORY_ROWS_MAX: usize = 100;

/// The query of a list request, and where it was asked.
pub(super) struct Window {
    query: Vec<(String, String)>,
    /// Address of the list, without query.
    address: String,
    limit: usize,
    offset: usize,
}

impl Window {
    /// Reads a query. Of a name that comes twice the last counts.
    pub(super) fn new(address: String, query: &str) -> Self {
        Self::with_rows(address, query, ROWS_DEFAULT, ROWS_MAX)
    }

    /// The same of a list of executed transactions, whose pages are shorter (service 6.10.1).
    pub(super) fn of_history(address: String, query: &str) -> Self {
        Self::with_rows(address, query, HISTORY_ROWS_DEFAULT, HISTORY_ROWS_MAX)
    }

    fn with_rows(address: String, query: &str, rows_default: usize, rows_max: usize) -> Self {
        let query: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let number = |name: &str| {
            query.iter().rev().find(|(key, _)| key == name).and_then(|(_, value)| value.parse::<usize>().ok())
        };
        let limit = number("limit").filter(|limit| *limit > 0).unwrap_or(rows_default).min(rows_max);
        let offset = number("offset").unwrap_or(0);
        Self { query, address, limit, offset }
    }

    /// A value of the query; an empty one counts as absent.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().rev().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// The rows of this page.
    pub(super) fn cut<T>(&self, rows: Vec<T>) -> Vec<T> {
        rows.into_iter().skip(self.offset).take(self.limit).collect()
    }

    /// The page around these rows, of `count` in all.
    pub(super) fn page(&self, count: usize, results: Vec<Value>) -> Value {
        Value::Object(self.fields(count, results))
    }

    pub(super) fn fields(&self, count: usize, results: Vec<Value>) -> Map<String, Value> {
        let end = self.offset.saturating_add(self.limit);
        let next = (end < count).then(|| self.beside(Some(end)));
        let previous = (self.offset > 0).then(|| {
            let start = self.offset.saturating_sub(self.limit);
            self.beside((start > 0).then_some(start))
        });
        let mut page = Map::new();
        page.insert("count".to_owned(), json!(count));
        page.insert("next".to_owned(), json!(next));
        page.insert("previous".to_owned(), json!(previous));
        page.insert("results".to_owned(), Value::Array(results));
        page
    }

    /// The same question at another offset, its parts in alphabetical order.
    fn beside(&self, offset: Option<usize>) -> String {
        let mut parts: Vec<(String, String)> = self
            .query
            .iter()
            .filter(|(name, _)| name != "offset" && name != "limit")
            .cloned()
            .chain([("limit".to_owned(), self.limit.to_string())])
            .chain(offset.map(|offset| ("offset".to_owned(), offset.to_string())))
            .collect();
        parts.sort();
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(parts).finish();
        format!("{}?{query}", self.address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(query: &str, count: usize) -> (Value, Value) {
        let fields = Window::new("http://here/list/".to_owned(), query).fields(count, Vec::new());
        (fields["next"].clone(), fields["previous"].clone())
    }

    #[test]
    fn pages_beside_are_those_of_the_recordings() {
        assert_eq!(
            links("executed=false&limit=1&offset=1", 5),
            (
                json!("http://here/list/?executed=false&limit=1&offset=2"),
                json!("http://here/list/?executed=false&limit=1")
            )
        );
        assert_eq!(
            links("modified__gt=2026-01-01T00:00:00Z&ordering=modified&limit=1", 10),
            (
                json!(
                    "http://here/list/?limit=1&modified__gt=2026-01-01T00%3A00%3A00Z&offset=1&ordering=modified"
                ),
                Value::Null
            )
        );
        assert_eq!(links("limit=1000", 5), (Value::Null, Value::Null));
        assert_eq!(links("limit=1000", 201).0, json!("http://here/list/?limit=200&offset=200"));
        assert_eq!(links("limit=0&offset=x", 101).0, json!("http://here/list/?limit=100&offset=100"));
    }
}
