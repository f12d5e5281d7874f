//! What is wrong with the files, where, and what to do about it.
//!
//! A reader wants every problem of every file at once, each with a place to click on. So nothing here stops
//! at the first: findings are collected, and reading goes on with what could be read. A *warning* has the same
//! form and does not stop anything.
//!
//! A problem never quotes a secret, nor anything written where a secret was wanted.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde::ser::SerializeMap;

/// Where something was written.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// A file as a whole: it is missing, or is not text.
    File {
        /// As the reader can open it.
        file: Arc<str>,
    },
    /// A place in a file.
    Spot {
        /// As the reader can open it.
        file: Arc<str>,
        /// From 1.
        line: usize,
        /// From 1, in characters.
        column: usize,
    },
    /// An environment variable that overrides a setting.
    Variable {
        /// Its name.
        name: Arc<str>,
    },
}

impl Place {
    /// A file as a whole.
    pub fn file(file: &str) -> Self {
        Self::File { file: file.into() }
    }

    fn key(&self) -> (bool, &str, usize, usize) {
        match self {
            Self::File { file } => (false, file, 0, 0),
            Self::Spot { file, line, column } => (false, file, *line, *column),
            Self::Variable { name } => (true, name, 0, 0),
        }
    }
}

impl PartialOrd for Place {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Place {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { file } => f.write_str(file),
            Self::Spot { file, line, column } => write!(f, "{file}:{line}:{column}"),
            Self::Variable { name } => write!(f, "environment variable {name}"),
        }
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Where.
    pub place: Place,
    /// What is there.
    pub found: String,
    /// What should be there, read after "expected".
    pub wanted: Option<String>,
    /// What to do about it.
    pub remedy: Option<String>,
    /// The files are in order: a secret that they name is not on this machine.
    pub is_absent_secret: bool,
}

impl Problem {
    /// What is there, and nothing more yet.
    pub fn new(place: &Place, found: impl Into<String>) -> Self {
        Self {
            place: place.clone(),
            found: found.into(),
            wanted: None,
            remedy: None,
            is_absent_secret: false,
        }
    }

    /// That a secret, named as it must be, is not here.
    pub(super) fn absent_secret(place: &Place, found: impl Into<String>) -> Self {
        Self { is_absent_secret: true, ..Self::new(place, found) }
    }

    /// Adds what should be there, to be read after "expected".
    #[must_use]
    pub fn wanted(mut self, wanted: impl Into<String>) -> Self {
        self.wanted = Some(wanted.into());
        self
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// Adds the one of `candidates` that was probably meant, if one is near.
    #[must_use]
    pub fn near<'c>(self, written: &str, candidates: impl IntoIterator<Item = &'c str>) -> Self {
        match nearest(written, candidates) {
            Some(meant) => self.remedy(format!("did you mean \"{meant}\"?")),
            None => self,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.found)?;
        if let Some(wanted) = &self.wanted {
            write!(f, "; expected {wanted}")?;
        }
        if let Some(remedy) = &self.remedy {
            write!(f, "; {remedy}")?;
        }
        Ok(())
    }
}

impl Serialize for Problem {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match &self.place {
            Place::File { file } => map.serialize_entry("file", &**file)?,
            Place::Spot { file, line, column } => {
                map.serialize_entry("file", &**file)?;
                map.serialize_entry("line", line)?;
                map.serialize_entry("column", column)?;
            }
            Place::Variable { name } => map.serialize_entry("variable", &**name)?,
        }
        map.serialize_entry("found", &self.found)?;
        map.serialize_entry("wanted", &self.wanted)?;
        map.serialize_entry("remedy", &self.remedy)?;
        map.end()
    }
}

/// Everything that is wrong: one line each, by file and place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Problems {
    list: Vec<Problem>,
}

impl Problems {
    /// In order of file and place, each once.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.list.iter()
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// How many things are wrong.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Parts them: secrets that are not here, and all else.
    pub fn absent_secrets_apart(self) -> (Self, Self) {
        let (absent, others) = self.list.into_iter().partition(|problem| problem.is_absent_secret);
        (Self { list: absent }, Self { list: others })
    }

    /// These and others, each once.
    #[must_use]
    pub fn and(mut self, others: Self) -> Self {
        self.list.extend(others.list);
        self.list.into()
    }
}

impl From<Vec<Problem>> for Problems {
    fn from(mut list: Vec<Problem>) -> Self {
        list.sort();
        list.dedup();
        Self { list }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.list.iter().enumerate() {
            let newline = if index == 0 { "" } else { "\n" };
            write!(f, "{newline}{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// What has been found so far.
#[derive(Debug, Default)]
pub(super) struct Findings {
    problems: Vec<Problem>,
    warnings: Vec<Problem>,
}

impl Findings {
    /// Something that must be put right first.
    pub(super) fn problem(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// Something worth knowing.
    pub(super) fn warning(&mut self, warning: Problem) {
        self.warnings.push(warning);
    }

    /// Whether something is wrong with the file of `place` already.
    pub(super) fn has_problem_in(&self, place: &Place) -> bool {
        let (_, file, ..) = place.key();
        self.problems.iter().any(|problem| problem.place.key().1 == file)
    }

    /// What was found, where nothing could be read at all.
    pub(super) fn give_up(self) -> Problems {
        self.problems.into()
    }

    /// The warnings, or all problems if there is one.
    pub(super) fn conclude(self) -> Result<Problems, Problems> {
        if self.problems.is_empty() { Ok(self.warnings.into()) } else { Err(self.problems.into()) }
    }
}

/// The one of `candidates` that `written` is a likely slip of.
pub(super) fn nearest<'c>(written: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    // A third of the letters may be wrong, and two always: enough for a slip, too little for another word.
    let most = (written.chars().count() / 3).max(2);
    candidates
        .into_iter()
        .map(|candidate| {
            let distance = strsim::damerau_levenshtein(&written.to_lowercase(), &candidate.to_lowercase());
            (distance, candidate)
        })
        .filter(|(distance, candidate)| *distance <= most && *distance < candidate.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised_and_another_word_is_not() {
        let keys = ["address", "abi", "chain"];
        let table = [
            ("adress", Some("address")),
            ("Address", Some("address")),
            ("chian", Some("chain")),
            ("abbi", Some("abi")),
            ("threshold", None),
            ("xy", None),
        ];
        for (written, meant) in table {
            assert_eq!(nearest(written, keys), meant, "{written}");
        }
    }

    #[test]
    fn problems_are_lines_sorted_by_file_and_place_each_once() {
        let spot = |file: &str, line| Place::Spot { file: file.into(), line, column: 1 };
        let problems = Problems::from(vec![
            Problem::new(&Place::Variable { name: "REDHANDLE__WEB__LISTN".into() }, "unknown key \"listn\""),
            Problem::new(&spot("roster.toml", 2), "unknown key \"nam\"").wanted("one of name, zone"),
            Problem::new(&spot("redhandle.toml", 12), "unknown key \"adress\"").near("adress", ["address"]),
            Problem::new(&spot("redhandle.toml", 9), "missing key \"id\""),
            Problem::new(&spot("redhandle.toml", 9), "missing key \"id\""),
            Problem::new(&Place::file("roster.toml"), "cannot be read"),
        ]);
        insta::assert_snapshot!(problems, @r#"
        redhandle.toml:9:1: missing key "id"
        redhandle.toml:12:1: unknown key "adress"; did you mean "address"?
        roster.toml: cannot be read
        roster.toml:2:1: unknown key "nam"; expected one of name, zone
        environment variable REDHANDLE__WEB__LISTN: unknown key "listn"
        "#);
        insta::assert_snapshot!(serde_json::to_string(&problems).unwrap(), @r#"[{"file":"redhandle.toml","line":9,"column":1,"found":"missing key \"id\"","wanted":null,"remedy":null},{"file":"redhandle.toml","line":12,"column":1,"found":"unknown key \"adress\"","wanted":null,"remedy":"did you mean \"address\"?"},{"file":"roster.toml","found":"cannot be read","wanted":null,"remedy":null},{"file":"roster.toml","line":2,"column":1,"found":"unknown key \"nam\"","wanted":"one of name, zone","remedy":null},{"variable":"REDHANDLE__WEB__LISTN","found":"unknown key \"listn\"","wanted":null,"remedy":null}]"#);
    }
}
