//! People, keys, shifts, and whether they cover a Safe.
