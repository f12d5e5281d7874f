//! From CEL's tree to a checked one: every name known, every comparison meaningful, every bound kept.
//!
//! All problems of an expression are reported at once; a part that is wrong in itself has no type, and
//! what surrounds it is then not blamed.

mod functions;
mod operators;

use cel::common::ast::operators::INDEX;
use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, SelectExpr};

use super::number::{Decimal, Integer};
use super::source::{ExpressionError, Source};
use super::value::{Type, Value};
use super::{
    COMPREHENSION_DEPTH_MAX, EXPRESSION_DEPTH_MAX, EXPRESSION_NODES_MAX, Node, Resolved, Vocabulary, nearest,
};

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
            let at = self.place_of_name(tree, &path, &resolved);
            return self.resolved(at, resolved, depth);
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
            Expr::Call(CallExpr { func_name, target: None, args }) if func_name == INDEX => match &args[..] {
                [operand, IdedExpr { expr: Expr::Literal(LiteralValue::String(key)), .. }] => {
                    let mut path = self.path(operand)?;
                    path.push(key.inner().to_owned());
                    Some(path)
                }
                _ => None,
            },
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

    /// A wrong field is at its own place; a wrong beginning is where the name begins.
    pub(super) fn place_of_name(
        &mut self,
        tree: &IdedExpr,
        path: &[String],
        resolved: &Result<Resolved<V::Leaf>, String>,
    ) -> u64 {
        let first = self.vocabulary.name(path.get(..1).unwrap_or_default());
        if resolved.as_ref().err() == first.as_ref().err() { root_of(tree) } else { tree.id }
    }

    fn resolved(
        &mut self,
        id: u64,
        resolved: Result<Resolved<V::Leaf>, String>,
        depth: usize,
    ) -> Checked<V::Leaf> {
        match resolved {
            Ok(Resolved::Truth(expression)) => self.graft(id, expression.root, depth),
            Ok(Resolved::Constant(value, kind)) => Some((Node::Constant(value), kind)),
            Ok(Resolved::Leaf(leaf, kind)) => Some((Node::Leaf(leaf), kind)),
            Err(message) => self.refuse(id, message),
        }
    }

    /// Puts another expression here, within the bounds of this one.
    fn graft(&mut self, id: u64, mut root: Node<V::Leaf>, depth: usize) -> Checked<V::Leaf> {
        let extent = root.sink(self.locals.len());
        self.nodes = self.nodes.saturating_add(extent.nodes);
        if self.nodes > EXPRESSION_NODES_MAX {
            return self
                .refuse(id, format!("it has more than {EXPRESSION_NODES_MAX} parts, macros written out"));
        }
        if depth.saturating_add(extent.depth) > EXPRESSION_DEPTH_MAX.saturating_add(1) {
            return self
                .refuse(id, format!("it is nested deeper than {EXPRESSION_DEPTH_MAX}, macros written out"));
        }
        if self.locals.len().saturating_add(extent.quantifiers) > COMPREHENSION_DEPTH_MAX {
            let message = format!("exists and all are nested deeper than {COMPREHENSION_DEPTH_MAX}");
            return self.refuse(id, format!("{message}, macros written out"));
        }
        Some((root, Type::Bool))
    }

    fn literal(&mut self, id: u64, literal: &LiteralValue) -> Checked<V::Leaf> {
        let (value, kind) = match literal {
            LiteralValue::Boolean(bool) => (Value::Bool(*bool.inner()), Type::Bool),
            LiteralValue::Int(number) => (Value::Int(Integer::from(*number.inner())), Type::Int),
            LiteralValue::UInt(number) => (Value::Int(Integer::from(*number.inner())), Type::Int),
            LiteralValue::String(text) => (Value::Text(text.inner().to_owned()), Type::Text),
            LiteralValue::Double(number) => match self.decimal(id, *number.inner()) {
                Some(number) => (Value::Decimal(number), Type::Decimal),
                None => return self.refuse(id, "this number is too large"),
            },
            LiteralValue::Bytes(_) => return self.refuse(id, "write bytes as text: \"0x…\""),
            LiteralValue::Null => return self.refuse(id, "there is no null here; ask `has(…)`"),
        };
        Some((Node::Constant(value), kind))
    }

    /// The literal as it was written where that is the number the parser read, so that no digit is rounded away.
    fn decimal(&self, id: u64, read: f64) -> Option<Decimal> {
        let written = self
            .source
            .written(id)
            .filter(|written| written.parse::<f64>().is_ok_and(|number| number == read));
        Decimal::parse(&written.unwrap_or_else(|| format!("{read:e}")))
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
                    return self
                        .refuse(element, format!("a list that begins with {first} cannot hold {kind}"));
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
