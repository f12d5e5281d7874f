//! The environment, as an argument.
//!
//! Settings may be overridden by `REDHANDLE__SECTION__KEY`, secrets may be named by variable. Both are read
//! from this value and never from the process, so that a test needs no real environment and a reading of the
//! same files with the same value is always the same.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;

/// What a variable that overrides a setting begins with.
pub const PREFIX: &str = "REDHANDLE__";

/// The variables of a process.
#[derive(Clone, Default)]
pub struct Environment {
    variables: BTreeMap<String, Option<String>>,
}

/// What a variable holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Variable<'a> {
    /// Text.
    Text(&'a str),
    /// Bytes that are no text.
    NotText,
    /// It is not set.
    Missing,
}

impl Environment {
    /// Takes variables as the operating system gives them: `std::env::vars_os()`.
    pub fn from_os(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let text =
            |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()));
        Self { variables: variables.into_iter().filter_map(text).collect() }
    }

    pub(super) fn get(&self, name: &str) -> Variable<'_> {
        match self.variables.get(name) {
            Some(Some(text)) => Variable::Text(text),
            Some(None) => Variable::NotText,
            None => Variable::Missing,
        }
    }

    /// The variables that override settings, by name.
    pub(super) fn overrides(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        let from = self.variables.range(PREFIX.to_owned()..);
        from.map(|(name, value)| (name.as_str(), value.as_deref()))
            .take_while(|(name, _)| name.starts_with(PREFIX))
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(variables: I) -> Self {
        Self {
            variables: variables.into_iter().map(|(name, value)| (name.into(), Some(value.into()))).collect(),
        }
    }
}

/// Values may be secrets: only names are shown.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.variables.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overrides_are_the_variables_with_the_prefix_and_values_are_never_shown() {
        let environment: Environment =
            [("REDHANDLE__A", "1"), ("REDHANDLE_B", "2"), ("REDHANDLE__C__D", "3"), ("ZED", "hidden")]
                .into_iter()
                .collect();
        let names: Vec<_> = environment.overrides().map(|(name, _)| name).collect();
        assert_eq!(names, ["REDHANDLE__A", "REDHANDLE__C__D"]);
        assert!(!format!("{environment:?}").contains("hidden"));
    }

    #[cfg(unix)]
    #[test]
    fn a_variable_that_is_no_text_is_not_a_missing_one() {
        use std::os::unix::ffi::OsStringExt;
        let value = OsString::from_vec(vec![0xff]);
        let environment = Environment::from_os([(OsString::from("KEY"), value)]);
        assert!(environment.get("KEY") == Variable::NotText);
        assert!(environment.get("OTHER") == Variable::Missing);
    }
}
