//! Evaluation of a checked expression: bounded in steps, three-valued, without panics.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::cmp::Ordering;

use super::number::Integer;
use super::value::{Gap, Value};
use super::{Arithmetic, Comparison, EVALUATION_STEPS_MAX, Node, Quantifier, TextTest};

type Asked<'e> = Result<Cow<'e, Value>, Gap>;

/// One evaluation.
pub(super) struct Evaluation<'e, 'f, L> {
    leaf: &'f dyn Fn(&'e L) -> Asked<'e>,
    locals: RefCell<Vec<Cow<'e, Value>>>,
    steps: Cell<u32>,
}

impl<'e, 'f, L> Evaluation<'e, 'f, L> {
    pub(super) fn new(leaf: &'f dyn Fn(&'e L) -> Asked<'e>) -> Self {
        Self { leaf, locals: RefCell::default(), steps: Cell::new(0) }
    }

    /// A node that is true or false.
    pub(super) fn truth(&self, node: &'e Node<L>) -> Result<bool, Gap> {
        let value = self.value(node)?;
        if let Value::Bool(bool) = value.as_ref() {
            Ok(*bool)
        } else {
            Err(value.unexpected("true or false"))
        }
    }

    fn value(&self, node: &'e Node<L>) -> Asked<'e> {
        self.step()?;
        match node {
            Node::Constant(value) => Ok(Cow::Borrowed(value)),
            Node::Leaf(leaf) => (self.leaf)(leaf),
            Node::Local(slot) => self.local(*slot),
            Node::Has(leaf) => match (self.leaf)(leaf) {
                Ok(_) => bool(Ok(true)),
                Err(Gap::Lacks(_)) => bool(Ok(false)),
                Err(gap @ (Gap::Unfit { .. } | Gap::Failed(_))) => Err(gap),
            },
            Node::Not(operand) => bool(self.truth(operand).map(|truth| !truth)),
            Node::And(operands) => bool(self.join(operands, false)),
            Node::Or(operands) => bool(self.join(operands, true)),
            Node::Choose(parts) => {
                let [condition, then, otherwise] = &**parts;
                if self.truth(condition)? { self.value(then) } else { self.value(otherwise) }
            }
            Node::Compare(comparison, operands) => bool(self.compare(*comparison, operands)),
            Node::Calculate(arithmetic, operands) => self.calculate(*arithmetic, operands),
            Node::In(operands) => bool(self.membership(operands)),
            Node::List(items) => {
                let items = items.iter().map(|item| self.value(item).map(Cow::into_owned));
                Ok(Cow::Owned(Value::List(items.collect::<Result<_, _>>()?)))
            }
            Node::Index(operands) => self.index(operands),
            Node::Size(operand) => self.size(operand),
            Node::Test(test, operands) => bool(self.test(*test, operands)),
            Node::Quantify(quantifier, operands) => bool(self.quantify(*quantifier, operands)),
        }
    }

    fn step(&self) -> Result<(), Gap> {
        let steps = self.steps.get();
        if steps >= EVALUATION_STEPS_MAX {
            return Err(Gap::Failed(format!("it was given up after {EVALUATION_STEPS_MAX} steps")));
        }
        self.steps.set(steps.saturating_add(1));
        Ok(())
    }

    fn local(&self, slot: usize) -> Asked<'e> {
        let locals = self.locals.borrow();
        locals.get(slot).cloned().ok_or_else(|| Gap::Failed("a variable has no value".to_owned()))
    }

    /// `&&` (decided by false) and `||` (decided by true): a gap on one side yields to a decision on the other.
    fn join(&self, operands: &'e [Node<L>; 2], decisive: bool) -> Result<bool, Gap> {
        let [left, right] = operands;
        let first = self.truth(left);
        if first == Ok(decisive) {
            return first;
        }
        let second = self.truth(right);
        if second == Ok(decisive) { second } else { first.and(second) }
    }

    fn compare(&self, comparison: Comparison, operands: &'e [Node<L>; 2]) -> Result<bool, Gap> {
        let [left, right] = operands;
        let (left, right) = (self.value(left)?, self.value(right)?);
        match comparison {
            Comparison::Equal => left.same(&right),
            Comparison::NotEqual => left.same(&right).map(|same| !same),
            Comparison::Less => left.order(&right).map(Ordering::is_lt),
            Comparison::LessOrEqual => left.order(&right).map(Ordering::is_le),
            Comparison::Greater => left.order(&right).map(Ordering::is_gt),
            Comparison::GreaterOrEqual => left.order(&right).map(Ordering::is_ge),
        }
    }

    fn calculate(&self, arithmetic: Arithmetic, operands: &'e [Node<L>; 2]) -> Asked<'e> {
        let [left, right] = operands;
        let (left, right) = (self.integer(left)?, self.integer(right)?);
        let result = match arithmetic {
            Arithmetic::Add => left.checked_add(right),
            Arithmetic::Subtract => left.checked_sub(right),
            Arithmetic::Multiply => left.checked_mul(right),
            Arithmetic::Divide => left.checked_div(right),
            Arithmetic::Remainder => left.checked_rem(right),
        };
        let sign = match arithmetic {
            Arithmetic::Add => '+',
            Arithmetic::Subtract => '-',
            Arithmetic::Multiply => '*',
            Arithmetic::Divide => '/',
            Arithmetic::Remainder => '%',
        };
        let number = result
            .ok_or_else(|| Gap::Failed(format!("{left} {sign} {right} has no value within 512 bits")))?;
        Ok(Cow::Owned(Value::Int(number)))
    }

    fn integer(&self, node: &'e Node<L>) -> Result<Integer, Gap> {
        let value = self.value(node)?;
        if let Value::Int(number) = value.as_ref() {
            Ok(*number)
        } else {
            Err(value.unexpected("a whole number"))
        }
    }

    fn membership(&self, operands: &'e [Node<L>; 2]) -> Result<bool, Gap> {
        let [item, list] = operands;
        let (item, list) = (self.value(item)?, self.value(list)?);
        let Value::List(items) = list.as_ref() else { return Err(list.unexpected("a list")) };
        let mut gap = None;
        for candidate in items {
            self.step()?;
            match candidate.same(&item) {
                Ok(true) => return Ok(true),
                Ok(false) => {}
                Err(error) => gap = gap.or(Some(error)),
            }
        }
        gap.map_or(Ok(false), Err)
    }

    fn index(&self, operands: &'e [Node<L>; 2]) -> Asked<'e> {
        let [list, position] = operands;
        let (list, position) = (self.value(list)?, self.integer(position)?);
        let beyond =
            |length: usize| Gap::Failed(format!("position {position} is outside a list of {length}"));
        let index = position.to_index().unwrap_or(usize::MAX);
        match list {
            Cow::Borrowed(Value::List(items)) => {
                items.get(index).map(Cow::Borrowed).ok_or_else(|| beyond(items.len()))
            }
            Cow::Owned(Value::List(items)) => {
                items.get(index).cloned().map(Cow::Owned).ok_or_else(|| beyond(items.len()))
            }
            Cow::Borrowed(_) | Cow::Owned(_) => Err(list.unexpected("a list")),
        }
    }

    fn size(&self, operand: &'e Node<L>) -> Asked<'e> {
        let value = self.value(operand)?;
        let size =
            if let Value::List(items) = value.as_ref() { items.len() } else { value.text()?.chars().count() };
        Ok(Cow::Owned(Value::Int(Integer::from(u64::try_from(size).unwrap_or(u64::MAX)))))
    }

    fn test(&self, test: TextTest, operands: &'e [Node<L>; 2]) -> Result<bool, Gap> {
        let [text, part] = operands;
        let (text, part) = (self.value(text)?, self.value(part)?);
        let (text, part) = (text.text()?.to_ascii_lowercase(), part.text()?.to_ascii_lowercase());
        Ok(match test {
            TextTest::Contains => text.contains(&part),
            TextTest::StartsWith => text.starts_with(&part),
            TextTest::EndsWith => text.ends_with(&part),
        })
    }

    fn quantify(&self, quantifier: Quantifier, operands: &'e [Node<L>; 2]) -> Result<bool, Gap> {
        let [list, body] = operands;
        let items: Vec<Cow<'e, Value>> = match self.value(list)? {
            Cow::Borrowed(Value::List(items)) => items.iter().map(Cow::Borrowed).collect(),
            Cow::Owned(Value::List(items)) => items.into_iter().map(Cow::Owned).collect(),
            other @ (Cow::Borrowed(_) | Cow::Owned(_)) => return Err(other.unexpected("a list")),
        };
        let decisive = quantifier == Quantifier::Exists;
        let mut gap = None;
        for item in items {
            self.locals.borrow_mut().push(item);
            let truth = self.truth(body);
            self.locals.borrow_mut().pop();
            match truth {
                Ok(truth) if truth == decisive => return Ok(decisive),
                Ok(_) => {}
                Err(error) => gap = gap.or(Some(error)),
            }
        }
        gap.map_or(Ok(!decisive), Err)
    }
}

fn bool<'e>(truth: Result<bool, Gap>) -> Asked<'e> {
    truth.map(|truth| Cow::Owned(Value::Bool(truth)))
}
