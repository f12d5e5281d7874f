//! Expressions over reads.

use alloy::dyn_abi::DynSolValue;
use alloy::primitives::{Address, B256, I256, U256, address};
use insta::assert_snapshot;

use super::*;
use crate::domain::contract::tests::vault;

fn contracts() -> Contracts {
    Contracts::from([("vault".into(), vault())])
}

fn compile(text: &str) -> ReadExpression {
    ReadExpression::compile(text, &contracts()).unwrap_or_else(|errors| {
        panic!("{text}\n{}", errors.iter().map(ToString::to_string).collect::<String>())
    })
}

/// Evaluates with the value of each read, by the function it calls.
fn evaluate(text: &str, answers: &[(&str, DynSolValue)]) -> Verdict {
    let expression = compile(text);
    let values = expression
        .reads()
        .iter()
        .filter_map(|read| {
            let name = read.call().signature.split('(').next().unwrap().to_owned();
            let answer = answers.iter().find(|(function, _)| *function == name)?;
            Some((read.clone(), ReadValue::Returned(vec![answer.1.clone()])))
        })
        .collect();
    expression.evaluate(&values)
}

fn uint(number: U256) -> DynSolValue {
    DynSolValue::Uint(number, 256)
}

#[test]
fn integers_are_exact_at_every_size() {
    let top = U256::MAX;
    let assets = r#"read("vault", "totalAssets()")"#;
    let supply = r#"read("vault", "totalSupply()")"#;
    let table = [
        (format!("{assets} < {supply}"), top - U256::from(1), top, true),
        (format!("{assets} < {supply}"), top, top, false),
        (format!("{supply} > {assets}"), top - U256::from(1), top, true),
        // 2^53 + 1 and 2^53 are one number in binary floating point
        (
            format!("{assets} == {supply}"),
            U256::from(9_007_199_254_740_993_u64),
            U256::from(9_007_199_254_740_992_u64),
            false,
        ),
        (format!("0 == {assets}"), U256::ZERO, top, true),
        (format!("{assets} == 0"), U256::from(1) << 64, top, false),
        (format!("{assets} > 1000000000000000000000"), U256::from(10).pow(U256::from(21)), top, false),
        (format!("{assets} >= 1000000000000000000000"), U256::from(10).pow(U256::from(21)), top, true),
        (
            format!("{assets} > big(\"1000000000000000000000\")"),
            U256::from(10).pow(U256::from(21)) + U256::from(1),
            top,
            true,
        ),
        (
            format!("{assets} == 0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"),
            top,
            top,
            true,
        ),
        (format!("{assets} + {supply} > {supply}"), top, top, true),
        (format!("{assets} - {supply} < 0"), U256::ZERO, top, true),
        (
            format!("{assets} * 100 / {supply} < 95"),
            U256::from(94_999) << 200,
            U256::from(100_000) << 200,
            true,
        ),
        (
            format!("{assets} * 100 / {supply} < 95"),
            U256::from(95_000) << 200,
            U256::from(100_000) << 200,
            false,
        ),
        (format!("{assets} % 2 == 1 && -{assets} < -1"), U256::from(3), top, true),
        (format!("{assets} < 1.5"), U256::from(1), top, true),
        (format!("{assets} < 1.5e40"), U256::from(2) * U256::from(10).pow(U256::from(40)), top, false),
        (format!("{assets} in [1, 2, {supply}]"), top, top, true),
    ];
    for (text, assets, supply, expected) in table {
        let verdict = evaluate(&text, &[("totalAssets", uint(assets)), ("totalSupply", uint(supply))]);
        assert_eq!(verdict, if expected { Verdict::True } else { Verdict::False }, "{text}");
    }
    let drift = DynSolValue::Int(I256::MIN, 256);
    assert_eq!(evaluate(r#"read("vault", "drift()") < -1"#, &[("drift", drift)]), Verdict::True);
}

#[test]
fn addresses_and_bytes_compare_without_regard_to_case() {
    let owner = address!("0x5FbDB2315678afecb367f032d93F642f64180aa3");
    let root = DynSolValue::FixedBytes(B256::repeat_byte(0xab), 32);
    let table = [
        (
            r#"read("vault", "owner()") == "0x5FbDB2315678afecb367f032d93F642f64180aa3""#.to_owned(),
            Verdict::True,
        ),
        (
            r#""0x5FBDB2315678AFECB367F032D93F642F64180AA3" == read("vault", "owner()")"#.to_owned(),
            Verdict::True,
        ),
        (
            r#"read("vault", "owner()") != "0x5fbdb2315678afecb367f032d93f642f64180aa3""#.to_owned(),
            Verdict::False,
        ),
        (format!(r#"read("vault", "root()") == "0x{}""#, "aB".repeat(32)), Verdict::True),
    ];
    for (text, expected) in table {
        let answers = [("owner", DynSolValue::Address(owner)), ("root", root.clone())];
        assert_eq!(evaluate(&text, &answers), expected, "{text}");
    }
    let guardians =
        DynSolValue::Array(vec![DynSolValue::Address(Address::ZERO), DynSolValue::Address(owner)]);
    let table = [
        (
            r#"read("vault", "guardians()").exists(g, g == "0x5FBDB2315678AFECB367F032D93F642F64180AA3")"#,
            Verdict::True,
        ),
        (
            r#"read("vault", "guardians()").all(g, g != "0x0000000000000000000000000000000000000000")"#,
            Verdict::False,
        ),
        (r#"size(read("vault", "guardians()")) == 2"#, Verdict::True),
        (r#"read("vault", "owner()") in read("vault", "guardians()")"#, Verdict::True),
        (r#"read("vault", "guardians()")[0] == read("vault", "owner()")"#, Verdict::False),
    ];
    for (text, expected) in table {
        let answers = [("guardians", guardians.clone()), ("owner", DynSolValue::Address(owner))];
        assert_eq!(evaluate(text, &answers), expected, "{text}");
    }
}

#[test]
fn what_could_not_be_read_is_unknown_and_says_why() {
    let paused = compile(r#"read("vault", "paused()") == true"#);
    let [read] = paused.reads() else { panic!("one read") };
    let failed = BTreeMap::from([(read.clone(), ReadValue::Failed("two endpoints disagree".to_owned()))]);
    let garbage = BTreeMap::from([(read.clone(), ReadValue::decode(read, &[1]))]);
    let nothing = BTreeMap::from([(read.clone(), ReadValue::decode(read, &[]))]);
    let one = BTreeMap::from([(read.clone(), ReadValue::Returned(Vec::new()))]);
    let overflow = format!(r#"{0} * {0} * {0} > 0"#, r#"read("vault", "totalAssets()")"#);
    let said: Vec<String> = [
        paused.evaluate(&BTreeMap::new()),
        paused.evaluate(&failed),
        paused.evaluate(&garbage),
        paused.evaluate(&nothing),
        paused.evaluate(&one),
        evaluate(&overflow, &[("totalAssets", uint(U256::MAX))]),
        evaluate(r#"1 / read("vault", "totalAssets()") == 0"#, &[("totalAssets", uint(U256::ZERO))]),
        evaluate(r#"read("vault", "guardians()")[3] == "0x""#, &[("guardians", DynSolValue::Array(vec![]))]),
    ]
    .into_iter()
    .map(|verdict| match verdict {
        Verdict::Unknown(why) => why,
        decided @ (Verdict::True | Verdict::False) => panic!("{decided:?}"),
    })
    .collect();
    assert_snapshot!(said.join("\n"), @r#"
    vault.paused() was not read
    vault.paused() could not be read: two endpoints disagree
    vault.paused() could not be read: paused() of contract "vault" returned 1 bytes that do not fit its ABI
    vault.paused() could not be read: paused() of contract "vault" returned nothing: is there a contract at its address?
    vault.paused() returned 0 values, and its ABI says 1
    115792089237316195423570985008687907853269984665640564039457584007913129639935 * 115792089237316195423570985008687907853269984665640564039457584007913129639935 has no value within 512 bits
    1 / 0 has no value within 512 bits
    position 3 is outside a list of 0
    "#);
}

#[test]
fn a_gap_yields_only_to_what_decides_without_it() {
    let missing = r#"read("vault", "paused()")"#;
    let known = r#"(read("vault", "totalAssets()") == 0)"#;
    let table = [
        (format!("{missing} || {known}"), Verdict::True),
        (format!("{known} || {missing}"), Verdict::True),
        (format!("{missing} && !{known}"), Verdict::False),
        (format!("!{known} && {missing}"), Verdict::False),
        (format!("{known} ? {known} : {missing}"), Verdict::True),
    ];
    for (text, expected) in table {
        assert_eq!(evaluate(&text, &[("totalAssets", uint(U256::ZERO))]), expected, "{text}");
    }
    for text in [
        format!("{missing} && {known}"),
        format!("{missing} || !{known}"),
        format!("!{missing}"),
        format!("{missing} ? {known} : {known}"),
        format!("{missing} == true || {missing} == false"),
    ] {
        let verdict = evaluate(&text, &[("totalAssets", uint(U256::ZERO))]);
        assert!(matches!(verdict, Verdict::Unknown(_)), "{text}: {verdict:?}");
    }
}

#[test]
fn several_outputs_are_taken_apart() {
    let text = r#"read("vault", "round()").answer > 0 && read("vault", "round()")[2] >= 1700000000"#;
    let expression = compile(text);
    let [read] = expression.reads() else { panic!("one distinct read") };
    let answer = |price: i64| {
        ReadValue::Returned(vec![
            DynSolValue::Uint(U256::from(7), 80),
            DynSolValue::Int(I256::try_from(price).unwrap(), 256),
            uint(U256::from(1_700_000_000_u64)),
        ])
    };
    assert_eq!(expression.evaluate(&BTreeMap::from([(read.clone(), answer(1))])), Verdict::True);
    assert_eq!(expression.evaluate(&BTreeMap::from([(read.clone(), answer(-1))])), Verdict::False);
}

#[test]
fn each_distinct_read_is_listed_once() {
    let account = "0x5FbDB2315678afecb367f032d93F642f64180aa3";
    let text = format!(
        r#"read("vault", "balanceOf({account})") > read("vault", "totalAssets()")
           || read("vault", "balanceOf({})") == 0
           || read("vault", "totalAssets( )") == 1"#,
        account.to_lowercase()
    );
    let shown: Vec<String> = compile(&text).reads().iter().map(ToString::to_string).collect();
    assert_eq!(shown, [&format!("vault.balanceOf(account: {account})"), "vault.totalAssets()"]);
}

#[test]
fn mistakes_are_sentences_with_a_place() {
    let said: Vec<String> = [
        "",
        "read(\"vault\", \"paused()\"",
        "read(\"vault\", \"paused()\") =! true",
        "true",
        "paused == true",
        "read(\"vualt\", \"paused()\")",
        "read(\"vault\", \"pausd()\")",
        "read(\"vault\", \"pause()\") == true",
        "read(\"vault\", name)",
        "read(\"vault\")",
        "reed(\"vault\", \"paused()\")",
        "read(\"vault\", \"totalAssets()\")",
        "read(\"vault\", \"paused()\") == 1",
        "read(\"vault\", \"owner()\") < \"0x01\"",
        "read(\"vault\", \"paused()\")\n  && read(\"vault\", \"totalAssets()\") + true > 0",
        "read(\"vault\", \"round()\").anwser > 0",
        "read(\"vault\", \"round()\")[3] > 0",
        "read(\"vault\", \"round()\") > 0",
        "read(\"vault\", \"paused()\") == null",
        "read(\"vault\", \"symbol()\").matches(\"U.*\")",
        "read(\"vault\", \"guardians()\").map(g, g) == []",
        "read(\"vault\", \"guardians()\").contains(\"0x\")",
        "[1].all(a, [1].all(b, [1].all(c, read(\"vault\", \"paused()\"))))",
        "{\"a\": read(\"vault\", \"paused()\")}.a",
        "read(\"vault\", \"totalAssets()\") > big(\"1e21\")",
    ]
    .into_iter()
    .map(|text| {
        let errors = ReadExpression::compile(text, &contracts()).expect_err(text);
        errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    })
    .collect();
    assert_snapshot!(said.join("\n\n"), @r#"
    it is empty

    line 1, column 25: syntax error: missing ')' at end
      | read("vault", "paused()"
      |                         ^

    line 1, column 27: syntax error: unexpected '=!'
      | read("vault", "paused()") =! true
      |                           ^
    line 1, column 30: syntax error: unexpected 'true'
      | read("vault", "paused()") =! true
      |                              ^

    it asks nothing of the chain: write at least one read("contract", "function()")
      | true

    line 1, column 1: unknown name "paused"; here only read("contract", "function()") is known
      | paused == true
      | ^

    line 1, column 1: unknown contract "vualt"; did you mean "vault"?
      | read("vualt", "paused()")
      | ^

    line 1, column 1: contract "vault" has no function "pausd" with 0 arguments; nearest: paused(), pause(), pause(address); its ABI is balanceOf(address), check(), drift(), guardians(), limits(address[],(uint16,bool)[2]), note(string,bytes), owner(), pause(), pause(bytes32), pause(address), paused(), root() and 9 more
      | read("vault", "pausd()")
      | ^

    line 1, column 1: pause() of contract "vault" is not a view: only view and pure functions can be read
      | read("vault", "pause()") == true
      | ^

    line 1, column 1: read takes two quoted texts: read("contract", "function()")
      | read("vault", name)
      | ^

    line 1, column 1: read takes two quoted texts: read("contract", "function()")
      | read("vault")
      | ^

    line 1, column 1: unknown function "reed"; did you mean "read"?
      | reed("vault", "paused()")
      | ^

    line 1, column 1: the result must be true or false, and this is a whole number
      | read("vault", "totalAssets()")
      | ^

    line 1, column 27: true or false is never equal to a whole number
      | read("vault", "paused()") == 1
      |                           ^

    line 1, column 26: text and text have no order; only numbers and times have one
      | read("vault", "owner()") < "0x01"
      |                          ^

    line 2, column 37: only whole numbers can be calculated with; these are a whole number and true or false
      |   && read("vault", "totalAssets()") + true > 0
      |                                     ^

    line 1, column 26: none of these 3 values is named "anwser"; did you mean "answer"?
      | read("vault", "round()").anwser > 0
      |                          ^

    line 1, column 25: there are 3 values, counted from 0
      | read("vault", "round()")[3] > 0
      |                         ^

    line 1, column 26: 3 values and a whole number have no order; only numbers and times have one
      | read("vault", "round()") > 0
      |                          ^

    line 1, column 30: there is no null here; ask `has(…)`
      | read("vault", "paused()") == null
      |                              ^

    line 1, column 27: there are no regular expressions here: texts change with a bot's release
      | read("vault", "symbol()").matches("U.*")
      |                           ^

    line 1, column 30: unknown function "map"
      | read("vault", "guardians()").map(g, g) == []
      |                              ^
    line 1, column 43: an empty list holds nothing: this can never be true
      | read("vault", "guardians()").map(g, g) == []
      |                                           ^

    line 1, column 30: only text is searched for text; this searches a list of texts for text; to look into a list, write `x in list`
      | read("vault", "guardians()").contains("0x")
      |                              ^

    line 1, column 27: exists and all are nested deeper than 2
      | [1].all(a, [1].all(b, [1].all(c, read("vault", "paused()"))))
      |                           ^

    line 1, column 1: this form of CEL is not supported here
      | {"a": read("vault", "paused()")}.a
      | ^

    line 1, column 34: big("…") takes a whole number in quotes, of at most 511 bits
      | read("vault", "totalAssets()") > big("1e21")
      |                                  ^
    "#);
}

#[test]
fn every_mistake_is_reported_at_once() {
    let errors = ReadExpression::compile(
        r#"read("a", "paused()") && read("vault", "nothing()") && 1 == true"#,
        &contracts(),
    )
    .unwrap_err();
    assert_eq!(errors.len(), 3);
}
