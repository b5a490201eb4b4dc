// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Comparison
import Glibc
import Packet
import Tables
import XDPDataPlane

/// The process that `KillCommand` kills: takes over what the one before left, brings it to what was stored by then, and writes on
/// until it ends.
struct WriteCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "write", abstract: "Takes over pinned tables and writes until it is killed.", shouldDisplay: false)

    @Option var seed: UInt64
    /// Steps that count as stored.
    @Option var from: Int
    @Option var directory: String

    static func configuration(seed: UInt64, directory: String) -> XDPConfiguration {
        var configuration = XDPConfiguration()
        (configuration.ipv4Flows, configuration.ipv6Flows, configuration.macs) = (512, 512, 256)
        configuration.routes = 4096
        configuration.trace = true
        configuration.hashSeed = seed
        configuration.pinDirectory = directory
        return configuration
    }

    func run() throws {
        let plane = try XDPDataPlane(Self.configuration(seed: seed, directory: directory))
        let empty = plane.emptyState
        var script = WriteScript(seed: seed, capacities: empty.capacities, ecmpSeed: empty.ecmpSeed)
        for _ in 0..<from { _ = script.next() }
        script.forgetLearned()
        let wanted = ReferenceEntries(script.reference)
        let adopted = plane.isAdopted
        var first = plane.reconcileTables(script.reference.state, repair: true)
        first.add(plane.reconcileEntries(wanted, derived: false, repair: true))
        try expect(first.failed == 0, "not repaired", first)
        var second = plane.reconcileTables(script.reference.state, repair: true)
        second.add(plane.reconcileEntries(wanted, derived: false, repair: true))
        try expect(second.isClean, "found again", second)
        plane.sweepFlows { $0.entry.origin == .static ? .keep : .remove }
        plane.sweepMACs { $0.entry.isStatic ? .keep : .remove }
        for table in TableID.allCases {
            let difference = Set(plane.entries(of: table)).symmetricDifference(script.reference.entries(of: table))
            if let entry = difference.first { throw ValidationError("\(table.rawValue) differs: \(entry.keyText)") }
        }
        try compare(plane, &script)
        say("ready \(adopted ? 1 : 0) \(first.found)")
        var steps = from
        while true {
            let step = script.next()
            let results = plane.write(
                step.updates.map { update in
                    guard case .flow(var flow) = update.entry, flow.origin != .static else { return update }
                    flow.origin = .derived(plane.generation)
                    return TableUpdate(update.operation, .flow(flow))
                })
            for (update, result) in zip(step.updates, results) where result != .applied {
                throw ValidationError("step \(steps + 1): \(update): \(result)")
            }
            if step.advances { plane.advanceGeneration() }
            steps += 1
            say("\(steps)")
        }
    }

    /// Packets through both: what was taken over forwards as it should.
    private func compare(_ plane: XDPDataPlane, _ script: inout WriteScript) throws {
        let comparison = PacketComparison([script.reference, plane])
        for _ in 0..<200 {
            guard let packet = script.nextPacket() else { return }
            if let difference = comparison.process(packet).differences.first {
                throw ValidationError("\(difference)")
            }
        }
    }

    private func expect(_ condition: Bool, _ what: String, _ report: ReconcileReport) throws {
        guard !condition else { return }
        throw ValidationError("\(what): " + report.discrepancies.prefix(5).map(\.description).joined(separator: "; "))
    }

    private func say(_ line: String) {
        let bytes = Array("\(line)\n".utf8)
        _ = write(STDOUT_FILENO, bytes, bytes.count)
    }
}
