//! The text after the options in `--help`: examples, output, environment and exit codes.

use crate::output::ExitCode;
use crate::output::wrap::in_column;

use crate::options::{plain, variable};
use eiot::{Config, OptionInfo};

/// The shortest way to a refreshed card.
pub(crate) const EXAMPLE: &str = "\
Example:
  export EIOT_APPKEY=my-appkey EIOT_SECRET=my-secret
  eiot refresh 89044011112233441122334411223321";

/// Where the descriptions of variables begin, and the width of a line.
const INDENT: usize = 24;
pub(crate) const WIDTH: usize = 80;

/// The titles of the tables, by which a translation knows them.
pub(crate) const ENVIRONMENT: &str = "Environment (a flag overrides its variable):";
pub(crate) const EXIT_CODES: &str = "Exit codes:";

/// The variables, from the library's table of options.
fn environment() -> String {
    let rows = variables(|info| format!("{} [{}]", plain(info.summary()), plain(info.default)));
    format!("{ENVIRONMENT}\n{rows}\n{NO_SECRET_FLAG}\n\n{PROFILES}")
}

/// A row for each variable with what `describe` says of it.
pub(crate) fn variables(describe: impl Fn(&OptionInfo) -> String) -> String {
    let mut text = String::new();
    for info in &Config::TABLE {
        let entry = describe(info);
        let name = variable(info);
        // Two spaces before and after the name, or the description on a line of its own.
        let own_line = name.len() + 4 > INDENT;
        let name = if own_line { format!("  {name}\n{:INDENT$}", "") } else { format!("  {name:<22}") };
        text.push_str(&format!("{name}{}\n", in_column(&entry, INDENT, WIDTH)));
    }
    text
}

const PROFILES: &str = "\
Configuration file:
  $XDG_CONFIG_HOME/eiot/config.toml, by default ~/.config/eiot/config.toml, or
  the file that EIOT_CONFIG names, has profiles, such as one per account:
    [profile.default]
    appkey = \"my-appkey\"
    secret_file = \"default.secret\"
  Keys are the names of the variables without EIOT_, in lower case. Paths are
  relative to the file. It must not hold secrets: secret_file names a file that
  only its owner can read (chmod 600). --profile or EIOT_PROFILE names a
  profile; otherwise the profile \"default\" is used, if there is one.
  A flag overrides the environment, which overrides the profile, which overrides
  the default. eiot doctor shows the source of each option.";

const NO_SECRET_FLAG: &str = "\
There is no --secret flag on purpose: every user of the machine could read its
value in the process list. For the same reason, set a proxy with a password by
EIOT_PROXY.";

const INPUT: &str = "\
Input:
  The first line that is neither blank nor a comment (#) determines the format:
  JSON Lines if it begins with a brace, TSV if it contains a tab, otherwise CSV
  with the first of , ; | in it as the separator, otherwise one EID per line. A
  table has a header; --column 2 reads the second column of one without. Text is
  UTF-8, UTF-16 or GB18030, recognized unless --encoding names another one. gzip
  and Excel workbooks (.xlsx) are read too; in a workbook, EIDs must be text. An
  output or a journal of eiot is JSON Lines. Blank rows are skipped. A quoted
  field that does not end on its line is an error that names the line; if the
  input is a file, nothing is sent then.";

const OUTPUT: &str = "\
Output:
  Each refreshed EID is a line on standard output with three fields separated
  by tabs: the EID, ok, the platform's message. A failure is a line on standard
  error.

  With --json, each EID is one JSON object per line on standard output, in the
  order of the arguments. Each object has all of these fields, null if there is
  no value:
    eid               the EID
    ok                true if the platform accepted the refresh
    kind              \"ok\", or the kind of failure, for example \"invalid_eid\"
    status            0, or the number of that kind (EIOT_ERR_... in C)
    code              the platform's code, verbatim, if it refused the call
    message           the platform's message, or what went wrong and what to do
    platform_message  the platform's message, verbatim
    http_status       the HTTP status, if there was a response that failed
    attempts          number of requests sent
    retry_after_ms    how long the platform asks to wait, in milliseconds
    delivered         whether the platform received the request: \"yes\", \"no\"
                      or \"unknown\"
    final             true if the same call would fail again
    headers           response headers for support, for example \"x-request-id\",
                      if the call failed: an object with lower-case names
    body              the first 2 KiB of a response that is not the platform's
    data              the data of the reply
    card, card_error  only with --then-get: the data of /api/v3/cloudesim/get,
                      verbatim, whose fields are not published, or why there is
                      none

  With --from, results and failures are written as they complete, as lines with
  three fields: the EID, ok or the kind of failure, the message. --then-get adds
  the card as a fourth field, as JSON. Progress is shown on standard error:
  continuously on a terminal, otherwise every minute. The counts of the summary
  add up to the rows of the input.

Journal:
  --journal FILE records one line per result. Ctrl-C, SIGTERM or SIGHUP finishes
  the calls in flight, within their timeout; a second one ends the command at
  once. The same command resumes the run, even after kill -9 or on a disk that
  was full. It skips cards that were refreshed, and malformed EIDs and final
  refusals, which count as failed in every run. All other failures are retried;
  --retry changes that. The file of --out has every result once, over all runs.
  Exit code 0 means that every card of the file was refreshed. Use a separate
  journal for each run, for example with the date in its name.

Reports:
  --summary, --metrics and --report write files that are replaced at once,
  refreshed every 5 seconds, and also written if the run fails. --metrics names
  DIR/NAME.prom for the textfile collector of Prometheus' node_exporter; the
  label run is NAME. SIGUSR1 prints the status line on standard error.

A run that cannot succeed stops:
  After 20 refusals of the account in a row (--max-auth-failures). If the
  platform cannot be reached, the run waits for at most 15 minutes
  (--outage-timeout). Cards that were not sent stay open in the journal.

Code 200 means that the platform has started to fetch the usage from the
carrier; new values may become visible a little later.";

/// The end of `eiot --help`.
pub(crate) fn for_everything() -> String {
    format!(
        "{EXAMPLE}\n\n{}\n\n{}\nThese are the exit codes of eiot refresh. Other commands: eiot COMMAND --help.",
        environment(),
        refresh_exit_codes()
    )
}

/// The end of `eiot refresh --help`.
pub(crate) fn for_refresh() -> String {
    format!(
        "{EXAMPLE}\n\n{INPUT}\n\n{OUTPUT}\n\n{}\n\n{}\n\
         All EIDs are tried, and the largest of their exit codes is returned. With\n\
         --journal, cards that failed permanently in an earlier run count too.",
        environment(),
        refresh_exit_codes()
    )
}

fn refresh_exit_codes() -> String {
    exit_codes(&[
        (ExitCode::Success, "every EID was refreshed"),
        (
            ExitCode::Failure,
            "a call failed (no connection, TLS, timeout, refused by the platform), or\n\
             the output cannot be written, or a file of the run, or --until left cards",
        ),
        (
            ExitCode::Usage,
            "wrong usage, invalid configuration, an input with an error or without\n\
             rows, or an invalid EID. If an argument is not a valid EID, nothing was\n\
             sent; with --from, the valid EIDs were sent",
        ),
        (ExitCode::Auth, "the platform does not accept the credentials or this machine's address"),
        (ExitCode::Internal, INTERNAL),
        (ExitCode::Interrupted, "interrupted by Ctrl-C, SIGTERM or SIGHUP"),
        (ExitCode::BrokenPipe, "standard output was closed; remaining EIDs were not sent"),
    ])
}

/// The end of `eiot check --help`.
pub(crate) fn for_check() -> String {
    let examples = "\
Examples:
  eiot check cards.csv
  cut -d, -f2 cards.csv | eiot check - --json";
    let output = "\
Output:
  Malformed EIDs and duplicates are lines on standard error, the first 100 of
  each. The counts are a line on standard output, with --json an object with
  these fields:
    ok          true if no EID is malformed
    cards       number of EIDs, valid and malformed
    valid       number of valid EIDs, including duplicates
    malformed   number of malformed EIDs
    duplicates  number of valid EIDs that occurred before";
    let codes = exit_codes(&[
        (ExitCode::Success, "every EID is valid"),
        (ExitCode::Failure, OUTPUT_FAILED),
        (ExitCode::Usage, "wrong usage, an invalid EID, or the file cannot be read or has no rows"),
        (ExitCode::Internal, INTERNAL),
        (ExitCode::BrokenPipe, OUTPUT_CLOSED),
    ]);
    format!("{examples}\n\n{INPUT}\n\n{output}\n\n{codes}")
}

/// The end of `eiot doctor --help`.
pub(crate) fn for_doctor() -> String {
    let text = "\
Example:
  eiot doctor && eiot refresh --from cards.csv

Each check is a line on standard output that begins with ok, warning, failed or
skipped:
  configuration  the options in effect and their sources, secrets masked
  environment    every EIOT_ variable is known; a warning names unknown ones and
                 the most similar known one, without values
  signature      the signature of the vendor's sample is correct
  dns            the host name resolves
  connection     TCP, and the TLS handshake with a trusted certificate
  answer         the host speaks HTTP; it need not be the platform
  clock          this machine's clock is at most 2 s off the server's clock
  account        the platform accepts appkey, secret and this machine's address

The account check is one signed call, POST /api/v3/agent/balance, which is
read-only and concerns no card. It counts against the account's rate limit and
is retried like any other call. The balance is not shown. Its results:
  code 502        this machine's public address is not on the allow-list
  code 403        the account lacks permissions
  HTTP 401, 403   wrong credentials, or the allow-list
  other codes     the platform does not publish its codes for wrong credentials;
                  code and message are shown verbatim with the likely causes
  code 500        the platform cannot serve calls at the moment
  code 501        a warning: too many requests; credentials were not checked
  anything else   no connection, or base_url does not lead to the platform

With --json, each check is one object per line with all of these fields, null if
there is no value:
    check            its name
    status           \"ok\", \"warning\", \"failed\" or \"skipped\"
    message          what was found
    advice           what to do, if the message does not say it
    options          of configuration: every option and its value
    sources          of configuration: where each option comes from, \"flag\",
                     \"environment\", \"profile\" or \"default\"
    profile          of configuration: the name of the profile in use
    config_file      of configuration: the file that has it
    clock_offset_ms  of clock: offset of the server's clock in milliseconds,
                     positive if it is ahead
    kind             the kind of failure, for example \"auth\" or \"tls\"
    code             the platform's code, verbatim, if it refused the call

Flags and variables are those of eiot refresh.";
    let codes = exit_codes(&[
        (ExitCode::Success, "no check failed; there may be warnings"),
        (ExitCode::Failure, "a check failed, or the output cannot be written"),
        (ExitCode::Usage, "wrong usage or invalid configuration"),
        (ExitCode::Auth, "the platform refused the account: credentials, permissions or allow-list"),
        (ExitCode::Internal, INTERNAL),
        (ExitCode::BrokenPipe, OUTPUT_CLOSED),
    ]);
    format!("{text}\n\n{codes}\nIf several checks fail, the first one determines the exit code.")
}

/// The end of `eiot explain --help`.
pub(crate) fn for_explain() -> String {
    let text = "\
Examples:
  eiot explain 502
  eiot explain rate_limited --lang zh

A number can be a platform code, an exit code and the number of a status in C:
all that it means is printed.";
    format!("{text}\n\n{}", local_exit_codes("wrong usage, or nothing is known by this word"))
}

/// The end of `eiot sign --help`.
pub(crate) fn for_sign() -> String {
    let text = "\
Example:
  export EIOT_SECRET=my-secret
  eiot sign appkey=my-appkey eid=11111111111111111111111111 \\
      nonce=49890 timestamp=1700000000

With --explain, the output is the string to sign with its secret masked: compare
it when a signature is refused. It needs no secret and contains no signature, so
it can be shared.

There is no --secret flag on purpose: every user of the machine could read its
value in the process list.";
    format!("{text}\n\n{}", local_exit_codes("wrong usage or invalid configuration"))
}

/// The end of `eiot call --help`.
pub(crate) fn for_call() -> String {
    let text = "\
Examples:
  eiot call /api/v3/cloudesim/get \\
      '{\"eid\": \"89044011112233441122334411223321\"}'
  eiot call /api/v3/cloudesim/list '{\"pageNum\": 1, \"pageSize\": 500}' | jq .

Output:
  The data of the reply, verbatim JSON, is a line on standard output; null if
  there is none. With --json, the whole outcome is one object, as with
  eiot refresh --json. A failure is a line on standard error.

Flags and variables are those of eiot refresh.";
    let codes = exit_codes(&[
        (ExitCode::Success, "the platform accepted the call"),
        (
            ExitCode::Failure,
            "the call failed (no connection, TLS, timeout, refused by the platform),\n\
             or the output cannot be written",
        ),
        (ExitCode::Usage, "wrong usage, invalid configuration or invalid parameters"),
        (ExitCode::Auth, "the platform does not accept the credentials or this machine's address"),
        (ExitCode::Internal, INTERNAL),
        (ExitCode::BrokenPipe, OUTPUT_CLOSED),
    ]);
    format!("{text}\n\n{codes}")
}

/// The end of `eiot webhook verify --help`.
pub(crate) fn for_webhook_verify() -> String {
    let text = "\
Example:
  export EIOT_SECRET=my-secret
  eiot webhook verify --max-age 300 webhook.json && echo accepted

The signature of a webhook does not cover appkey (vendor SDK 1.0.1), so do not
rely on its appkey.";
    let codes = exit_codes(&[
        (ExitCode::Success, "the signature is valid"),
        (ExitCode::Failure, OUTPUT_FAILED),
        (ExitCode::Usage, "wrong usage, invalid configuration, or the file cannot be read"),
        (ExitCode::Auth, "the signature is invalid, or the webhook is too old"),
        (ExitCode::Internal, INTERNAL),
        (ExitCode::BrokenPipe, OUTPUT_CLOSED),
    ]);
    format!("{text}\n\n{codes}")
}

/// The end of `eiot journal --help`.
pub(crate) fn for_journal() -> String {
    let text = "\
Examples:
  eiot journal show cards-2026-11-26.journal
  eiot journal failed --open cards-2026-11-26.journal |
      eiot refresh --from - --allow-empty
  eiot journal csv cards-2026-11-26.journal > cards-2026-11-26.csv

show and check print JSON with --json.";
    let codes = exit_codes(&[
        (ExitCode::Success, "the journal was read; check: every line is whole"),
        (ExitCode::Failure, OUTPUT_FAILED),
        (ExitCode::Usage, "wrong usage, the journal cannot be read; check: a line is damaged"),
        (ExitCode::Internal, INTERNAL),
        (ExitCode::BrokenPipe, OUTPUT_CLOSED),
    ]);
    format!("{text}\n\n{codes}")
}

/// The end of `eiot completions --help`.
pub(crate) fn for_completions() -> String {
    let text = "\
Examples:
  eiot completions bash > ~/.local/share/bash-completion/completions/eiot
  eiot completions zsh > ~/.zfunc/_eiot
  eiot completions fish > ~/.config/fish/completions/eiot.fish";
    format!("{text}\n\n{}", local_exit_codes("wrong usage"))
}

/// The end of `eiot man --help`.
pub(crate) fn for_man() -> String {
    let text = "\
Examples:
  eiot man webhook verify | man -l -
  eiot man --directory ~/.local/share/man/man1";
    format!("{text}\n\n{}", local_exit_codes("wrong usage, or the directory cannot be written"))
}

const INTERNAL: &str = "internal error in eiot; please report it";
const OUTPUT_FAILED: &str = "the output cannot be written";
const OUTPUT_CLOSED: &str = "standard output was closed";

/// The exit codes of a command that makes no calls.
fn local_exit_codes(usage: &str) -> String {
    exit_codes(&[
        (ExitCode::Success, "success"),
        (ExitCode::Failure, OUTPUT_FAILED),
        (ExitCode::Usage, usage),
        (ExitCode::Internal, INTERNAL),
        (ExitCode::BrokenPipe, OUTPUT_CLOSED),
    ])
}

/// A table of exit codes. The numbers are those that the command returns.
fn exit_codes(rows: &[(ExitCode, &str)]) -> String {
    let mut table = EXIT_CODES.to_owned();
    for (code, meaning) in rows {
        let meaning = meaning.replace('\n', "\n       ");
        table.push_str(&format!("\n  {:<5}{meaning}", code.number()));
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn environment_lists_every_variable_with_its_default_in_lines_that_fit() {
        let text = environment();
        let (text, _) = text.split_once("\n\n").expect("a paragraph");
        let listed: Vec<&str> =
            text.lines().filter_map(|line| line.strip_prefix("  EIOT_")?.split_whitespace().next()).collect();
        assert_eq!(listed, Config::OPTIONS.map(str::to_uppercase));
        assert!(text.lines().all(|line| line.len() <= WIDTH), "{text}");
        let unwrapped = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(unwrapped.contains("EIOT_TIMEOUT Timeout of a whole call in seconds"), "{text}");
        assert!(unwrapped.contains("[30] EIOT_CONNECT_TIMEOUT"), "{text}");
    }

    #[test]
    fn help_of_refresh_lists_every_exit_code_once_in_ascending_order() {
        let help = for_refresh();
        let (_, table) = help.split_once("Exit codes:\n").expect("a table");
        let listed: Vec<u8> =
            table.lines().filter_map(|line| line.split_whitespace().next()?.parse().ok()).collect();
        assert_eq!(listed, ExitCode::ALL.map(ExitCode::number));
    }

    #[test]
    fn help_lists_only_exit_codes_that_exist() {
        let all = [for_everything(), for_check(), for_doctor(), for_sign(), for_call(), for_webhook_verify()];
        for help in all.into_iter().chain([for_explain(), for_journal(), for_completions(), for_man()]) {
            let (_, table) = help.split_once("Exit codes:\n").expect("a table");
            for line in table.lines() {
                let Some(Ok(number)) = line.split_whitespace().next().map(str::parse::<u8>) else { continue };
                assert!(ExitCode::ALL.iter().any(|code| code.number() == number), "{line}");
            }
        }
    }

    #[test]
    fn help_does_not_wrap_on_a_terminal_of_80_columns() {
        let all = [for_refresh(), for_everything(), for_check(), for_doctor(), for_sign(), for_call()];
        let others = [for_webhook_verify(), for_explain(), for_journal(), for_completions(), for_man()];
        for help in all.into_iter().chain(others) {
            for line in help.lines() {
                assert!(line.chars().count() <= 80, "{line}");
            }
        }
    }
}
