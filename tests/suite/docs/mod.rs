//! The documents: the book, the commands and links in them, and the architecture.

mod architecture;
mod book;
mod documents;
