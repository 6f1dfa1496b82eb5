//! Rows, duplicates, blanks and limits of one version, and the difference of two. Pure functions over bytes; what a finding means is decided elsewhere.
