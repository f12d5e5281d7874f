//! A feed's secret is changed while its sender sends: nothing is refused, and it is told when the old one is out of use.

use serde_json::Value;

use crate::support::files::WEBHOOK_SECRET;
use crate::support::{Town, until};

const PATH: &str = "/feeds/monitor";
const NEW: &str = "a secret that only the new ones know";

async fn rotating(town: &Town) -> Value {
    let client = redhandle::http::client(std::time::Duration::from_secs(20)).unwrap();
    let answer = client.get(format!("http://{}/healthz", town.listen)).send().await.unwrap();
    answer.json::<Value>().await.unwrap()["rotating"].clone()
}

#[tokio::test]
async fn a_secret_is_changed_without_a_request_being_refused() {
    let town = Town::new().await;
    town.hear_a_webhook();
    let agent = town.spawn();
    assert_eq!(town.post(PATH, Some(WEBHOOK_SECRET), "[]".to_owned()).await, Some(200));
    assert_eq!(rotating(&town).await, Value::Null, "one secret: nothing to tell");
    assert_eq!(agent.terminate(), Some(0));

    // Both count. A typing error beside it is no feed without a second secret.
    town.write("secrets/monitor-new", NEW);
    let both =
        "secret = { file = \"secrets/monitor-new\" }\nprevious_secret = { file = \"secrets/monitro\" }";
    town.set("secret = { file = \"secrets/monitor\" }", both);
    let refused = town.run(&["check"]);
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    town.set("secrets/monitro", "secrets/monitor");
    let agent = town.spawn();
    let told = rotating(&town).await[0].as_str().unwrap().to_owned();
    assert!(told.starts_with("feed monitor: the previous secret was not used since the start at "), "{told}");
    assert_eq!(town.post(PATH, Some(NEW), "[]".to_owned()).await, Some(200));
    assert_eq!(rotating(&town).await[0], told.as_str(), "the new one is the present one");
    assert_eq!(town.post(PATH, Some("a secret of nobody here"), "[ ]".to_owned()).await, Some(401));
    assert_eq!(rotating(&town).await[0], told.as_str(), "a stranger's is none");
    assert_eq!(town.post(PATH, Some(WEBHOOK_SECRET), "[  ]".to_owned()).await, Some(200));
    let told = rotating(&town).await[0].as_str().unwrap().to_owned();
    assert!(told.starts_with("feed monitor: the previous secret was last used at "), "{told}");
    let logged = "still made with the previous secret";
    until("the log to say it", async || agent.stderr().contains(logged).then_some(())).await;
    for secret in [NEW, WEBHOOK_SECRET] {
        assert!(!agent.stderr().contains(secret) && !told.contains(secret));
    }
    assert_eq!(agent.terminate(), Some(0));

    // Taken out: the old one is nobody's.
    town.set("\nprevious_secret = { file = \"secrets/monitor\" }", "");
    let agent = town.spawn();
    assert_eq!(town.post(PATH, Some(WEBHOOK_SECRET), "[]".to_owned()).await, Some(401));
    assert_eq!(town.post(PATH, Some(NEW), "[]".to_owned()).await, Some(200));
    assert_eq!(rotating(&town).await, Value::Null);
    drop(agent);
}

#[tokio::test]
async fn check_warns_of_a_secret_that_two_feeds_take_and_of_one_that_was_not_changed() {
    let town = Town::new().await;
    town.hear_a_webhook();
    let feed = |name: &str, rest: &str| format!("[[feeds]]\nname = \"{name}\"\nkind = \"webhook\"\n{rest}\n");
    town.write("secrets/of-its-own", NEW);
    let twin = "secret = { file = \"secrets/of-its-own\" }\nprevious_secret = { file = \"secrets/monitor\" }";
    let token = "from = \"alertmanager\"\ntoken = { file = \"secrets/of-its-own\" }\nprevious_token = { file = \"secrets/of-its-own\" }";
    let monitor = feed("monitor", "secret = { file = \"secrets/monitor\" }");
    town.hear(&[monitor, feed("twin", twin), feed("metrics", token)].join("\n"));
    let checked = town.run(&["check"]);
    let warned: Vec<_> = checked.stdout.lines().map(str::trim).collect();
    let warned = warned.join(" ");
    for wanted in [
        "feed metrics and feed twin: they have one and the same secret:",
        "feed monitor and feed twin: they have one and the same secret:",
        "feed metrics: its previous secret is the same as its present one: nothing was changed.",
    ] {
        assert!(warned.contains(wanted), "{wanted}: {}", checked.stdout);
    }
    assert_ne!(checked.code, 2, "a warning is no error");
    for secret in [NEW, WEBHOOK_SECRET] {
        assert!(!checked.stdout.contains(secret) && !checked.stderr.contains(secret));
    }

    let alone = feed("monitor", "secret = { file = \"secrets/monitor\" }");
    let other = feed("twin", "secret = { file = \"secrets/of-its-own\" }");
    town.hear(&format!("{alone}\n{other}"));
    let checked = town.run(&["check"]).stdout;
    assert!(
        !checked.contains("one and the same secret") && !checked.contains("previous secret"),
        "{checked}"
    );
}
