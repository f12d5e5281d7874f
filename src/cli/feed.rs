//! `redhandle feed quarantine`: what a feed brought that was no alert.
//!
//! Every string here is a stranger's: it is escaped for the terminal and cut. `--json` has it whole.

use clap::Subcommand;
use serde_json::json;

use super::exit::{Exit, Failure};
use super::incident::no_such;
use super::output::{Look, Output};
use super::{Context, open};
use crate::config::Reach;
use crate::domain::names::FeedName;
use crate::domain::text::{cut, terminal};
use crate::journal::{Quarantine as _, Quarantined, Shelf, SqliteJournal};

/// Characters of a rejected line that are shown: two lines of a terminal, and a bit.
const RAW_MAX_CHARS: usize = 240;

/// Characters of a reason that are shown.
const REASON_MAX_CHARS: usize = 240;

/// What is to be done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// The newest lines that could not be read as alerts.
    Quarantine {
        /// Which feed; without it, every feed that is configured.
        feed: Option<FeedName>,
        /// How many lines of a feed at most.
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1_000))]
        limit: u32,
    },
}

/// Does what was asked.
pub async fn feed(context: &Context, command: Command) -> Result<Exit, Failure> {
    let Command::Quarantine { feed, limit } = command;
    let config = open::config(context, Reach::Journal)?;
    let known: Vec<FeedName> = config.settings.feeds.iter().map(|feed| feed.name.clone()).collect();
    let journal = SqliteJournal::open_existing(&config.settings.journal).await?;
    let wanted = feed.clone().map_or_else(|| known.clone(), |feed| vec![feed]);
    let mut shelves = Vec::new();
    for name in wanted {
        let shelf = journal.list(&name, limit).await?;
        shelves.push((name, shelf));
    }
    journal.close().await;
    let Some(asked) = feed else {
        let all: Vec<_> = shelves.iter().map(|(name, shelf)| json_shelf(name, shelf)).collect();
        let told = |out: &Output| {
            let (full, empty): (Vec<_>, Vec<_>) = shelves.iter().partition(|(_, shelf)| shelf.kept > 0);
            let mut texts: Vec<_> = full.iter().map(|(name, shelf)| text(name, shelf, out)).collect();
            if !empty.is_empty() {
                let names: Vec<_> = empty.iter().map(|(name, _)| terminal(name.as_str())).collect();
                texts.push(nothing(&names.join(", ")));
            }
            texts.join("\n\n")
        };
        context.out.result(&json!({ "feeds": all }), told);
        return Ok(Exit::Done);
    };
    let shelf = shelves.pop().map(|(_, shelf)| shelf).unwrap_or_default();
    // What a feed brought that is configured no longer is still here.
    if !known.contains(&asked) && shelf.kept == 0 {
        return Err(no_such("feed", asked.as_str(), known.iter().map(FeedName::as_str)));
    }
    context.out.result(&json_shelf(&asked, &shelf), |out| text(&asked, &shelf, out));
    Ok(Exit::Done)
}

fn json_shelf(feed: &FeedName, shelf: &Shelf) -> serde_json::Value {
    let lines: Vec<_> = shelf.lines.iter().map(json_line).collect();
    json!({ "feed": feed, "kept": shelf.kept, "dropped": shelf.dropped, "lines": lines })
}

fn json_line(line: &Quarantined) -> serde_json::Value {
    let Quarantined { number, rejected, raw_bytes } = line;
    json!({
        "number": number,
        "at": rejected.at,
        "line": rejected.line,
        "reason": rejected.reason,
        "raw": rejected.raw,
        "raw_bytes": raw_bytes,
    })
}

/// What is said of feeds of which nothing is kept: that all is well is not known.
fn nothing(feeds: &str) -> String {
    format!(
        "Nothing of {feeds} is here. What was turned away unread (not signed, too large, too much at once)\nis told by /healthz and the log."
    )
}

fn text(feed: &FeedName, shelf: &Shelf, out: &Output) -> String {
    let feed = terminal(feed.as_str());
    if shelf.kept == 0 {
        return nothing(&feed);
    }
    let mut head =
        format!("{} of {} rejected lines of feed {feed}, newest first", shelf.lines.len(), shelf.kept);
    if shelf.dropped > 0 {
        head.push_str(&format!("; {} older ones were dropped to make room", shelf.dropped));
    }
    let mut text = vec![head];
    text.extend(shelf.lines.iter().map(|line| entry(line, out)));
    text.join("\n\n")
}

fn entry(line: &Quarantined, out: &Output) -> String {
    let Quarantined { number, rejected, raw_bytes } = line;
    let place = if rejected.line == 0 { String::new() } else { format!("  line {}", rejected.line) };
    let head =
        out.look(&format!("#{number}  {}{place}  {raw_bytes} bytes", out.time(rejected.at)), Look::Dim);
    let reason = out.look(&terminal(&cut(&rejected.reason, REASON_MAX_CHARS)), Look::Bad);
    format!("{head}\n{reason}\n{}", terminal(&cut(&rejected.raw, RAW_MAX_CHARS)))
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;
    use crate::journal::{MemoryJournal, RejectedLine};

    #[tokio::test]
    async fn rejected_lines_cannot_steer_the_terminal() {
        let journal = MemoryJournal::new();
        for (line, reason, raw) in [
            (
                7,
                "not JSON: expected value at line 1 column 1",
                "\u{1b}[2J\u{1b}]8;;http://evil\u{7}".to_owned(),
            ),
            (0, "no field \"severity\"", format!("{{\"a\":\"{}\"}}", "x".repeat(500))),
        ] {
            let at = "2026-11-21T02:12:44Z".parse().unwrap();
            let feed = "forta".into();
            journal.keep(RejectedLine { feed, at, line, reason: reason.to_owned(), raw }).await.unwrap();
        }
        let out = Output::plain(false, TimeZone::get("Europe/Berlin").unwrap());
        let shelf = journal.list(&"forta".into(), 20).await.unwrap();
        insta::assert_snapshot!(text(&"forta".into(), &shelf, &out), @r#"
        2 of 2 rejected lines of feed forta, newest first

        #2  2026-11-21 03:12:44 CET (02:12:44 UTC)  508 bytes
        no field "severity"
        {"a":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx… (268 more characters)

        #1  2026-11-21 03:12:44 CET (02:12:44 UTC)  line 7  21 bytes
        not JSON: expected value at line 1 column 1
        \u{1b}[2J\u{1b}]8;;http://evil\u{7}
        "#);
        insta::assert_snapshot!(text(&"other".into(), &Shelf::default(), &out), @r"
        Nothing of other is here. What was turned away unread (not signed, too large, too much at once)
        is told by /healthz and the log.
        ");
    }
}
