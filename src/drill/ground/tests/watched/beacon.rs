//! A proxy behind a beacon that nobody configured, on a real chain with real contracts.

use super::*;

sol! {
    interface OfBeacon {
        function upgradeTo(address implementation) external;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn other_code_behind_a_beacon_that_nobody_configured_is_told() {
    let mut town = Watched::lay().await;
    let (vault, token, admin) =
        (town.protocol.vault, town.protocol.token, town.ground.actors.deployer.address());
    let tools = Tools::find(None).unwrap();
    let deploy = async |name: &str, arguments: Vec<u8>| {
        let code = creation_code(&tools.artifact("Proxies", name)).unwrap();
        let data = Bytes::from([code.as_ref(), &arguments].concat());
        let create = DevTransaction { what: name.to_owned(), from: admin, to: None, data };
        let nonce = town.ground.anvil.nonces(std::slice::from_ref(&create)).await.unwrap()[0].1;
        town.ground.anvil.send_all(&[create]).await.unwrap();
        admin.create(nonce)
    };
    let beacon = deploy("Beacon", (vault, admin).abi_encode_params()).await;
    let proxy = deploy("BehindBeacon", (beacon, Bytes::new()).abi_encode_params()).await;
    let contract =
        |name: &str, address| Subject { name: name.to_owned(), kind: SubjectKind::Contract, address };
    town.others.push(contract("behind", proxy));
    let upgrade = OfBeacon::upgradeToCall { implementation: token };
    let (_, cursor) = town
        .while_it_runs(None, async |heard| {
            heard.next().await;
            town.send(admin, beacon, upgrade.clone()).await;
            assert_eq!(heard.alerts(1).await, ["behind ProxyStateChanged beacon_implementation"]);
            assert_eq!(heard.health.snapshot().last_error, None);
        })
        .await;
    // While nobody watches it goes back: that is found after the restart.
    town.send(admin, beacon, OfBeacon::upgradeToCall { implementation: vault }).await;
    town.while_it_runs(cursor, async |heard| {
        assert_eq!(heard.alerts(1).await, ["behind ProxyStateChanged beacon_implementation"]);
    })
    .await;
    // A beacon that is watched itself tells by its event, and once.
    town.others.push(contract("beacon", beacon));
    town.while_it_runs(None, async |heard| {
        heard.next().await;
        town.send(admin, beacon, upgrade.clone()).await;
        assert_eq!(heard.alerts(1).await, ["beacon Upgraded"]);
        town.ground.anvil.mine(2).await.unwrap();
        heard.next().await;
        assert_eq!(heard.waiting, []);
        // One that cannot be asked any more is red, and no change.
        town.ground.anvil.set_code(beacon, &Bytes::new()).await.unwrap();
        town.ground.anvil.mine(1).await.unwrap();
        heard.next().await;
        let error = heard.health.snapshot().last_error.unwrap();
        let wanted =
            format!("proxy behind: which code its beacon {beacon} names is not known: it names none");
        assert!(error.contains(&wanted), "{error}");
        assert_eq!(heard.waiting, []);
    })
    .await;
}
