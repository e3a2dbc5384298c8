//! Colour, decided once. It only repeats what the words say.

/// `--color`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Color {
    /// Where it is a terminal that can.
    #[default]
    Auto,
    /// Everywhere.
    Always,
    /// Nowhere.
    Never,
}

/// What decides about colour beside the option.
#[derive(Clone, Copy, Debug, Default)]
pub struct ColorHints<'a> {
    /// Whether the stream is a terminal.
    pub terminal: bool,
    /// `NO_COLOR`.
    pub no_color: Option<&'a str>,
    /// `CLICOLOR_FORCE`.
    pub clicolor_force: Option<&'a str>,
    /// `TERM`.
    pub term: Option<&'a str>,
}

/// Paints text, or leaves it as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Paint {
    on: bool,
}

/// What a piece of text is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// It went well.
    Good,
    /// It went wrong.
    Bad,
    /// Look at this.
    Warn,
    /// Less important.
    Dim,
    /// A heading.
    Strong,
}

impl Paint {
    /// Decides: the option first, then `NO_COLOR`, then `CLICOLOR_FORCE`, then whether it is a terminal.
    pub fn decide(choice: Color, hints: ColorHints<'_>) -> Self {
        let set = |value: Option<&str>| value.is_some_and(|value| !value.is_empty());
        let on = match choice {
            Color::Always => true,
            Color::Never => false,
            Color::Auto if set(hints.no_color) => false,
            Color::Auto if set(hints.clicolor_force) && hints.clicolor_force != Some("0") => true,
            Color::Auto => hints.terminal && hints.term != Some("dumb"),
        };
        Self { on }
    }

    /// Whether it paints.
    pub fn is_on(self) -> bool {
        self.on
    }

    /// The text in that tone.
    pub fn tone(self, tone: Tone, text: &str) -> String {
        if !self.on || text.is_empty() {
            return text.to_owned();
        }
        let code = match tone {
            Tone::Good => "32",
            Tone::Bad => "31",
            Tone::Warn => "33",
            Tone::Dim => "2",
            Tone::Strong => "1",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_option_wins_over_the_environment_and_the_environment_over_the_terminal() {
        let terminal = ColorHints { terminal: true, ..ColorHints::default() };
        let pipe = ColorHints::default();
        let cases = [
            (Color::Auto, terminal, true),
            (Color::Auto, pipe, false),
            (Color::Auto, ColorHints { no_color: Some("1"), ..terminal }, false),
            (Color::Auto, ColorHints { no_color: Some(""), ..terminal }, true),
            (Color::Auto, ColorHints { clicolor_force: Some("1"), ..pipe }, true),
            (Color::Auto, ColorHints { clicolor_force: Some("0"), ..pipe }, false),
            (Color::Auto, ColorHints { clicolor_force: Some("1"), no_color: Some("1"), ..pipe }, false),
            (Color::Auto, ColorHints { term: Some("dumb"), ..terminal }, false),
            (Color::Always, ColorHints { no_color: Some("1"), ..pipe }, true),
            (Color::Never, ColorHints { clicolor_force: Some("1"), ..terminal }, false),
        ];
        for (choice, hints, on) in cases {
            assert_eq!(Paint::decide(choice, hints).is_on(), on, "{choice:?} {hints:?}");
        }
    }
}
