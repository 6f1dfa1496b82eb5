//! aarch64. Every instruction is one little-endian word; the few encodings that matter are read here (Arm A-profile
//! Architecture, "A64 base instructions"), all others only lose the register that they write.

use super::{Effect, Flow, Register, Registers, Seen, Step, Target};
use crate::bytes::u32_at;

/// Size of an instruction, bytes.
const WORD: u64 = 4;
/// The register number that reads as zero, or is the stack pointer.
const ZERO_OR_STACK: u32 = 31;

/// Hands over what matters of `code`. An address takes two instructions, so registers are followed from one to the next.
pub(super) fn skim(code: &[u8], address: u64, see: &mut dyn FnMut(Seen)) {
    let mut pages = [None::<u64>; 32];
    let mut at = address;
    for word in code.chunks_exact(4) {
        let step = step(word, at);
        match step.flow {
            Flow::Call(target) => see(Seen::Call { at, target }),
            Flow::Jump(target) => see(Seen::Jump { at, target }),
            Flow::Branch(to) => see(Seen::Jump { at, target: Target::Address(to) }),
            Flow::Next | Flow::Stop => {}
        }
        let held = |register: Register| pages.get(usize::from(register)).copied().flatten();
        let (value, slot) = match step.effect {
            Effect::Set { value, .. } => (Some(value), None),
            Effect::Add { from, value, .. } => (held(from).map(|held| held.wrapping_add(value)), None),
            Effect::Load { slot, .. } => (None, Some(slot)),
            Effect::LoadFrom { base, offset, .. } => (None, held(base).map(|held| held.wrapping_add(offset))),
            _ => (None, None),
        };
        if let Some(value) = value {
            see(Seen::Value { value });
        }
        if let Some(slot) = slot {
            see(Seen::Slot { slot });
        }
        for (register, page) in (0_u8..).zip(pages.iter_mut()) {
            if step.lost.has(register) {
                *page = None;
            }
        }
        if let Some(page) = written(&step).and_then(|to| pages.get_mut(usize::from(to))) {
            *page = value;
        }
        at = at.wrapping_add(WORD);
    }
}

fn written(step: &Step) -> Option<Register> {
    match step.effect {
        Effect::Set { to, .. } | Effect::Add { to, .. } => Some(to),
        _ => None,
    }
}

/// Decodes the first word of `code`, which lies at `at`.
pub(super) fn step(code: &[u8], at: u64) -> Step {
    let next = at.wrapping_add(WORD);
    let word = u32_at(code, 0);
    let flow = word.map_or(Flow::Stop, |word| flow(word, at));
    let mut step = Step { next, flow, effect: Effect::None, lost: Registers::default(), stored: Registers::default() };
    let Some(word) = word.filter(|_| flow == Flow::Next) else { return step };
    step.stored = stored(word);
    if step.stored.is_empty() {
        step.effect = effect(word, at);
        // Which field names the written register depends on the instruction; to lose one too many only costs a message.
        step.lost = [register(word, 0), register(word, 10).filter(|_| is_pair(word))]
            .into_iter()
            .flatten()
            .fold(Registers::default(), Registers::with);
    }
    step
}

fn is(word: u32, mask: u32, value: u32) -> bool {
    word & mask == value
}

/// Returns bits `from` to `from + count - 1` as a number.
fn field(word: u32, from: u32, count: u32) -> u32 {
    (word >> from) & ((1 << count) - 1)
}

fn register(word: u32, from: u32) -> Option<Register> {
    let number = field(word, from, 5);
    (number != ZERO_OR_STACK).then(|| Register::try_from(number).ok()).flatten()
}

/// Returns the signed number in bits `from` to `from + count - 1`.
fn signed(word: u32, from: u32, count: u32) -> i64 {
    let value = i64::from(field(word, from, count));
    if value >> (count - 1) == 0 { value } else { value - (1 << count) }
}

fn flow(word: u32, at: u64) -> Flow {
    let words = |from, count| at.wrapping_add_signed(signed(word, from, count) * WORD.cast_signed());
    let through = || register(word, 5).map_or(Target::Unknown, Target::Register);
    if is(word, 0xfc00_0000, 0x9400_0000) {
        Flow::Call(Target::Address(words(0, 26))) // BL
    } else if is(word, 0xfc00_0000, 0x1400_0000) {
        Flow::Jump(Target::Address(words(0, 26))) // B
    } else if is(word, 0xff00_0000, 0x5400_0000) || is(word, 0x7e00_0000, 0x3400_0000) {
        Flow::Branch(words(5, 19)) // B.cond, CBZ, CBNZ
    } else if is(word, 0x7e00_0000, 0x3600_0000) {
        Flow::Branch(words(5, 14)) // TBZ, TBNZ
    } else if is(word, 0xfe1f_0000, 0xd61f_0000) {
        match field(word, 21, 3) {
            0 => Flow::Jump(through()), // BR and its authenticated form
            1 => Flow::Call(through()), // BLR and its authenticated form
            _ => Flow::Stop,            // RET, ERET
        }
    } else if is(word, 0xffe0_001f, 0xd420_0000) || is(word, 0xffff_0000, 0) {
        Flow::Stop // BRK, UDF
    } else {
        Flow::Next
    }
}

fn effect(word: u32, at: u64) -> Effect {
    let Some(to) = register(word, 0) else { return Effect::None };
    let from = register(word, 5);
    let page_or_byte = (signed(word, 5, 19) << 2) | i64::from(field(word, 29, 2));
    if is(word, 0x9f00_0000, 0x1000_0000) {
        return Effect::Set { to, value: at.wrapping_add_signed(page_or_byte) }; // ADR
    }
    if is(word, 0x9f00_0000, 0x9000_0000) {
        return Effect::Set { to, value: (at & !0xfff).wrapping_add_signed(page_or_byte << 12) }; // ADRP
    }
    if let (true, Some(from)) = (is(word, 0xff80_0000, 0x9100_0000), from) {
        let shift = 12 * field(word, 22, 1);
        return Effect::Add { to, from, value: u64::from(field(word, 10, 12)) << shift }; // ADD, immediate
    }
    if let (true, Some(from)) = (is(word, 0xffe0_ffe0, 0xaa00_03e0), register(word, 16)) {
        return Effect::Add { to, from, value: 0 }; // MOV between registers
    }
    if is(word, 0x7f80_0000, 0x5280_0000) {
        return Effect::Set { to, value: u64::from(field(word, 5, 16)) << (16 * field(word, 21, 2)) }; // MOVZ
    }
    if is(word, 0xff00_0000, 0x5800_0000) {
        return Effect::Load { to, slot: at.wrapping_add_signed(signed(word, 5, 19) << 2) }; // LDR, literal
    }
    if let (true, Some(base)) = (is(word, 0xffc0_0000, 0xf940_0000), from) {
        return Effect::LoadFrom { to, base, offset: u64::from(field(word, 10, 12)) << 3 }; // LDR, immediate
    }
    if let (true, Some(first), Some(second)) = (is(word, 0xffe0_0c00, 0x9a80_0000), from, register(word, 16)) {
        return Effect::Select { to, first, second }; // CSEL
    }
    Effect::None
}

/// Returns the registers that a store of 64 bits, or of a pair of them, puts into memory.
fn stored(word: u32) -> Registers {
    let one = is(word, 0xffc0_0000, 0xf900_0000) || is(word, 0xffe0_0000, 0xf800_0000); // STR, STUR
    let pair = is(word, 0xfe40_0000, 0xa800_0000); // STP, STNP
    let first = register(word, 0).filter(|_| one || pair);
    let second = register(word, 10).filter(|_| pair);
    first.into_iter().chain(second).fold(Registers::default(), Registers::with)
}

/// Whether it loads a pair of registers.
fn is_pair(word: u32) -> bool {
    is(word, 0xfe40_0000, 0xa840_0000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::Target::{Address, Register as Through};

    fn decoded(word: u32) -> Step {
        step(&word.to_le_bytes(), 0x1_0000)
    }

    #[test]
    fn calls_and_jumps_go_where_the_manual_says() {
        for (word, flow) in [
            (0x9400_0002, Flow::Call(Address(0x1_0008))), // bl #8
            (0x97ff_ffff, Flow::Call(Address(0xfffc))),   // bl #-4
            (0x1400_0001, Flow::Jump(Address(0x1_0004))), // b #4
            (0x5400_0041, Flow::Branch(0x1_0008)),        // b.ne #8
            (0xb400_0040, Flow::Branch(0x1_0008)),        // cbz x0, #8
            (0x3600_0040, Flow::Branch(0x1_0008)),        // tbz w0, #0, #8
            (0xd63f_0100, Flow::Call(Through(8))),        // blr x8
            (0xd61f_0220, Flow::Jump(Through(17))),       // br x17
            (0xd65f_03c0, Flow::Stop),                    // ret
            (0xd420_0020, Flow::Stop),                    // brk #1
            (0x0000_0000, Flow::Stop),                    // udf #0
            (0xd503_201f, Flow::Next),                    // nop
        ] {
            assert_eq!(decoded(word).flow, flow, "{word:#x}");
        }
    }

    #[test]
    fn addresses_are_put_together_of_a_page_and_an_offset() {
        assert_eq!(decoded(0x9000_0000).effect, Effect::Set { to: 0, value: 0x1_0000 }); // adrp x0, #0
        assert_eq!(decoded(0xb000_0002).effect, Effect::Set { to: 2, value: 0x1_1000 }); // adrp x2, #0x1000
        assert_eq!(decoded(0x1000_0043).effect, Effect::Set { to: 3, value: 0x1_0008 }); // adr x3, #8
        assert_eq!(decoded(0x9104_0000).effect, Effect::Add { to: 0, from: 0, value: 0x100 }); // add x0, x0, #0x100
        assert_eq!(decoded(0xaa01_03e0).effect, Effect::Add { to: 0, from: 1, value: 0 }); // mov x0, x1
        assert_eq!(decoded(0xf940_0508).effect, Effect::LoadFrom { to: 8, base: 8, offset: 8 }); // ldr x8, [x8, #8]
        assert_eq!(decoded(0x5280_00a1).effect, Effect::Set { to: 1, value: 5 }); // mov w1, #5
        assert_eq!(decoded(0x9a82_0020).effect, Effect::Select { to: 0, first: 1, second: 2 }); // csel x0, x1, x2, eq
        let pair = decoded(0xa900_07e0); // stp x0, x1, [sp]
        assert!(pair.stored.has(0) && pair.stored.has(1) && pair.lost.is_empty());
        assert!(decoded(0xa940_07e0).lost.has(1), "ldp x0, x1, [sp]");

        let mut seen = Vec::new();
        let code: Vec<u8> =
            [0x9000_0000_u32, 0x9104_0000, 0x9400_0002].iter().flat_map(|word| word.to_le_bytes()).collect();
        skim(&code, 0x1_0000, &mut |found| seen.push(found));
        let call = Seen::Call { at: 0x1_0008, target: Address(0x1_0010) };
        assert_eq!(seen, [Seen::Value { value: 0x1_0000 }, Seen::Value { value: 0x1_0100 }, call]);
    }
}
