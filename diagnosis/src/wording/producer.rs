//! Sentences about versions of several configs from one producer.

use crate::hypothesis::producer::{Sibling, Siblings};
use firstbad_protocol::Untrusted;
use std::fmt;

impl fmt::Display for Siblings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "versions of other configs from producer {} do harm as well: ", Untrusted(&self.producer))?;
        for (index, other) in self.others.iter().enumerate() {
            f.write_str(if index > 0 { ", " } else { "" })?;
            other.fmt(f)?;
        }
        f.write_str("; versions from other producers do none")
    }
}

impl fmt::Display for Sibling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = |count: usize| if count == 1 { "" } else { "s" };
        let Self { config, versions, hosts } = self;
        let (more_versions, more_hosts) = (plural(*versions), plural(*hosts));
        write!(f, "{} ({versions} version{more_versions}, {hosts} host{more_hosts})", Untrusted(config))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_other_configs_of_a_producer_are_told_with_their_numbers() {
        let others = vec![
            Sibling { config: "routes".to_owned(), versions: 1, hosts: 10 },
            Sibling { config: "waf".to_owned(), versions: 2, hosts: 1 },
        ];
        let told = Siblings { producer: "node-2".to_owned(), others }.to_string();
        assert_eq!(
            told,
            "versions of other configs from producer node-2 do harm as well: routes (1 version, 10 hosts), waf (2 versions, 1 host); versions from other producers do none"
        );
    }
}
