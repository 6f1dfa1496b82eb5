//! Where recorders are, in the order in which both sides look. Whether a directory can be used is decided by who opens it.

use std::path::PathBuf;

/// Ending of a recorder's file name.
pub const FILE_SUFFIX: &str = ".rec";

/// Ending of a dead recorder's file name whose death the next process told: its counts are still to be shipped.
pub const TOLD_SUFFIX: &str = ".told.rec";
/// File in a recorder directory on which a living agent holds a record lock: deaths are the agent's to tell.
pub const AGENT_LOCK: &str = ".agent.lock";

/// The search list: `FIRSTBAD_RECORDER_DIR`, `/run/firstbad`, `$XDG_RUNTIME_DIR/firstbad`, `/var/tmp/firstbad-$UID`.
#[must_use]
pub fn search_list(env: impl Fn(&str) -> Option<String>, uid: u32) -> Vec<PathBuf> {
    let set = |name: &str| env(name).filter(|value| !value.is_empty());
    let mut list: Vec<PathBuf> = set("FIRSTBAD_RECORDER_DIR").map(PathBuf::from).into_iter().collect();
    list.push(PathBuf::from("/run/firstbad"));
    list.extend(set("XDG_RUNTIME_DIR").map(|runtime| PathBuf::from(runtime).join("firstbad")));
    list.push(PathBuf::from(format!("/var/tmp/firstbad-{uid}")));
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_environment_names_comes_first() {
        let list = search_list(|name| (name == "FIRSTBAD_RECORDER_DIR").then(|| "/x".to_owned()), 7);
        assert_eq!(list, ["/x", "/run/firstbad", "/var/tmp/firstbad-7"].map(PathBuf::from));
        let list = search_list(|name| (name == "XDG_RUNTIME_DIR").then(|| "/run/user/7".to_owned()), 7);
        assert_eq!(list, ["/run/firstbad", "/run/user/7/firstbad", "/var/tmp/firstbad-7"].map(PathBuf::from));
    }
}
