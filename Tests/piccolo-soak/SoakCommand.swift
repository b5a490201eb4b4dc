// SPDX-License-Identifier: Apache-2.0
#if Northbound
import ArgumentParser
import Dispatch
import Foundation
import Soak
import Synchronization

/// Everything that can go wrong while it goes on, made to go wrong.
@main
struct SoakCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "soak", abstract: "Soak tests of a running node.", subcommands: [RestartCommand.self])
}

struct RestartCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restart",
        abstract:
            "Kill the daemon at random instants under traffic, start it again, and look whether anybody could notice.",
        discussion: """
            Each seed is one run. Exit status: 0 if all passed; 1 if one failed, was inconclusive (the harness itself lost packets) or needs \
            a command this build lacks.
            """)

    @Option(help: "Runs.")
    var seeds = 20

    @Option(help: "Seed of the first run; the next ones count from there.")
    var firstSeed: UInt64 = 1

    @Option(help: "Established flows.")
    var flows = 10_000

    @Option(help: "Packets a second.")
    var rate = 15_000

    @Option(
        help: "Only seeds of this activity: \(SoakScenario.Activity.allCases.map(\.rawValue).joined(separator: ", ")).")
    var only: SoakScenario.Activity?

    @Option(
        help:
            "Do this wrong after each restart, to see it found: \(Sabotage.allCases.map(\.rawValue).joined(separator: ", "))."
    )
    var sabotage: Sabotage?

    @Option(help: "Where configuration, state and logs are; removed if all passed. Default: a new folder in /tmp.")
    var folder: String?

    @Flag(help: "A line for each run, not only for those that fail.")
    var verbose = false

    func validate() throws {
        guard seeds > 0, (10...40_000).contains(flows), (100...200_000).contains(rate) else {
            throw ValidationError("give at least 1 seed, 10 to 40000 flows, and 100 to 200000 packets a second")
        }
    }

    func run() async throws {
        var options = RestartSoak.Options(folder: folder ?? "/tmp/piccolo-soak-\(getpid())")
        (options.flows, options.rate, options.sabotage) = (flows, rate, sabotage)
        say("configuration, state and logs: \(options.folder)")
        let interruption = Interruption()
        let soak = try await RestartSoak(options)
        var tally = SoakTally()
        var seed = firstSeed
        while tally.runs < seeds, !interruption.hasCome {
            defer { seed += 1 }
            let scenario = SoakScenario(seed: seed)
            if let only, scenario.activity != only { continue }
            let report = await soak.run(scenario)
            tally.add(report)
            let again = "tools/soak restart --seeds 1 --first-seed \(seed) --flows \(flows) --rate \(rate)"
            if verbose || report.outcome != .passed { say(report.text(again: again)) }
        }
        let left = try await soak.finish()
        for complaint in left { say("at the end: \(complaint)") }
        say(tally)
        guard tally.isClean, left.isEmpty else { throw ExitCode(1) }
        try FileManager.default.removeItem(atPath: options.folder)
    }
}

/// A line on standard output, at once: whoever reads this reads it while it goes on.
private func say(_ line: some CustomStringConvertible) {
    FileHandle.standardOutput.write(Data("\(line)\n".utf8))
}

extension SoakScenario.Activity: ExpressibleByArgument {}
extension Sabotage: ExpressibleByArgument {}

/// SIGINT and SIGTERM end after the run that goes on: the daemon and all that is pinned must not be left.
private final class Interruption: Sendable {
    private let flag = Mutex(false)
    // SAFETY: written while this is made, and kept only so that the sources live.
    private nonisolated(unsafe) var sources: [any DispatchSourceSignal] = []

    var hasCome: Bool { flag.withLock { $0 } }

    init() {
        for number in [SIGINT, SIGTERM] {
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { [weak self] in self?.flag.withLock { $0 = true } }
            source.activate()
            sources.append(source)
        }
    }
}
#else
@main
enum SoakCommand {
    static func main() { fatalError("this was built without the services; build it with the default traits") }
}
#endif
