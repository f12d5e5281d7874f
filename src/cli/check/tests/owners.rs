//! Safes that own the runbook's Safe: the proposer must be a delegate of theirs too.

use super::*;
use crate::domain::safe::{SafeAddress, SafeVersion};
use crate::drill::ground::SafeSpec;

async fn safe(practice: &Practice, owners: Vec<Address>) -> SafeAddress {
    let threshold = owners.len() as u64;
    let spec = SafeSpec { version: SafeVersion::V1_4_1, owners, threshold, salt: 7 };
    practice.ground.deploy_safe(&spec).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_proposer_is_looked_for_among_the_delegates_of_owners_that_are_safes() {
    let practice = Practice::lay().await;
    let keys = practice.ground.actors.owner_addresses(2);
    let low = safe(&practice, vec![keys[0]]).await;
    let middle = safe(&practice, vec![low.0]).await;
    let top = safe(&practice, vec![middle.0, keys[1]]).await;
    practice.change("redhandle.toml", &practice.guardian.to_string(), &top.to_string());
    practice.keystore("proposer", &practice.ground.actors.proposer);
    let told = async |delegates: Vec<Value>, service: &str| {
        let server = Service::with(delegates).await;
        practice.change("redhandle.toml", service, &format!("{{ url = \"{}\" }}", server.url));
        let found = find(&practice.config(), &practice.environment(), false).await;
        let about = found.findings.iter().filter(|finding| finding.place.starts_with("[proposer], Safe"));
        let lines: Vec<_> = about.map(|finding| format!("{:?} {finding}", finding.level)).collect();
        let proposer = practice.ground.actors.proposer.address().to_string();
        let mut text = lines.join("\n").replace(&proposer, "PROPOSER");
        for (address, name) in [(low.0, "LOW"), (middle.0, "MIDDLE"), (keys[0], "ANA"), (keys[1], "BEN")] {
            text = text.replace(&address.to_string(), name);
        }
        (text, format!("{{ url = \"{}\" }}", server.url))
    };
    let mut of_top = delegate(&practice, keys[1]);
    of_top["safe"] = json!(top);
    let (text, service) = told(vec![of_top.clone()], "\"embedded\"").await;
    insta::assert_snapshot!(text, @r"
    Ok [proposer], Safe guardian: PROPOSER is a delegate of owner BEN at 127.0.0.1
    Warning [proposer], Safe MIDDLE, which owns Safe guardian: no owner is a key, which alone could make PROPOSER a delegate: proposals do not reach 127.0.0.1; the owners approve them on the chain
    Problem [proposer], Safe LOW, which through others owns Safe guardian: the proposer PROPOSER is no delegate of this Safe at 127.0.0.1, so that its proposals would be refused: an owner must add it, with `redhandle safe delegate NAME --keystore FILE`, once the Safe is configured as [safes.NAME]
    ");

    let mut of_low = delegate(&practice, keys[0]);
    of_low["safe"] = Value::Null;
    let (text, _) = told(vec![of_top, of_low], &service).await;
    let line = "Ok [proposer], Safe LOW, which through others owns Safe guardian: PROPOSER is a delegate of owner ANA, for all their Safes, at 127.0.0.1";
    assert!(text.ends_with(line), "{text}");
}
