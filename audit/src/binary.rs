//! What an audit reads of an ELF file: code, constants, symbol tables and the pointers that the dynamic linker fills in.
//! Every offset of the file is untrusted. Sections are read one by one, so debug information stays on the disk here.

use crate::bytes::{text_at, u32_at, u64_at};
use crate::debug_file::DebugLink;
use crate::error::AuditError;
use object::elf::{R_AARCH64_ABS64, R_AARCH64_GLOB_DAT, R_AARCH64_JUMP_SLOT, R_AARCH64_RELATIVE};
use object::elf::{
    R_X86_64_64, R_X86_64_GLOB_DAT, R_X86_64_JUMP_SLOT, R_X86_64_RELATIVE, RelocationType, SHF_ALLOC, SHF_EXECINSTR,
};
use object::{Architecture, BinaryFormat, Object, ObjectKind, ObjectSection, ReadCache, SectionFlags};
use std::fs::File;
use std::path::{Path, PathBuf};

/// Size of a record of `.rela.*`, bytes (ELF-64, `Elf64_Rela`).
const RELOCATION_BYTES: usize = 24;
/// Size of a record of `.symtab` and `.dynsym`, bytes (ELF-64, `Elf64_Sym`).
const SYMBOL_BYTES: usize = 24;

/// The instruction sets that are decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instructions {
    /// AMD64.
    X86,
    /// A64.
    Aarch64,
}

/// One section that is in memory while the program runs.
pub(crate) struct Section<'a> {
    pub(crate) address: u64,
    pub(crate) bytes: &'a [u8],
    pub(crate) is_code: bool,
}

/// What a word of memory holds after the program was loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pointed<'a> {
    Address(u64),
    Import(&'a str),
}

/// A word that the dynamic linker fills in.
struct Relocation<'a> {
    at: u64,
    pointed: Pointed<'a>,
}

/// One entry of a symbol table.
pub(crate) struct Symbol<'a> {
    pub(crate) name: &'a str,
    pub(crate) address: u64,
    pub(crate) size: u64,
    pub(crate) is_defined: bool,
    pub(crate) is_function: bool,
}

/// One ELF file.
pub(crate) struct Binary<'a> {
    pub(crate) instructions: Instructions,
    pub(crate) sections: Vec<Section<'a>>,
    pub(crate) symbols: Vec<Symbol<'a>>,
    pub(crate) build_id: Option<Vec<u8>>,
    pub(crate) debug_link: Option<DebugLink>,
    pub(crate) has_lines: bool,
    pub(crate) was_made_by_rustc: bool,
    relocations: Vec<Relocation<'a>>,
}

type ElfFile<'a> = object::File<'a, &'a ReadCache<File>>;

impl<'a> Binary<'a> {
    /// Reads the tables of the file behind `cache`; `path` names it in errors.
    ///
    /// # Errors
    /// If it is not a linked ELF file for an instruction set that is decoded, or its tables point outside.
    pub(crate) fn read(cache: &'a ReadCache<File>, path: &Path) -> Result<Self, AuditError> {
        let damaged = |reason: object::Error| AuditError::Damaged { path: path.to_owned(), reason: reason.to_string() };
        let file = object::File::parse(cache).map_err(damaged)?;
        let instructions = instructions(&file, path)?;
        let mut sections = loaded_sections(&file, length(cache))
            .map_err(|reason| AuditError::Damaged { path: path.to_owned(), reason })?;
        sections.sort_by_key(|section| section.address);
        let dynamic = symbols(&file, ".dynsym", ".dynstr");
        let relocations = relocations(&file, instructions, &dynamic);
        let mut all = symbols(&file, ".symtab", ".strtab");
        all.extend(dynamic);
        let comment = content(&file, ".comment");
        Ok(Self {
            instructions,
            sections,
            symbols: all,
            build_id: file.build_id().ok().flatten().map(<[u8]>::to_vec),
            debug_link: debug_link(&file),
            has_lines: file.section_by_name(".debug_line").is_some(),
            was_made_by_rustc: comment.windows(RUSTC_MARK.len()).any(|window| window == RUSTC_MARK),
            relocations,
        })
    }

    /// Returns the bytes from `address` to the end of its section.
    pub(crate) fn bytes(&self, address: u64) -> Option<&'a [u8]> {
        let section = self.section(address)?;
        section.bytes.get(usize::try_from(address.checked_sub(section.address)?).ok()?..)
    }

    /// Returns the machine code from `address` to the end of its section.
    pub(crate) fn code(&self, address: u64) -> Option<&'a [u8]> {
        self.section(address).filter(|section| section.is_code).and_then(|_| self.bytes(address))
    }

    /// Whether `address` lies in data that is in memory.
    pub(crate) fn is_data(&self, address: u64) -> bool {
        self.section(address).is_some_and(|section| !section.is_code)
    }

    /// Returns what the word at `address` points to once the program is loaded.
    pub(crate) fn pointed(&self, address: u64) -> Option<Pointed<'a>> {
        match self.relocations.binary_search_by_key(&address, |relocation| relocation.at) {
            Ok(index) => self.relocations.get(index).map(|relocation| relocation.pointed),
            // Without a record of its own the word is as it lies in the file: fixed addresses, and packed (RELR) ones.
            Err(_) => u64_at(self.bytes(address)?, 0).filter(|value| *value != 0).map(Pointed::Address),
        }
    }

    fn section(&self, address: u64) -> Option<&Section<'a>> {
        let after = self.sections.partition_point(|section| section.address <= address);
        let section = self.sections.get(after.checked_sub(1)?)?;
        let offset = usize::try_from(address - section.address).ok()?;
        (offset < section.bytes.len()).then_some(section)
    }
}

/// What `rustc` writes into `.comment` of every object.
const RUSTC_MARK: &[u8] = b"rustc version ";

fn instructions(file: &ElfFile<'_>, path: &Path) -> Result<Instructions, AuditError> {
    let refuse = |what: String| Err(AuditError::Unsupported { path: path.to_owned(), what });
    if file.format() != BinaryFormat::Elf {
        return refuse(format!("a file in the format {:?}", file.format()));
    }
    match file.kind() {
        ObjectKind::Executable | ObjectKind::Dynamic => {}
        ObjectKind::Relocatable => return refuse("an object file that was not linked".to_owned()),
        ObjectKind::Core => return refuse("a core dump".to_owned()),
        _ => return refuse("an ELF file of unknown type".to_owned()),
    }
    match file.architecture() {
        Architecture::X86_64 if file.is_little_endian() && file.is_64() => Ok(Instructions::X86),
        Architecture::Aarch64 if file.is_little_endian() && file.is_64() => Ok(Instructions::Aarch64),
        other => refuse(format!("a binary for {other:?}")),
    }
}

/// Reads the sections that are in memory. Sections of a linked file do not overlap; a file whose sections do could be
/// small and make the audit read much, so their sum is held to the size of the file.
fn loaded_sections<'a>(file: &ElfFile<'a>, mut left: u64) -> Result<Vec<Section<'a>>, String> {
    let mut sections = Vec::new();
    for section in file.sections() {
        let SectionFlags::Elf { sh_flags, .. } = section.flags() else { continue };
        if !sh_flags.contains(SHF_ALLOC) || section.address() == 0 {
            continue;
        }
        // What holds no bytes in the file (`.bss`) has a range of size 0.
        let size = section.file_range().map_or(0, |range| range.1);
        left = left.checked_sub(size).ok_or("its sections overlap")?;
        let is_code = sh_flags.contains(SHF_EXECINSTR);
        sections.push(Section {
            address: section.address(),
            bytes: section.data().map_err(|error| error.to_string())?,
            is_code,
        });
    }
    Ok(sections)
}

fn debug_link(file: &ElfFile<'_>) -> Option<DebugLink> {
    let (name, checksum) = file.gnu_debuglink().ok()??;
    // The name comes from the file: directories in it would lead anywhere.
    let name = PathBuf::from(Path::new(std::str::from_utf8(name).ok()?).file_name()?);
    Some(DebugLink { name, checksum })
}

fn length(cache: &ReadCache<File>) -> u64 {
    object::ReadRef::len(cache).unwrap_or(0)
}

fn content<'a>(file: &ElfFile<'a>, name: &str) -> &'a [u8] {
    file.section_by_name(name).and_then(|section| section.data().ok()).unwrap_or_default()
}

/// Type of a symbol that is a function (ELF, `STT_FUNC`), and of one that is chosen at start (`STT_GNU_IFUNC`).
const FUNCTION_TYPES: [u8; 2] = [2, 10];

fn symbols<'a>(file: &ElfFile<'a>, table: &str, names: &str) -> Vec<Symbol<'a>> {
    let (records, names) = (content(file, table), content(file, names));
    let symbol = |record: &'a [u8]| {
        let kind = *record.get(4)? & 0xf;
        Some(Symbol {
            name: text_at(names, usize::try_from(u32_at(record, 0)?).ok()?).unwrap_or_default(),
            address: u64_at(record, 8)?,
            size: u64_at(record, 16)?,
            is_defined: record.get(6..8)? != [0, 0],
            is_function: FUNCTION_TYPES.contains(&kind),
        })
    };
    records.chunks_exact(SYMBOL_BYTES).filter_map(symbol).collect()
}

fn relocations<'a>(file: &ElfFile<'a>, instructions: Instructions, dynamic: &[Symbol<'a>]) -> Vec<Relocation<'a>> {
    let mut found: Vec<Relocation<'a>> = [".rela.dyn", ".rela.plt", ".rela.got"]
        .into_iter()
        .flat_map(|name| content(file, name).chunks_exact(RELOCATION_BYTES))
        .filter_map(|record| relocation(record, instructions, dynamic))
        .collect();
    found.sort_by_key(|relocation| relocation.at);
    found
}

fn relocation<'a>(record: &[u8], instructions: Instructions, dynamic: &[Symbol<'a>]) -> Option<Relocation<'a>> {
    let (at, info, addend) = (u64_at(record, 0)?, u64_at(record, 8)?, u64_at(record, 16)?);
    let kind = RelocationType(u32::try_from(info & u64::from(u32::MAX)).ok()?);
    let (relative, by_name) = match instructions {
        Instructions::X86 => (R_X86_64_RELATIVE, [R_X86_64_64, R_X86_64_GLOB_DAT, R_X86_64_JUMP_SLOT]),
        Instructions::Aarch64 => (R_AARCH64_RELATIVE, [R_AARCH64_ABS64, R_AARCH64_GLOB_DAT, R_AARCH64_JUMP_SLOT]),
    };
    if kind == relative {
        return Some(Relocation { at, pointed: Pointed::Address(addend) });
    }
    let symbol = by_name.contains(&kind).then(|| dynamic.get(usize::try_from(info >> 32).ok()?)).flatten()?;
    let pointed = match symbol.is_defined {
        true => Pointed::Address(symbol.address.wrapping_add(addend)),
        false => Pointed::Import(symbol.name),
    };
    Some(Relocation { at, pointed })
}
