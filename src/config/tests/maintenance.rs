//! Announced work, and chains that may have no endpoint.

use insta::assert_snapshot;

use super::*;
use crate::domain::names::ContractName;

const WINDOW: &str = r#"[[window]]
chain = "mainnet"
contract = "vault"
from = 2026-11-21T10:00:00Z
to = "2026-11-21T11:00:00+00:00"
by = "ana"
why = "upgrade"
"#;

fn with(text: &str) -> Files {
    Files::right().add("maintenance.toml", text)
}

#[test]
fn a_window_names_contract_and_chain_as_people_or_as_tools_do() {
    let vault = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266";
    for (chain, contract) in [("\"mainnet\"", "vault"), ("1", "vault"), ("1", vault), ("\"1\"", vault)] {
        let text = WINDOW.replace("\"mainnet\"", chain).replace("\"vault\"", &format!("\"{contract}\""));
        let maintenance = with(&text).load().unwrap().maintenance;
        let at = |text: &str| text.parse().unwrap();
        let vault = ContractName::new("vault");
        assert!(maintenance.covers(&vault, at("2026-11-21T10:00:00Z")), "{chain} {contract}");
        assert!(maintenance.covers(&vault, at("2026-11-21T11:00:00Z")));
        assert!(!maintenance.covers(&vault, at("2026-11-21T11:00:00.1Z")));
    }
    assert!(Files::right().load().unwrap().maintenance.windows().is_empty());
}

#[test]
fn work_without_an_end_a_name_or_a_reason_is_told() {
    let table = [
        ("by = \"ana\"\n", ""),
        ("why = \"upgrade\"", "why = \"\""),
        ("\"vault\"", "\"valt\""),
        ("\"mainnet\"", "10"),
        ("from = 2026-11-21T10:00:00Z", "from = 2026-11-21T10:00:00"),
        ("T11:00", "T09:00"),
        ("2026-11-21T11", "2027-11-21T11"),
        ("to = ", "until = "),
    ];
    let told = table.map(|(from, to)| {
        format!("{} -> {}\n{}", from.trim(), to.trim(), with(&WINDOW.replace(from, to)).told())
    });
    assert_snapshot!(told.join("\n"), @r#"
    by = "ana" -> 
    maintenance.toml:1:1: missing key "by" in [[window]]; expected text in quotes, not empty
    why = "upgrade" -> why = ""
    maintenance.toml:7:7: why = "" in [[window]]; expected text in quotes, not empty
    "vault" -> "valt"
    maintenance.toml:3:12: contract = "valt" in [[window]]; expected a contract of the configuration, by its name or its address, and the chain it is on
    "mainnet" -> 10
    maintenance.toml:3:12: contract = "vault" in [[window]]; expected a contract of the configuration, by its name or its address, and the chain it is on
    from = 2026-11-21T10:00:00Z -> from = 2026-11-21T10:00:00
    maintenance.toml:4:8: from = 2026-11-21T10:00:00 in [[window]]; expected an instant with its offset, such as 2026-11-21T18:00:00Z
    T11:00 -> T09:00
    maintenance.toml:5:6: to = "2026-11-21T09:00:00+00:00" in [[window]]; expected an end after the begin
    2026-11-21T11 -> 2027-11-21T11
    maintenance.toml:5:6: to = "2027-11-21T11:00:00+00:00" in [[window]]; expected an end at most 336h after the begin
    to = -> until =
    maintenance.toml:1:1: missing key "to" in [[window]]; expected an instant with its offset, such as 2026-11-21T18:00:00Z
    maintenance.toml:5:1: unknown key "until" in [[window]]; expected one of by, chain, contract, from, to, why
    "#);
}

#[test]
fn a_file_that_is_named_must_be_there() {
    let named = Files::right().spoil(
        "redhandle.toml",
        "[chains.mainnet]",
        "maintenance = \"work.toml\"\n[chains.mainnet]",
    );
    assert_snapshot!(named.told(), @"redhandle.toml:1:15: the file work.toml cannot be read: No such file or directory (os error 2)");
}

#[test]
fn an_optional_endpoint_is_there_when_its_variable_is() {
    let rpc = "rpc = \"https://base.example.org\"";
    let optional = || {
        Files::right().spoil(
            "redhandle.toml",
            rpc,
            "rpc = [{ env = \"BASE\", path = \"/8453\", optional = true }]",
        )
    };
    let urls = |files: Files| -> Vec<String> {
        use secrecy::ExposeSecret as _;
        let chains = files.load().unwrap().settings.chains;
        chains[&"base".into()].rpc.iter().map(|rpc| rpc.url.expose_secret().to_owned()).collect()
    };
    assert!(urls(optional()).is_empty());
    assert_eq!(urls(optional().with("BASE", "http://127.0.0.1:1/")), ["http://127.0.0.1:1/8453"]);
    assert_snapshot!(optional().with("BASE", "nowhere").told(), @"redhandle.toml:8:8: an endpoint of [chains.base] is no URL that can be asked; expected https://… or http://…");
    let needed = Files::right().spoil("redhandle.toml", rpc, "rpc = [{ env = \"BASE\", path = \"/8453\" }]");
    assert_snapshot!(needed.told(), @"redhandle.toml:8:8: the environment variable BASE is not set ([chains.base.rpc])");
}
