//! Layout of the mapped flight recorder, and its validating decoder. Files and mappings are opened elsewhere.
