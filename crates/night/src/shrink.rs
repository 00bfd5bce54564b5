//! Makes a failing story smaller: fewer things that happen, fewer cards, as long as the same promise is broken.

use crate::ledger::Property;
use crate::night;
use crate::story::Story;

/// At most so many nights are lived through.
const MAX_NIGHTS: u32 = 300;

/// A smaller story that breaks the same promise.
pub fn shrink(story: &Story, property: Property) -> Story {
    let mut shrinking = Shrinking { property, nights: 0 };
    let mut smallest = story.clone();
    loop {
        let before = (smallest.happenings.len(), smallest.cards);
        smallest = shrinking.happenings(smallest);
        smallest = shrinking.cards(smallest);
        if before == (smallest.happenings.len(), smallest.cards) || shrinking.nights >= MAX_NIGHTS {
            return smallest;
        }
    }
}

struct Shrinking {
    property: Property,
    nights: u32,
}

impl Shrinking {
    fn fails(&mut self, story: &Story) -> bool {
        self.nights += 1;
        let report = night::live(story, 0);
        self.nights <= MAX_NIGHTS
            && report.violations.iter().any(|violation| violation.property == self.property)
    }

    /// Delta debugging: leaves out ever smaller parts of what happens.
    fn happenings(&mut self, mut story: Story) -> Story {
        let mut part = story.happenings.len().div_ceil(2);
        while part > 0 {
            let mut start = 0;
            while start < story.happenings.len() {
                let mut fewer = story.clone();
                fewer.happenings.drain(start..(start + part).min(story.happenings.len()));
                if self.fails(&fewer) {
                    story = fewer;
                } else {
                    start += part;
                }
            }
            part /= 2;
        }
        story
    }

    fn cards(&mut self, mut story: Story) -> Story {
        while story.cards > 1 {
            let fewer = [story.cards / 2, story.cards * 9 / 10].into_iter().find_map(|cards| {
                let fewer = Story { cards, ..story.clone() };
                (cards < story.cards && self.fails(&fewer)).then_some(fewer)
            });
            match fewer {
                Some(fewer) => story = fewer,
                None => break,
            }
        }
        story
    }
}
