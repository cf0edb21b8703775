//! Nothing here: see api/.
