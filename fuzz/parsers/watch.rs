//! What a chain feed is told to watch, and what a chain answers: views with bounds, events with their logs.

use std::cmp::Ordering;
use std::sync::LazyLock;

use alloy::json_abi::JsonAbi;
use alloy::primitives::{Address, B256, Bytes, hex, keccak256};
use redhandle::domain::alert::AlertSeverity;
use redhandle::domain::contract::Contract;
use redhandle::domain::names::{ChainId, ChainName, ContractName, FeedName};
use redhandle::domain::watch::{
    Bound, Comparison, Judged, Memory, SeenBlock, SeenLog, Subject, SubjectKind, VALUE_MAX_CHARS, View,
    ViewProblem, ViewText, Watch, default_events, event_alerts, resolve_event,
};

use super::alerts::accepted;

static CONTRACT: LazyLock<Contract> = LazyLock::new(|| {
    let abi = JsonAbi::parse([
        "function totalAssets() view returns (uint256)",
        "function debt() view returns (int256)",
        "function small() view returns (int8)",
        "function paused() view returns (bool)",
        "function decimals() view returns (uint8)",
        "function owner() view returns (address)",
        "function balanceOf(address of) view returns (uint256)",
        "function labelled(string label) view returns (uint256)",
        "function name() view returns (string)",
        "function pair() view returns (uint112, uint112)",
        "function pause()",
    ]);
    Contract {
        name: ContractName::new("vault"),
        chain: ChainName::new("mainnet"),
        chain_id: ChainId(1),
        address: Address::repeat_byte(7),
        abi: abi.expect("an ABI"),
    }
});

fn block(number: u64) -> SeenBlock {
    SeenBlock { number, hash: B256::with_last_byte(9), timestamp_s: 1_763_694_000 }
}

fn watch() -> Watch {
    let name = CONTRACT.name.to_string();
    let subject = Subject { name, kind: SubjectKind::Contract, address: CONTRACT.address };
    Watch {
        feed: FeedName::from("fuzz"),
        chain: CONTRACT.chain.clone(),
        chain_id: CONTRACT.chain_id,
        subjects: vec![subject],
        events: default_events(),
        views: Vec::new(),
    }
}

fn compile(text: &ViewText) -> Result<View, ViewProblem> {
    View::compile("low".to_owned(), &CONTRACT, text, AlertSeverity::High, None)
}

/// Two whole numbers in decimal, compared as texts.
fn compare(left: &str, right: &str) -> Ordering {
    let sizes = |left: &str, right: &str| (left.len(), left).cmp(&(right.len(), right));
    match (left.strip_prefix('-'), right.strip_prefix('-')) {
        (None, None) => sizes(left, right),
        (Some(left), Some(right)) => sizes(right, left),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
    }
}

fn holds(order: Ordering, comparison: Comparison) -> bool {
    match comparison {
        Comparison::Less => order.is_lt(),
        Comparison::LessOrEqual => order.is_le(),
        Comparison::Greater => order.is_gt(),
        Comparison::GreaterOrEqual => order.is_ge(),
        Comparison::Equal => order.is_eq(),
        Comparison::NotEqual => order.is_ne(),
    }
}

/// The number that is written, in a unit of so many decimals.
fn scaled(text: &str, decimals: usize) -> String {
    let plain: String = text.trim().chars().filter(|letter| *letter != '_').collect();
    let plain = plain.replace("true", "1").replace("false", "0");
    let (sign, digits) = plain.strip_prefix('-').map_or(("", plain.as_str()), |digits| ("-", digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all = format!("{whole}{fraction}{}", "0".repeat(decimals - fraction.len()));
    let all = all.trim_start_matches('0');
    if all.is_empty() { "0".to_owned() } else { format!("{sign}{all}") }
}

/// Lines `bound=`, `call=`, `below=`, `above=`, `decimals=`, `changes`, an empty line, and the answers, 32 bytes each.
pub fn view(data: &[u8]) {
    let cut = data.windows(2).position(|two| two == b"\n\n").unwrap_or(data.len());
    let (head, answers) = data.split_at(cut);
    let Ok(head) = std::str::from_utf8(head) else { return };
    let mut text = ViewText::default();
    for line in head.lines() {
        match line.split_once('=') {
            Some(("bound", bound)) => text.bound = Some(bound.to_owned()),
            Some(("call", call)) => text.call = Some(call.to_owned()),
            Some(("below", below)) => text.below = Some(below.to_owned()),
            Some(("above", above)) => text.above = Some(above.to_owned()),
            Some(("decimals", decimals)) => text.decimals = Some(decimals.to_owned()),
            Some(_) | None => text.changes |= line == "changes",
        }
    }
    let view = match compile(&text) {
        Ok(view) => view,
        Err(problem) => return assert!(!problem.to_string().is_empty()),
    };
    assert_eq!(compile(&text).expect("compiled once"), view, "the same text is two views");
    let mut rest = answers.get(2..).unwrap_or_default().chunks(32);
    let answers: Vec<Result<Bytes, String>> = view
        .questions()
        .map(|_| rest.next().map(Bytes::copy_from_slice).ok_or_else(|| "it is away".to_owned()))
        .collect();
    let judged = view.judge(&answers);
    match &judged {
        Ok(judged) => is_right(&view, &text, judged),
        Err(why) => assert!(!why.is_empty()),
    }
    if answers.iter().any(Result::is_err) {
        assert!(judged.is_err(), "judged without all answers");
    }
    is_the_same_however_written(&text, &answers, &judged);
    let Ok(judged) = judged else { return };
    // What is beyond is told once, and told again only after it was back.
    let (watch, mut memory) = (watch(), Memory::default());
    let first = memory.view(&watch, &view, judged.clone(), &block(1));
    assert_eq!(first.is_some(), judged.beyond == Some(true));
    first.iter().for_each(accepted);
    assert_eq!(memory.view(&watch, &view, judged.clone(), &block(2)), None, "nothing changed");
    if let Some(beyond) = judged.beyond {
        let other = Judged { beyond: Some(!beyond), value: judged.value };
        accepted(&memory.view(&watch, &view, other, &block(3)).expect("it crossed its bound"));
    }
}

/// What was read and the bound, compared in another way.
fn is_right(view: &View, text: &ViewText, judged: &Judged) {
    let Bound::Holds(comparison) = view.bound else {
        assert_eq!(judged.beyond, None);
        return assert!(judged.value.chars().count() <= VALUE_MAX_CHARS);
    };
    let (left, right) = judged.value.split_once(", ").expect("two numbers");
    assert_eq!(
        judged.beyond,
        Some(holds(compare(left, right), comparison)),
        "{} of {judged:?}",
        view.definition
    );
    let fixed = text.decimals.as_deref().map_or(Ok(0), |decimals| decimals.trim().parse::<usize>());
    if let (Some(number), Ok(decimals)) = (text.below.as_ref().or(text.above.as_ref()), fixed)
        && !number.contains('(')
    {
        assert_eq!(right, scaled(number, decimals), "{number:?} with {decimals} decimals");
    }
}

/// `call` with `below` is a bound, and so is its opposite and its mirror.
fn is_the_same_however_written(
    text: &ViewText,
    answers: &[Result<Bytes, String>],
    judged: &Result<Judged, String>,
) {
    let (Some(call), Some(number)) = (&text.call, text.below.as_ref().or(text.above.as_ref())) else {
        return;
    };
    let (usual, opposite, mirrored) = if text.below.is_some() { ("<", ">=", ">") } else { (">", "<=", "<") };
    let said = |bound: String| {
        let text = ViewText { bound: Some(bound), decimals: text.decimals.clone(), ..ViewText::default() };
        compile(&text).expect("another way to write it").judge(answers).ok().and_then(|judged| judged.beyond)
    };
    let beyond = judged.as_ref().ok().and_then(|judged| judged.beyond);
    assert_eq!(said(format!("{call}{usual}{number}")), beyond);
    assert_eq!(said(format!("{call} {opposite} {number}")), beyond.map(|beyond| !beyond));
    if !number.contains('(') {
        assert_eq!(said(format!("{number} {mirrored} {call}")), beyond);
    }
}

/// An event as it is written, lines of an ABI, an empty line; how many topics, the topics, the data of a log.
pub fn event(data: &[u8]) {
    let cut = data.windows(2).position(|two| two == b"\n\n").unwrap_or(data.len());
    let (head, log) = data.split_at(cut);
    let Ok(head) = std::str::from_utf8(head) else { return };
    let (text, lines) = head.split_once('\n').unwrap_or((head, ""));
    let abi = JsonAbi::parse(lines.lines().take(20)).unwrap_or_default();
    let rules = match resolve_event(text, &[&abi]) {
        Ok(rules) => rules,
        Err(unknown) => return assert!(!unknown.why.is_empty() && unknown.text == text.trim()),
    };
    assert!(!rules.is_empty(), "understood, and nothing is watched");
    for rule in &rules {
        assert_eq!(rule.topic, keccak256(&rule.signature), "{}", rule.signature);
        assert_eq!(rule.signature.split('(').next(), Some(rule.name.as_str()));
        let again = resolve_event(&rule.signature, &[&abi]).expect("a signature of ours is understood");
        assert_eq!(again.len(), 1);
        assert!(again.iter().all(|again| again.topic == rule.topic), "read again it is another event");
    }
    let log = log.get(2..).unwrap_or_default();
    let Some((count, rest)) = log.split_first() else { return };
    let mut watch = watch();
    for rule in rules {
        watch.events = vec![rule];
        said_of(&watch, usize::from(count % 4), rest);
    }
}

/// What a log of the event that is watched becomes.
fn said_of(watch: &Watch, indexed: usize, rest: &[u8]) {
    let Some(rule) = watch.events.first() else { return };
    let mut topics = vec![rule.topic];
    topics.extend(rest.chunks(32).take(indexed).map(|chunk| B256::right_padding_from(chunk)));
    let data = Bytes::copy_from_slice(rest.get(indexed * 32..).unwrap_or_default());
    let log = |index, number| SeenLog {
        address: CONTRACT.address,
        topics: topics.clone(),
        data: data.clone(),
        transaction: B256::repeat_byte(3),
        index,
        block: block(number),
    };
    let alerts = event_alerts(watch, &[log(4, 7)]);
    if !rule.of.include(SubjectKind::Contract) {
        return assert!(alerts.is_empty(), "heard from somebody else");
    }
    let [alert] = alerts.as_slice() else { panic!("{} alerts of one log", alerts.len()) };
    accepted(alert);
    let text = |key: &str| alert.metadata.get(key).and_then(|value| value.as_str());
    assert_eq!(text("potential_victim"), Some(hex::encode_prefixed(CONTRACT.address).as_str()));
    assert_eq!(text("contract"), Some(CONTRACT.name.as_str()), "an argument says whose event it is");
    assert_eq!(text("signature"), Some(rule.signature.as_str()));
    assert_eq!(alert.addresses.first(), Some(&CONTRACT.address));
    assert!(alert.authenticated && alert.alert_id == rule.name && alert.severity == rule.severity);
    let is_short = |value: &str| value.chars().count() <= VALUE_MAX_CHARS + 80;
    assert!(alert.metadata.values().all(|value| value.as_str().is_some_and(is_short)));
    // In another block it is the same alert; twice in one transaction it is two.
    let again = event_alerts(watch, &[log(5, 8), log(6, 8)]);
    let [first, second] = again.as_slice() else { panic!("{} alerts of two logs", again.len()) };
    assert_eq!(first.hash, alert.hash);
    assert_ne!(second.hash, alert.hash);
}
