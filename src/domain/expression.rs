//! CEL over views of configured contracts: `read("vault", "paused()") == true`.
