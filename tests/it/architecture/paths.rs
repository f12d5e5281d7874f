//! Which modules a source file uses: its `use` items and the paths in its code, made absolute.
//!
//! Code under `#[cfg(test)]` is left out, inline or in a file of its own: a test may build its own world. The reading is by
//! tokens, so it errs on the side of finding: a path in a macro's arguments counts, and so does one in dead code.

use std::collections::{BTreeMap, BTreeSet};

use super::lexer::{Token, tokens};

/// A path from the root: of our crate, or beginning with another crate's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Path {
    Ours(Vec<String>),
    Foreign(Vec<String>),
}

/// One use of a path.
#[derive(Debug)]
pub struct Import {
    pub line: usize,
    pub path: Path,
    /// `path::*`: everything in it, by names that are not seen here.
    pub glob: bool,
    /// How much of the path stood in a `use` item before, and was judged there; 0 for none.
    pub known: usize,
}

/// What the rules look at in one file.
#[derive(Debug, Default)]
pub struct Reading {
    pub imports: Vec<Import>,
    /// Every module declared here, tests included.
    pub modules: Vec<(usize, String)>,
    /// Lines on which a task is spawned by a method: `.spawn(something)`, threads and processes excepted.
    pub spawns: Vec<usize>,
    /// Lines that expect, with a reason, the lint that forbids to spawn.
    pub excuses: Vec<usize>,
    /// Modules that are only compiled for tests, as paths from the crate's root.
    pub test_modules: BTreeSet<Vec<String>>,
}

/// The module that a file is: `src/domain/safe/mod.rs` and `src/domain/safe.rs` are `domain::safe`.
pub fn module_of(file: &str) -> Vec<String> {
    let inner = file.trim_start_matches("src/").trim_end_matches(".rs");
    let mut parts: Vec<String> = inner.split('/').map(str::to_owned).collect();
    if matches!(parts.last().map(String::as_str), Some("mod" | "lib" | "main")) {
        parts.pop();
    }
    parts
}

pub fn read(file: &str, source: &str) -> Reading {
    let tokens = tokens(source);
    let mut reader = Reader {
        tokens: &tokens,
        module: module_of(file),
        nested: Vec::new(),
        depth: 0,
        names: BTreeMap::new(),
        pending: Vec::new(),
        reading: Reading::default(),
    };
    if reader.at(0, &["#", "!", "[", "cfg", "(", "test", ")", "]"]) {
        reader.reading.test_modules.insert(reader.module.clone());
    }
    let mut at = 0;
    while at < tokens.len() {
        at = reader.step(at);
    }
    reader.finish()
}

struct Reader<'tokens> {
    tokens: &'tokens [Token],
    module: Vec<String>,
    /// The depths of braces at which inline modules were opened.
    nested: Vec<usize>,
    depth: usize,
    /// What the file's `use` items call things.
    names: BTreeMap<String, Vec<Path>>,
    /// Paths whose first name may yet be explained by a `use` further down.
    pending: Vec<(usize, Vec<String>)>,
    reading: Reading,
}

impl Reader<'_> {
    fn text(&self, at: usize) -> &str {
        self.tokens.get(at).map_or("", |token| &token.text)
    }

    fn at(&self, start: usize, wanted: &[&str]) -> bool {
        wanted.iter().enumerate().all(|(offset, text)| self.text(start + offset) == *text)
    }

    /// Reads what stands at `at` and says where to go on.
    fn step(&mut self, at: usize) -> usize {
        let tokens = self.tokens;
        let token = &tokens[at];
        let before = if at == 0 { "" } else { tokens[at - 1].text.as_str() };
        if self.at(at, &["#", "[", "cfg", "(", "test", ")", "]"]) {
            return self.skip_test_item(at + 7);
        }
        if before == "[" && self.at(at, &["expect", "("]) && self.excuses_spawning(at + 1) {
            self.reading.excuses.push(token.line);
        }
        match token.text.as_str() {
            "{" => self.depth += 1,
            "}" => {
                self.depth = self.depth.saturating_sub(1);
                if self.nested.last() == Some(&self.depth) {
                    self.nested.pop();
                    self.module.pop();
                }
            }
            "mod" if self.text(at + 2) == "{" => {
                self.declare(at);
                self.module.push(self.text(at + 1).to_owned());
                self.nested.push(self.depth);
                return at + 2;
            }
            "mod" if self.text(at + 2) == ";" => self.declare(at),
            "use" if self.text(at + 1) != "<" => return self.read_use(at + 1, &[]),
            "spawn" | "spawn_local" | "spawn_on" if before == "." && self.spawns_task(at) => {
                self.reading.spawns.push(token.line);
            }
            _ if token.is_identifier() && self.text(at + 1) == "::" && before != "::" && before != "." => {
                return self.read_path(at);
            }
            _ => {}
        }
        at + 1
    }

    fn declare(&mut self, at: usize) {
        self.reading.modules.push((self.tokens[at].line, self.text(at + 1).to_owned()));
    }

    fn excuses_spawning(&self, open: usize) -> bool {
        let inside = &self.tokens[open..self.closing(open)];
        ["disallowed_methods", "reason"].iter().all(|wanted| inside.iter().any(|token| token.is(wanted)))
    }

    /// A process is spawned without arguments, a thread by a builder of the same statement; the rest are tasks.
    fn spawns_task(&self, at: usize) -> bool {
        let statement =
            self.tokens[..at].iter().rev().take_while(|token| !matches!(&*token.text, ";" | "{" | "}"));
        let thread = statement
            .collect::<Vec<_>>()
            .windows(3)
            .any(|back| back[0].is("Builder") && back[1].is("::") && back[2].is("thread"));
        self.text(at + 1) == "(" && self.text(at + 2) != ")" && !thread
    }

    /// Passes over the item that follows `#[cfg(test)]`, noting the module if it is one.
    fn skip_test_item(&mut self, start: usize) -> usize {
        let mut at = start;
        while self.text(at) == "#" {
            at = self.closing(at + 1) + 1;
        }
        let item = at;
        while at < self.tokens.len() {
            let begins = |words: &[&str]| {
                self.tokens[item..at].iter().any(|token| words.contains(&token.text.as_str()))
            };
            match self.text(at) {
                "mod" if matches!(self.text(at + 2), ";" | "{") => {
                    self.declare(at);
                    let mut test_module = self.module.clone();
                    test_module.push(self.text(at + 1).to_owned());
                    self.reading.test_modules.insert(test_module);
                }
                ";" => return at + 1,
                "," if !begins(&[
                    "fn", "impl", "trait", "struct", "enum", "type", "const", "static", "let",
                ]) =>
                {
                    return at + 1;
                }
                "{" if !begins(&["use"]) => return self.closing(at) + 1,
                "(" | "[" | "{" => at = self.closing(at),
                _ => {}
            }
            at += 1;
        }
        at
    }

    /// Where the bracket that opens at `open` is closed.
    fn closing(&self, open: usize) -> usize {
        let mut depth = 0_usize;
        for at in open..self.tokens.len() {
            match self.text(at) {
                "(" | "[" | "{" => depth += 1,
                ")" | "]" | "}" => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        return at;
                    }
                }
                _ => {}
            }
        }
        self.tokens.len()
    }

    /// Reads one branch of a `use` tree and the branches below it; returns where it ends.
    fn read_use(&mut self, start: usize, above: &[String]) -> usize {
        let mut path = above.to_vec();
        let mut at = start;
        loop {
            match self.text(at) {
                "::" => at += 1,
                "{" => {
                    at += 1;
                    while at < self.tokens.len() && self.text(at) != "}" {
                        at = self.read_use(at, &path);
                        if self.text(at) != "}" {
                            at += 1;
                        }
                    }
                    return at + 1;
                }
                "*" => {
                    self.import(self.tokens[at].line, &path, true, None);
                    return at + 1;
                }
                "self" if !path.is_empty() => at += 1,
                "as" => {
                    self.import(self.tokens[at].line, &path, false, Some(self.text(at + 1).to_owned()));
                    return at + 2;
                }
                name if self.tokens.get(at).is_some_and(Token::is_identifier) => {
                    path.push(name.to_owned());
                    at += 1;
                }
                _ => {
                    let line = self.tokens.get(at.saturating_sub(1)).map_or(0, |token| token.line);
                    self.import(line, &path, false, path.last().cloned());
                    return at;
                }
            }
        }
    }

    fn import(&mut self, line: usize, written: &[String], glob: bool, name: Option<String>) {
        if written.is_empty() {
            return;
        }
        let path = self.absolute(written);
        if let Some(name) = name {
            self.names.entry(name).or_default().push(path.clone());
        }
        self.reading.imports.push(Import { line, path, glob, known: 0 });
    }

    /// Reads a path in code and returns where it ends; `a::<B>::c` is read as `a`, and `B` on its own.
    fn read_path(&mut self, start: usize) -> usize {
        let mut path = vec![self.text(start).to_owned()];
        let mut at = start + 1;
        while self.text(at) == "::" && self.tokens.get(at + 1).is_some_and(Token::is_identifier) {
            path.push(self.text(at + 1).to_owned());
            at += 2;
        }
        let line = self.tokens[start].line;
        if matches!(path[0].as_str(), "crate" | "self" | "super") {
            let path = self.absolute(&path);
            self.reading.imports.push(Import { line, path, glob: false, known: 0 });
        } else {
            self.pending.push((line, path));
        }
        at
    }

    fn absolute(&self, written: &[String]) -> Path {
        let mut ours = match written[0].as_str() {
            "crate" | "redhandle" => Vec::new(),
            "self" | "super" => self.module.clone(),
            _ => return Path::Foreign(written.to_vec()),
        };
        for part in written {
            match part.as_str() {
                "crate" | "redhandle" if ours.is_empty() => {}
                "self" => {}
                "super" => {
                    ours.pop();
                }
                name => ours.push(name.to_owned()),
            }
        }
        Path::Ours(ours)
    }

    /// Explains the first names of paths by the file's `use` items, now that all of those are known.
    fn finish(mut self) -> Reading {
        for (line, written) in std::mem::take(&mut self.pending) {
            let Some(meanings) = self.names.get(&written[0]) else {
                let path = self.absolute(&written);
                self.reading.imports.push(Import { line, path, glob: false, known: 0 });
                continue;
            };
            for meaning in meanings {
                let longer = |parts: &[String]| [parts, &written[1..]].concat();
                let (path, known) = match meaning {
                    Path::Ours(parts) => (Path::Ours(longer(parts)), parts.len()),
                    Path::Foreign(parts) => (Path::Foreign(longer(parts)), parts.len()),
                };
                self.reading.imports.push(Import { line, path, glob: false, known });
            }
        }
        self.reading
    }
}
