//! x86-64. Instructions have variable length, so a search for call opcodes alone would also find them inside of other
//! instructions: a decoder is needed to be exact.

use super::{Effect, Flow, Register, Registers, Seen, Step, Target};
use iced_x86::{
    Code, Decoder, DecoderOptions, FlowControl, Instruction, InstructionInfoFactory, InstructionInfoOptions, Mnemonic,
    OpAccess, OpKind,
};

pub(super) const RDI: Register = 7;
pub(super) const RSI: Register = 6;
/// rdi, rsi, rdx, rcx, r8, r9.
pub(super) const ARGUMENTS: Registers = Registers(1 << RDI | 1 << RSI | 1 << 2 | 1 << 1 | 1 << 8 | 1 << 9);
/// The arguments, rax, r10 and r11.
pub(super) const VOLATILE: Registers = Registers(ARGUMENTS.0 | 1 | 1 << 10 | 1 << 11);
/// Bits of x86-64 code.
const BITNESS: u32 = 64;

/// What the decoder keeps between instructions: memory to write its answers to.
pub(crate) struct Decoding(InstructionInfoFactory);

impl Default for Decoding {
    fn default() -> Self {
        Self(InstructionInfoFactory::new())
    }
}

impl Decoding {
    pub(super) fn step(&mut self, code: &[u8], address: u64) -> Step {
        let mut decoder = Decoder::with_ip(BITNESS, code, address, DecoderOptions::NONE);
        let instruction = decoder.decode();
        let effect = effect(&instruction);
        let mut step = Step {
            next: instruction.next_ip(),
            flow: flow(&instruction),
            effect,
            lost: Registers::default(),
            stored: Registers::default(),
        };
        let used = self.0.info_options(&instruction, InstructionInfoOptions::NO_MEMORY_USAGE);
        for register in used.used_registers() {
            let written = matches!(
                register.access(),
                OpAccess::Write | OpAccess::ReadWrite | OpAccess::CondWrite | OpAccess::ReadCondWrite
            );
            if let (true, Some(number)) = (written, number(register.register())) {
                step.lost = step.lost.with(number);
            }
        }
        if is_store(&instruction) {
            let kept = (0..instruction.op_count()).filter(|index| instruction.op_kind(*index) == OpKind::Register);
            for number in kept.filter_map(|index| number(instruction.op_register(index))) {
                step.stored = step.stored.with(number);
            }
        }
        step
    }
}

/// Hands over what matters of `code`, without a look at registers.
pub(super) fn skim(code: &[u8], address: u64, see: &mut dyn FnMut(Seen)) {
    let mut decoder = Decoder::with_ip(BITNESS, code, address, DecoderOptions::NONE);
    let mut instruction = Instruction::default();
    while decoder.can_decode() {
        decoder.decode_out(&mut instruction);
        match flow(&instruction) {
            Flow::Call(target) => see(Seen::Call { at: instruction.ip(), target }),
            Flow::Jump(target) => see(Seen::Jump { at: instruction.ip(), target }),
            Flow::Branch(to) => see(Seen::Jump { at: instruction.ip(), target: Target::Address(to) }),
            Flow::Stop => {}
            Flow::Next => match effect(&instruction) {
                Effect::Set { value, .. } => see(Seen::Value { value }),
                Effect::Load { slot, .. } => see(Seen::Slot { slot }),
                _ => {}
            },
        }
    }
}

fn number(register: iced_x86::Register) -> Option<Register> {
    let full = register.full_register();
    full.is_gpr64().then(|| Register::try_from(full.number()).ok()).flatten()
}

fn flow(instruction: &Instruction) -> Flow {
    if instruction.is_invalid() {
        return Flow::Stop;
    }
    let near = || Target::Address(instruction.near_branch_target());
    match instruction.flow_control() {
        FlowControl::Next | FlowControl::XbeginXabortXend => Flow::Next,
        FlowControl::UnconditionalBranch => Flow::Jump(near()),
        FlowControl::ConditionalBranch => Flow::Branch(instruction.near_branch_target()),
        FlowControl::Call if instruction.is_call_near() => Flow::Call(near()),
        FlowControl::Call => Flow::Next,
        FlowControl::IndirectCall => Flow::Call(indirect(instruction)),
        FlowControl::IndirectBranch => Flow::Jump(indirect(instruction)),
        FlowControl::Return | FlowControl::Interrupt | FlowControl::Exception => Flow::Stop,
    }
}

fn indirect(instruction: &Instruction) -> Target {
    match instruction.op0_kind() {
        OpKind::Register => number(instruction.op0_register()).map_or(Target::Unknown, Target::Register),
        OpKind::Memory if instruction.is_ip_rel_memory_operand() => Target::Slot(instruction.ip_rel_memory_address()),
        OpKind::Memory if is_absolute(instruction) => Target::Slot(instruction.memory_displacement64()),
        _ => Target::Unknown,
    }
}

fn is_absolute(instruction: &Instruction) -> bool {
    instruction.memory_base() == iced_x86::Register::None && instruction.memory_index() == iced_x86::Register::None
}

fn effect(instruction: &Instruction) -> Effect {
    let to = number(instruction.op0_register());
    let (Some(to), OpKind::Register) = (to, instruction.op0_kind()) else { return Effect::None };
    match instruction.code() {
        Code::Lea_r64_m if instruction.is_ip_rel_memory_operand() => {
            Effect::Set { to, value: instruction.ip_rel_memory_address() }
        }
        Code::Mov_r64_rm64 if instruction.op1_kind() == OpKind::Memory => {
            match instruction.is_ip_rel_memory_operand() {
                true => Effect::Load { to, slot: instruction.ip_rel_memory_address() },
                false => Effect::None,
            }
        }
        Code::Mov_r64_rm64 | Code::Mov_rm64_r64 => {
            let from = number(instruction.op1_register());
            from.map_or(Effect::None, |from| Effect::Add { to, from, value: 0 })
        }
        Code::Mov_r32_imm32 => Effect::Set { to, value: u64::from(instruction.immediate32()) },
        Code::Mov_r64_imm64 | Code::Mov_rm64_imm32 => Effect::Set { to, value: instruction.immediate(1) },
        Code::Xor_r32_rm32 | Code::Xor_rm32_r32 if instruction.op0_register() == instruction.op1_register() => {
            Effect::Set { to, value: 0 }
        }
        _ if is_conditional_move(instruction.mnemonic()) && instruction.op1_kind() == OpKind::Register => {
            let from = number(instruction.op1_register());
            from.map_or(Effect::None, |from| Effect::Select { to, first: to, second: from })
        }
        _ => Effect::None,
    }
}

fn is_conditional_move(mnemonic: Mnemonic) -> bool {
    use Mnemonic::{
        Cmova, Cmovae, Cmovb, Cmovbe, Cmove, Cmovg, Cmovge, Cmovl, Cmovle, Cmovne, Cmovno, Cmovnp, Cmovns, Cmovo,
        Cmovp, Cmovs,
    };
    [
        Cmova, Cmovae, Cmovb, Cmovbe, Cmove, Cmovg, Cmovge, Cmovl, Cmovle, Cmovne, Cmovno, Cmovnp, Cmovns, Cmovo,
        Cmovp, Cmovs,
    ]
    .contains(&mnemonic)
}

fn is_store(instruction: &Instruction) -> bool {
    match instruction.mnemonic() {
        Mnemonic::Mov => instruction.op0_kind() == OpKind::Memory,
        Mnemonic::Push => instruction.op0_kind() == OpKind::Register,
        // Two pointers at once go through a vector register.
        Mnemonic::Movq => instruction.op1_kind() == OpKind::Register,
        _ => false,
    }
}
