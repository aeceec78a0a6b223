//! Rules about names that the host resolves: `allow|deny any|NAME|*.NAME`, first match wins.

use std::sync::Arc;

use super::rule::{Rule, RuleError, allow_or_deny, check_end};

/// One rule about names.
#[derive(Clone, Debug)]
pub struct NameRule {
    rule: Rule,
    allow: bool,
    pattern: Pattern,
}

#[derive(Clone, Debug)]
enum Pattern {
    Any,
    Exact(Box<str>),
    /// All names that end with it, which begins with a dot.
    Below(Box<str>),
}

impl NameRule {
    /// Reads a rule.
    ///
    /// # Errors
    /// It is none; the error says what is allowed.
    pub fn parse(text: &str) -> Result<Self, RuleError> {
        let (allow, name) = allow_or_deny(text)?;
        let plain = name.strip_prefix("*.").unwrap_or(name);
        let is_name = crate::resolve::is_host_name(plain) && !plain.ends_with('.');
        let pattern = match name {
            "any" => Pattern::Any,
            _ if !is_name => {
                let what = "what is resolved is \"any\", a name, or *.NAME for all names below it";
                return Err(RuleError(format!("{text:?}: {what}")));
            }
            _ if plain.len() < name.len() => Pattern::Below(name[1..].into()),
            _ => Pattern::Exact(name.into()),
        };
        Ok(Self {
            rule: Rule::written(text),
            allow,
            pattern,
        })
    }

    fn matches(&self, name: &str) -> bool {
        match &self.pattern {
            Pattern::Any => true,
            Pattern::Exact(exact) => name.eq_ignore_ascii_case(exact),
            Pattern::Below(suffix) => name
                .len()
                .checked_sub(suffix.len())
                .filter(|label| *label > 0)
                .and_then(|at| name.get(at..))
                .is_some_and(|end| end.eq_ignore_ascii_case(suffix)),
        }
    }
}

/// A list of rules about names. The first that matches decides; the default allows all names.
#[derive(Clone, Debug)]
pub struct NameRules(Arc<[NameRule]>);

impl Default for NameRules {
    fn default() -> Self {
        let any = NameRule {
            rule: Rule::built_in("allow any"),
            allow: true,
            pattern: Pattern::Any,
        };
        Self([any].into())
    }
}

impl NameRules {
    /// A list.
    ///
    /// # Errors
    /// Its last rule, and only its last, must be `allow any` or `deny any`.
    pub fn new(rules: Vec<NameRule>) -> Result<Self, RuleError> {
        check_end(&rules, |rule| {
            (matches!(rule.pattern, Pattern::Any), &rule.rule)
        })?;
        Ok(Self(rules.into()))
    }

    /// Decides; the rule that forbids it if one does. A dot at the end of a name does not count.
    pub(super) fn check(&self, name: &str) -> Result<(), Rule> {
        let name = name.strip_suffix('.').unwrap_or(name);
        match self.0.iter().find(|rule| rule.matches(name)) {
            Some(rule) if rule.allow => Ok(()),
            Some(rule) => Err(rule.rule.clone()),
            None => Err(Rule::built_in("built in: no rule matches")),
        }
    }
}
