//! Functions and methods: the language's own, and those a vocabulary adds.

use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue};
use jiff::Timestamp;

use super::super::number::Integer;
use super::super::value::{Type, Value};
use super::super::{COMPREHENSION_DEPTH_MAX, Node, Quantifier, Resolved, TextTest, Vocabulary, nearest};
use super::{Checked, Checker};

/// Functions every expression may call, for suggestions.
const FUNCTIONS: [&str; 9] =
    ["has", "size", "big", "timestamp", "exists", "all", "contains", "startsWith", "endsWith"];

impl<V: Vocabulary> Checker<'_, V> {
    /// A function or a method by its name.
    pub(super) fn named(&mut self, id: u64, call: &CallExpr, depth: usize) -> Checked<V::Leaf> {
        let name = call.func_name.as_str();
        match (name, call.target.as_deref(), &call.args[..]) {
            ("has", None, [field]) => self.has(field),
            ("size", None, [of]) | ("size", Some(of), []) => {
                let (node, kind) = self.node(of, depth)?;
                if !matches!(kind, Type::List(_) | Type::Text) {
                    return self.refuse(of.id, format!("{kind} has no size"));
                }
                Some((Node::Size(Box::new(node)), Type::Int))
            }
            ("big", None, [literal]) => match text_of(literal).and_then(Integer::parse) {
                Some(number) => Some((Node::Constant(Value::Int(number)), Type::Int)),
                None => self.refuse(id, "big(\"…\") takes a whole number in quotes, of at most 511 bits"),
            },
            ("timestamp", None, [literal]) => {
                match text_of(literal).and_then(|text| text.parse::<Timestamp>().ok()) {
                    Some(time) => Some((Node::Constant(Value::Time(time)), Type::Time)),
                    None => self.refuse(id, "timestamp(\"…\") takes a time such as \"2026-11-01T03:00:00Z\""),
                }
            }
            ("exists" | "all", Some(list), [variable, body]) => {
                let quantifier = if name == "all" { Quantifier::All } else { Quantifier::Exists };
                self.quantify(id, quantifier, list, variable, body, depth)
            }
            ("contains" | "startsWith" | "endsWith", Some(text), [part]) => {
                let test = match name {
                    "contains" => TextTest::Contains,
                    "startsWith" => TextTest::StartsWith,
                    _ends_with => TextTest::EndsWith,
                };
                self.text_test(id, test, text, part, depth)
            }
            (_, None, arguments) => {
                let literals: Vec<Option<&str>> = arguments.iter().map(text_of).collect();
                match self.vocabulary.call(name, &literals) {
                    Some(resolved) => self.resolved(id, resolved, depth),
                    None => self.unknown_function(id, call),
                }
            }
            (_, Some(_), _) => self.unknown_function(id, call),
        }
    }

    fn unknown_function(&mut self, id: u64, call: &CallExpr) -> Checked<V::Leaf> {
        let name = call.func_name.as_str();
        if name == "matches" {
            return self
                .refuse(id, "there are no regular expressions here: texts change with a bot's release");
        }
        let known = self.vocabulary.functions().iter().copied().chain(FUNCTIONS);
        if known.clone().any(|known| known == name) {
            let count = call.args.len();
            return self.refuse(id, format!("{name} is not used like this ({count} arguments)"));
        }
        let message = format!("unknown function {name:?}{}", nearest(name, known));
        self.refuse(id, message)
    }

    fn has(&mut self, field: &IdedExpr) -> Checked<V::Leaf> {
        let Some(path) = self.path(field) else {
            return self.refuse(field.id, "has(…) takes a field, as in has(alert.metadata.profit)");
        };
        let resolved = self.vocabulary.name(&path);
        let at = self.place_of_name(field, &path, &resolved);
        match resolved {
            Ok(Resolved::Leaf(leaf, _)) => Some((Node::Has(leaf), Type::Bool)),
            Ok(Resolved::Constant(..) | Resolved::Truth(_)) => self.refuse(at, "this is always there"),
            Err(message) => self.refuse(at, message),
        }
    }

    fn quantify(
        &mut self,
        id: u64,
        quantifier: Quantifier,
        list: &IdedExpr,
        variable: &IdedExpr,
        body: &IdedExpr,
        depth: usize,
    ) -> Checked<V::Leaf> {
        let Expr::Ident(variable) = &variable.expr else {
            return self.refuse(variable.id, "the first argument names a variable");
        };
        let (list_node, list_kind) = self.node(list, depth)?;
        let Type::List(item) = list_kind else {
            return self.refuse(list.id, format!("only a list can be searched, and this is {list_kind}"));
        };
        if self.locals.len() >= COMPREHENSION_DEPTH_MAX {
            return self
                .refuse(id, format!("exists and all are nested deeper than {COMPREHENSION_DEPTH_MAX}"));
        }
        self.locals.push((variable.clone(), *item));
        let checked = self.node(body, depth);
        self.locals.pop();
        let (body_node, kind) = checked?;
        self.must_be(body.id, &kind, &Type::Bool, "the second argument must be")?;
        Some((Node::Quantify(quantifier, Box::new([list_node, body_node])), Type::Bool))
    }

    fn text_test(
        &mut self,
        id: u64,
        test: TextTest,
        text: &IdedExpr,
        part: &IdedExpr,
        depth: usize,
    ) -> Checked<V::Leaf> {
        let [(text, text_kind), (part, part_kind)] = self.pair(text, part, depth)?;
        let is_text = |kind: &Type| matches!(kind, Type::Text | Type::Loose);
        if !is_text(&text_kind) || !is_text(&part_kind) {
            let hint = if matches!(text_kind, Type::List(_)) {
                "; to look into a list, write `x in list`"
            } else {
                ""
            };
            return self.refuse(
                id,
                format!("only text is searched for text; this searches {text_kind} for {part_kind}{hint}"),
            );
        }
        Some((Node::Test(test, Box::new([text, part])), Type::Bool))
    }
}

fn text_of(tree: &IdedExpr) -> Option<&str> {
    match &tree.expr {
        Expr::Literal(LiteralValue::String(text)) => Some(text.inner()),
        Expr::Literal(_)
        | Expr::Ident(_)
        | Expr::Select(_)
        | Expr::Call(_)
        | Expr::List(_)
        | Expr::Map(_)
        | Expr::Struct(_)
        | Expr::Comprehension(_)
        | Expr::Unspecified => None,
    }
}
