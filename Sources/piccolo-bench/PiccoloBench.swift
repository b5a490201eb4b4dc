// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Glibc

@main
struct PiccoloBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "piccolo-bench",
        abstract: "Measures the fast path against the kernel's own means (Docs/performance.md).",
        subcommands: [
            FastPath.self, TablesCommand.self, Restart.self, Wire.self, Learn.self, StoreCommand.self, Card.self,
            Daemon.self,
        ])
}

struct Options: ParsableArguments {
    @Option(help: "How often every variant is measured.") var rounds: Int = 11
    @Flag(help: "Fewer rounds and packets: a look, not a result.") var quick = false
    @Flag(help: "Print JSON.") var json = false
    @Option(help: "The CPU to measure on; the last one if not given.") var cpu: Int?
    @Option(help: "Flows of the large tables.") var flows: Int = 1_048_576

    var effectiveRounds: Int { quick ? min(rounds, 3) : rounds }
    var effectiveCPU: Int { cpu ?? sysconf(Int32(_SC_NPROCESSORS_ONLN)) - 1 }

    func validate() throws {
        guard rounds > 0 else { throw ValidationError("--rounds must be at least 1, not \(rounds)") }
        guard (2048...8_388_608).contains(flows) else {
            throw ValidationError("--flows must be from 2048 to 8388608, not \(flows)")
        }
    }

    /// Measures in namespaces of this process alone, so that all it makes ends with it, on one CPU and before others.
    ///
    /// - Parameter isIsolated: false for what makes nothing outside of this process: it needs no root, and waits its turn.
    func report(_ command: String, isIsolated: Bool = true, _ body: (inout Report) throws -> Void) throws {
        if isIsolated { try Isolation.enter(cpu: effectiveCPU) } else { try Isolation.stay(on: effectiveCPU) }
        var report = Report(command: command, machine: Machine(pinnedTo: effectiveCPU), rounds: effectiveRounds)
        try body(&report)
        report.print(asJSON: json)
    }
}

struct FastPath: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fastpath", abstract: "A verdict by test run, and frames over veth.")
    @OptionGroup var options: Options
    @Flag(help: "Verdicts only, no frames over veth.") var verdictsOnly = false

    func run() throws {
        try options.report("fastpath") { report in
            let egress = try Isolation.idleInterface()
            try VerdictBench(rounds: options.effectiveRounds, isQuick: options.quick, flows: options.flows)
                .run(into: &report, egressInterface: egress)
            if !verdictsOnly {
                try WireBench(rounds: options.effectiveRounds, isQuick: options.quick, cpu: options.effectiveCPU)
                    .run(into: &report)
            }
        }
    }
}

struct TablesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tables", abstract: "Installing and sweeping a million entries.")
    @OptionGroup var options: Options
    @Option(help: "Updates in one call of the data plane's write.") var batch = 1_048_576

    func run() throws {
        try options.report("tables") { report in
            try TablesBench(rounds: options.effectiveRounds, flows: options.flows, batch: max(batch, 1)).run(
                into: &report)
        }
    }
}

struct Restart: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Taking over the tables of a node that was killed, and comparing them with what is wanted.")
    @OptionGroup var options: Options

    func run() throws {
        try options.report("restart") { report in
            try RestartBench(rounds: options.effectiveRounds, flows: options.flows).run(into: &report)
        }
    }
}

struct Wire: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Frames a second over veth, on one core.")
    @OptionGroup var options: Options

    func run() throws {
        try options.report("wire") { report in
            try WireBench(rounds: options.effectiveRounds, isQuick: options.quick, cpu: options.effectiveCPU)
                .run(into: &report)
        }
    }
}

struct Learn: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Flows learned from the wire.")
    @OptionGroup var options: Options

    func run() throws {
        try options.report("learn") { report in
            try LearnBench(rounds: min(options.effectiveRounds, 5), seconds: options.quick ? 1 : 3)
                .run(into: &report, cpu: options.effectiveCPU)
        }
    }
}

struct Daemon: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Memory and idle CPU of the daemon.")
    @OptionGroup var options: Options

    func run() throws { throw ValidationError("daemon is not measured yet: it needs the finished `piccolo run`") }
}
