//! The processes of a shop as a picture, in the language of Mermaid: who runs what, who calls whom, who hears whom.

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};

use platform::tls::GATEWAY;

use super::set::{Process, Set};
use crate::databases::describe;
use crate::declared::MODULES;

/// The picture of a set of processes.
pub struct Diagram<'s>(&'s Set);

impl Set {
    /// The shop as a picture.
    pub fn diagram(&self) -> Diagram<'_> {
        Diagram(self)
    }
}

impl Diagram<'_> {
    /// The processes in which somebody in `process` reaches a module: its own, if it runs there.
    fn reached<'p>(&'p self, process: &'p Process, module: &'p str) -> Vec<&'p Process> {
        if process.config.modules.runs(module) { vec![process] } else { self.0.running(module).collect() }
    }

    fn process(process: &Process, at: usize, out: &mut String) -> fmt::Result {
        writeln!(out, "  subgraph process{at}[\"{} · {}\"]", process.name, process.config.listen)?;
        for module in MODULES.iter().filter(|module| process.config.modules.runs(module.name)) {
            writeln!(out, "    {}[{}]", node(process, module.name), module.name)?;
        }
        writeln!(out, "    {}([gateway])\n  end", node(process, GATEWAY))
    }

    /// What the modules here, and the gateway, ask of modules: the gateway's own process is left out.
    fn calls(&self, process: &Process, arrows: &mut BTreeSet<String>) {
        let here = MODULES.iter().map(|module| module.name).filter(|name| process.config.modules.runs(name));
        for caller in here.chain([GATEWAY]) {
            for module in &MODULES {
                let methods = module.called_by(caller);
                for there in self.reached(process, module.name) {
                    let is_near = caller == GATEWAY && std::ptr::eq(there, process);
                    if methods.is_empty() || is_near {
                        continue;
                    }
                    let (from, to) = (node(process, caller), node(there, module.name));
                    arrows.insert(format!("  {from} -->|{}| {to}", methods.join(", ")));
                }
            }
        }
    }

    fn events(&self, process: &Process, arrows: &mut BTreeSet<String>) {
        for module in MODULES.iter().filter(|module| process.config.modules.runs(module.name)) {
            for hears in module.hears {
                for there in self.reached(process, hears.source) {
                    let (from, to) = (node(there, hears.source), node(process, module.name));
                    arrows.insert(format!("  {from} -.->|{}| {to}", hears.types.join(", ")));
                }
            }
        }
    }

    fn databases(process: &Process, arrows: &mut BTreeSet<String>) {
        for module in MODULES.iter().filter(|module| process.config.modules.runs(module.name)) {
            let (name, place) = (module.name, describe(&process.config.place(module.name)));
            arrows.insert(format!("  {} --- {name}_tables[(\"{place}\")]", node(process, name)));
        }
    }
}

impl fmt::Display for Diagram<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = String::from("flowchart LR\n");
        let mut arrows = BTreeSet::new();
        for (at, process) in self.0.processes().iter().enumerate() {
            Self::process(process, at, &mut out)?;
            self.calls(process, &mut arrows);
            self.events(process, &mut arrows);
            Self::databases(process, &mut arrows);
        }
        for arrow in arrows {
            writeln!(out, "{arrow}")?;
        }
        f.write_str(out.trim_end())
    }
}

/// The name of a module of a process in the picture: letters, digits and lines alone, which Mermaid takes.
fn node(process: &Process, module: &str) -> String {
    let plain = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { '_' };
    format!("{}_{module}", process.name.chars().map(plain).collect::<String>())
}
