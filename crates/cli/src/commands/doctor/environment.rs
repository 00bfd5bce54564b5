//! The check `environment` of `eiot doctor`: finds `EIOT_…` variables without effect, most of them misspelled.

use super::diagnosis::Diagnosis;
use crate::options::{CONFIG_VARIABLE, PROFILE_VARIABLE};
use eiot::Config;

const CHECK: &str = "environment";

const PREFIX: &str = "EIOT_";

/// Variables that are not options: the command's profiles, the bindings' path of the C library, and the tests' of the simulator.
const READ_ELSEWHERE: [&str; 4] = [CONFIG_VARIABLE, PROFILE_VARIABLE, "EIOT_LIBRARY", "EIOT_SIM"];

/// Less similar names, from 0 to 1, are not suggested.
const MIN_SIMILARITY: f64 = 0.5;

/// Reports the unknown variables of this process by name. Their values may be secrets and are not read.
pub(crate) fn environment() -> Diagnosis {
    let names = std::env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned());
    let mut unknown: Vec<_> = names.filter(|name| name.starts_with(PREFIX) && !is_known(name)).collect();
    if unknown.is_empty() {
        return Diagnosis::ok(CHECK, "every EIOT_ variable that is set is known");
    }
    unknown.sort_unstable();
    let messages: Vec<_> = unknown.iter().map(|name| message(name)).collect();
    Diagnosis::warning(CHECK, messages.join("; "), Some("eiot --help lists all variables"))
}

/// The variables of the options, without [`PREFIX`].
fn options() -> impl Iterator<Item = String> {
    Config::OPTIONS.iter().map(|option| option.to_ascii_uppercase())
}

fn is_known(name: &str) -> bool {
    READ_ELSEWHERE.contains(&name) || options().any(|option| name.strip_prefix(PREFIX) == Some(&option))
}

fn message(name: &str) -> String {
    let suggestion = nearest(name).map(|known| format!("; did you mean {known}?")).unwrap_or_default();
    format!("{name} is unknown and ignored{suggestion}")
}

/// The most similar known variable, if any is similar enough.
fn nearest(name: &str) -> Option<String> {
    let name = name.strip_prefix(PREFIX)?;
    let profiles =
        [CONFIG_VARIABLE, PROFILE_VARIABLE].into_iter().filter_map(|name| name.strip_prefix(PREFIX));
    options()
        .chain(profiles.map(str::to_owned))
        .map(|option| (strsim::normalized_damerau_levenshtein(name, &option), option))
        .filter(|(similarity, _)| *similarity >= MIN_SIMILARITY)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, option)| format!("{PREFIX}{option}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_variable_is_found_by_edits_and_only_where_one_is_similar() {
        for (unknown, known) in [
            ("EIOT_RATE_LIMT", Some("EIOT_RATE_LIMIT")),
            ("EIOT_APP_KEY", Some("EIOT_APPKEY")),
            ("EIOT_KEY", Some("EIOT_APPKEY")),
            ("EIOT_SERCET", Some("EIOT_SECRET")),
            ("EIOT_SECRETFILE", Some("EIOT_SECRET_FILE")),
            ("EIOT_timeout", None),
            ("EIOT_PROFIL", Some("EIOT_PROFILE")),
            ("EIOT_PASSWORD", None),
            ("EIOT_", None),
        ] {
            assert_eq!(nearest(unknown).as_deref(), known, "{unknown}");
        }
    }

    #[test]
    fn known_variables_are_those_of_the_options_and_those_read_elsewhere() {
        for option in Config::OPTIONS {
            let variable = format!("EIOT_{}", option.to_uppercase());
            assert!(is_known(&variable), "{variable}");
        }
        assert!(is_known("EIOT_LIBRARY") && is_known("EIOT_SIM"));
        assert!(!is_known("EIOT_TEST_CC") && !is_known("EIOT_timeout") && !is_known("TIMEOUT"));
    }
}
