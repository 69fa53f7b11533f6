//! The command line and its pictures and pages.

mod commands;
mod describe;
mod embedded;
mod pages;
mod panels;
mod show;
mod snapshots;
