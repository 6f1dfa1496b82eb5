//! Finds the calls that begin a panic. A quick look over all code tells which functions hold such a call or a
//! location constant, and who calls whom; only those functions are followed instruction by instruction.

use crate::binary::Binary;
use crate::entry::{Entry, by_message};
use crate::function::{Function, FunctionId, Functions};
use crate::location::{Location, location, text};
use crate::machine::{Flow, Machine, Seen, Target};
use crate::name::{crate_of, is_std, last_segment, plain};
use crate::origin::owner;
use crate::site::{Kind, Origin};
use crate::state::State;
use crate::walk::{Program, Start, walk};
use std::collections::{BTreeMap, BTreeSet};

/// Greatest length of a message that is kept, bytes. Chosen: what fits a line of a list.
const MESSAGE_BYTES_MAX: u64 = 160;

/// Greatest number of functions through which a location is followed. Chosen: slices of text go through three.
const HANDED_ON_MAX: usize = 4;

/// Instructions that the debug information can be asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Addresses {
    pub(crate) call: u64,
    /// The load of the location; the call itself where none is in sight.
    pub(crate) load: u64,
}

/// A call that may panic.
#[derive(Clone, Debug)]
pub(crate) struct Find<'a> {
    /// The function whose machine code it is in.
    pub(crate) function: FunctionId,
    pub(crate) addresses: Addresses,
    pub(crate) location: Option<Location<'a>>,
    pub(crate) kind: Kind,
    pub(crate) message: Option<String>,
}

/// `caller` calls or jumps to `callee`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Edge {
    pub(crate) callee: FunctionId,
    pub(crate) caller: FunctionId,
}

/// What was found in all code.
#[derive(Default)]
pub(crate) struct Scan<'a> {
    pub(crate) finds: Vec<Find<'a>>,
    /// Sorted, each once.
    pub(crate) edges: Vec<Edge>,
    /// Location constants that are loaded and then reach no call in sight.
    pub(crate) unfollowed: BTreeSet<Location<'a>>,
}

/// A call that may be a site.
struct Call<'a> {
    to: FunctionId,
    /// Whether the location lies in memory, and in no register.
    in_memory: bool,
    find: Find<'a>,
}

/// Scans the code of `functions`.
pub(crate) fn scan<'a>(binary: &Binary<'a>, functions: &Functions<'a>) -> Scan<'a> {
    let mut scanner = Scanner {
        binary,
        functions,
        machine: Machine::of(binary.instructions),
        scan: Scan::default(),
        handed: Vec::new(),
        bare: Vec::new(),
        moved_in: BTreeMap::new(),
    };
    for (id, function) in functions.defined() {
        // What begins a panic is no site of its own: whoever calls it is.
        match (scanner.matters(id, function), function.entry) {
            (true, None) => scanner.follow(id, function),
            (true, Some(_)) => scanner.note_moved_in(id, function),
            (false, _) => {}
        }
    }
    scanner.scan.edges.sort_unstable();
    scanner.scan.edges.dedup();
    scanner.finish()
}

struct Scanner<'a, 's> {
    binary: &'s Binary<'a>,
    functions: &'s Functions<'a>,
    machine: Machine,
    scan: Scan<'a>,
    /// Calls of any function that receive a location constant.
    handed: Vec<Call<'a>>,
    /// Calls of functions that begin a panic, without a location constant in sight.
    bare: Vec<Call<'a>>,
    /// Location constants inside of functions that begin a panic: where all calls hand over the same one, the optimiser
    /// moves it from the calls into the function.
    moved_in: BTreeMap<FunctionId, BTreeSet<Location<'a>>>,
}

/// What a call that begins a panic means, wherever it is.
struct Begins {
    to: FunctionId,
    kind: Kind,
    message: Option<String>,
}

impl Begins {
    fn at<'a>(self, function: FunctionId, at: u64) -> Call<'a> {
        let addresses = Addresses { call: at, load: at };
        let find = Find { function, addresses, location: None, kind: self.kind, message: self.message };
        Call { to: self.to, in_memory: false, find }
    }
}

/// A function that receives a location calls one that panics with a location of its caller.
struct FoundOn {
    edge: Edge,
    kind: Kind,
}

fn code<'a>(binary: &Binary<'a>, function: &Function<'_>) -> &'a [u8] {
    let code = binary.code(function.start).unwrap_or_default();
    let size = usize::try_from(function.end.saturating_sub(function.start)).unwrap_or(usize::MAX);
    code.get(..size).unwrap_or(code)
}

impl<'a> Scanner<'a, '_> {
    /// Whether the function holds what has to be followed. Notes whom it calls.
    fn matters(&mut self, id: FunctionId, function: &Function<'a>) -> bool {
        let (code, within) = (code(self.binary, function), function.start..function.end);
        let (mut matters, mut targets) = (false, Vec::new());
        let (binary, functions) = (self.binary, self.functions);
        self.machine.skim(code, function.start, &mut |seen| match seen {
            Seen::Call { target, .. } => targets.push(target),
            Seen::Jump { target: Target::Address(to), .. } if within.contains(&to) => {}
            Seen::Jump { target, .. } => targets.push(target),
            Seen::Value { value } => matters |= location(binary, value).is_some(),
            Seen::Slot { slot } => {
                matters |= functions.through(binary, slot).is_some_and(|to| functions.entry(to).is_some());
            }
        });
        for target in targets {
            if let Some(callee) = functions.reached(binary, &mut self.machine, target) {
                matters |= functions.entry(callee).is_some();
                if callee != id {
                    self.scan.edges.push(Edge { callee, caller: id });
                }
            }
        }
        matters
    }

    fn note_moved_in(&mut self, id: FunctionId, function: &Function<'a>) {
        let (binary, found) = (self.binary, self.moved_in.entry(id).or_default());
        let code = code(binary, function);
        self.machine.skim(code, function.start, &mut |seen| {
            if let Seen::Value { value } = seen {
                found.extend(location(binary, value).filter(|location| owner(location.file).origin != Origin::Std));
            }
        });
    }

    /// Follows a function from its first to its last instruction.
    fn follow(&mut self, id: FunctionId, function: &Function<'a>) {
        let (code, mut at, mut state) = (code(self.binary, function), function.start, State::default());
        let (mut calls, mut located) = (Vec::new(), BTreeSet::new());
        while let Some(rest) = usize::try_from(at - function.start).ok().and_then(|offset| code.get(offset..)) {
            if rest.is_empty() {
                break;
            }
            let step = self.machine.step(rest, at);
            let set = state.set_by(&step);
            if let Flow::Call(target) | Flow::Jump(target) = step.flow {
                calls.extend(self.call(target, &state).map(|found| found.at(id, at)));
            }
            state.apply(&step);
            if let Some((set, found)) = set.and_then(|set| Some((set, location(self.binary, set.value)?))) {
                let start = Start { function: id, at: step.next, register: set.register, state: &state };
                located.extend(self.hand(found, at, &start));
            }
            match step.flow {
                Flow::Call(_) => state.forget(self.machine.volatile()),
                // What follows is reached from elsewhere.
                Flow::Jump(_) | Flow::Stop => state = State::default(),
                Flow::Next | Flow::Branch(_) => {}
            }
            at = step.next;
        }
        self.bare.extend(calls.into_iter().filter(|call: &Call<'a>| !located.contains(&call.find.addresses.call)));
    }

    /// Returns what a call means if it begins a panic.
    fn call(&mut self, target: Target, state: &State) -> Option<Begins> {
        let to = self.functions.reached(self.binary, &mut self.machine, state.resolve(target))?;
        let Some(Entry::Panics { kind, formats }) = self.functions.entry(to) else { return None };
        let message = self.message(state, formats);
        let kind = message.as_deref().map_or(kind, |message| by_message(kind, message));
        Some(Begins { to, kind, message })
    }

    /// Follows a location constant to the calls that it is handed to, and returns the addresses of those that panic.
    fn hand(&mut self, found: Location<'a>, loaded_at: u64, start: &Start<'_>) -> Vec<u64> {
        let reached = walk(Program { binary: self.binary, functions: self.functions }, &mut self.machine, start);
        if reached.is_empty() {
            self.scan.unfollowed.insert(found);
        }
        let mut panics = Vec::new();
        for arrival in reached {
            let (kind, message) = match self.functions.entry(arrival.callee) {
                Some(Entry::Panics { kind, formats }) => {
                    panics.push(arrival.at);
                    let message = self.message(&arrival.state, formats);
                    (message.as_deref().map_or(kind, |message| by_message(kind, message)), message)
                }
                Some(Entry::EndsAPanic) => continue,
                None => (Kind::Library, None),
            };
            let find = Find {
                function: start.function,
                addresses: Addresses { call: arrival.at, load: loaded_at },
                location: Some(found),
                kind,
                message,
            };
            self.handed.push(Call { to: arrival.callee, in_memory: arrival.in_memory, find });
        }
        panics
    }

    /// Returns the text that the first two arguments point to. A `fmt::Arguments` of a text alone doubles its length and
    /// adds one; one with pieces points to a byte that holds the length of the first piece (Rust 1.93 to 1.95).
    fn message(&self, state: &State, formats: bool) -> Option<String> {
        let [pointer, length] = self.machine.message();
        let (address, length) = (state.constant(pointer)?, state.constant(length));
        let read = |address, length: u64| text(self.binary, address, length.min(MESSAGE_BYTES_MAX));
        let found = match (formats, length) {
            (false, length) => read(address, length?),
            (true, Some(length)) => read(address, length / 2).filter(|_| length % 2 == 1),
            (true, None) => read(address.checked_add(1)?, u64::from(*self.binary.bytes(address)?.first()?)),
        };
        let is_text =
            |text: &&str| !text.is_empty() && !text.chars().any(|letter| letter.is_control() && letter != '\n');
        found.filter(is_text).map(str::to_owned)
    }

    /// Sorts out which functions hand on the location of their caller, and so are no sites themselves.
    fn finish(mut self) -> Scan<'a> {
        let receiving: BTreeSet<FunctionId> = self.handed.iter().map(|handed| handed.to).collect();
        let mut handing_on: BTreeMap<FunctionId, Kind> = BTreeMap::new();
        for find in self.bare.iter().map(|bare| &bare.find) {
            if receiving.contains(&find.function) && find.kind != Kind::Allocation {
                handing_on.entry(find.function).or_insert_with(|| self.kind_of_handing_on(find));
            }
        }
        self.extend_along_calls(receiving, &mut handing_on);
        for handed in self.handed {
            let is_entry = self.functions.entry(handed.to).is_some();
            if is_entry {
                self.scan.finds.push(handed.find);
            } else if let (Some(kind), false) = (handing_on.get(&handed.to), handed.in_memory) {
                self.scan.finds.push(Find { kind: *kind, ..handed.find });
            }
        }
        for bare in self.bare {
            if !handing_on.contains_key(&bare.find.function) || bare.find.kind == Kind::Allocation {
                let moved = self.moved_in.get(&bare.to).filter(|moved| moved.len() == 1);
                let location = moved.and_then(|moved| moved.first().copied());
                self.scan.finds.push(Find { location, ..bare.find });
            }
        }
        self.scan
    }

    /// In debug builds a location goes through several functions of the standard library, each calling the next.
    fn extend_along_calls(&self, mut receiving: BTreeSet<FunctionId>, handing_on: &mut BTreeMap<FunctionId, Kind>) {
        let is_std = |id| self.functions.get(id).is_some_and(|function| is_std(crate_of(&plain(function.name))));
        let bare: BTreeMap<FunctionId, Kind> = self
            .bare
            .iter()
            .map(|bare| (bare.find.function, bare.find.kind))
            .filter(|found| found.1 != Kind::Allocation)
            .collect();
        for _ in 0..HANDED_ON_MAX {
            let reached = |edge: &&Edge| receiving.contains(&edge.caller) && !handing_on.contains_key(&edge.caller);
            let found: Vec<FoundOn> = self
                .scan
                .edges
                .iter()
                .filter(reached)
                .filter_map(|edge| {
                    Some(FoundOn {
                        edge: *edge,
                        kind: *bare.get(&edge.callee).or_else(|| handing_on.get(&edge.callee))?,
                    })
                })
                .filter(|found| is_std(found.edge.caller) && is_std(found.edge.callee))
                .collect();
            for FoundOn { edge, kind } in found {
                receiving.insert(edge.callee);
                handing_on.entry(edge.caller).or_insert(kind);
                handing_on.entry(edge.callee).or_insert(kind);
            }
        }
    }

    /// `Result::expect` and `Result::unwrap` call the same function, and differ in a message that is not in sight here.
    fn kind_of_handing_on(&self, find: &Find<'_>) -> Kind {
        let is_expect = || {
            let function = self.functions.get(find.function);
            function.is_some_and(|function| last_segment(&plain(function.name)).starts_with("expect"))
        };
        if find.kind == Kind::Unwrap && is_expect() { Kind::Expect } else { find.kind }
    }
}
