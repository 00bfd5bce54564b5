//! `eiot explain`: what the documentation says of an error kind, a platform code or an exit code.

use super::presentation::MAX_WIDTH;
use crate::help;
use crate::language::Language;
use crate::options::Offered;
use crate::output::markdown::{cells, plain, summary, to_text};
use crate::output::wrap::{columns, in_column, padded};
use crate::output::{ExitCode, Failure, write_stdout};
use clap::Args;
use eiot::Error;
use std::sync::LazyLock;

/// Explain an error kind, a platform code or an exit code: what happened, and what to do.
///
/// Prints what the documentation says, without a network or an account. Without a word, lists all of them.
#[derive(Args)]
#[command(after_help = help::for_explain())]
pub(crate) struct Explain {
    /// A kind such as timeout, a code such as 502, an exit code, or the name of a status in C or of an exception in Python
    #[arg(value_name = "KIND|CODE", value_parser = Offered(&OFFERED), hide_possible_values = true)]
    word: Option<String>,
    /// The language [that of LC_ALL, LC_MESSAGES or LANG]
    #[arg(long, value_name = "LANG")]
    lang: Option<Language>,
}

/// The documentation.
const ENGLISH: &str = include_str!("../../../../docs/errors.md");
const CHINESE: &str = include_str!("../../../../docs/errors.zh.md");

/// The width of the text where standard output is not a terminal.
const WIDTH: usize = 80;
/// How similar a word must be to be suggested, as clap has it.
const SIMILAR: f64 = 0.7;

/// The names of all topics, for completions.
static OFFERED: LazyLock<Vec<&'static str>> =
    LazyLock::new(|| Page::parse(ENGLISH).topics.iter().map(Topic::name).collect());

impl Explain {
    /// Prints the explanation, or a list of all.
    pub(crate) fn run(&self) -> Result<ExitCode, Failure> {
        let page = Page::parse(match Language::chosen(self.lang) {
            Language::En => ENGLISH,
            Language::Zh => CHINESE,
        });
        let width = terminal_size::terminal_size_of(std::io::stdout())
            .map_or(WIDTH, |(width, _)| usize::from(width.0).min(MAX_WIDTH));
        let text = match &self.word {
            Some(word) => page.explanation(word, width).ok_or_else(|| page.unknown(word))?,
            None => page.list(width),
        };
        write_stdout(text.as_bytes())?;
        Ok(ExitCode::Success)
    }
}

/// A page of the documentation.
struct Page {
    sections: Vec<Section>,
    topics: Vec<Topic>,
}

/// A heading, and the text below it.
struct Section {
    heading: &'static str,
    body: &'static str,
}

/// A row of one of the three tables.
struct Topic {
    sort: Sort,
    /// The heading of the table's section.
    section: &'static str,
    header: Vec<&'static str>,
    cells: Vec<&'static str>,
}

/// What a topic is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    Kind,
    PlatformCode,
    ExitCode,
}

impl Page {
    fn parse(text: &'static str) -> Self {
        let sections = sections(text);
        let topics = sections.iter().flat_map(Section::topics).collect();
        Self { sections, topics }
    }

    /// All that is known by this word.
    fn explanation(&self, word: &str, width: usize) -> Option<String> {
        let mut found: Vec<&Topic> = self.topics.iter().filter(|topic| topic.is_called(word)).collect();
        let kinds: Vec<&Topic> = found.iter().filter_map(|topic| self.kind_of(topic)).collect();
        found.extend(kinds);
        let parts: Vec<_> = found.iter().map(|topic| self.part(topic, width)).collect();
        (!parts.is_empty()).then(|| parts.join("\n"))
    }

    /// The kind of a platform code, which says more.
    fn kind_of(&self, topic: &Topic) -> Option<&Topic> {
        let cell = topic.cells.get(1).filter(|_| topic.sort == Sort::PlatformCode)?;
        let name = cell.split('`').nth(1)?;
        self.topics.iter().find(|topic| topic.sort == Sort::Kind && topic.name() == name)
    }

    /// A row of a table, and what is written about it below a heading of its own.
    fn part(&self, topic: &Topic, width: usize) -> String {
        let mut text = topic.fields(width);
        let name = topic.name();
        for section in &self.sections {
            let is_about = match topic.sort {
                Sort::Kind => section.heading == name,
                Sort::PlatformCode => section.heading.split([' ', '`']).any(|word| word == name),
                Sort::ExitCode => false,
            };
            if is_about {
                text.push_str(&format!("\n{}\n", to_text(section.body, width)));
            }
        }
        text
    }

    /// Every topic on a line of its own.
    fn list(&self, width: usize) -> String {
        let indent = 4 + self.topics.iter().map(|topic| topic.name().len()).max().unwrap_or_default();
        let mut text = String::new();
        let mut section = "";
        for topic in &self.topics {
            if topic.section != section {
                section = topic.section;
                text.push_str(&format!("{}{section}\n", if text.is_empty() { "" } else { "\n" }));
            }
            let brief = in_column(&self.brief(topic), indent, width);
            text.push_str(&format!("  {}{brief}\n", padded(topic.name(), indent - 2)));
        }
        text
    }

    fn brief(&self, topic: &Topic) -> String {
        let cell = |place: usize| plain(topic.cells.get(place).copied().unwrap_or_default()).replace('`', "");
        match topic.sort {
            Sort::Kind => {
                let section = self.sections.iter().find(|section| section.heading == topic.name());
                section.map(|section| summary(section.body)).unwrap_or_default()
            }
            // The platform's words, in the language of the page.
            Sort::PlatformCode if self.is_chinese() => cell(3),
            Sort::PlatformCode => cell(2),
            Sort::ExitCode => cell(1),
        }
    }

    fn is_chinese(&self) -> bool {
        self.sections.first().is_some_and(|section| !section.heading.is_ascii())
    }

    fn unknown(&self, word: &str) -> Error {
        let advice = match word.parse::<u64>() {
            Ok(_) => "no published code of the platform and no exit code; a code that is not published is of kind \
                      platform: eiot explain platform"
                .to_owned(),
            Err(_) if word.starts_with("sim.") => {
                "a code of the simulator, which the platform does not have; it is of kind platform: eiot explain \
                 platform"
                    .to_owned()
            }
            Err(_) => {
                let asked = normalized(word);
                let is_similar = |name: &&str| strsim::jaro_winkler(&asked, &normalized(name)) >= SIMILAR;
                let mut similar: Vec<_> = self.topics.iter().flat_map(Topic::names).filter(is_similar).collect();
                similar.sort_by(|one, other| {
                    let similarity = |name: &str| strsim::jaro_winkler(&asked, &normalized(name));
                    similarity(other).total_cmp(&similarity(one))
                });
                similar.truncate(3);
                match similar.is_empty() {
                    true => "neither an error kind nor a code; eiot explain lists all of them".to_owned(),
                    false => format!("neither an error kind nor a code; similar ones are {}", similar.join(", ")),
                }
            }
        };
        Error::invalid_argument(format!("{word:?} is {advice}"))
    }
}

impl Section {
    fn topics(&self) -> Vec<Topic> {
        let mut topics = Vec::new();
        let mut header: Option<Vec<&'static str>> = None;
        for line in self.body.lines() {
            let Some(cells) = cells(line) else {
                header = None;
                continue;
            };
            match &header {
                None => header = Some(cells),
                Some(header) => topics.extend(Sort::of(&cells).map(|sort| Topic {
                    sort,
                    section: self.heading,
                    header: header.clone(),
                    cells,
                })),
            }
        }
        topics
    }
}

impl Sort {
    /// The sort of a row; `None` for the rows of other tables.
    fn of(cells: &[&str]) -> Option<Self> {
        let is_number = cells.first().is_some_and(|cell| cell.parse::<u64>().is_ok());
        match cells.len() {
            5 if is_number => Some(Self::PlatformCode),
            5 if cells.get(1).is_some_and(|cell| cell.starts_with("`EIOT_ERR_")) => Some(Self::Kind),
            3 if is_number => Some(Self::ExitCode),
            _ => None,
        }
    }
}

impl Topic {
    fn name(&self) -> &'static str {
        self.cells.first().copied().unwrap_or_default().trim_matches('`')
    }

    /// All names, and for a kind the number of its status in C.
    fn names(&self) -> Vec<&'static str> {
        let others = self.cells.get(1..3).filter(|_| self.sort == Sort::Kind).unwrap_or_default();
        let others = others.iter().flat_map(|cell| cell.split(' ')).map(|word| word.trim_matches('`'));
        std::iter::once(self.name()).chain(others).collect()
    }

    fn is_called(&self, word: &str) -> bool {
        self.names().iter().any(|name| normalized(name) == normalized(word))
    }

    /// The row, with the titles of its columns.
    fn fields(&self, width: usize) -> String {
        let title = self.header.first().copied().unwrap_or_default();
        let mut text = format!("{title} {}\n\n", self.name());
        let fields = self.header.iter().zip(&self.cells).skip(1).filter(|(_, cell)| !cell.is_empty());
        let indent = 4 + self.header.iter().skip(1).map(|title| columns(title)).max().unwrap_or_default();
        for (title, cell) in fields {
            let cell = in_column(&plain(cell).replace('`', ""), indent, width);
            text.push_str(&format!("  {}{cell}\n", padded(title, indent - 2)));
        }
        text
    }
}

/// A word as it is compared: `rate-limited` and `RATE_LIMITED` are one.
fn normalized(word: &str) -> String {
    word.replace('-', "_").to_lowercase()
}

/// The sections of a page. Headings are lines that begin with `#`, except in code.
fn sections(text: &'static str) -> Vec<Section> {
    let mut headings = Vec::new();
    let mut place = 0;
    let mut is_code = false;
    for line in text.split_inclusive('\n') {
        is_code ^= line.starts_with("```");
        if !is_code && line.starts_with('#') {
            headings.push((place, place + line.len(), line.trim_start_matches('#').trim()));
        }
        place += line.len();
    }
    let ends = headings.iter().skip(1).map(|(begin, ..)| *begin).chain([text.len()]);
    let with_ends = headings.iter().zip(ends);
    with_ends
        .map(|(&(_, begin, heading), end)| Section {
            heading,
            body: text.get(begin..end).unwrap_or_default(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use eiot::ErrorKind;

    #[test]
    fn explanation_exists_for_every_kind_and_says_the_same_facts_in_both_languages() {
        let (english, chinese) = (Page::parse(ENGLISH), Page::parse(CHINESE));
        for kind in ErrorKind::ALL {
            let name = kind.name();
            for page in [&english, &chinese] {
                let text = page.explanation(name, 80).expect(name);
                let what_to_do = if page.is_chinese() { "\n\n处理方法：" } else { "\n\nWhat to do: " };
                // In two cases of kind platform, in a list.
                assert!(text.contains(what_to_do) || kind == ErrorKind::Platform, "{text}");
                assert!(text.contains("EIOT_ERR_"), "{text}");
            }
        }
        let facts = |page: &Page| -> Vec<_> {
            let facts = page.topics.iter().map(|topic| match topic.sort {
                Sort::Kind | Sort::PlatformCode => topic.cells.get(..4).map(<[_]>::to_vec),
                Sort::ExitCode => topic.cells.get(..1).map(<[_]>::to_vec),
            });
            facts.collect()
        };
        assert_eq!(facts(&english), facts(&chinese));
    }

    #[test]
    fn explanation_exists_for_every_exit_code_and_published_code() {
        let vectors: serde_json::Value =
            serde_json::from_str(include_str!("../../../../tests/vectors/error_codes.json")).expect("JSON");
        for page in [Page::parse(ENGLISH), Page::parse(CHINESE)] {
            for code in ExitCode::ALL {
                assert!(page.explanation(&code.number().to_string(), 80).is_some(), "{code:?}");
            }
            for code in vectors["codes"].as_array().expect("a list") {
                let text =
                    page.explanation(code["code"].as_str().expect("text"), 200).expect("an explanation");
                for field in ["zh", "kind"] {
                    assert!(text.contains(code[field].as_str().expect("text")), "{code}: {text}");
                }
            }
        }
    }

    #[test]
    fn explanation_of_a_code_has_its_row_its_own_section_and_its_kind() {
        let text = Page::parse(ENGLISH).explanation("501", 80).expect("published");
        let (row, kind) = text.split_once("\nkind rate_limited\n").expect("the kind");
        assert!(row.starts_with("code 501\n\n  kind ") && row.contains("Too many requests"), "{text}");
        assert!(row.contains("pause for one second"), "{text}");
        assert!(
            kind.contains("EIOT_ERR_RATE_LIMITED 41") && kind.contains("What to do: call less often"),
            "{text}"
        );
        assert!(!text.contains("](") && !text.contains('*') && !text.contains("<!--"), "{text}");
    }

    #[test]
    fn explanation_of_a_number_has_all_that_it_means() {
        let text = Page::parse(ENGLISH).explanation("3", 80).expect("known");
        assert!(text.starts_with("kind config\n") && text.contains("\nexit code 3\n"), "{text}");
    }

    #[test]
    fn explanation_is_found_by_every_name_of_a_kind() {
        let page = Page::parse(ENGLISH);
        let by_kind = page.explanation("rate_limited", 80);
        for word in ["RATE-LIMITED", "EIOT_ERR_RATE_LIMITED", "41", "RateLimitedError"] {
            assert_eq!(page.explanation(word, 80), by_kind, "{word}");
        }
    }

    #[test]
    fn explanation_keeps_the_width() {
        for page in [Page::parse(ENGLISH), Page::parse(CHINESE)] {
            for topic in &page.topics {
                let text = page.explanation(topic.name(), 80).expect("known");
                for line in text.lines().chain(page.list(80).lines()) {
                    assert!(columns(line) <= 80, "{line}");
                }
            }
        }
    }

    #[test]
    fn list_has_every_topic_with_a_summary() {
        for page in [Page::parse(ENGLISH), Page::parse(CHINESE)] {
            let list = page.list(200);
            for topic in &page.topics {
                let name = topic.name();
                let line =
                    list.lines().find(|line| line.starts_with(&format!("  {name} "))).expect(name).trim();
                assert!(line.len() > name.len() + 3, "{line}");
            }
        }
    }

    #[test]
    fn unknown_word_is_answered_with_similar_ones() {
        let page = Page::parse(ENGLISH);
        assert!(page.unknown("timout").to_string().contains("similar ones are timeout"));
        assert!(page.unknown("RateLimitError").to_string().contains("RateLimitedError"));
        assert!(page.unknown("qqq").to_string().contains("eiot explain lists all"));
        assert!(page.unknown("sim.bad-sign").to_string().contains("a code of the simulator"));
        assert!(page.unknown("45109").to_string().contains("eiot explain platform"));
        assert_eq!(page.explanation("45109", 80), None);
    }
}
