//! The language of texts that exist in several: documentation and manual pages. Messages are English.

use crate::system;
use clap::ValueEnum;

// Not documented one by one: the help would list them below each other.
/// A language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Language {
    En,
    Zh,
}

/// The variables of the locale, in order of precedence (POSIX).
const VARIABLES: [&str; 3] = ["LC_ALL", "LC_MESSAGES", "LANG"];

impl Language {
    /// The language of `--lang`, or of the locale.
    pub(crate) fn chosen(flag: Option<Self>) -> Self {
        flag.unwrap_or_else(|| Self::of_locale(|name| system::variable(name)?.into_string().ok()))
    }

    fn of_locale(variable: impl Fn(&str) -> Option<String>) -> Self {
        let locale = VARIABLES.iter().filter_map(|name| variable(name)).find(|value| !value.is_empty());
        match locale {
            Some(locale) if locale.to_ascii_lowercase().starts_with("zh") => Self::Zh,
            _ => Self::En,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn language_of_the_locale_is_that_of_the_first_variable_that_is_set() {
        let language = |all: &str, messages: &str, lang: &str| {
            Language::of_locale(|name| {
                let value = match name {
                    "LC_ALL" => all,
                    "LC_MESSAGES" => messages,
                    _ => lang,
                };
                Some(value.to_owned())
            })
        };
        assert_eq!(language("", "", "zh_CN.UTF-8"), Language::Zh);
        assert_eq!(language("C.UTF-8", "zh_CN.UTF-8", "zh_CN.UTF-8"), Language::En);
        assert_eq!(language("", "zh_SG", "en_US.UTF-8"), Language::Zh);
        assert_eq!(language("", "", ""), Language::En);
        assert_eq!(Language::of_locale(|_| None), Language::En);
    }
}
