//! From CEL's tree to a checked one: every name known, every comparison meaningful, every bound kept.
//!
//! All problems of an expression are reported at once; a part that is wrong in itself has no type, and
//! what surrounds it is then not blamed.

use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, SelectExpr, operators};
use jiff::Timestamp;

use super::number::{Decimal, Integer};
use super::source::{ExpressionError, Source};
use super::value::{Type, Value};
use super::{
    Arithmetic, COMPREHENSION_DEPTH_MAX, Comparison, EXPRESSION_DEPTH_MAX, EXPRESSION_NODES_MAX, Node,
    Quantifier, Resolved, TextTest, Vocabulary, nearest,
};

/// Functions every expression may call, for suggestions.
const FUNCTIONS: [&str; 9] =
    ["has", "size", "big", "timestamp", "exists", "all", "contains", "startsWith", "endsWith"];

/// Checks a parsed expression against a vocabulary and the type it must have.
pub(super) fn check<V: Vocabulary>(
    source: &Source,
    vocabulary: &mut V,
    wanted: &Type,
) -> Result<Node<V::Leaf>, Vec<ExpressionError>> {
    let mut checker = Checker { source, vocabulary, locals: Vec::new(), nodes: 0, errors: Vec::new() };
    let checked = checker.node(&source.tree, 0);
    match checked {
        Some((node, kind)) if checker.errors.is_empty() => {
            if kind == *wanted {
                return Ok(node);
            }
            let message = match kind {
                Type::Loose => {
                    "the result must be true or false; compare the metadata field, as in `== \"true\"`"
                        .to_owned()
                }
                kind @ (Type::Bool
                | Type::Int
                | Type::Decimal
                | Type::Text
                | Type::Time
                | Type::List(_)
                | Type::Tuple(_)) => format!("the result must be {wanted}, and this is {kind}"),
            };
            Err(vec![source.error(source.tree.id, message)])
        }
        Some(_) | None => Err(checker.errors),
    }
}

struct Checker<'a, V: Vocabulary> {
    source: &'a Source,
    vocabulary: &'a mut V,
    locals: Vec<(String, Type)>,
    nodes: usize,
    errors: Vec<ExpressionError>,
}

/// A checked node and its type; `None` when the problem is already reported.
type Checked<L> = Option<(Node<L>, Type)>;

impl<V: Vocabulary> Checker<'_, V> {
    fn node(&mut self, tree: &IdedExpr, depth: usize) -> Checked<V::Leaf> {
        self.nodes = self.nodes.saturating_add(1);
        if self.nodes == EXPRESSION_NODES_MAX.saturating_add(1) {
            return self.refuse(tree.id, format!("it has more than {EXPRESSION_NODES_MAX} parts"));
        }
        if self.nodes > EXPRESSION_NODES_MAX {
            return None;
        }
        if depth > EXPRESSION_DEPTH_MAX {
            return self.refuse(tree.id, format!("it is nested deeper than {EXPRESSION_DEPTH_MAX}"));
        }
        let depth = depth.saturating_add(1);
        if let Some(path) = self.path(tree) {
            let resolved = self.vocabulary.name(&path);
            return self.resolved(root_of(tree), resolved);
        }
        match &tree.expr {
            Expr::Literal(literal) => self.literal(tree.id, literal),
            Expr::Ident(name) => self.identifier(tree.id, name),
            Expr::Select(select) => self.member(tree.id, select, depth),
            Expr::List(list) => self.list(tree.id, &list.elements, depth),
            Expr::Call(call) => self.call(tree.id, call, depth),
            Expr::Map(_) | Expr::Struct(_) | Expr::Comprehension(_) | Expr::Unspecified => {
                self.refuse(tree.id, "this form of CEL is not supported here")
            }
        }
    }

    /// The dotted name a tree spells, `["x"]` included, unless it begins with a local or a long number.
    fn path(&self, tree: &IdedExpr) -> Option<Vec<String>> {
        match &tree.expr {
            Expr::Ident(name) => {
                let taken = self.source.long_integer(name).is_some()
                    || self.locals.iter().any(|(local, _)| local == name);
                (!taken).then(|| vec![name.clone()])
            }
            Expr::Select(SelectExpr { operand, field, test: false }) => {
                let mut path = self.path(operand)?;
                path.push(field.clone());
                Some(path)
            }
            Expr::Call(CallExpr { func_name, target: None, args }) if func_name == operators::INDEX => {
                match &args[..] {
                    [operand, IdedExpr { expr: Expr::Literal(LiteralValue::String(key)), .. }] => {
                        let mut path = self.path(operand)?;
                        path.push(key.inner().to_owned());
                        Some(path)
                    }
                    _ => None,
                }
            }
            Expr::Select(_)
            | Expr::Call(_)
            | Expr::Literal(_)
            | Expr::List(_)
            | Expr::Map(_)
            | Expr::Struct(_)
            | Expr::Comprehension(_)
            | Expr::Unspecified => None,
        }
    }

    fn resolved(&mut self, id: u64, resolved: Result<Resolved<V::Leaf>, String>) -> Checked<V::Leaf> {
        match resolved {
            Ok(Resolved::Constant(value, kind)) => Some((Node::Constant(value), kind)),
            Ok(Resolved::Leaf(leaf, kind)) => Some((Node::Leaf(leaf), kind)),
            Err(message) => self.refuse(id, message),
        }
    }

    fn literal(&mut self, id: u64, literal: &LiteralValue) -> Checked<V::Leaf> {
        let (value, kind) = match literal {
            LiteralValue::Boolean(bool) => (Value::Bool(*bool.inner()), Type::Bool),
            LiteralValue::Int(number) => (Value::Int(Integer::from(*number.inner())), Type::Int),
            LiteralValue::UInt(number) => (Value::Int(Integer::from(*number.inner())), Type::Int),
            LiteralValue::String(text) => (Value::Text(text.inner().to_owned()), Type::Text),
            LiteralValue::Double(number) => match Decimal::parse(&format!("{:e}", number.inner())) {
                Some(number) => (Value::Decimal(number), Type::Decimal),
                None => return self.refuse(id, "this number is too large"),
            },
            LiteralValue::Bytes(_) => return self.refuse(id, "write bytes as text: \"0x…\""),
            LiteralValue::Null => return self.refuse(id, "there is no null here; ask `has(…)`"),
        };
        Some((Node::Constant(value), kind))
    }

    fn identifier(&mut self, id: u64, name: &str) -> Checked<V::Leaf> {
        if let Some(number) = self.source.long_integer(name) {
            return Some((Node::Constant(Value::Int(number)), Type::Int));
        }
        match self.locals.iter().rposition(|(local, _)| local == name) {
            Some(slot) => self.locals.get(slot).map(|(_, kind)| (Node::Local(slot), kind.clone())),
            None => self.refuse(id, format!("unknown name {name:?}")),
        }
    }

    /// `read("oracle", "latestRoundData()").answer`
    fn member(&mut self, id: u64, select: &SelectExpr, depth: usize) -> Checked<V::Leaf> {
        let (operand, kind) = self.node(&select.operand, depth)?;
        let Type::Tuple(items) = &kind else {
            return self.refuse(id, format!("{kind} has no member \"{}\"", select.field));
        };
        match items.iter().position(|(name, _)| *name == select.field) {
            Some(position) => at_position(operand, &kind, position),
            None => {
                let known = nearest(&select.field, items.iter().map(|(name, _)| name.as_str()));
                self.refuse(id, format!("none of these {kind} is named \"{}\"{known}", select.field))
            }
        }
    }

    fn list(&mut self, id: u64, elements: &[IdedExpr], depth: usize) -> Checked<V::Leaf> {
        let items: Vec<_> = elements.iter().map(|element| (element.id, self.node(element, depth))).collect();
        let mut nodes = Vec::with_capacity(items.len());
        let mut common: Option<Type> = None;
        for (element, item) in items {
            let (node, kind) = item?;
            match &common {
                Some(first) if !first.equates(&kind) => {
                    return self.refuse(element, format!("a list of {first} cannot hold {kind}"));
                }
                Some(_) => {}
                None => common = Some(kind),
            }
            nodes.push(node);
        }
        match common {
            Some(kind) => Some((Node::List(nodes), Type::List(Box::new(kind)))),
            None => self.refuse(id, "an empty list holds nothing: this can never be true"),
        }
    }

    fn call(&mut self, id: u64, call: &CallExpr, depth: usize) -> Checked<V::Leaf> {
        let name = call.func_name.as_str();
        match (&call.target, &call.args[..]) {
            (None, [left, right]) => {
                if let Some(comparison) = comparison(name) {
                    return self.compare(id, comparison, left, right, depth);
                }
                if let Some(arithmetic) = arithmetic(name) {
                    return self.calculate(id, arithmetic, left, right, depth);
                }
                match name {
                    operators::LOGICAL_AND => self.logic(id, Node::And, left, right, depth),
                    operators::LOGICAL_OR => self.logic(id, Node::Or, left, right, depth),
                    operators::IN => self.membership(id, left, right, depth),
                    operators::INDEX => self.index(id, left, right, depth),
                    _other => self.named(id, call, depth),
                }
            }
            (None, [operand]) => match name {
                operators::LOGICAL_NOT => {
                    let (node, kind) = self.node(operand, depth)?;
                    self.must_be(operand.id, &kind, &Type::Bool, "`!` is for")?;
                    Some((Node::Not(Box::new(node)), Type::Bool))
                }
                operators::NEGATE => self.negate(operand, depth),
                _other => self.named(id, call, depth),
            },
            (None, [condition, then, otherwise]) if name == operators::CONDITIONAL => {
                let (condition, then, otherwise) = (
                    self.node_at(condition, depth),
                    self.node_at(then, depth),
                    self.node_at(otherwise, depth),
                );
                let ((at, condition, kind), (_, then, yes), (_, otherwise, no)) =
                    (condition?, then?, otherwise?);
                self.must_be(at, &kind, &Type::Bool, "what stands before `?` must be")?;
                if yes != no {
                    return self.refuse(id, format!("the two results differ: {yes} and {no}"));
                }
                Some((Node::Choose(Box::new([condition, then, otherwise])), yes))
            }
            (_, _) => self.named(id, call, depth),
        }
    }

    fn node_at(&mut self, tree: &IdedExpr, depth: usize) -> Option<(u64, Node<V::Leaf>, Type)> {
        self.node(tree, depth).map(|(node, kind)| (tree.id, node, kind))
    }

    fn pair(
        &mut self,
        left: &IdedExpr,
        right: &IdedExpr,
        depth: usize,
    ) -> Option<[(Node<V::Leaf>, Type); 2]> {
        let (left, right) = (self.node(left, depth), self.node(right, depth));
        Some([left?, right?])
    }

    fn compare(
        &mut self,
        id: u64,
        comparison: Comparison,
        left: &IdedExpr,
        right: &IdedExpr,
        depth: usize,
    ) -> Checked<V::Leaf> {
        let [(left, left_kind), (right, right_kind)] = self.pair(left, right, depth)?;
        let equality = matches!(comparison, Comparison::Equal | Comparison::NotEqual);
        if equality && !left_kind.equates(&right_kind) {
            return self.refuse(id, format!("{left_kind} is never equal to {right_kind}"));
        }
        if !equality && !left_kind.orders(&right_kind) {
            return self.refuse(id, format!("{left_kind} is neither less nor greater than {right_kind}"));
        }
        Some((Node::Compare(comparison, Box::new([left, right])), Type::Bool))
    }

    fn calculate(
        &mut self,
        id: u64,
        arithmetic: Arithmetic,
        left: &IdedExpr,
        right: &IdedExpr,
        depth: usize,
    ) -> Checked<V::Leaf> {
        let [(left, left_kind), (right, right_kind)] = self.pair(left, right, depth)?;
        if (&left_kind, &right_kind) != (&Type::Int, &Type::Int) {
            return self.refuse(
                id,
                format!("only whole numbers can be calculated with; these are {left_kind} and {right_kind}"),
            );
        }
        Some((Node::Calculate(arithmetic, Box::new([left, right])), Type::Int))
    }

    fn negate(&mut self, operand: &IdedExpr, depth: usize) -> Checked<V::Leaf> {
        let (node, kind) = self.node(operand, depth)?;
        self.must_be(operand.id, &kind, &Type::Int, "`-` is for")?;
        let zero = Node::Constant(Value::Int(Integer::from(0_u64)));
        Some((Node::Calculate(Arithmetic::Subtract, Box::new([zero, node])), Type::Int))
    }

    fn logic(
        &mut self,
        _id: u64,
        make: fn(Box<[Node<V::Leaf>; 2]>) -> Node<V::Leaf>,
        left: &IdedExpr,
        right: &IdedExpr,
        depth: usize,
    ) -> Checked<V::Leaf> {
        let ids = (left.id, right.id);
        let [(left, left_kind), (right, right_kind)] = self.pair(left, right, depth)?;
        let left_fits = self.must_be(ids.0, &left_kind, &Type::Bool, "`&&` and `||` join");
        let right_fits = self.must_be(ids.1, &right_kind, &Type::Bool, "`&&` and `||` join");
        left_fits.and(right_fits)?;
        Some((make(Box::new([left, right])), Type::Bool))
    }

    fn membership(&mut self, id: u64, item: &IdedExpr, list: &IdedExpr, depth: usize) -> Checked<V::Leaf> {
        let [(item, item_kind), (list, list_kind)] = self.pair(item, list, depth)?;
        let Type::List(of) = &list_kind else {
            return self.refuse(id, format!("`in` looks into a list, and this is {list_kind}"));
        };
        if !of.equates(&item_kind) {
            return self.refuse(id, format!("{item_kind} is never in a list of {of}"));
        }
        Some((Node::In(Box::new([item, list])), Type::Bool))
    }

    fn index(&mut self, id: u64, list: &IdedExpr, position: &IdedExpr, depth: usize) -> Checked<V::Leaf> {
        let [(list, list_kind), (at, at_kind)] = self.pair(list, position, depth)?;
        match (&list_kind, &at) {
            (Type::Tuple(_), Node::Constant(Value::Int(position))) => {
                let position = position.to_index().unwrap_or(usize::MAX);
                let count = format!("there are {list_kind}, counted from 0");
                at_position(list, &list_kind, position).or_else(|| self.refuse(id, count))
            }
            (Type::List(item), _) if at_kind == Type::Int => {
                Some((Node::Index(Box::new([list, at])), (**item).clone()))
            }
            (_, _) => self.refuse(id, format!("{list_kind} cannot be indexed with {at_kind}")),
        }
    }

    /// A function or a method by its name.
    fn named(&mut self, id: u64, call: &CallExpr, depth: usize) -> Checked<V::Leaf> {
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
                    Some(resolved) => self.resolved(id, resolved),
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
        match self.vocabulary.name(&path) {
            Ok(Resolved::Leaf(leaf, _)) => Some((Node::Has(leaf), Type::Bool)),
            Ok(Resolved::Constant(..)) => self.refuse(field.id, "this is always there"),
            Err(message) => self.refuse(root_of(field), message),
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
                format!("this looks for text in text, not for {part_kind} in {text_kind}{hint}"),
            );
        }
        Some((Node::Test(test, Box::new([text, part])), Type::Bool))
    }

    fn must_be(&mut self, id: u64, kind: &Type, wanted: &Type, rule: &str) -> Option<()> {
        if kind == wanted {
            return Some(());
        }
        self.errors.push(self.source.error(id, format!("{rule} {wanted}, and this is {kind}")));
        None
    }

    fn refuse(&mut self, id: u64, message: impl Into<String>) -> Checked<V::Leaf> {
        self.errors.push(self.source.error(id, message));
        None
    }
}

fn at_position<L>(tuple: Node<L>, kind: &Type, position: usize) -> Checked<L> {
    let Type::Tuple(items) = kind else { return None };
    let (_, item) = items.get(position)?;
    let position = Node::Constant(Value::Int(Integer::from(u64::try_from(position).ok()?)));
    Some((Node::Index(Box::new([tuple, position])), item.clone()))
}

/// Where the name begins, rather than its last dot.
fn root_of(tree: &IdedExpr) -> u64 {
    match &tree.expr {
        Expr::Select(select) => root_of(&select.operand),
        Expr::Call(CallExpr { target: None, args, .. }) => args.first().map_or(tree.id, root_of),
        Expr::Ident(_)
        | Expr::Call(_)
        | Expr::Literal(_)
        | Expr::List(_)
        | Expr::Map(_)
        | Expr::Struct(_)
        | Expr::Comprehension(_)
        | Expr::Unspecified => tree.id,
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

fn comparison(operator: &str) -> Option<Comparison> {
    Some(match operator {
        operators::EQUALS => Comparison::Equal,
        operators::NOT_EQUALS => Comparison::NotEqual,
        operators::LESS => Comparison::Less,
        operators::LESS_EQUALS => Comparison::LessOrEqual,
        operators::GREATER => Comparison::Greater,
        operators::GREATER_EQUALS => Comparison::GreaterOrEqual,
        _other => return None,
    })
}

fn arithmetic(operator: &str) -> Option<Arithmetic> {
    Some(match operator {
        operators::ADD => Arithmetic::Add,
        operators::SUBSTRACT => Arithmetic::Subtract,
        operators::MULTIPLY => Arithmetic::Multiply,
        operators::DIVIDE => Arithmetic::Divide,
        operators::MODULO => Arithmetic::Remainder,
        _other => return None,
    })
}
