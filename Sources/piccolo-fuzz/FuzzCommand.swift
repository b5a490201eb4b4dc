// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Comparison
import Packet
import Tables
import XDPDataPlane

/// Random tables and packets through the reference and the XDP program, until they differ.
struct FuzzCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "packets",
        abstract: "Put random packets through random tables in the reference and in XDP, and compare everything.",
        discussion: """
            Each world is a set of tables made of a seed; verdicts, output bytes, reasons and counters must agree. The first difference is made \
            small and printed, and the exit code is 1. Runs in the kernel by test runs: nothing is attached, no packet is sent. Needs root.
            """)

    @Option(help: "Packets in all.")
    var packets = 1_000_000

    @Option(help: "Seed of the run; the same seed makes the same worlds and packets.")
    var seed: UInt64 = 1

    @Option(help: "Packets put through each world.")
    var perWorld = 4000

    @Flag(help: "Drop what no ACL entry matches.")
    var aclDefaultDrop = false

    @Flag(help: "Print how often each reason came up.")
    var coverage = false

    func run() throws {
        let xdp: XDPDataPlane
        var configuration = XDPConfiguration()
        (configuration.ipv4Flows, configuration.ipv6Flows, configuration.macs) = (4096, 4096, 4096)
        configuration.routes = 16_384
        configuration.trace = true
        configuration.multiBuffer = true
        configuration.aclDefaultDrop = aclDefaultDrop
        configuration.hashSeed = seed
        do {
            xdp = try XDPDataPlane(configuration)
        } catch {
            throw ValidationError("cannot load the fast path: \(error)")
        }
        let aclDefault: TableState.ACLDefault = aclDefaultDrop ? .drop : .permit
        let reference = ReferenceDataPlane(
            capacities: xdp.state.capacities, ecmpSeed: xdp.state.ecmpSeed, aclDefault: aclDefault)
        let comparison = PacketComparison([reference, xdp])
        var fuzz = Fuzz(
            options: RandomWorld.Options(ecmpSeed: xdp.state.ecmpSeed, aclDefault: aclDefault))
        fuzz.packetsPerWorld = perWorld
        var shown = 0
        let report = fuzz.run(seed: seed, packets: packets, through: comparison) { report in
            if report.packets - shown >= 250_000 {
                shown = report.packets
                print("\(report.packets) packets in \(report.worlds) worlds, no difference")
            }
            return true
        }
        if coverage { print(report.coverage) }
        if let failure = report.failure {
            print(failure)
            print("again: tools/fuzz --seed \(seed) --packets \(packets) --per-world \(perWorld)")
            throw ExitCode(1)
        }
        let missing = report.coverage.missing.map(\.name)
        if !missing.isEmpty { print("reasons that did not come up: \(missing.joined(separator: ", "))") }
        print("\(report.packets) packets in \(report.worlds) worlds, 0 differences (seed \(seed))")
    }
}
