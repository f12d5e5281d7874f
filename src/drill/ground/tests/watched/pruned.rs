//! Endpoints that do not have what is asked for, and say so: no voice, at once, and never an empty answer.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::chain::BlockSaid;

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_lacks_a_block_is_no_voice_and_is_asked_once() {
    let town = Watched::lay().await;
    let (vault, new) = (town.protocol.vault, town.safes[2].0);
    let first = town.ground.chain.head().await.unwrap().number;
    town.send(new, vault, Ground::pauseCall {}).await;
    town.ground.anvil.mine(20).await.unwrap();
    let url = town.ground.anvil.url();
    let honest = || Endpoint::new(url, Duration::from_secs(5)).unwrap();
    let watch = town.watch();
    let to = town.ground.chain.head().await.unwrap();
    let read = async |chain: &Chain| chain.logs(&watch.addresses(), &watch.topics(), first, &to).await;
    for words in ["missing trie node 3f2a", "header not found", "history has been pruned for this block"] {
        let asked = Arc::new(AtomicUsize::new(0));
        let lacking = faulty(url, Fault::Lacks("eth_getLogs", words, Arc::clone(&asked))).await;
        let three = chain(vec![lacking.clone(), honest(), honest()], 2);
        assert_eq!(read(&three).await.unwrap().len(), 1, "{words}");
        // Where its voice is needed it is waited for, asked once and not for ever smaller parts, and what it said is told.
        asked.store(0, Ordering::Relaxed);
        let error = read(&chain(vec![lacking, honest()], 2)).await.unwrap_err();
        assert!(matches!(error, ChainError::Unavailable { .. }), "{words}: {error}");
        assert!(error.to_string().contains(words), "{error}");
        assert_eq!(asked.load(Ordering::Relaxed), 1, "{words}");
    }
    // Views likewise: who lacks the state is no voice beside two who have it, and not a revert.
    let asked = Arc::new(AtomicUsize::new(0));
    let lacking = faulty(url, Fault::Lacks("eth_call", "missing trie node", asked)).await;
    let question = (vault, Bytes::from(Ground::totalAssetsCall {}.abi_encode()));
    let view = async |chain: Chain| {
        let eye = Eye(chain);
        let at = eye.head().await.unwrap();
        eye.read(&at, std::slice::from_ref(&question), &[], &[]).await.unwrap().calls.remove(0)
    };
    assert!(view(chain(vec![lacking.clone(), honest(), honest()], 2)).await.is_ok());
    let error = view(chain(vec![lacking, honest()], 2)).await.unwrap_err();
    assert!(error.contains("missing trie node"), "{error}");

    // Which block stands at a height: where one endpoint is enough, it is the one that knows, not the quickest.
    let known = honest();
    let block = chain(vec![known.clone()], 1).block_said(first).await.unwrap();
    assert!(matches!(block, BlockSaid::Hash(_)));
    let asked = Arc::new(AtomicUsize::new(0));
    let refuses = faulty(url, Fault::Lacks("eth_getBlockByNumber", "header not found", asked)).await;
    let forgot = faulty(url, Fault::Claims("eth_getBlockByNumber", json!(null))).await;
    for (lacking, alone) in [(&refuses, BlockSaid::Refused), (&forgot, BlockSaid::None)] {
        let said = async |endpoints: &[&Endpoint], agree| {
            let endpoints = endpoints.iter().map(|endpoint| (*endpoint).clone()).collect();
            chain(endpoints, agree).block_said(first).await
        };
        assert_eq!(said(&[lacking, &known], 1).await.unwrap(), block);
        assert_eq!(said(&[lacking, lacking, &known, &known], 2).await.unwrap(), block);
        assert_eq!(said(&[lacking], 1).await.unwrap(), alone);
        assert_eq!(said(&[lacking, lacking, &known], 2).await.unwrap(), alone, "one alone is not believed");
        said(&[lacking, &known], 2).await.unwrap_err();
    }
}
