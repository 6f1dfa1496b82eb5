//! What registers are known to hold between two instructions.

use crate::machine::{Effect, Register, Registers, Step, Target};

/// Number of registers that are followed.
const REGISTERS: usize = 32;

/// What one register holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Value {
    /// This number.
    Constant(u64),
    /// What the word at this address holds.
    Word(u64),
}

/// The registers whose content is known.
#[derive(Clone, Debug, Default)]
pub(crate) struct State([Option<Value>; REGISTERS]);

impl State {
    fn value(&self, register: Register) -> Option<Value> {
        self.0.get(usize::from(register)).copied().flatten()
    }

    /// Returns the number in `register`, if it is known.
    pub(crate) fn constant(&self, register: Register) -> Option<u64> {
        match self.value(register)? {
            Value::Constant(value) => Some(value),
            Value::Word(_) => None,
        }
    }

    /// Forgets these registers.
    pub(crate) fn forget(&mut self, lost: Registers) {
        for (register, value) in (0_u8..).zip(self.0.iter_mut()) {
            if lost.has(register) {
                *value = None;
            }
        }
    }

    /// Takes over what an instruction does.
    pub(crate) fn apply(&mut self, step: &Step) {
        let result = self.result(step.effect);
        self.forget(step.lost);
        if let Some((register, value)) = result
            && let Some(place) = self.0.get_mut(usize::from(register))
        {
            *place = value;
        }
    }

    fn result(&self, effect: Effect) -> Option<(Register, Option<Value>)> {
        let constant = |value: u64| Some(Value::Constant(value));
        match effect {
            Effect::None => None,
            Effect::Set { to, value } => Some((to, constant(value))),
            Effect::Add { to, from, value: 0 } => Some((to, self.value(from))),
            Effect::Add { to, from, value } => {
                Some((to, self.constant(from).and_then(|held| constant(held.wrapping_add(value)))))
            }
            Effect::Load { to, slot } => Some((to, Some(Value::Word(slot)))),
            Effect::LoadFrom { to, base, offset } => {
                Some((to, self.constant(base).map(|base| Value::Word(base.wrapping_add(offset)))))
            }
            Effect::Select { to, .. } => Some((to, None)),
        }
    }

    /// Returns the number that an instruction puts into a register, if both are known.
    pub(crate) fn set_by(&self, step: &Step) -> Option<Set> {
        match self.result(step.effect)? {
            (register, Some(Value::Constant(value))) => Some(Set { register, value }),
            _ => None,
        }
    }

    /// Replaces a register by what it is known to hold.
    pub(crate) fn resolve(&self, target: Target) -> Target {
        let Target::Register(register) = target else { return target };
        match self.value(register) {
            Some(Value::Constant(address)) => Target::Address(address),
            Some(Value::Word(slot)) => Target::Slot(slot),
            None => Target::Unknown,
        }
    }
}

/// A number that was put into a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Set {
    pub(crate) register: Register,
    pub(crate) value: u64,
}
