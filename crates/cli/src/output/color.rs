//! Colors on terminals. `NO_COLOR`, `CLICOLOR`, `CLICOLOR_FORCE` and `TERM=dumb` have their usual meaning.

use clap::builder::styling::{AnsiColor, Style, Styles};

/// The styles of `--help` and of usage errors.
pub(crate) const HELP: Styles = Styles::styled()
    .header(HEADER)
    .usage(HEADER)
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

/// A heading.
pub(crate) const HEADER: Style = AnsiColor::Green.on_default().bold();

pub(crate) const GOOD: Style = AnsiColor::Green.on_default().bold();
pub(crate) const WARNING: Style = AnsiColor::Yellow.on_default().bold();
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
pub(crate) const DIM: Style = Style::new().dimmed();
pub(crate) const STRONG: Style = Style::new().bold();

/// Whether standard output takes colors.
pub(crate) fn is_wanted() -> bool {
    use anstream::{AutoStream, ColorChoice};
    AutoStream::choice(&std::io::stdout()) != ColorChoice::Never
}

/// The text in this style.
pub(crate) fn paint(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}
