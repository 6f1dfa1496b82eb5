//! The second module of both engines: request rules from the innocent config.

/// Path prefixes and whether they block.
#[derive(Debug, Default)]
pub(super) struct Rules(Vec<(String, bool)>);

/// Rules from CSV with a header: `id,action,pattern`.
pub(super) fn parse(bytes: &[u8]) -> Result<Rules, std::str::Utf8Error> {
    let rows = std::str::from_utf8(bytes)?.lines().skip(1);
    let rule = |row: &str| {
        let mut fields = row.split(',').skip(1);
        let (action, pattern) = (fields.next()?, fields.next()?);
        Some((pattern.to_owned(), action == "block"))
    };
    Ok(Rules(rows.filter_map(rule).collect()))
}

impl Rules {
    /// Whether a request for `path` is blocked.
    pub(super) fn blocks(&self, path: &str) -> bool {
        self.0.iter().any(|(pattern, block)| *block && path == pattern)
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn only_blocking_rules_block() {
        let rules = super::parse(b"id,action,pattern\nr1,block,/admin/1\nr2,log,/admin/2\n").unwrap();
        assert!(rules.blocks("/admin/1") && !rules.blocks("/admin/2") && !rules.blocks("/page/1"));
    }
}
