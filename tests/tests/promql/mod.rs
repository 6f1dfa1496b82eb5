//! What tests read off a PromQL expression: its selectors, with the labels of the sums and the function around each.
#![allow(dead_code, reason = "each test reads a part of it")]

use promql_parser::parser::{self, Expr, LabelModifier, VectorSelector};
use std::collections::BTreeSet;
use std::time::Duration;

/// One selector and what is around it.
pub(crate) struct Selected {
    /// The selector itself.
    pub(crate) selector: VectorSelector,
    /// Labels of every `by (..)` around it.
    pub(crate) by: BTreeSet<String>,
    /// The innermost function around it; empty without one.
    pub(crate) function: &'static str,
    /// The range that it selects, if it does.
    pub(crate) range: Option<Duration>,
}

impl Selected {
    /// The metric names that it selects: more than one for `{__name__=~"a|b"}`.
    pub(crate) fn names(&self) -> Vec<String> {
        let by_matcher = self.selector.matchers.matchers.iter().find(|matcher| matcher.name == "__name__");
        match (&self.selector.name, by_matcher) {
            (Some(name), _) => vec![name.clone()],
            (None, Some(matcher)) => matcher.value.split('|').map(str::to_owned).collect(),
            (None, None) => vec![String::new()],
        }
    }

    /// The labels that it is matched by.
    pub(crate) fn matched(&self) -> impl Iterator<Item = &str> {
        self.selector.matchers.matchers.iter().map(|it| it.name.as_str()).filter(|name| *name != "__name__")
    }
}

/// Returns every selector of an expression.
///
/// # Errors
/// If it is no PromQL; the parser's words.
pub(crate) fn selectors(expression: &str) -> Result<Vec<Selected>, String> {
    let parsed = parser::parse(expression)?;
    let mut walk = Walk { found: Vec::new() };
    walk.visit(&parsed, &BTreeSet::new(), "");
    Ok(walk.found)
}

struct Walk {
    found: Vec<Selected>,
}

impl Walk {
    fn visit(&mut self, expression: &Expr, by: &BTreeSet<String>, function: &'static str) {
        match expression {
            Expr::Aggregate(aggregate) => {
                let mut by = by.clone();
                if let Some(LabelModifier::Include(labels)) = &aggregate.modifier {
                    by.extend(labels.labels.iter().cloned());
                }
                self.visit(&aggregate.expr, &by, function);
            }
            Expr::Unary(unary) => self.visit(&unary.expr, by, function),
            Expr::Paren(paren) => self.visit(&paren.expr, by, function),
            Expr::Subquery(subquery) => self.visit(&subquery.expr, by, function),
            Expr::Binary(binary) => {
                self.visit(&binary.lhs, by, function);
                self.visit(&binary.rhs, by, function);
            }
            Expr::Call(call) => {
                let arguments: &[_] = &call.args.args;
                arguments.iter().for_each(|argument| self.visit(argument, by, call.func.name));
            }
            Expr::VectorSelector(selector) => {
                self.found.push(Selected { selector: selector.clone(), by: by.clone(), function, range: None });
            }
            Expr::MatrixSelector(matrix) => {
                let (selector, range) = (matrix.vs.clone(), Some(matrix.range));
                self.found.push(Selected { selector, by: by.clone(), function, range });
            }
            Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => {}
        }
    }
}
