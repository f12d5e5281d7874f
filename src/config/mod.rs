//! Settings, roster and runbooks: read and checked, every problem at once, with place and remedy.
