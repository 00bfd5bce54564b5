//! Throughput over time, in constant memory.

use serde::Serialize;
use std::time::Duration;

/// The maximum number of intervals. When a run takes longer, intervals are merged in pairs.
const MAX_INTERVALS: usize = 240;

/// How many cards had which result in each interval of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Timeline {
    /// The length of an interval in seconds.
    pub(crate) interval_seconds: u64,
    /// Cards that were refreshed, per interval.
    pub(crate) refreshed: Vec<u64>,
    /// Cards that failed, per interval.
    pub(crate) failed: Vec<u64>,
}

impl Default for Timeline {
    fn default() -> Self {
        Self { interval_seconds: 1, refreshed: Vec::new(), failed: Vec::new() }
    }
}

impl Timeline {
    /// Counts a result that came this long after the start.
    pub(crate) fn count(&mut self, elapsed: Duration, is_refreshed: bool) {
        let counts = self.at(elapsed);
        let counts = if is_refreshed { &mut counts.refreshed } else { &mut counts.failed };
        if let Some(last) = counts.last_mut() {
            *last += 1;
        }
    }

    /// The timeline, with intervals up to this moment. Time does not run backwards, so it is always the last interval.
    pub(crate) fn at(&mut self, elapsed: Duration) -> &mut Self {
        let seconds = elapsed.as_secs();
        while seconds / self.interval_seconds >= MAX_INTERVALS as u64 {
            self.interval_seconds *= 2;
            for counts in [&mut self.refreshed, &mut self.failed] {
                *counts = counts.chunks(2).map(|pair| pair.iter().sum()).collect();
            }
        }
        let length = usize::try_from(seconds / self.interval_seconds).unwrap_or(MAX_INTERVALS) + 1;
        for counts in [&mut self.refreshed, &mut self.failed] {
            counts.resize(length.max(counts.len()), 0);
        }
        self
    }

    /// The counts of each interval: refreshed and failed.
    pub(crate) fn intervals(&self) -> impl Iterator<Item = (u64, u64)> {
        self.refreshed.iter().copied().zip(self.failed.iter().copied())
    }

    /// The most results per second in an interval.
    pub(crate) fn peak_per_second(&self) -> f64 {
        let most = self.intervals().map(|(refreshed, failed)| refreshed + failed).max().unwrap_or(0);
        most as f64 / self.interval_seconds as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeline_counts_per_second_and_keeps_empty_seconds() {
        let mut timeline = Timeline::default();
        for (milliseconds, is_refreshed) in [(0, true), (999, false), (3_100, true), (3_200, true)] {
            timeline.count(Duration::from_millis(milliseconds), is_refreshed);
        }
        assert_eq!(timeline.refreshed, [1, 0, 0, 2]);
        assert_eq!(timeline.failed, [1, 0, 0, 0]);
        assert_eq!(timeline.peak_per_second(), 2.0);
    }

    #[test]
    fn timeline_of_a_long_run_loses_no_result_and_keeps_its_size() {
        let mut timeline = Timeline::default();
        for second in 0..100_000 {
            timeline.count(Duration::from_secs(second), second % 10 != 0);
        }
        assert_eq!(timeline.interval_seconds, 512);
        assert_eq!(timeline.refreshed.len(), 100_000_usize.div_ceil(512));
        assert_eq!(timeline.refreshed.iter().sum::<u64>(), 90_000);
        assert_eq!(timeline.failed.iter().sum::<u64>(), 10_000);
        assert_eq!(timeline.peak_per_second(), 1.0);
    }

    #[test]
    fn timeline_of_a_run_that_waited_for_a_day_is_short() {
        let mut timeline = Timeline::default();
        timeline.count(Duration::ZERO, true);
        timeline.count(Duration::from_secs(86_400), true);
        assert!(timeline.refreshed.len() <= MAX_INTERVALS, "{}", timeline.refreshed.len());
        assert_eq!(timeline.refreshed.iter().sum::<u64>(), 2);
    }
}
