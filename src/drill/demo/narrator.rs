//! Who tells the story: a line with the time since the attack began.

use std::io::Write;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// How a line is to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    /// As it is.
    Plain,
    /// What the attacker does.
    Attack,
    /// What people do.
    People,
    /// What the journal says.
    Journal,
    /// Trouble.
    Trouble,
    /// The end.
    Good,
}

/// Writes the story to one place, in one voice.
pub struct Narrator {
    out: Mutex<Box<dyn Write + Send>>,
    colour: bool,
    began: Mutex<Option<Instant>>,
}

impl Narrator {
    /// Tells to `out`; in colour on a terminal.
    pub fn new(out: Box<dyn Write + Send>, colour: bool) -> Self {
        Self { out: Mutex::new(out), colour, began: Mutex::new(None) }
    }

    /// The clock of the story starts.
    pub fn begin(&self) {
        *self.began.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    fn elapsed(&self) -> String {
        match *self.began.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(began) => format!("{:>6.2}s", began.elapsed().as_secs_f64()),
            None => "       ".to_owned(),
        }
    }

    /// A line without a teller.
    pub fn say(&self, text: &str) {
        self.write(text, Paint::Plain);
    }

    /// A line of somebody: `12.40s  attacker   strike 3: …`. Long ones wrap below themselves.
    pub fn tell(&self, who: &str, text: &str, paint: Paint) {
        /// Columns that a line may fill.
        const COLUMNS_MAX: usize = 100;
        /// Columns before the text.
        const MARGIN: usize = 20;
        let mut line = format!("{}  {who:<9}  ", self.elapsed());
        let mut column = MARGIN;
        for word in text.split(' ') {
            let length = word.chars().count() + 1;
            if column + length > COLUMNS_MAX && column > MARGIN {
                line.truncate(line.trim_end().len());
                line.push('\n');
                line.push_str(&" ".repeat(MARGIN));
                column = MARGIN;
            }
            line.push_str(word);
            line.push(' ');
            column += length;
        }
        self.write(line.trim_end(), paint);
    }

    /// Text as it is, set in.
    pub fn quote(&self, text: &str) {
        let set_in: Vec<_> = text.lines().map(|line| format!("          {line}")).collect();
        self.write(&set_in.join("\n"), Paint::Plain);
    }

    fn write(&self, text: &str, paint: Paint) {
        let code = match paint {
            Paint::Plain => "",
            Paint::Attack => "31",
            Paint::People => "36",
            Paint::Journal => "1",
            Paint::Trouble => "1;31",
            Paint::Good => "1;32",
        };
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        // A reader that went away does not stop the story.
        if self.colour && !code.is_empty() {
            writeln!(out, "\u{1b}[{code}m{text}\u{1b}[0m").ok();
        } else {
            writeln!(out, "{text}").ok();
        }
        out.flush().ok();
    }
}
