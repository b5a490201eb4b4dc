// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Comparison
import FlowEngineDriver
import Packet
import Tables
import XDPDataPlane

/// Reference, XDP and a simulated card together: what the card decides by itself has to be what the tables say.
struct CardCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "card",
        abstract: "Put random rules into a simulated card, and random packets through it, the reference and XDP.",
        discussion: """
            Each world draws tables, how the card reads what its public sources leave open, what its driver is told of that, and rules. A \
            frame the card decides has to be decided so by reference and XDP, byte for byte; what it leaves to them it may leave. \
            The first difference is printed, and the exit code is 1.
            """)

    @Option(help: "Packets in all.") var packets = 1_000_000
    @Option(help: "Seed of the run; the same seed makes the same worlds, rules and packets.") var seed: UInt64 = 1
    @Option(help: "Packets put through each world.") var perWorld = 4000
    @Option(help: "Rules tried in each world.") var rules = 400
    @Option(help: "Key sets of the card, 1 to 12; drawn for each world if not given.") var hashRevision: Int?
    @Flag(help: "Leave XDP out: no root needed.") var withoutXDP = false
    @Flag(help: "Drop what no ACL entry matches.") var aclDefaultDrop = false

    static let ports = (0..<8).map { PortID(rawValue: $0) }

    func run() throws {
        let aclDefault: TableState.ACLDefault = aclDefaultDrop ? .drop : .permit
        let (comparison, reference) = try planes(aclDefault)
        var fuzz = OffloadFuzz(ports: Self.ports)
        (fuzz.packetsPerWorld, fuzz.megaflowsPerWorld) = (perWorld, rules)
        var shown = 0
        let report = try fuzz.run(
            seed: seed, packets: packets, through: comparison, reference: reference, aclDefault: aclDefault
        ) { worldSeed in
            try SimulatedHardware(
                seed: worldSeed, hashRevision: hashRevision, ports: Self.ports, like: reference.state)
        } progress: { report in
            guard report.packets - shown >= 100_000 else { return }
            shown = report.packets
            print("\(report.packets) packets in \(report.worlds) worlds, no difference")
        }
        print(report)
        guard report.failure == nil else {
            print("again: tools/fuzz card --seed \(seed) --packets \(packets) --per-world \(perWorld) --rules \(rules)")
            throw ExitCode(1)
        }
        print("\(report.packets) packets in \(report.worlds) worlds, 0 differences (seed \(seed))")
    }

    private func planes(_ aclDefault: TableState.ACLDefault) throws -> (PacketComparison, ReferenceDataPlane) {
        if withoutXDP {
            let reference = ReferenceDataPlane(aclDefault: aclDefault)
            return (PacketComparison([reference]), reference)
        }
        var configuration = XDPConfiguration()
        (configuration.ipv4Flows, configuration.ipv6Flows, configuration.macs) = (4096, 4096, 4096)
        configuration.routes = 16_384
        configuration.trace = true
        configuration.multiBuffer = true
        configuration.aclDefaultDrop = aclDefaultDrop
        configuration.hashSeed = seed
        let xdp: XDPDataPlane
        do { xdp = try XDPDataPlane(configuration) } catch {
            throw ValidationError("cannot load the fast path: \(error)")
        }
        let reference = ReferenceDataPlane(
            capacities: xdp.state.capacities, ecmpSeed: xdp.state.ecmpSeed, aclDefault: aclDefault)
        return (PacketComparison([reference, xdp]), reference)
    }
}
