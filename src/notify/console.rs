//! Pages on a terminal: for the demo, for drills, and for whoever has nothing else yet.
//!
//! There is a bar on the left and none on the right: what people copy (hashes, links) stays in one piece, and no
//! character's width has to be known.

use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use super::message::Message;
use super::{Delivered, SendError};
use crate::domain::text::{cut, terminal};

/// Where the text goes. Shared, so that two messages never mix.
pub type Output = Arc<Mutex<dyn Write + Send>>;

/// Columns of the rules above and below.
const RULE_COLUMNS: usize = 72;
/// Columns that labels are padded to, if the longest is not longer than this.
const LABEL_MAX_COLUMNS: usize = 14;

/// Writes messages as blocks of text.
#[derive(Clone)]
pub struct ConsoleChannel {
    output: Output,
}

impl fmt::Debug for ConsoleChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ConsoleChannel")
    }
}

impl ConsoleChannel {
    /// Writes to `output`.
    pub fn new(output: Output) -> Self {
        Self { output }
    }

    /// The process's standard error: standard output is a command's result.
    pub fn stderr() -> Self {
        Self::new(Arc::new(Mutex::new(io::stderr())))
    }

    pub(super) fn send(&self, message: &Message) -> Result<Delivered, SendError> {
        let block = block(message);
        let mut output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        match output.write_all(block.as_bytes()).and_then(|()| output.flush()) {
            Ok(()) => Ok(Delivered::default()),
            Err(error) => Err(SendError::NotReached { to: "the terminal".into(), source: error.into() }),
        }
    }
}

fn block(message: &Message) -> String {
    let mut lines = vec![("To".to_owned(), terminal(&message.to.name)), ("At".to_owned(), message.when())];
    for line in message.shown() {
        lines.push((terminal(&line.label), terminal(&line.value)));
    }
    if let Some(url) = &message.ack_url {
        lines.push(("Acknowledge".into(), terminal(url.as_str())));
    }
    let widest = lines.iter().map(|(label, _)| label.chars().count()).max().unwrap_or(0);
    let width = widest.min(LABEL_MAX_COLUMNS);

    let heading = terminal(&cut(&message.heading(), RULE_COLUMNS));
    let rest = RULE_COLUMNS.saturating_sub(heading.chars().count() + 4);
    let mut block = format!("\n━━ {heading} {}\n", "━".repeat(rest));
    block.push_str(&format!("┃ {}\n┃\n", terminal(&message.title_shown())));
    for (label, value) in lines {
        block.push_str(&format!("┃ {label:<width$}  {value}\n"));
    }
    block.push_str(&format!("{}\n", "━".repeat(RULE_COLUMNS)));
    block
}

#[cfg(test)]
mod tests {
    use super::super::Advice;
    use super::super::fixture::{hostile, page};
    use super::*;

    fn shown(message: &Message) -> String {
        let output = Arc::new(Mutex::new(Vec::new()));
        ConsoleChannel::new(output.clone()).send(message).unwrap();
        String::from_utf8(output.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn a_page_as_a_signer_reads_it() {
        insta::assert_snapshot!(shown(&page()), @"

    ━━ PAGE · EMERGENCY · INC-7 ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━
    ┃ The vault is losing assets: 2 bots agree
    ┃
    ┃ To           Ana
    ┃ At           Sat 2026-11-21 04:00:00 CET · 2026-11-21 03:00:00 UTC
    ┃ Chain        mainnet (1)
    ┃ Safe         guardian 0x41675C099F32341bf84BFc5382aF534df5C7461a, nonce 12
    ┃ Call         vault.pause()
    ┃ safeTxHash   0x8f3b5e2d64c1f7a0b9d8e7c6f5a4b3c2d1e0f9a8b7c6d5e4f3a2b1c0d9e8f7a6
    ┃ Needed       you, and one of ben, chi
    ┃ Verify       redhandle proposal verify INC-7
    ┃ Acknowledge  https://agent.example.org/ack/INC-7/ana/0123456789abcdef0123456789abcdef
    ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━
    ");
    }

    #[test]
    fn hostile_text_stays_in_its_line() {
        let text = shown(&hostile());
        insta::assert_snapshot!(text, @r"

    ━━ PAGE · EMERGENCY · INC-7 ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━
    ┃ \u{1b}[2J<!channel> \u{202e}dekcah\u{200b} & *so on*\n┃ Safe: forged
    ┃
    ┃ To             Ana
    ┃ At             2026-11-21 03:00:00 UTC
    ┃ Alert          <@U123> <https://evil.example|verify here> `code`
    ┃ Forged\nlabel  a\r\nb\tc\u{7}\u{9b}31m
    ┃ Acknowledge    https://agent.example.org/ack/INC-7/ana/0123456789abcdef0123456789abcdef
    ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━
    ");
        assert!(!text.contains(|c: char| c.is_control() && c != '\n'));
    }

    #[test]
    fn what_is_too_long_is_cut_and_says_so() {
        let mut message = page();
        message.title = "x".repeat(5_000);
        message.lines = vec![super::super::Line::new("Label", "y".repeat(5_000)); 100];
        let text = shown(&message);
        assert!(text.contains("x… (3000 more characters)\n"));
        assert!(text.contains("y… (3000 more characters)\n"));
        assert!(text.contains("┃ Not shown    40 more lines\n"), "{}", &text[text.len() - 600..]);
    }

    /// A pipe whose reader went away.
    struct Broken;

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_was_not_written_is_not_delivered() {
        let channel = ConsoleChannel::new(Arc::new(Mutex::new(Broken)));
        let error = channel.send(&page()).unwrap_err();
        assert_eq!(
            (error.to_string().as_str(), error.advice()),
            ("could not reach the terminal", Advice::RetryNow)
        );
    }
}
