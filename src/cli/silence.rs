//! `redhandle silence …`: hold firings back for a stated time, and see what was held back.
//!
//! A silence is a person's word with an end; a running agent heeds it within a second. Nothing here pages or
//! unpages: two different bots that say CRITICAL page through every silence.

use clap::Subcommand;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::exit::{Exit, Failure};
use super::incident::{By, no_such, words};
use super::output::{Look, Output};
use super::{Context, open};
use crate::agent::command::Commands;
use crate::agent::house::House;
use crate::agent::setup::Keys;
use crate::agent::silences::SilencingError;
use crate::config::Reach;
use crate::domain::alert::BotId;
use crate::domain::condition::{HeldBack, Scope, SilenceId};
use crate::domain::incident::Actor;
use crate::domain::names::{ConditionId, ContractName, FeedName, RunbookId};
use crate::domain::silence::{SHOWN_AFTER, Silence, SilenceError, Silences, length_of};
use crate::domain::text::{cut, terminal};

/// Firings shown for each silence; `--json` has all that are kept by name.
const FIRINGS_SHOWN_MAX: usize = 10;

/// Characters of a firing's reason that are shown.
const BECAUSE_MAX_CHARS: usize = 240;

/// What is to be done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Hold back what fires about something, until a time.
    Add(Add),
    /// Silences that hold, and those of the last week that are over, with what each held back.
    List {
        /// Every silence there ever was.
        #[arg(long)]
        all: bool,
    },
    /// End a silence before its time.
    End {
        /// Which.
        id: SilenceId,
        /// Why.
        #[arg(long, value_parser = words)]
        comment: String,
        #[command(flatten)]
        by: By,
    },
}

/// Hold back what fires about something, until a time. All that is named must fit.
#[derive(Debug, clap::Args)]
pub struct Add {
    /// Conditions of this runbook.
    #[arg(long, value_name = "ID")]
    runbook: Option<RunbookId>,
    /// Conditions of this id.
    #[arg(long, value_name = "ID")]
    condition: Option<ConditionId>,
    /// What is about this contract.
    #[arg(long, value_name = "NAME")]
    contract: Option<ContractName>,
    /// What this bot says.
    #[arg(long, value_name = "ID", value_parser = bot)]
    bot: Option<BotId>,
    /// What this feed brings.
    #[arg(long, value_name = "NAME")]
    feed: Option<FeedName>,
    /// For how long from now, at most 7 days: 30m, 4h, 2d.
    #[arg(long = "for", value_name = "TIME", value_parser = length_of)]
    lasts: SignedDuration,
    /// Why: whoever is woken by what it does not cover will ask.
    #[arg(long, value_parser = words)]
    comment: String,
    #[command(flatten)]
    by: By,
}

fn bot(text: &str) -> Result<BotId, String> {
    match text.trim() {
        "" => Err("expected a bot's id".to_owned()),
        text => Ok(BotId::new(text)),
    }
}

/// Does what was asked.
pub async fn silence(context: &Context, command: Command) -> Result<Exit, Failure> {
    let house = open::house(context, Keys::None, Reach::Journal).await?;
    match command {
        Command::Add(args) => add(context, &house, args).await?,
        Command::List { all } => list(context, &house, all),
        Command::End { id, comment, by } => {
            let by = known(&house, by.actor())?;
            let book = &house.agent.silences;
            let now = house.agent.clock.now();
            let ended = book.decide(&house.agent.store, now, |silences| {
                Ok(vec![silences.end(id, by.clone(), &comment, now)?])
            });
            ended.await.map_err(refused)?;
            said(context, &house, id, now);
        }
    }
    Ok(Exit::Done)
}

async fn add(context: &Context, house: &House, args: Add) -> Result<(), Failure> {
    let Add { runbook, condition, contract, bot, feed, lasts, comment, by } = args;
    let scope = Scope { runbook, condition, contract, bot, feed };
    exists(house, &scope)?;
    let by = known(house, by.actor())?;
    let (now, mut made) = (house.agent.clock.now(), None);
    let added = house.agent.silences.decide(&house.agent.store, now, |silences| {
        let fact = silences.add(scope.clone(), by.clone(), &comment, now, lasts)?;
        if let crate::domain::silence::SilenceFact::Added { id, .. } = &fact {
            made = Some(*id);
        }
        Ok(vec![fact])
    });
    added.await.map_err(refused)?;
    if let Some(id) = made {
        said(context, house, id, now);
    }
    Ok(())
}

/// Every name must be one of the configuration's: a silence that is misspelt would hold nothing back, unnoticed. A
/// bot need not be on a list.
fn exists(house: &House, scope: &Scope) -> Result<(), Failure> {
    let config = &house.agent.config;
    let Scope { runbook, condition, contract, bot: _, feed } = scope;
    if let Some(id) = runbook.as_ref().filter(|id| !config.runbooks.contains_key(id)) {
        return Err(no_such("runbook", id.as_str(), config.runbooks.keys().map(RunbookId::as_str)));
    }
    let within = house.conditions.iter().filter(|(whose, _)| runbook.as_ref().is_none_or(|id| id == whose));
    let mut conditions: Vec<&ConditionId> = within.map(|(_, condition)| condition.id()).collect();
    conditions.sort();
    conditions.dedup();
    if let Some(id) = condition.as_ref().filter(|id| !conditions.contains(id)) {
        return Err(no_such("condition", id.as_str(), conditions.into_iter().map(ConditionId::as_str)));
    }
    let contracts = &config.settings.contracts;
    if let Some(name) = contract.as_ref().filter(|name| !contracts.contains_key(name)) {
        return Err(no_such("contract", name.as_str(), contracts.keys().map(ContractName::as_str)));
    }
    let feeds = &config.settings.feeds;
    if let Some(name) = feed.as_ref().filter(|name| !feeds.iter().any(|feed| feed.name == **name)) {
        return Err(no_such("feed", name.as_str(), feeds.iter().map(|feed| feed.name.as_str())));
    }
    Ok(())
}

fn known(house: &House, by: Actor) -> Result<Actor, Failure> {
    let agent = &house.agent;
    if let Actor::Person(person) = &by {
        Commands::new(&agent.store, &agent.config.roster, agent.clock.now()).known(person)?;
    }
    Ok(by)
}

fn refused(error: SilencingError) -> Failure {
    match error {
        SilencingError::Silence(error @ (SilenceError::Over(..) | SilenceError::TooMany)) => {
            Failure::no(error.to_string())
        }
        SilencingError::Silence(error) => Failure::wrong(error.to_string()),
        SilencingError::Store(error) => error.into(),
    }
}

fn said(context: &Context, house: &House, id: SilenceId, now: Timestamp) {
    let silence = house.agent.silences.look(|silences| silences.get(id).cloned());
    let Some(silence) = silence else { return };
    context.out.result(&json!({ "silence": json_silence(&silence, now) }), |out| {
        let mut text = entry(&silence, now, out);
        if silence.holds_at(now) {
            text.push_str(
                "\nA running agent heeds it within a second. Two different bots that say CRITICAL page through it.",
            );
        }
        text
    });
}

fn list(context: &Context, house: &House, all: bool) {
    let now = house.agent.clock.now();
    house.agent.silences.look(|silences| {
        let shown: Vec<&Silence> = shown(silences, now, all);
        let value = json!({
            "silences": shown.iter().map(|silence| json_silence(silence, now)).collect::<Vec<_>>(),
            "held_by_rules": silences.by_rules(),
        });
        context.out.result(&value, |out| text(silences, &shown, now, out));
    });
}

fn shown(silences: &Silences, now: Timestamp, all: bool) -> Vec<&Silence> {
    let recent = |silence: &&Silence| all || now.duration_since(silence.end()) <= SHOWN_AFTER;
    silences.all().filter(recent).collect()
}

fn json_silence(silence: &Silence, now: Timestamp) -> Value {
    let mut value = json!(silence);
    if let Some(fields) = value.as_object_mut() {
        fields.insert("active".to_owned(), json!(silence.holds_at(now)));
    }
    value
}

fn text(silences: &Silences, shown: &[&Silence], now: Timestamp, out: &Output) -> String {
    let mut parts: Vec<String> = shown.iter().map(|silence| entry(silence, now, out)).collect();
    if parts.is_empty() {
        parts.push("Nothing is silenced, and no silence ended in the last week.".to_owned());
    }
    if !silences.by_rules().is_empty() {
        let rules = silences.by_rules().iter().map(|(rule, by)| {
            format!(
                "  {} firing(s), the last {}\n    {}",
                by.held,
                out.time(by.newest.matched.at),
                terminal(rule)
            )
        });
        let rules: Vec<String> = rules.collect();
        parts.push(format!("Held back by what runbooks say, so far:\n{}", rules.join("\n")));
    }
    parts.join("\n\n")
}

fn entry(silence: &Silence, now: Timestamp, out: &Output) -> String {
    let (standing, look) = match (silence.holds_at(now), &silence.ended) {
        (true, _) => (format!("holds until {}", out.time(silence.until)), Look::Bold),
        (false, None) => (format!("over since {}", out.time(silence.until)), Look::Dim),
        (false, Some(ending)) => (
            format!("ended by {} at {}: {}", ending.by, out.time(ending.at), terminal(&ending.comment)),
            Look::Dim,
        ),
    };
    let mut text = format!(
        "{}  {}\n  {standing}\n  by {}: {}\n  held back {}",
        silence.id,
        out.look(&terminal(&silence.scope.to_string()), look),
        terminal(&silence.by.to_string()),
        terminal(&silence.comment),
        match silence.held {
            0 => "nothing".to_owned(),
            1 => "1 firing:".to_owned(),
            held => format!("{held} firings, the newest:"),
        },
    );
    for held in silence.firings.iter().rev().take(FIRINGS_SHOWN_MAX) {
        text.push_str(&format!("\n    {}", firing(held, out)));
    }
    text
}

fn firing(held: &HeldBack, out: &Output) -> String {
    let matched = &held.matched;
    let (runbook, condition) = (terminal(matched.runbook.as_str()), terminal(matched.condition.as_str()));
    let because = terminal(&cut(&matched.because, BECAUSE_MAX_CHARS));
    format!("{}  {runbook}/{condition}\n      {because}", out.time(matched.at))
}
