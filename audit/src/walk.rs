//! Follows one location constant from the instruction that loads it to the calls that receive it, along every way that
//! control can take: the compiler lets several panics share one call.

use crate::binary::Binary;
use crate::function::{FunctionId, Functions};
use crate::machine::{Effect, Flow, Machine, Register, Registers, Step, Target};
use crate::state::State;
use std::collections::BTreeSet;

/// Greatest number of instructions on all ways together. Chosen: of the binaries measured in docs/audit.md, all but a few
/// in a thousand locations reach their call within 16.
const STEPS_MAX: usize = 512;

/// What is walked through.
#[derive(Clone, Copy)]
pub(crate) struct Program<'p, 'a> {
    pub(crate) binary: &'p Binary<'a>,
    pub(crate) functions: &'p Functions<'a>,
}

/// Where a walk begins: behind the instruction that loaded the location into `register`.
pub(crate) struct Start<'s> {
    pub(crate) function: FunctionId,
    pub(crate) at: u64,
    pub(crate) register: Register,
    pub(crate) state: &'s State,
}

/// A call that receives the location.
pub(crate) struct Arrival {
    pub(crate) callee: FunctionId,
    /// Address of the call.
    pub(crate) at: u64,
    /// Whether it lies in memory that the callee may read, and in no register.
    pub(crate) in_memory: bool,
    /// What registers hold there.
    pub(crate) state: State,
}

/// One way that is not followed to its end yet.
#[derive(Clone)]
struct Way {
    at: u64,
    held: Registers,
    in_memory: bool,
    state: State,
}

/// Returns the first call on each way that receives the location.
pub(crate) fn walk(program: Program<'_, '_>, machine: &mut Machine, start: &Start<'_>) -> Vec<Arrival> {
    let first = Way { at: start.at, held: Registers::of(start.register), in_memory: false, state: start.state.clone() };
    let (mut ways, mut been, mut arrivals) = (vec![first], BTreeSet::new(), Vec::<Arrival>::new());
    let mut steps = 0;
    while let Some(mut way) = ways.pop() {
        steps += 1;
        if steps > STEPS_MAX {
            break;
        }
        if !been.insert((way.at, way.held, way.in_memory)) {
            continue;
        }
        let Some(code) = program.binary.code(way.at) else { continue };
        let step = machine.step(code, way.at);
        match step.flow {
            Flow::Next => ways.extend(way.after(&step)),
            Flow::Branch(to) => {
                ways.push(Way { at: to, ..way.clone() });
                way.at = step.next;
                ways.push(way);
            }
            Flow::Stop => {}
            Flow::Jump(target) => match inside(program.functions, way.state.resolve(target)) {
                Some(to) => ways.push(Way { at: to, ..way }),
                None => arrivals.extend(arrival(program, machine, &way, target)),
            },
            Flow::Call(target) => match arrival(program, machine, &way, target) {
                Some(found) => arrivals.push(found),
                None => ways.extend(way.behind_call(&step, machine.volatile())),
            },
        }
    }
    arrivals.sort_by_key(|arrival| arrival.at);
    arrivals.dedup_by_key(|arrival| arrival.at);
    arrivals
}

/// Returns where a jump goes on within the same function, or in a part of it that was moved away.
fn inside(functions: &Functions<'_>, target: Target) -> Option<u64> {
    let Target::Address(to) = target else { return None };
    let is_other = functions.at(to).and_then(|id| functions.get(id)).is_some_and(|function| !function.is_part());
    (!is_other).then_some(to)
}

fn arrival(program: Program<'_, '_>, machine: &mut Machine, way: &Way, target: Target) -> Option<Arrival> {
    let Program { binary, functions } = program;
    let callee = functions.reached(binary, machine, way.state.resolve(target))?;
    let in_register = way.held.meets(machine.arguments());
    // Memory is not followed: what lies there counts where the callee panics for certain.
    let in_memory = !in_register && way.in_memory && functions.entry(callee).is_some();
    (in_register || in_memory).then(|| Arrival { callee, at: way.at, in_memory, state: way.state.clone() })
}

impl Way {
    /// Goes on behind an instruction that neither jumps nor calls; none once the location is nowhere any more.
    fn after(mut self, step: &Step) -> Option<Self> {
        let has = |register| self.held.has(register);
        let received = match step.effect {
            Effect::Add { to, from, value: 0 } => Some(to).filter(|_| has(from)),
            Effect::Select { to, first, second } => Some(to).filter(|_| has(first) || has(second)),
            _ => None,
        };
        let set = match step.effect {
            Effect::Set { to, .. } | Effect::Load { to, .. } | Effect::LoadFrom { to, .. } | Effect::Add { to, .. } => {
                Registers::of(to)
            }
            _ => Registers::default(),
        };
        self.in_memory |= self.held.meets(step.stored);
        self.held = self.held.without(step.lost).without(set);
        if let Some(register) = received {
            self.held = self.held.with(register);
        }
        self.state.apply(step);
        self.at = step.next;
        (!self.held.is_empty() || self.in_memory).then_some(self)
    }

    /// Goes on behind a call that did not receive the location.
    fn behind_call(mut self, step: &Step, volatile: Registers) -> Option<Self> {
        self.held = self.held.without(volatile);
        self.state.forget(volatile);
        self.at = step.next;
        (!self.held.is_empty() || self.in_memory).then_some(self)
    }
}
