//! Secrets: named in a file, never written in one.
//!
//! A secret that is not here and that nobody needs is an empty one: see [`is_here`]. So is one that is here and is not as it
//! must be: what nobody uses keeps nobody from an answer.
//!
//! What is found where a secret was wanted is not repeated in a problem: it may be the secret.

use secrecy::{ExposeSecret as _, SecretString};

use super::node::Value;
use super::source::read_text;
use super::table::Table;
use crate::config::environment::Variable;
use crate::config::problem::{Findings, Place, Problem};
use crate::config::reach::Reach;

/// How a secret is named.
const FORM: &str = "{ env = \"NAME\" } or { file = \"PATH\" }";

/// Whether a secret was fetched. A fetched one is never empty; an empty one is a secret that could not be
/// fetched, in files that were read for what does not need it.
pub fn is_here(secret: &SecretString) -> bool {
    !secret.expose_secret().is_empty()
}

impl Table<'_> {
    /// The secret that `key` names.
    pub(crate) fn secret(&mut self, key: &'static str, findings: &mut Findings) -> Option<SecretString> {
        let node = self.node(key)?;
        if let Value::Table(entries) = &node.value {
            return self.child(key, &node.place, entries).fetch(findings);
        }
        let remedy = match &node.place {
            Place::Variable { name } => {
                format!("put it in a variable of its own and name that one: {name}__ENV=NAME")
            }
            Place::File { .. } | Place::Spot { .. } => {
                "a secret is never in this file: put it elsewhere, and change it if this file was shared"
                    .into()
            }
        };
        let found = format!("a secret is written out as \"{key}\" in {}", self.shown());
        findings.problem(Problem::new(&node.place, found).wanted(FORM).remedy(remedy));
        None
    }

    /// As [`Table::secret`], where there must be one.
    pub(crate) fn required_secret(
        &mut self,
        key: &'static str,
        findings: &mut Findings,
    ) -> Option<SecretString> {
        if self.node(key).is_none() {
            self.missing(key, FORM, findings);
        }
        self.secret(key, findings)
    }

    /// A secret as it must be: `wrong` says what is wrong with it. That is a problem where it is needed; elsewhere it is as
    /// good as not here.
    pub(crate) fn well_made(
        &self,
        key: &str,
        secret: SecretString,
        wrong: impl FnOnce(&str) -> Option<Problem>,
        findings: &mut Findings,
    ) -> Option<SecretString> {
        let Some(problem) = is_here(&secret).then(|| wrong(secret.expose_secret())).flatten() else {
            return Some(secret);
        };
        if Reach::of(&format!("{}.{key}", self.path_of())) > self.context().reach {
            return Some(SecretString::default());
        }
        findings.problem(problem);
        None
    }

    /// The secret that `key` names, which will stand in a header.
    pub(crate) fn header_secret(
        &mut self,
        key: &'static str,
        findings: &mut Findings,
    ) -> Option<SecretString> {
        let secret = self.secret(key, findings)?;
        let wrong = |text: &str| {
            let found = format!(
                "the secret \"{key}\" of {} has characters that cannot stand in a header; is there a line break in it?",
                self.shown()
            );
            let good = text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
            (!good).then(|| Problem::new(&self.place_of(key), found))
        };
        self.well_made(key, secret, wrong, findings)
    }

    /// Whether what this table names is needed by whoever reads the files.
    pub(crate) fn is_needed(&self) -> bool {
        Reach::of(self.path_of()) <= self.context().reach
    }

    /// Whether this table names an environment variable that is not set, or set to nothing.
    pub(crate) fn names_no_secret(&mut self) -> bool {
        let name = self.node("env").and_then(|node| node.text().map(str::to_owned));
        name.is_some_and(|name| match self.context().environment.get(&name) {
            Variable::Missing => true,
            Variable::Text(text) => text.trim().is_empty(),
            Variable::NotText => false,
        })
    }

    /// Reads this table as the name of a secret and fetches it. One that cannot be fetched is a problem where it is
    /// needed, and an empty one elsewhere.
    pub(crate) fn fetch(self, findings: &mut Findings) -> Option<SecretString> {
        self.fetch_or_why(findings).unwrap_or_else(|_unneeded| Some(SecretString::default()))
    }

    /// As [`Table::fetch`], where it is worth knowing why a secret that is not needed cannot be fetched: the error.
    pub(crate) fn fetch_or_why(self, findings: &mut Findings) -> Result<Option<SecretString>, Problem> {
        let (needed, path) = (self.is_needed(), self.path_of().to_owned());
        match self.look(findings) {
            None => Ok(None),
            // What the agent alone uses is used by nobody else where it happens to be here: it may be malformed.
            Some(Ok(_)) if !needed && Reach::of(&path) == Reach::Agent => Ok(Some(SecretString::default())),
            Some(Ok(secret)) => Ok(Some(secret)),
            Some(Err(why)) if needed => {
                findings.problem(why);
                Ok(None)
            }
            Some(Err(why)) => Err(why),
        }
    }

    /// The secret that this table names, or why it cannot be fetched. None: it names none, which is told.
    fn look(mut self, findings: &mut Findings) -> Option<Result<SecretString, Problem>> {
        let variable: Option<String> = self.optional("env", findings);
        let file = self.path("file", findings);
        let (place, shown) = (self.place().clone(), self.shown().to_owned());
        let context = self.context();
        let named_once = self.has("env") != self.has("file");
        self.finish(findings);
        if !named_once {
            findings.problem(Problem::new(&place, format!("{shown} names no secret")).wanted(FORM));
            return None;
        }

        // Absent is what this machine lacks; what is here and is no secret is wrong.
        let (absent, wrong) = (|why: String| (why, true), |why: String| (why, false));
        let fetched = match (variable, file) {
            (Some(name), _) => match context.environment.get(&name) {
                Variable::Text(text) => Ok(text.to_owned()),
                Variable::NotText => {
                    Err(wrong(format!("the environment variable {name} is set to bytes that are no text")))
                }
                Variable::Missing => Err(absent(format!("the environment variable {name} is not set"))),
            },
            (None, Some(path)) => read_text(&path).map_err(|why| {
                let why = format!("the file {} {why}", path.display());
                if path.exists() { wrong(why) } else { absent(why) }
            }),
            (None, None) => return None,
        };
        // A file of secrets ends with a newline more often than not. A variable that is set to nothing is how many a
        // CI hands over a secret that it does not have.
        let outcome = fetched.and_then(|text| match text.trim_end_matches(['\r', '\n']) {
            "" => Err(absent("the secret is empty".to_owned())),
            text => Ok(SecretString::from(text)),
        });
        Some(outcome.map_err(|(why, is_absent)| {
            let found = format!("{why} ({shown})");
            if is_absent { Problem::absent_secret(&place, found) } else { Problem::new(&place, found) }
        }))
    }
}
