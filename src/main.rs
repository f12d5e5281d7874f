//! argv in, exit code out.

use std::process::ExitCode;

fn main() -> ExitCode {
    redhandle::cli::main()
}
