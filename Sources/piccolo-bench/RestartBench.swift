// SPDX-License-Identifier: Apache-2.0
import Tables
import XDPDataPlane

/// `restart`: a killed node's tables taken over and compared with what is wanted, all of it being right.
struct RestartBench {
    var rounds: Int
    var flows: Int
    var routes = 131_072

    /// Static flows as a store keeps them.
    private struct Kept: StaticEntries {
        var flows: [FlowKey: FlowEntry]
        var flowCount: Int { flows.count }
        var macCount: Int { 0 }
        func flow(_ key: FlowKey) -> FlowEntry? { flows[key] }
        func mac(_ entry: MACEntry) -> MACEntry? { nil }
        func forEachFlow(_ body: (FlowEntry) -> Void) { flows.values.forEach(body) }
        func forEachMAC(_ body: (MACEntry) -> Void) {}
    }

    func run(into report: inout Report) throws {
        // A BPF file system of its own, that goes with the mount namespace.
        try Command.run("mkdir -p /mnt/bpf && mount -t bpf bpf /mnt/bpf")
        var configuration = XDPConfiguration()
        (configuration.ipv4Flows, configuration.routes) = (flows, routes)
        configuration.pinDirectory = "/mnt/bpf/node"
        let (state, kept, prefixes) = try fill(configuration)
        var times: [String: [Double]] = [:]
        func measure<Result>(_ what: String, _ body: () throws -> Result) rethrows -> Result {
            let begin = ContinuousClock.now
            let result = try body()
            times[what, default: []].append((ContinuousClock.now - begin).seconds * 1e3)
            return result
        }
        let (opening, tables, entries) = ("opening the pins", "tables, \(prefixes) routes", "\(flows) static flows")
        let (again, look) = ("tables, a look at them later", "flows, a look at them later")
        for _ in 0..<rounds {
            let plane = try measure(opening) { try XDPDataPlane(configuration) }
            guard plane.isAdopted else { throw BenchError.missing("the pinned set", remedy: "run it alone") }
            try expectClean(measure(tables) { plane.reconcileTables(state, repair: true) })
            try expectClean(measure(entries) { plane.reconcileEntries(kept, derived: false, repair: true) })
            try expectClean(measure(again) { plane.reconcileTables(state, repair: true) })
            try expectClean(measure(look) { plane.reconcileEntries(kept, derived: false, repair: true) })
        }
        for what in [opening, tables, entries, again, look] {
            report.rows.append(
                Row(section: "Taking over", subject: what, value: Spread(times[what] ?? []), unit: "ms"))
        }
        let total = [opening, tables, entries].map { Spread(times[$0] ?? []).median }.reduce(0, +)
        report.bars.append(Bar(what: "all of it, ms", limit: 1000, isUpper: true, value: total))
    }

    /// The tables a process leaves that is killed.
    private func fill(_ configuration: XDPConfiguration) throws -> (TableState, Kept, Int) {
        let node = try Node(configuration)
        let prefixes = try node.addPrefixes(routes)
        var kept = Kept(flows: [:])
        kept.flows.reserveCapacity(flows)
        for start in stride(from: 0, to: flows, by: 65_536) {
            let updates = (start..<min(start + 65_536, flows)).compactMap { number -> TableUpdate? in
                guard case .flow(var flow) = Node.flow(number, .ipv4, node.dataPlane.generation).entry else {
                    return nil
                }
                (flow.origin, flow.aclDone) = (.static, false)
                kept.flows[flow.key] = flow
                return .insert(.flow(flow))
            }
            try node.write(updates, "static flows")
        }
        return (node.dataPlane.state, kept, prefixes)
    }

    private func expectClean(_ report: ReconcileReport) throws {
        guard let first = report.discrepancies.first else { return }
        throw BenchError.rejected("entries", report.found, first.description)
    }
}
