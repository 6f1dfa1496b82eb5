//! Mutated inputs from a seed: the same seed and the same kept inputs give the same ones.

/// Longest input: larger ones are slow, and reach nothing that smaller ones do not.
const BYTES_MAX: usize = 16 << 10;
/// Bytes and numbers at which parsers break.
const ODD: [u8; 16] = [0, 1, 2, 7, 8, 9, 10, 0x7f, 0x80, 0x81, 0xfe, 0xff, b'"', b'{', b'[', b'\\'];

/// Makes inputs.
pub(crate) struct Mutator {
    state: u64,
}

impl Mutator {
    /// The mutator of one run of one target.
    pub(crate) fn new(seed: u64, target: &str) -> Self {
        let name = target
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        Self { state: name ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) }
    }

    /// SplitMix64.
    fn random(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`; 0 if that is 0.
    fn below(&mut self, bound: usize) -> usize {
        let bound = bound as u64;
        self.random().checked_rem(bound).and_then(|number| usize::try_from(number).ok()).unwrap_or(0)
    }

    /// The next input: one of `kept`, changed in one to eight places.
    pub(crate) fn next(&mut self, kept: &[Vec<u8>]) -> Vec<u8> {
        let place = self.below(kept.len());
        let mut input = kept.get(place).cloned().unwrap_or_default();
        for _ in 0..=self.below(8) {
            self.change(&mut input, kept);
        }
        input.truncate(BYTES_MAX);
        input
    }

    fn change(&mut self, input: &mut Vec<u8>, kept: &[Vec<u8>]) {
        let at = self.below(input.len() + 1);
        let byte = self.random().to_le_bytes()[0];
        match self.below(7) {
            0 => input.iter_mut().skip(at).take(1).for_each(|old| *old = byte),
            1 => input.iter_mut().skip(at).take(1).for_each(|old| *old ^= 1 << (byte % 8)),
            2 => {
                let odd = ODD.get(usize::from(byte) % ODD.len()).copied().unwrap_or(0);
                input.iter_mut().skip(at).take(1).for_each(|old| *old = odd);
            }
            3 => input.insert(at, byte),
            4 => {
                let end = (at + self.below(16)).min(input.len());
                input.drain(at..end);
            }
            5 => {
                let piece: Vec<u8> = input.iter().skip(at).take(1 + usize::from(byte % 32)).copied().collect();
                let to = self.below(input.len() + 1);
                input.splice(to..to, piece);
            }
            _ => {
                let other = self.below(kept.len());
                let other = kept.get(other).map(Vec::as_slice).unwrap_or_default();
                let from = self.below(other.len() + 1);
                input.truncate(at);
                input.extend(other.iter().skip(from));
            }
        }
    }
}
