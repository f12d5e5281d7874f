//! A chain as a feed: what it watches unless told otherwise, and what is told where it could never hear anything.

use super::*;
use crate::config::settings::{ChainFeed, FeedKind};
use crate::domain::names::ContractName;
use crate::domain::watch::SubjectKind;

const OWN: &str = "kind = \"webhook\"\nsecret = { env = \"OWN_SECRET\" }";

fn with(text: &str) -> Files {
    Files::right().spoil("redhandle.toml", OWN, &format!("kind = \"chain\"\n{text}"))
}

fn read(text: &str) -> (ChainFeed, Config) {
    let loaded = with(text).load().unwrap_or_else(|problems| panic!("{problems}"));
    let FeedKind::Chain(feed) = &loaded.settings.feeds[1].kind else { panic!("{:?}", loaded.settings.feeds) };
    (ChainFeed::clone(feed), loaded)
}

#[test]
fn three_lines_watch_everything_on_the_chain() {
    let (feed, config) = read("chain = \"mainnet\"");
    let names = |kind| {
        let of = feed.watch.subjects.iter().filter(|subject| subject.kind == kind);
        of.map(|subject| subject.name.as_str()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(names(SubjectKind::Contract), "vault");
    assert_eq!(names(SubjectKind::Safe), "governance guardian");
    assert_eq!(feed.watch.bot().as_str(), "chain:mainnet");
    let events: Vec<&str> = feed.watch.events.iter().map(|event| event.name.as_str()).collect();
    insta::assert_snapshot!(events.join(" "), @"Paused Unpaused RoleGranted RoleRevoked RoleAdminChanged OwnershipTransferred OwnershipTransferStarted Upgraded AdminChanged BeaconUpgraded AddedOwner RemovedOwner ChangedThreshold EnabledModule DisabledModule ChangedGuard ChangedModuleGuard ChangedFallbackHandler ChangedMasterCopy ExecutionFromModuleSuccess ApproveHash");
    assert_eq!((feed.confirmations, feed.overlap_blocks, feed.reorg_blocks), (0, 8, 12));
    assert_eq!((feed.poll.as_secs(), feed.stale_after.as_secs()), (2, 120));
    // A Safe that is watched may be named where a contract may.
    let guardian = &config.settings.contracts[&ContractName::new("guardian".to_owned())];
    assert!(guardian.resolve_read("getThreshold()").is_ok());
    assert!(!config.settings.contracts.contains_key(&ContractName::new("elsewhere".to_owned())));
}

#[test]
fn everything_can_be_chosen() {
    let (feed, _) = read(
        "chain = \"mainnet\"\ncontracts = [\"vault\"]\nsafes = []\nevents = [\"Paused\", \"RoleRevoked\"]\n\
         severity = { RoleRevoked = \"critical\" }\npoll = \"500ms\"\nconfirmations = 2\n\n\
         [[feeds.view]]\nname = \"assets\"\ncontract = \"vault\"\ncall = \"totalAssets()\"\nbelow = 1000\ndecimals = 6\n\
         every = \"1m\"\nseverity = \"critical\"",
    );
    let events: Vec<String> =
        feed.watch.events.iter().map(|event| format!("{} {:?}", event.name, event.severity)).collect();
    assert_eq!(events, ["Paused High", "RoleRevoked Critical"]);
    assert_eq!(feed.watch.subjects.len(), 1);
    assert_eq!(feed.watch.views[0].definition, "totalAssets() < 1000 with 6 decimals");
    assert_eq!(feed.watch.views[0].every.unwrap().as_secs(), 60);
}

#[test]
fn what_could_never_be_heard_is_told_at_once() {
    let told = with(
        "chain = \"mainet\"\nevents = [\"RoleRevokd\", \"Paused(addres)\", \"Upgraded(address)\"]\n\
         severity = { Pausd = \"high\" }\nstale_after = \"2s\"",
    )
    .told();
    insta::assert_snapshot!(told, @r#"
    redhandle.toml:39:9: no chain is called "mainet"; expected one of base, mainnet; did you mean "mainnet"?
    redhandle.toml:40:11: event "RoleRevokd": no ABI of a contract watched declares it, and it is none of those known by name; expected the name of an event, or its signature such as "Paused(address)"; did you mean "RoleRevoked"?
    redhandle.toml:40:25: event "Paused(addres)": it is no signature of an event; expected the name of an event, or its signature such as "Paused(address)"; did you mean "Paused(address)"?
    redhandle.toml:41:22: no event that is watched is called "Pausd"; expected Upgraded
    redhandle.toml:42:15: stale_after = "2s" in [[feeds]]; expected a length of time such as "10m" or "1h30m", from 5s to 24h
    "#);
    let told = with(
        "chain = \"mainnet\"\nsafes = [\"elsewhere\", \"gardian\"]\n\n\
         [[feeds.view]]\nname = \"Paused\"\ncontract = \"vault\"\nbound = \"totalAssets() < 1\"\n\n\
         [[feeds.view]]\nname = \"a\"\ncontract = \"vault\"\nbound = \"totalAsets() < 1\"\n\n\
         [[feeds.view]]\nname = \"b\"\ncontract = \"vault\"\ncall = \"totalAssets()\"\nbelow = 1.5",
    )
    .told();
    for wanted in [
        ":40:10: Safe \"elsewhere\" is on base, and this feed watches mainnet; make a feed of its own for each chain",
        ":40:23: no Safe is called \"gardian\"; expected one of elsewhere, governance, guardian; did you mean \"guardian\"?",
        ":43:8: \"Paused\" is the name of another class of this feed's alerts; expected a name of its own",
        "contract \"vault\" has no function \"totalAsets\" with 0 arguments; nearest: totalAssets()",
        ":56:9: below = 1.5",
        "write it in quotes, so that it is exact",
    ] {
        assert!(told.contains(wanted), "{wanted}\n{told}");
    }
}
