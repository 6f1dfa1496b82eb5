//! The functions of a binary by address, which of them begin a panic, and where a call ends up.

use crate::binary::{Binary, Pointed, Symbol};
use crate::entry::{Entry, entry};
use crate::machine::{Flow, Machine, Target};
use crate::state::State;
use std::collections::BTreeMap;

/// Greatest number of instructions of a stub between a call and a function (`.plt`, veneers). Chosen: they have 1 to 4.
const STUB_STEPS_MAX: usize = 6;

/// One function, or an imported one, whose range is empty.
pub(crate) struct Function<'a> {
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) name: &'a str,
    pub(crate) entry: Option<Entry>,
}

impl Function<'_> {
    /// Whether it is the rarely run part of another function, which the compiler moved away.
    pub(crate) fn is_part(&self) -> bool {
        self.name.contains(".cold") || self.name.contains(".unlikely")
    }
}

/// Index of a function in [`Functions`].
pub(crate) type FunctionId = u32;

/// All functions: those of the binary sorted by address, then the imported ones.
pub(crate) struct Functions<'a> {
    all: Vec<Function<'a>>,
    defined: usize,
    imports: BTreeMap<&'a str, FunctionId>,
}

impl<'a> Functions<'a> {
    /// Sorts the functions among `symbols`; no byte of code belongs to two of them.
    pub(crate) fn of(binary: &Binary<'a>, symbols: &[Symbol<'a>]) -> Self {
        let mut all: Vec<Function<'a>> = symbols
            .iter()
            .filter(|symbol| symbol.is_defined && symbol.is_function && binary.code(symbol.address).is_some())
            .map(|symbol| Function {
                start: symbol.address,
                end: symbol.address.saturating_add(symbol.size),
                name: symbol.name,
                entry: entry(symbol.name),
            })
            .collect();
        // Of several names for one address, one that begins a panic counts; else the first by letters, for the same list every time.
        all.sort_by(|a, b| (a.start, a.entry.is_none(), a.name).cmp(&(b.start, b.entry.is_none(), b.name)));
        all.dedup_by_key(|function| function.start);
        let starts: Vec<u64> = all.iter().skip(1).map(|function| function.start).chain([u64::MAX]).collect();
        for (function, next) in all.iter_mut().zip(starts) {
            let whole = binary.code(function.start).map_or(0, <[u8]>::len) as u64;
            let end = if function.end == function.start { u64::MAX } else { function.end };
            function.end = end.min(next).min(function.start.saturating_add(whole));
        }
        let defined = all.len();
        let mut imports = BTreeMap::new();
        for name in
            symbols.iter().filter(|symbol| !symbol.is_defined && !symbol.name.is_empty()).map(|symbol| symbol.name)
        {
            if let (std::collections::btree_map::Entry::Vacant(free), Ok(id)) =
                (imports.entry(name), FunctionId::try_from(all.len()))
            {
                free.insert(id);
                all.push(Function { start: 0, end: 0, name, entry: entry(name) });
            }
        }
        Self { all, defined, imports }
    }

    /// The functions that the binary holds.
    pub(crate) fn defined(&self) -> impl Iterator<Item = (FunctionId, &Function<'a>)> {
        (0..).zip(self.all.iter().take(self.defined))
    }

    pub(crate) fn get(&self, id: FunctionId) -> Option<&Function<'a>> {
        self.all.get(usize::try_from(id).ok()?)
    }

    /// Returns the function that begins at `address`.
    pub(crate) fn at(&self, address: u64) -> Option<FunctionId> {
        let defined = self.all.get(..self.defined)?;
        let found = defined.binary_search_by_key(&address, |function| function.start).ok()?;
        FunctionId::try_from(found).ok()
    }

    /// What a call of `id` means; none if it does not begin a panic.
    pub(crate) fn entry(&self, id: FunctionId) -> Option<Entry> {
        self.get(id)?.entry
    }

    /// Returns the function that the word at `slot` points to.
    pub(crate) fn through(&self, binary: &Binary<'a>, slot: u64) -> Option<FunctionId> {
        match binary.pointed(slot)? {
            Pointed::Address(address) => self.at(address),
            Pointed::Import(name) => self.imports.get(name).copied(),
        }
    }

    /// Returns the function that control reaches at `target`, also through a stub.
    pub(crate) fn reached(&self, binary: &Binary<'a>, machine: &mut Machine, target: Target) -> Option<FunctionId> {
        match target {
            Target::Address(address) => self.at(address).or_else(|| self.behind_stub(binary, machine, address)),
            Target::Slot(slot) => self.through(binary, slot),
            Target::Register(_) | Target::Unknown => None,
        }
    }

    fn behind_stub(&self, binary: &Binary<'a>, machine: &mut Machine, address: u64) -> Option<FunctionId> {
        let (mut at, mut state) = (address, State::default());
        for _ in 0..STUB_STEPS_MAX {
            let step = machine.step(binary.code(at)?, at);
            match step.flow {
                Flow::Next => state.apply(&step),
                Flow::Jump(target) => {
                    return match state.resolve(target) {
                        Target::Address(address) => self.at(address),
                        Target::Slot(slot) => self.through(binary, slot),
                        Target::Register(_) | Target::Unknown => None,
                    };
                }
                _ => return None,
            }
            at = step.next;
        }
        None
    }
}
