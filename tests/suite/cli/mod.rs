//! The command line and its pictures and pages.

mod commands;
mod pages;
mod show;
