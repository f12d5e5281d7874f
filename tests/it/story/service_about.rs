//! What the embedded service says of the chain is true of the chain.

use alloy::primitives::Address;
use serde_json::Value;

use crate::support::Town;

#[tokio::test]
async fn the_singletons_are_told_with_the_block_that_brought_them() {
    let town = Town::new().await;
    let life = town.wake().await;
    let client = redhandle::http::client(std::time::Duration::from_secs(20)).unwrap();
    let url = format!("http://{}/safe/{}/api/v1/about/singletons/", life.listen, town.chain_name());
    let told: Value = client.get(url).send().await.unwrap().json().await.unwrap();
    let told = told.as_array().unwrap_or_else(|| panic!("{told}")).clone();
    assert!(!told.is_empty(), "the town has Safes");
    let chain = &town.chain.chain;
    let had_code = async |address: Address, number: u64| {
        let block = chain.block(number).await.unwrap().unwrap();
        chain.code_hash(&block, address).await.unwrap().is_some()
    };
    for singleton in told {
        let address: Address = singleton["address"].as_str().unwrap().parse().unwrap();
        let number = singleton["deployedBlockNumber"].as_u64().unwrap();
        assert!(number > 0, "the practice chain begins empty: {singleton}");
        assert!(had_code(address, number).await && !had_code(address, number - 1).await, "{singleton}");
    }
    life.stop().await;
}
