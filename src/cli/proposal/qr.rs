//! Hashes carried to a second device: a QR code on the terminal, or in a file.
//!
//! What the code of a proposal says is seven lines of text, so that a phone that knows nothing of us shows them:
//!
//! ```text
//! SAFE-TX-HASHES 1
//! chain 1
//! safe 0x…
//! nonce 12
//! domain 0x…
//! message 0x…
//! safeTx 0x…
//! ```
//!
//! On a terminal two rows of modules stand in one row of half blocks, with the quiet zone of four modules around; it is
//! dark on light whatever the terminal's colours are, where it has any.

use std::io::IsTerminal as _;
use std::path::PathBuf;

use qrcode::{Color, EcLevel, QrCode};

use crate::cli::exit::Failure;
use crate::cli::output::Output;
use crate::domain::incident::Preparation;

/// Light modules around the code, which scanners need (ISO/IEC 18004).
const QUIET_MODULES: usize = 4;

/// The widest code, in columns: a terminal that nobody has widened.
pub const COLUMNS_MAX: usize = 80;

/// Pixels of a module in an SVG.
const SVG_MODULE_PIXELS: usize = 6;

/// Whether and where a code is drawn.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct QrArgs {
    /// Draw a QR code even if standard output is no terminal.
    #[arg(long)]
    qr: bool,
    /// Draw the QR code into this SVG file.
    #[arg(long, value_name = "FILE")]
    qr_svg: Option<PathBuf>,
}

impl QrArgs {
    /// The code for people, after a blank line; nothing where nobody asked and no terminal shows it.
    pub fn drawn(&self, out: &Output, text: &str) -> Result<String, Failure> {
        let terminal = std::io::stdout().is_terminal();
        if out.is_json() || !(self.qr || terminal) {
            return Ok(String::new());
        }
        let code = Code::of(text)?;
        Ok(format!("\n\n{}", code.half_blocks(out.has_colour())))
    }

    /// Writes the SVG, where one is asked for.
    pub fn write_svg(&self, text: &str) -> Result<(), Failure> {
        let Some(path) = &self.qr_svg else { return Ok(()) };
        let svg = Code::of(text)?.svg();
        std::fs::write(path, svg)
            .map_err(|error| Failure::no(format!("could not write {}: {error}", path.display())))
    }
}

/// What a second device compares.
pub fn hashes(preparation: &Preparation) -> String {
    let hashes = &preparation.hashes;
    format!(
        "SAFE-TX-HASHES 1\nchain {}\nsafe {}\nnonce {}\ndomain {}\nmessage {}\nsafeTx {}",
        preparation.domain.chain_id,
        preparation.domain.safe,
        preparation.tx.nonce,
        hashes.domain,
        hashes.message,
        hashes.safe_tx
    )
}

/// A code with its quiet zone.
pub struct Code {
    width: usize,
    dark: Vec<bool>,
}

impl Code {
    /// Encodes a text. The lowest error correction: a screen has no stains, and fewer modules are larger ones.
    pub fn of(text: &str) -> Result<Self, Failure> {
        let code = QrCode::with_error_correction_level(text.as_bytes(), EcLevel::L)
            .map_err(|error| Failure::no(format!("the QR code cannot be drawn: {error}")))?;
        let inner = code.width();
        let width = inner + 2 * QUIET_MODULES;
        if width > COLUMNS_MAX {
            return Err(Failure::no(format!(
                "the QR code would be {width} columns wide, more than {COLUMNS_MAX}"
            )));
        }
        let mut dark = vec![false; width * width];
        for (index, colour) in code.to_colors().into_iter().enumerate() {
            let (x, y) = (index % inner + QUIET_MODULES, index / inner + QUIET_MODULES);
            if let Some(module) = dark.get_mut(y * width + x) {
                *module = colour == Color::Dark;
            }
        }
        Ok(Self { width, dark })
    }

    fn is_dark(&self, x: usize, y: usize) -> bool {
        self.dark.get(y * self.width + x).copied().unwrap_or(false)
    }

    /// Two rows in each line. With colours it is black on white; without, light modules are drawn, as most terminals
    /// are dark.
    pub fn half_blocks(&self, colour: bool) -> String {
        let mut lines = Vec::new();
        for y in (0..self.width).step_by(2) {
            let line: String = (0..self.width)
                .map(|x| {
                    // Below the last row there is no module: it stays as light as the quiet zone.
                    let (upper, lower) = (self.is_dark(x, y), y + 1 < self.width && self.is_dark(x, y + 1));
                    match (upper != colour, lower != colour) {
                        (false, false) => '█',
                        (false, true) => '▀',
                        (true, false) => '▄',
                        (true, true) => ' ',
                    }
                })
                .collect();
            lines.push(if colour { format!("\u{1b}[30;107m{line}\u{1b}[0m") } else { line });
        }
        lines.join("\n")
    }

    /// One path of squares on white.
    pub fn svg(&self) -> String {
        let mut path = String::new();
        for y in 0..self.width {
            for x in 0..self.width {
                if self.is_dark(x, y) {
                    path.push_str(&format!("M{x} {y}h1v1h-1z"));
                }
            }
        }
        let (width, pixels) = (self.width, self.width * SVG_MODULE_PIXELS);
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{pixels}\" height=\"{pixels}\" viewBox=\"0 0 {width} {width}\" shape-rendering=\"crispEdges\"><rect width=\"{width}\" height=\"{width}\" fill=\"#fff\"/><path d=\"{path}\" fill=\"#000\"/></svg>\n"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn longest() -> String {
        let hash = format!("0x{}", "f".repeat(64));
        let safe = format!("0x{}", "F".repeat(40));
        format!(
            "SAFE-TX-HASHES 1\nchain {}\nsafe {safe}\nnonce {}\ndomain {hash}\nmessage {hash}\nsafeTx {hash}",
            u64::MAX,
            u64::MAX
        )
    }

    /// What a camera would see: each module a square of pixels, drawn from what the terminal is given.
    fn seen(text: &str, colour: bool) -> (usize, Vec<bool>) {
        let lines: Vec<Vec<char>> = text
            .lines()
            .map(|line| {
                line.trim_start_matches("\u{1b}[30;107m").trim_end_matches("\u{1b}[0m").chars().collect()
            })
            .collect();
        let width = lines[0].len();
        assert!(lines.iter().all(|line| line.len() == width));
        let mut dark = Vec::new();
        for line in &lines {
            for upper in [true, false] {
                dark.extend(line.iter().map(|block| {
                    let drawn = match block {
                        '█' => true,
                        '▀' => upper,
                        '▄' => !upper,
                        _ => false,
                    };
                    drawn == colour
                }));
            }
        }
        (width, dark)
    }

    fn read(width: usize, dark: &[bool]) -> String {
        const PIXELS: usize = 4;
        let height = dark.len() / width;
        let mut image =
            rqrr::PreparedImage::prepare_from_greyscale(width * PIXELS, height * PIXELS, |x, y| {
                if dark[(y / PIXELS) * width + x / PIXELS] { 0 } else { 255 }
            });
        let grids = image.detect_grids();
        assert_eq!(grids.len(), 1);
        grids[0].decode().unwrap().1
    }

    #[test]
    fn a_camera_reads_from_the_terminal_what_was_drawn() {
        let text = longest();
        for colour in [true, false] {
            let drawn = Code::of(&text).unwrap().half_blocks(colour);
            let (width, dark) = seen(&drawn, colour);
            assert!(width <= COLUMNS_MAX, "{width} columns");
            assert_eq!(read(width, &dark), text);
            // Four light modules on each side.
            let is_light = |x: usize, y: usize| !dark[y * width + x];
            assert!(
                (0..QUIET_MODULES).all(|edge| (0..width).all(|at| is_light(at, edge) && is_light(edge, at)))
            );
            assert!((0..width).all(|at| is_light(width - 1, at) && is_light(width - QUIET_MODULES, at)));
        }
    }

    #[test]
    fn the_drawing_holds_the_same_modules() {
        let code = Code::of("SAFE-TX-HASHES 1").unwrap();
        let svg = code.svg();
        assert_eq!(svg.matches('M').count(), code.dark.iter().filter(|dark| **dark).count());
        assert!(svg.starts_with("<svg") && svg.ends_with("</svg>\n"));
        assert_eq!(read(code.width, &code.dark), "SAFE-TX-HASHES 1");
    }

    #[test]
    fn what_would_not_fit_is_refused() {
        assert!(Code::of(&"x".repeat(600)).is_err());
        assert!(Code::of(&"x".repeat(5_000)).is_err());
    }
}
