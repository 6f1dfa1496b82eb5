//! The build id of a Mach-O program (macOS) among its load commands. Where the bytes are is decided in `raw/apple.rs`.

/// Bytes of the header of a 64-bit program, before its load commands (`struct mach_header_64`).
pub(crate) const HEADER_BYTES: usize = 32;
/// Place of the number of bytes of all load commands in the header (`sizeofcmds`).
const COMMAND_BYTES_AT: usize = 20;
/// Number of the load command that carries the build id (`LC_UUID`).
const UUID: usize = 0x1b;
/// Bytes of a load command before its own content: its number and its length.
const COMMAND_HEAD_BYTES: usize = 8;
/// Bytes of a build id.
const UUID_BYTES: usize = 16;

/// Bytes of the load commands after a header.
pub(crate) fn command_bytes(header: &[u8]) -> Option<usize> {
    word(header, COMMAND_BYTES_AT)
}

/// The build id of a program, from its header and load commands.
pub(crate) fn uuid(program: &[u8]) -> Option<&[u8]> {
    let mut commands = program.get(HEADER_BYTES..)?;
    loop {
        let (kind, bytes) = (word(commands, 0)?, word(commands, 4)?);
        if kind == UUID {
            return commands.get(COMMAND_HEAD_BYTES..COMMAND_HEAD_BYTES + UUID_BYTES);
        }
        commands = commands.get(bytes.max(COMMAND_HEAD_BYTES)..)?;
    }
}

fn word(bytes: &[u8], at: usize) -> Option<usize> {
    let word = bytes.get(at..at + 4)?.try_into().ok()?;
    usize::try_from(u32::from_ne_bytes(word)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(commands: &[(u32, &[u8])]) -> Vec<u8> {
        let body: Vec<u8> = commands
            .iter()
            .flat_map(|(kind, content)| {
                let bytes = u32::try_from(COMMAND_HEAD_BYTES + content.len()).unwrap();
                [&kind.to_ne_bytes()[..], &bytes.to_ne_bytes(), content].concat()
            })
            .collect();
        let mut program = vec![0; HEADER_BYTES];
        program[COMMAND_BYTES_AT..COMMAND_BYTES_AT + 4].copy_from_slice(&(body.len() as u32).to_ne_bytes());
        program.extend(body);
        program
    }

    #[test]
    fn the_build_id_is_found_behind_other_commands() {
        let id: Vec<u8> = (1..=16).collect();
        let found = program(&[(0x19, &[9; 64]), (0x1b, &id), (0x2, &[0; 16])]);
        assert_eq!(command_bytes(&found[..HEADER_BYTES]), Some(72 + 24 + 24));
        assert_eq!(uuid(&found), Some(&id[..]));
    }

    #[test]
    fn a_program_without_or_with_half_a_build_id_has_none() {
        assert_eq!(uuid(&program(&[(0x19, &[9; 64])])), None);
        assert_eq!(uuid(&program(&[(0x1b, &[9; 4])])), None);
        assert_eq!(uuid(&program(&[])), None);
        assert_eq!(uuid(&[]), None);
        // A command of no length would be looked at for ever.
        let mut endless = program(&[(0x19, &[])]);
        endless[HEADER_BYTES + 4..].fill(0);
        assert_eq!(uuid(&endless), None);
    }
}
