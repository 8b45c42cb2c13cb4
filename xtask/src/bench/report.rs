//! Figures with their bars, as a table that can be pasted beside the method.

use super::cpu;

/// One figure.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) figure: String,
    pub(crate) bar: &'static str,
    pub(crate) met: bool,
}

/// All figures of a run.
#[derive(Default)]
pub(crate) struct Report {
    rows: Vec<Row>,
    notes: Vec<String>,
}

impl Report {
    /// A figure that should be at least `bar`.
    pub(crate) fn at_least(
        &mut self,
        name: &'static str,
        figure: f64,
        least: f64,
        bar: &'static str,
    ) {
        self.push(Row { name, figure: format!("{figure:.3}"), bar, met: figure >= least });
    }

    /// A figure that should be at most `bar`.
    pub(crate) fn at_most(
        &mut self,
        name: &'static str,
        figure: f64,
        most: f64,
        bar: &'static str,
    ) {
        self.push(Row { name, figure: format!("{figure:.3}"), bar, met: figure <= most });
    }

    pub(crate) fn push(&mut self, row: Row) {
        println!("  {} {:<52} {:>10}   {}", mark(row.met), row.name, row.figure, row.bar);
        self.rows.push(row);
    }

    pub(crate) fn note(&mut self, note: String) {
        println!("    {note}");
        self.notes.push(note);
    }

    /// The table, and whether every bar was met.
    pub(crate) fn finish(&self, short: bool) {
        println!("\n{}", cpu::machine());
        println!("| figure | measured | bar | |\n| --- | --- | --- | --- |");
        for row in &self.rows {
            println!("| {} | {} | {} | {} |", row.name, row.figure, row.bar, mark(row.met));
        }
        if short {
            println!("short form: shows that the bench runs; its figures prove nothing");
        }
    }
}

fn mark(met: bool) -> &'static str {
    if met { "ok  " } else { "MISS" }
}

/// The middle of `values`; zero when there are none.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}
