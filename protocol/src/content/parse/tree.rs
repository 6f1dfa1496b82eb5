//! Builds a document from the events of a parser of trees (JSON, YAML, TOML): mappings, lists, keys, scalars. It finds the only list
//! directly below the root, whose items are rows; everything else is settings.

use super::super::Kind;
use super::columns::{Columns, Value};
use super::document::{Document, REPEATED_MAX, RepeatedKey, SETTINGS_MAX, Setting};
use std::collections::HashMap;
use std::fmt::Write as _;

/// Lists below the root whose columns are kept: with more than one, none has the rows.
const LISTS_MAX: usize = 2;

/// One mapping or list that is open.
struct Open {
    /// Keys seen so far and their lines, if it is a mapping.
    keys: Option<HashMap<String, u64>>,
    /// Items seen so far, if it is a list.
    items: u64,
    /// Bytes of the path of the mapping or list itself.
    path_length: usize,
    /// Whether it has had a member.
    empty: bool,
}

/// A list directly below the root, or the root itself.
struct List {
    path: String,
    columns: Columns,
}

#[derive(Default)]
pub(super) struct Tree {
    open: Vec<Open>,
    path: String,
    /// Lists that may hold the rows.
    lists: Vec<List>,
    lists_count: u32,
    /// Depth at which the list that is being read is open.
    list_depth: Option<usize>,
    /// Place of the column of the key that was read last, one level below the items.
    column: Option<usize>,
    root_is_list: bool,
    roots: u32,
    unsure: bool,
    document: Document,
}

impl Tree {
    /// A key of the innermost mapping.
    pub(super) fn key(&mut self, key: &str, line: u64) {
        let Some(open) = self.open.last_mut() else { return };
        self.path.truncate(open.path_length);
        if !self.path.is_empty() {
            self.path.push('.');
        }
        self.path.push_str(key);
        open.empty = false;
        if let Some(first) = open.keys.as_mut().and_then(|keys| keys.insert(key.to_owned(), line)) {
            self.document.repeated_keys_count += 1;
            if self.document.repeated_keys.len() < REPEATED_MAX {
                self.document.repeated_keys.push(RepeatedKey { path: self.path.clone(), lines: (first, line) });
            }
        }
        if self.list_depth.is_some_and(|depth| self.open.len() == depth + 1) {
            self.column = self.lists.last_mut().and_then(|list| list.columns.place(key));
        }
    }

    /// A value without members.
    pub(super) fn scalar(&mut self, kind: Kind, line: u64, value: &str) {
        self.begin_value(kind, line, value);
        self.setting(kind, line, value);
        self.root();
    }

    /// A reference to another part of the document: what it stands for is not looked up.
    pub(super) fn alias(&mut self, line: u64) {
        self.unsure |= self.open.len() <= 1;
        self.scalar(Kind::Text, line, "*");
    }

    pub(super) fn begin_mapping(&mut self, line: u64) {
        self.begin_value(Kind::Mapping, line, "{}");
        let path_length = self.path.len();
        self.open.push(Open { keys: Some(HashMap::new()), items: 0, path_length, empty: true });
    }

    pub(super) fn begin_list(&mut self, line: u64) {
        self.begin_value(Kind::List, line, "[]");
        let depth = self.open.len();
        let below_root = depth == 1 && self.open.first().is_some_and(|root| root.keys.is_some());
        if self.list_depth.is_none() && (depth == 0 || below_root) {
            self.root_is_list |= depth == 0;
            self.lists_count += 1;
            if self.lists.len() < LISTS_MAX {
                self.lists.push(List { path: self.path.clone(), columns: Columns::default() });
            }
            self.list_depth = Some(depth + 1);
        }
        self.open.push(Open { keys: None, items: 0, path_length: self.path.len(), empty: true });
    }

    /// The innermost mapping or list ends.
    pub(super) fn end(&mut self, line: u64) {
        if self.list_depth == Some(self.open.len()) {
            self.list_depth = None;
        }
        let Some(open) = self.open.pop() else { return };
        self.path.truncate(open.path_length);
        if open.empty {
            let (kind, text) = if open.keys.is_some() { (Kind::Mapping, "{}") } else { (Kind::List, "[]") };
            self.setting(kind, line, text);
        }
        self.root();
    }

    /// Counts a value as an item of the innermost list, and takes its kind.
    fn begin_value(&mut self, kind: Kind, line: u64, value: &str) {
        let depth = self.open.len();
        if let Some(open) = self.open.last_mut()
            && open.keys.is_none()
        {
            self.path.truncate(open.path_length);
            let _ = write!(self.path, "[{}]", open.items);
            open.items += 1;
            open.empty = false;
        }
        let Some(of_list) = self.list_depth else { return };
        let Some(list) = self.lists.last_mut() else { return };
        if depth == of_list {
            list.columns.rows += 1;
            if kind != Kind::Mapping {
                let place = list.columns.place("");
                list.columns.take(place, &Value { kind, line, text: value });
            }
        } else if depth == of_list + 1 && self.open.last().is_some_and(|open| open.keys.is_some()) {
            list.columns.take(self.column, &Value { kind, line, text: value });
        }
    }

    fn setting(&mut self, kind: Kind, line: u64, value: &str) {
        if self.root_is_list {
            return;
        }
        if self.document.settings.len() >= SETTINGS_MAX {
            self.document.truncated = true;
            return;
        }
        self.document.settings.push(Setting { path: self.path.clone(), value: value.to_owned(), kind, line });
    }

    fn root(&mut self) {
        if self.open.is_empty() {
            self.roots += 1;
            // Paths of the next document in the stream are its own.
            self.path = format!("document {}", self.roots + 1);
        }
    }

    pub(super) fn ambiguous(&mut self, line: u64, value: &str) {
        if self.document.ambiguous.len() < REPEATED_MAX {
            self.document.ambiguous.push((line, value.to_owned()));
        }
    }

    /// The document. With several documents in one stream, or references in place of lists, rows are unknown.
    pub(super) fn finish(mut self) -> Document {
        let certain = !self.unsure && self.roots <= 1 && self.lists_count == 1;
        if let Some(list) = self.lists.pop().filter(|_| certain) {
            let within = format!("{}[", list.path);
            self.document.rows = Some(list.columns.rows);
            self.document.truncated = list.columns.truncated;
            self.document.columns = list.columns.list;
            self.document.settings.retain(|setting| {
                !self.root_is_list && !setting.path.starts_with(&within) && setting.path != list.path
            });
        }
        self.document
    }
}
