//! Choosing scenarios by name.

/// Whether `name` fits `glob`, in which `*` stands for any text and `,` separates alternatives.
#[must_use]
pub fn fits(glob: &str, name: &str) -> bool {
    glob.split(',').any(|glob| {
        let mut parts = glob.split('*');
        let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else { return false };
        let mut last = "";
        let mut open = false;
        for part in parts {
            open = true;
            last = part;
            let Some((_, after)) = rest.split_once(part) else { return false };
            rest = after;
        }
        if open { last.is_empty() || rest.is_empty() || name.ends_with(last) } else { rest.is_empty() }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_fit() {
        assert!(fits("*", "p1-x") && fits("p1*", "p1-x") && fits("n5,p1-x", "p1-x") && fits("*x", "p1-x"));
        assert!(!fits("p1", "p1-x") && !fits("n*", "p1-x") && !fits("*y", "p1-x"));
    }
}
