//! Strangers' text made fit for each surface that people read.
//!
//! An alert is attacker-controlled. Its strings reach a terminal, Slack, a Markdown file or a page only through the
//! function named after that surface; HTML is escaped by the templates, which take [`visible`] text. Each function
//! keeps every character *seen*: what cannot be shown is written out (`\u{202e}`), never silently removed, so that
//! two different texts stay different (but for one that itself spells out an escape).
//!
//! Deliberately unknown here: what the text says, and how long a surface lets it be (see [`cut`]).

use std::fmt::Write;

/// Whether a character steers a terminal or a line of text instead of standing in it: control characters, marks
/// that turn the direction of writing, invisible ones, and line ends that only some programs know.
///
/// The invisible ones are those of Unicode's `Default_Ignorable_Code_Point` that occur in spoofed text, and the
/// fillers that render as nothing. The joiners U+200C and U+200D are among them: an emoji family or a Persian word
/// written out is a small price.
fn is_steering(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// One line of text in which every character can be seen. Line ends become `\n`, a tab becomes `\t`; a backslash
/// stays single, because addresses and paths of people are more common than attempts to imitate an escape.
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if is_steering(c) => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out
}

/// One line for a terminal: no escape sequence survives.
pub fn terminal(text: &str) -> String {
    visible(text)
}

/// One line for a Slack message, in `plain_text` as in `mrkdwn`: with `<` escaped no mention, channel or link can
/// be written. In `mrkdwn`, `*`, `_`, `~` and `` ` `` still format; use `plain_text` for strangers' text.
///
/// Source: <https://docs.slack.dev/messaging/formatting-message-text#escaping>
pub fn slack(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in visible(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            c => out.push(c),
        }
    }
    out
}

/// One line for a Markdown document, where nothing of it is markup: every ASCII punctuation character that means
/// something to CommonMark or GitHub's dialect is escaped, `:` and `@` as character references so that no link is
/// made of a bare address.
///
/// Source: <https://spec.commonmark.org/0.31.2/#backslash-escapes>
pub fn markdown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in visible(text).chars() {
        match c {
            ':' | '@' => {
                // Writing to a String does not fail.
                write!(out, "&#{};", u32::from(c)).ok();
            }
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '(' | ')' | '#' | '+' | '-' | '.' | '!'
            | '|' | '<' | '>' | '&' | '~' | '=' | '$' | '"' | '\'' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}

/// One line of text as a Markdown code span: for what people copy, such as hashes and addresses. In a table a
/// `|` would still end the cell, hence it is written out.
pub fn markdown_code(text: &str) -> String {
    let text = visible(text).replace('|', "\\u{7c}");
    let mut longest = 0;
    let mut run = 0;
    for c in text.chars() {
        run = if c == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    let fence = "`".repeat(longest + 1);
    // The space keeps a backtick at an end apart from the fence; Markdown takes it off again.
    let space =
        if text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']) || text.is_empty() { " " } else { "" };
    format!("{fence}{space}{text}{space}{fence}")
}

/// At most `chars_max` characters of a text, and a word about what is missing. The word comes on top of the bound.
pub fn cut(text: &str, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        None => text.to_owned(),
        Some((end, _)) => {
            let (kept, rest) = text.split_at(end);
            format!("{kept}… ({} more characters)", rest.chars().count())
        }
    }
}

/// An error and its causes in one line: what was being done, and why it failed.
pub fn chain_of(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let next_text = next.to_string();
        if !text.contains(&next_text) {
            text.push_str(": ");
            text.push_str(&next_text);
        }
        cause = next.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: [&str; 9] = [
        "plain words, 0xAbC, 12.5 %",
        "\u{1b}[2J\u{1b}]8;;http://evil\u{7}click\u{9b}31m",
        "line\r\none\ttwo\u{85}three\u{2028}four",
        "pay \u{202e}exe.elif\u{2066} me\u{200b}\u{feff}\u{ad}\u{3164}",
        "\u{e0041}\u{180e}tag",
        "<!channel> <@U123> <https://evil|here> &lt;",
        "*bold* _it_ ~no~ `code` [link](javascript:x) ![i](x) | # - + 1. https://evil @team",
        "``two`` and `one`",
        "` |",
    ];

    #[test]
    fn strangers_text_on_each_surface() {
        let mut lines = Vec::new();
        for text in HOSTILE {
            for (surface, shown) in [
                ("terminal", terminal(text)),
                ("slack", slack(text)),
                ("markdown", markdown(text)),
                ("code", markdown_code(text)),
            ] {
                lines.push(format!("{surface:>8}: {shown}"));
            }
        }
        insta::assert_snapshot!(lines.join("\n"), @r"
    terminal: plain words, 0xAbC, 12.5 %
       slack: plain words, 0xAbC, 12.5 %
    markdown: plain words, 0xAbC, 12\.5 %
        code: `plain words, 0xAbC, 12.5 %`
    terminal: \u{1b}[2J\u{1b}]8;;http://evil\u{7}click\u{9b}31m
       slack: \u{1b}[2J\u{1b}]8;;http://evil\u{7}click\u{9b}31m
    markdown: \\u\{1b\}\[2J\\u\{1b\}\]8;;http&#58;//evil\\u\{7\}click\\u\{9b\}31m
        code: `\u{1b}[2J\u{1b}]8;;http://evil\u{7}click\u{9b}31m`
    terminal: line\r\none\ttwo\u{85}three\u{2028}four
       slack: line\r\none\ttwo\u{85}three\u{2028}four
    markdown: line\\r\\none\\ttwo\\u\{85\}three\\u\{2028\}four
        code: `line\r\none\ttwo\u{85}three\u{2028}four`
    terminal: pay \u{202e}exe.elif\u{2066} me\u{200b}\u{feff}\u{ad}\u{3164}
       slack: pay \u{202e}exe.elif\u{2066} me\u{200b}\u{feff}\u{ad}\u{3164}
    markdown: pay \\u\{202e\}exe\.elif\\u\{2066\} me\\u\{200b\}\\u\{feff\}\\u\{ad\}\\u\{3164\}
        code: `pay \u{202e}exe.elif\u{2066} me\u{200b}\u{feff}\u{ad}\u{3164}`
    terminal: \u{e0041}\u{180e}tag
       slack: \u{e0041}\u{180e}tag
    markdown: \\u\{e0041\}\\u\{180e\}tag
        code: `\u{e0041}\u{180e}tag`
    terminal: <!channel> <@U123> <https://evil|here> &lt;
       slack: &lt;!channel&gt; &lt;@U123&gt; &lt;https://evil|here&gt; &amp;lt;
    markdown: \<\!channel\> \<&#64;U123\> \<https&#58;//evil\|here\> \&lt;
        code: `<!channel> <@U123> <https://evil\u{7c}here> &lt;`
    terminal: *bold* _it_ ~no~ `code` [link](javascript:x) ![i](x) | # - + 1. https://evil @team
       slack: *bold* _it_ ~no~ `code` [link](javascript:x) ![i](x) | # - + 1. https://evil @team
    markdown: \*bold\* \_it\_ \~no\~ \`code\` \[link\]\(javascript&#58;x\) \!\[i\]\(x\) \| \# \- \+ 1\. https&#58;//evil &#64;team
        code: ``*bold* _it_ ~no~ `code` [link](javascript:x) ![i](x) \u{7c} # - + 1. https://evil @team``
    terminal: ``two`` and `one`
       slack: ``two`` and `one`
    markdown: \`\`two\`\` and \`one\`
        code: ``` ``two`` and `one` ```
    terminal: ` |
       slack: ` |
    markdown: \` \|
        code: `` ` \u{7c} ``
    ");
    }

    proptest::proptest! {
        #[test]
        fn nothing_steers_and_nothing_mentions(text in "\\PC*|.*|[\\x00-\\x7f<>&@!|*`]*") {
            for shown in [terminal(&text), slack(&text), markdown(&text), markdown_code(&text)] {
                proptest::prop_assert!(!shown.chars().any(is_steering), "{shown:?}");
            }
            proptest::prop_assert!(!slack(&text).contains(['<', '>']));
        }

        #[test]
        fn a_code_span_cannot_be_left(text in "[`| a]*") {
            let span = markdown_code(&text);
            let fence = span.chars().take_while(|c| *c == '`').count();
            let inner = span.trim_matches('`');
            let inside = inner.split(|c| c != '`').map(str::len);
            proptest::prop_assert!(inside.into_iter().all(|run| run != fence), "{span:?}");
        }

        #[test]
        fn different_texts_stay_different(a in "[^\\\\]*", b in "[^\\\\]*") {
            proptest::prop_assert_eq!(a == b, visible(&a) == visible(&b));
            proptest::prop_assert_eq!(a == b, slack(&a) == slack(&b));
        }
    }

    #[test]
    fn a_cut_says_how_much_is_missing() {
        assert_eq!(cut("äöü", 3), "äöü");
        assert_eq!(cut("äöüß", 3), "äöü… (1 more characters)");
        assert_eq!(cut("", 0), "");
    }
}
