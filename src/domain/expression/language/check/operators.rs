//! Operators: what may be compared, calculated, joined and looked into.

use cel::common::ast::{CallExpr, IdedExpr, operators};

use super::super::number::Integer;
use super::super::value::{Type, Value};
use super::super::{Arithmetic, Comparison, Node, Vocabulary};
use super::{Checked, Checker, at_position};

/// Makes a node of two.
type Make<L> = fn(Box<[Node<L>; 2]>) -> Node<L>;
/// Two checked operands.
type Pair<L> = [(Node<L>, Type); 2];

impl<V: Vocabulary> Checker<'_, V> {
    pub(super) fn call(&mut self, id: u64, call: &CallExpr, depth: usize) -> Checked<V::Leaf> {
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
                    operators::LOGICAL_AND => self.logic(Node::And, left, right, depth),
                    operators::LOGICAL_OR => self.logic(Node::Or, left, right, depth),
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

    pub(super) fn pair(&mut self, left: &IdedExpr, right: &IdedExpr, depth: usize) -> Option<Pair<V::Leaf>> {
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
            return self.refuse(
                id,
                format!("{left_kind} and {right_kind} have no order; only numbers and times have one"),
            );
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
        make: Make<V::Leaf>,
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
            return self.refuse(id, format!("{item_kind} is never in {list_kind}"));
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
