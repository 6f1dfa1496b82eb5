//! When the panics of one report happened: each within a stretch of the report in which its site panicked.

use crate::composer::counts::PanicsAt;

/// The panics of one report, stretch by stretch.
#[derive(Clone, Debug, Default)]
pub(super) struct Panicked {
    stretches: Vec<Part>,
}

/// The panics of one site within one stretch.
#[derive(Clone, Copy, Debug)]
struct Part {
    site: Option<usize>,
    from: f64,
    to: f64,
    count: u64,
}

impl Panicked {
    /// Notes the panics of the report up to the end of a stretch.
    pub(super) fn note(&mut self, from: f64, to: f64, so_far: &[PanicsAt]) {
        for panics in so_far {
            let known: u64 = self.of(panics.site).map(|part| part.count).sum();
            let count = panics.count.saturating_sub(known);
            if count > 0 {
                self.stretches.push(Part { site: panics.site, from, to, count });
            }
        }
    }

    /// The second at which a share of the site's panics had happened, if it panicked: within a stretch they are spread evenly.
    pub(super) fn at(&self, site: Option<usize>, share: f64) -> Option<f64> {
        let all: u64 = self.of(site).map(|part| part.count).sum();
        let mut left = share * all as f64;
        let mut last = None;
        for part in self.of(site) {
            let count = part.count as f64;
            if left < count {
                return Some(part.from + (part.to - part.from) * left / count);
            }
            left -= count;
            last = Some(part.to);
        }
        last
    }

    fn of(&self, site: Option<usize>) -> impl Iterator<Item = &Part> {
        self.stretches.iter().filter(move |part| part.site == site)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_happens_in_a_stretch_in_which_its_site_panicked() {
        let mut panicked = Panicked::default();
        panicked.note(0.0, 4.0, &[]);
        panicked.note(4.0, 6.0, &[PanicsAt { site: Some(1), count: 10 }]);
        panicked.note(6.0, 10.0, &[PanicsAt { site: Some(1), count: 30 }, PanicsAt { site: None, count: 1 }]);
        assert_eq!(panicked.at(Some(1), 0.0), Some(4.0));
        assert_eq!(panicked.at(Some(1), 0.25), Some(5.5));
        assert_eq!(panicked.at(Some(1), 0.5), Some(7.0));
        assert_eq!(panicked.at(None, 0.5), Some(8.0));
        assert_eq!(panicked.at(Some(2), 0.5), None);
    }
}
