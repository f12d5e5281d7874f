//! The checked language itself.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::number::{Decimal, Number};
use super::*;

/// A vocabulary with one open truth and one long list.
struct Few;

impl Vocabulary for Few {
    type Leaf = &'static str;

    fn name(&mut self, path: &[String]) -> Result<Resolved<&'static str>, String> {
        match path.join(".").as_str() {
            "yes" => Ok(Resolved::Leaf("yes", Type::Bool)),
            "many" => Ok(Resolved::Leaf("many", Type::List(Box::new(Type::Int)))),
            "field" => Ok(Resolved::Leaf("field", Type::Loose)),
            other => Err(format!("unknown name \"{other}\"")),
        }
    }

    fn call(&mut self, _: &str, _: &[Option<&str>]) -> Option<Result<Resolved<&'static str>, String>> {
        None
    }

    fn functions(&self) -> &'static [&'static str] {
        &[]
    }
}

fn compile(text: &str) -> Result<Expression<&'static str>, Vec<ExpressionError>> {
    Expression::compile(text, &mut Few, &Type::Bool)
}

fn evaluate(text: &str, field: &str) -> Result<bool, Gap> {
    let expression = compile(text).unwrap_or_else(|errors| panic!("{text}: {errors:?}"));
    expression.evaluate_bool(&|leaf| {
        Ok(Cow::Owned(match *leaf {
            "yes" => Value::Bool(true),
            "many" => Value::List((0..500_u64).map(|number| Value::Int(Integer::from(number))).collect()),
            _field => Value::Loose { field: "metadata.field".to_owned(), text: field.to_owned() },
        }))
    })
}

#[test]
fn text_that_is_a_number_compares_as_one() {
    let table = [
        ("field < 0.1", "0.0003399258343634117", true),
        ("0.1 > field", "0.0003399258343634117", true),
        ("field < 1e-7", "9.9e-08", true),
        ("field == 123.45", "123.450", true),
        ("field > 9", "10", true),
        ("field >= 1000000000000000000000", "1000000000000000000000", true),
        ("field > 999999999999999999999.5", "1000000000000000000000", true),
        ("field == -0.0", "0", true),
        ("field < 0", "-0.001", true),
        ("field == \"10\"", "10", true),
        ("field == \"10.0\"", "10", false),
        ("field == true", "true", true),
        ("field in [1, 2.5]", "2.50", true),
        ("field == \"AbC\"", "aBc", true),
        ("field.startsWith(\"0xAB\")", "0xab12", true),
    ];
    for (text, field, expected) in table {
        assert_eq!(evaluate(text, field), Ok(expected), "{text} with {field}");
    }
    for field in ["", "many", "NaN", "inf", "0x", "0xyz", "1,5", "1e999999999", "-"] {
        let unfit = Gap::Unfit { field: "metadata.field".to_owned(), wanted: "a number" };
        assert_eq!(evaluate("field < 1", field), Err(unfit), "{field}");
    }
}

#[test]
fn decimals_have_one_order_with_integers() {
    let ascending = [
        "-1e100000",
        "-1000000000000000000000",
        "-10",
        "-9.99",
        "-1e-9",
        "0",
        "1e-400",
        "0.0001",
        "0.001",
        "0.1",
        "0.10001",
        "1",
        "9.5",
        "10",
        "123456789012345678901234567890",
        "123456789012345678901234567890.5",
        "1e100000",
    ];
    for (at, left) in ascending.iter().enumerate() {
        for (other, right) in ascending.iter().enumerate() {
            let (left, right) = (Number::parse(left).unwrap(), Number::parse(right).unwrap());
            assert_eq!(left.compare(&right), at.cmp(&other), "{left:?} {right:?}");
        }
    }
    assert_eq!(Decimal::parse("1.50e2"), Decimal::parse("150"));
    assert_eq!(Number::parse("0.0").unwrap().compare(&Number::parse("-0").unwrap()), Ordering::Equal);
}

#[test]
fn long_integers_are_read_only_where_they_are_literals() {
    let table = [
        ("1000000000000000000000 == 1000000000000000000000", true),
        ("1000000000000000000000 == 2000000000000000000000", false),
        ("0xFFFFFFFFFFFFFFFFFFFFFFFF > 1", true),
        ("9223372036854775808u > 9223372036854775807", true),
        ("-1000000000000000000000 < 0", true),
        ("1000000000000000000000.5 > 1000000000000000000000", true),
        ("\"1000000000000000000000\" == \"1000000000000000000000\"", true),
        ("'it''s' == \"x\" || \"a\\\"1000000000000000000000\" == 'a\"1000000000000000000000'", true),
        ("r'\\' == '\\\\' && 1000000000000000000000 > 1", true),
        ("'''a'1000000000000000000000''' == \"a'1000000000000000000000\"", true),
    ];
    for (text, expected) in table {
        match compile(text) {
            Ok(_) => assert_eq!(evaluate(text, ""), Ok(expected), "{text}"),
            Err(errors) => assert!(text.starts_with("'it''s'"), "{text}: {errors:?}"),
        }
    }
    let errors = compile(&format!("1{} > 0", "0".repeat(200))).unwrap_err();
    assert!(errors[0].to_string().contains("more than 511 bits"), "{errors:?}");
}

#[test]
fn work_is_bounded() {
    // 500 × 500 visits of three nodes stay below the bound; a larger body does not.
    assert_eq!(evaluate("many.all(a, many.all(b, a != b || true))", ""), Ok(true));
    let heavy = format!("many.all(a, many.all(b, {}))", ["a + b >= 0"; 12].join(" && "));
    assert!(matches!(evaluate(&heavy, ""), Err(Gap::Failed(why)) if why.contains("given up")));
}

/// Whatever is as long as is allowed is answered, not a stack overflow: this runs on a test's small stack.
#[test]
fn size_and_depth_are_bounded() {
    let half = EXPRESSION_CHARS_MAX / 2;
    let refused = [
        "a".repeat(EXPRESSION_CHARS_MAX + 1),
        format!("{}yes{}", "(".repeat(half - 2), ")".repeat(half - 2)),
        format!("{}1{}", "[".repeat(half - 2), "]".repeat(half - 2)),
        format!("1{} > 0", "+1".repeat(half - 6)),
        format!("yes{}", ".x".repeat(half - 4)),
        format!("many{}", "[0]".repeat(600)),
        format!("{}yes{}", "(".repeat(EXPRESSION_BRACKETS_MAX + 1), ")".repeat(EXPRESSION_BRACKETS_MAX + 1)),
        format!("yes{}", "?yes:yes".repeat(200)),
        format!("yes{}{}", "?yes".repeat(200), ":yes".repeat(200)),
        "[".repeat(EXPRESSION_CHARS_MAX),
        "(".repeat(EXPRESSION_CHARS_MAX),
        "\"".repeat(EXPRESSION_CHARS_MAX),
        format!("size({}", "size(".repeat(400)),
        format!("yes{}", "&&yes".repeat(400)),
    ];
    for text in refused {
        let start: String = text.chars().take(12).collect();
        assert!(compile(&text).is_err(), "{start}… was accepted");
    }
    let deep = EXPRESSION_BRACKETS_MAX;
    let accepted = [
        format!("yes{}", "&&yes".repeat(150)),
        format!("{}yes{}", "(".repeat(deep), ")".repeat(deep)),
        format!("{}yes", "!".repeat(EXPRESSION_CHARS_MAX - 3)), // the parser keeps only whether the number is odd
    ];
    for text in accepted {
        assert!(compile(&text).is_ok(), "{text}");
    }
}

proptest::proptest! {
    /// Whatever is written is accepted or refused with a reason, and what is accepted is well typed.
    #[test]
    fn any_text_is_answered(tokens in proptest::collection::vec(0_usize..TOKENS.len(), 0..40)) {
        let text: String = tokens.iter().map(|token| TOKENS[*token]).collect();
        match compile(&text) {
            Ok(_) => {
                let answer = evaluate(&text, "7");
                let ill_typed = matches!(&answer, Err(Gap::Failed(why)) if why.starts_with("found "));
                proptest::prop_assert!(!ill_typed, "{text}: {answer:?}");
            }
            Err(errors) => proptest::prop_assert!(!errors.is_empty(), "{text}"),
        }
    }

    #[test]
    fn any_characters_are_answered(text in "\\PC{0,60}") {
        let refused_for_nothing = compile(&text).is_err_and(|errors| errors.is_empty());
        proptest::prop_assert!(!refused_for_nothing, "{text}");
    }
}

const TOKENS: [&str; 40] = [
    "yes",
    "many",
    "field",
    ".",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "\"",
    "'",
    "\\",
    "1",
    "0.5",
    "1000000000000000000000",
    "0x",
    "u",
    "&&",
    "||",
    "!",
    "==",
    "<",
    ">=",
    "+",
    "-",
    "*",
    "/",
    "%",
    "?",
    ":",
    ",",
    " in ",
    "has",
    "size",
    "exists",
    "all",
    "null",
    "é",
    "\n",
];
