//! Every command that a page or one of our own sentences names is one that clap takes: subcommand, flags, values.
//!
//! What stands in a block of shell is a whole call and is parsed as one. What stands between backticks in a sentence may be
//! a part of one: there the subcommands and flags must exist.

use std::path::{Path, PathBuf};

use clap::{CommandFactory as _, Parser as _};

use super::Cli;

/// Where `feed` is not our command but the word that `/healthz` begins with.
const NO_COMMAND: [&str; 2] = ["feed …", "feed chain-mainnet"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path());
    let mut found = Vec::new();
    for path in entries {
        if path.is_dir() && extension == "rs" {
            found.extend(files(path.strip_prefix(root()).unwrap().to_str().unwrap(), extension));
        } else if path.extension().is_some_and(|own| own == extension) {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn pages() -> Vec<(String, String)> {
    let mut pages = vec![root().join("README.md"), root().join("foundry-tests/README.md")];
    pages.extend(["docs", "runbooks"].into_iter().flat_map(|folder| files(folder, "md")));
    pages.extend(files("examples", "toml"));
    pages
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(root()).unwrap().display().to_string();
            (name, std::fs::read_to_string(path).unwrap())
        })
        .collect()
}

/// The commands of a piece of shell, each as its words: without comments, redirections and what other programs do.
fn commands(shell: &str) -> Vec<Vec<String>> {
    let (mut commands, mut words, mut word) = (Vec::new(), Vec::new(), None::<String>);
    let mut quote = None;
    let mut is_redirected = false;
    let mut signs = shell.chars().peekable();
    while let Some(sign) = signs.next() {
        match (quote, sign) {
            (Some(open), close) if open == close => quote = None,
            (Some(_), inside) => word.get_or_insert_default().push(inside),
            (None, '\'' | '"') => {
                quote = Some(sign);
                word.get_or_insert_default();
            }
            (None, '\\') => {
                signs.next_if_eq(&'\n');
            }
            (None, '#') if word.is_none() => while signs.next_if(|sign| *sign != '\n').is_some() {},
            (None, ' ' | '\t' | '\n' | '|' | ';' | '&' | '(' | ')' | '>' | '<') => {
                words.extend(word.take().filter(|_| !is_redirected));
                if matches!(sign, '>' | '<') {
                    is_redirected = true;
                } else if !matches!(sign, ' ' | '\t') {
                    commands.push(std::mem::take(&mut words));
                    is_redirected = false;
                }
            }
            (None, plain) => word.get_or_insert_default().push(plain),
        }
    }
    words.extend(word.filter(|_| !is_redirected));
    commands.push(words);
    commands
}

/// From our own name on, if it is called.
fn ours(words: &[String]) -> Option<Vec<String>> {
    let is_variable = |word: &&String| {
        word.split_once('=')
            .is_some_and(|(name, _)| name.bytes().all(|sign| sign == b'_' || sign.is_ascii_alphanumeric()))
    };
    let at = words.iter().take_while(is_variable).count();
    // A service's unit: ExecStart=/usr/local/bin/redhandle
    let called = words.get(at).or_else(|| words.first().filter(|word| word.starts_with("ExecStart=")))?;
    if called != "redhandle" && !called.ends_with("/redhandle") {
        let unit =
            words.first().filter(|word| word.starts_with("ExecStart=") && word.ends_with("/redhandle"))?;
        assert!(!unit.is_empty());
        return Some(words.iter().skip(1).cloned().collect());
    }
    Some(words.iter().skip(at + 1).cloned().collect())
}

/// Placeholders as what stands for them: `0x…`, `74:0975…`.
fn filled(word: &str) -> String {
    match word.strip_suffix('…') {
        Some("0x") => format!("0x{}", "00".repeat(20)),
        Some(head) if head.contains(':') => {
            let (seq, hash) = head.split_once(':').unwrap();
            format!("{seq}:{hash:0<64}")
        }
        Some(_) | None => word.to_owned(),
    }
}

/// Whether a part of a call names nothing that is not there.
fn named(words: &[String]) -> Result<(), String> {
    let cli = Cli::command();
    let globals: Vec<String> =
        cli.get_arguments().filter_map(|argument| argument.get_long().map(str::to_owned)).collect();
    let mut command = &cli;
    let mut words = words.iter().peekable();
    while command.has_subcommands() {
        let Some(word) = words.next() else { return Ok(()) };
        if word.starts_with("--") && globals.contains(&word[2..].to_owned()) || word.starts_with('…') {
            continue;
        }
        command = command
            .find_subcommand(word)
            .ok_or_else(|| format!("there is no {} {word}", command.get_name()))?;
    }
    for word in words.filter(|word| word.starts_with("--")) {
        let flag = word.split('=').next().unwrap().trim_start_matches('-');
        let is_known = |argument: &clap::Arg| argument.get_long() == Some(flag);
        if !command.get_arguments().any(is_known)
            && !globals.iter().any(|global| global == flag)
            && flag != "help"
        {
            return Err(format!("{} has no --{flag}", command.get_name()));
        }
    }
    Ok(())
}

/// What stands between backticks on a line.
fn spans(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[test]
fn every_call_in_a_block_is_one_that_the_binary_takes() {
    let (mut refused, mut calls) = (Vec::new(), 0);
    for (name, text) in pages() {
        let mut block: Option<(usize, String, String)> = None;
        for (number, line) in (1..).zip(text.lines()) {
            match (line.trim_start().strip_prefix("```"), block.take()) {
                (Some(language), None) => block = Some((number, language.trim().to_owned(), String::new())),
                (Some(_), Some((number, language, body))) => {
                    let found: Vec<Vec<String>> = match language.as_str() {
                        "sh" => commands(&body).iter().filter_map(|words| ours(words)).collect(),
                        "text" | "ini" => body
                            .lines()
                            .filter_map(|line| {
                                let at =
                                    line.find("redhandle ").filter(|at| line[..*at].ends_with([' ', '/']))?;
                                commands(&line[at..]).first().and_then(|words| ours(words))
                            })
                            .collect(),
                        _ => Vec::new(),
                    };
                    for words in found {
                        calls += 1;
                        let words: Vec<String> = words.iter().map(|word| filled(word)).collect();
                        let whole = std::iter::once("redhandle".to_owned()).chain(words.iter().cloned());
                        if let Err(error) = Cli::try_parse_from(whole) {
                            refused.push(format!("{name}:{number}: redhandle {}\n{error}", words.join(" ")));
                        }
                    }
                }
                (None, Some((number, language, mut body))) => {
                    body.push_str(line);
                    body.push('\n');
                    block = Some((number, language, body));
                }
                (None, None) => {}
            }
        }
    }
    assert!(refused.is_empty(), "{}", refused.join("\n"));
    assert!(calls >= 20, "{calls}: where are the pages?");
}

#[test]
fn every_command_that_a_sentence_names_is_there() {
    let own: Vec<String> =
        Cli::command().get_subcommands().map(|command| command.get_name().to_owned()).collect();
    let mut refused = Vec::new();
    let mut mentions = 0;
    let mut look = |place: String, span: &str| {
        let words = commands(span).swap_remove(0);
        let called = match ours(&words) {
            Some(called) => called,
            // `incident list --open`: the page is about nothing else.
            None if !place.ends_with(".rs")
                && words.len() > 1
                && own.contains(&words[0])
                && !NO_COMMAND.contains(&span) =>
            {
                words
            }
            None => return,
        };
        mentions += 1;
        if let Err(why) = named(&called) {
            refused.push(format!("{place}: `{span}`: {why}"));
        }
    };
    for (name, text) in pages() {
        // A span may end on the next line.
        for paragraph in text.split("\n\n").filter(|paragraph| !paragraph.trim_start().starts_with("```")) {
            spans(paragraph).for_each(|span| look(name.clone(), span));
        }
    }
    for path in files("src", "rs") {
        let text = std::fs::read_to_string(&path).unwrap();
        let name = path.strip_prefix(root()).unwrap().display().to_string();
        for line in text.lines() {
            spans(line)
                .filter(|span| span.starts_with("redhandle "))
                .for_each(|span| look(name.clone(), span));
        }
    }
    assert!(refused.is_empty(), "{}", refused.join("\n"));
    assert!(mentions >= 60, "{mentions}: where are the pages?");
}

#[test]
fn a_call_that_is_wrong_is_refused() {
    let words = |text: &str| ours(&commands(text)[0]).unwrap();
    assert_eq!(words("A=1 redhandle check --offline # files"), ["check", "--offline"]);
    assert_eq!(words("redhandle report --title \"it hangs\" > x"), ["report", "--title", "it hangs"]);
    assert_eq!(words("ExecStart=/usr/local/bin/redhandle run --log-json"), ["run", "--log-json"]);
    for wrong in ["redhandle chek", "redhandle check --of-line", "redhandle proposal sing INC-1"] {
        assert!(named(&words(wrong)).is_err(), "{wrong}");
    }
    assert_eq!(named(&words("redhandle proposal export --qr")), Ok(()));
}
