//! One instruction at a time: where control goes, and what happens to the registers that may hold the address of a
//! constant. Which instructions matter is decided by the callers.

mod aarch64;
mod x86;

use crate::binary::Instructions;

/// A general register by its number: 0 to 15 of x86-64, 0 to 30 of aarch64.
pub(crate) type Register = u8;

/// A set of registers, one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Registers(pub(crate) u32);

impl Registers {
    pub(crate) fn of(register: Register) -> Self {
        Self(1_u32.checked_shl(u32::from(register)).unwrap_or(0))
    }

    pub(crate) fn has(self, register: Register) -> bool {
        self.0 & Self::of(register).0 != 0
    }

    pub(crate) fn with(self, register: Register) -> Self {
        Self(self.0 | Self::of(register).0)
    }

    pub(crate) fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub(crate) fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// Where a call or jump goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// To this address.
    Address(u64),
    /// To what the word at this address points to.
    Slot(u64),
    /// To what a register holds.
    Register(Register),
    /// Known only while the program runs.
    Unknown,
}

/// Where control goes after an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flow {
    Next,
    Call(Target),
    Jump(Target),
    /// There, or to the next instruction.
    Branch(u64),
    /// Nowhere that is known: a return, a trap, or bytes that are no instruction.
    Stop,
}

/// What an instruction does to a register that may matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    None,
    Set {
        to: Register,
        value: u64,
    },
    /// `to` = `from` + `value`.
    Add {
        to: Register,
        from: Register,
        value: u64,
    },
    /// `to` = what the word at this address holds.
    Load {
        to: Register,
        slot: u64,
    },
    /// `to` = what the word at `base` + `offset` holds.
    LoadFrom {
        to: Register,
        base: Register,
        offset: u64,
    },
    /// `to` = one of these two.
    Select {
        to: Register,
        first: Register,
        second: Register,
    },
}

/// One decoded instruction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    /// Address of the instruction behind it.
    pub(crate) next: u64,
    pub(crate) flow: Flow,
    pub(crate) effect: Effect,
    /// Registers whose content is lost, beside the one that `effect` sets.
    pub(crate) lost: Registers,
    /// Registers whose content goes to memory.
    pub(crate) stored: Registers,
}

/// The decoder of one instruction set.
pub(crate) enum Machine {
    X86(Box<x86::Decoding>),
    Aarch64,
}

impl Machine {
    pub(crate) fn of(instructions: Instructions) -> Self {
        match instructions {
            Instructions::X86 => Self::X86(Box::default()),
            Instructions::Aarch64 => Self::Aarch64,
        }
    }

    /// Decodes the instruction at the start of `code`, which lies at `address`.
    pub(crate) fn step(&mut self, code: &[u8], address: u64) -> Step {
        match self {
            Self::X86(decoding) => decoding.step(code, address),
            Self::Aarch64 => aarch64::step(code, address),
        }
    }

    /// Hands each call, jump and constant of `code` to `see`, and nothing else: this runs over all code of a binary.
    pub(crate) fn skim(&mut self, code: &[u8], address: u64, see: &mut dyn FnMut(Seen)) {
        match self {
            Self::X86(_) => x86::skim(code, address, see),
            Self::Aarch64 => aarch64::skim(code, address, see),
        }
    }

    /// Registers that hold arguments of a call (System V AMD64 psABI; AAPCS64).
    pub(crate) fn arguments(&self) -> Registers {
        match self {
            Self::X86(_) => x86::ARGUMENTS,
            Self::Aarch64 => Registers(0xff),
        }
    }

    /// The registers of the first two arguments: pointer and length of a message.
    pub(crate) fn message(&self) -> [Register; 2] {
        match self {
            Self::X86(_) => [x86::RDI, x86::RSI],
            Self::Aarch64 => [0, 1],
        }
    }

    /// Registers that a call may change (the same sources).
    pub(crate) fn volatile(&self) -> Registers {
        match self {
            Self::X86(_) => x86::VOLATILE,
            Self::Aarch64 => Registers(0x7ffff | 1 << 30),
        }
    }
}

/// What a quick look over code finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Call {
        at: u64,
        target: Target,
    },
    Jump {
        at: u64,
        target: Target,
    },
    /// A register was loaded with this number, which may be an address.
    Value {
        value: u64,
    },
    /// A register was loaded from this word.
    Slot {
        slot: u64,
    },
}
