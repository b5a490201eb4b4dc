// SPDX-License-Identifier: Apache-2.0
import BPF
import Tables
import XDPDataPlane

/// `tables`: a million entries put in, and read out with their counters, against a kernel hash with the same keys.
struct TablesBench {
    var rounds: Int
    var flows: Int
    /// Updates in one call of `write`.
    var batch: Int

    func run(into report: inout Report) throws {
        for family in Family.allCases {
            var install: (ours: [Double], kernel: [Double]) = ([], [])
            var sweep: (ours: [Double], kernel: [Double]) = ([], [])
            for _ in 0..<rounds {
                let node = try Node(configuration(family))
                try node.dataPlane.bind(Node.egress, interfaceIndex: 1)
                install.ours.append(try installInto(node, family))
                sweep.ours.append(try sweepOf(node))
                let peer = try Peer(.hash, entries: flows, counting: .inValue)
                install.kernel.append(try installInto(peer, family))
                sweep.kernel.append(try sweepOf(peer))
            }
            add(
                &report, "Installing \(flows) \(family.rawValue) entries", "M entries/s", install.ours, install.kernel,
                "BPF_MAP_UPDATE_BATCH, 48-byte keys", bar: ("node / kernel", 4, false))
            add(
                &report, "Sweeping \(flows) \(family.rawValue) entries", "ms", sweep.ours, sweep.kernel,
                "BPF_MAP_LOOKUP_BATCH", bar: ("kernel / node", 30, true))
            report.bars.append(
                Bar(
                    what: "\(family.rawValue) sweep, ms", limit: 10, isUpper: true, value: Spread(sweep.ours).median))
        }
    }

    private func configuration(_ family: Family) -> XDPConfiguration {
        var configuration = XDPConfiguration()
        configuration.ipv4Flows = family == .ipv4 ? flows : 1024
        configuration.ipv6Flows = family == .ipv6 ? flows : 1024
        return configuration
    }

    /// Millions of entries a second. The updates exist before; what is timed is `write` alone, `batch` at a time.
    private func installInto(_ node: Node, _ family: Family) throws -> Double {
        let generation = node.dataPlane.generation
        var seconds = 0.0
        for start in stride(from: 0, to: flows, by: batch) {
            let updates = (start..<min(start + batch, flows)).map { Node.flow($0, family, generation) }
            let begin = ContinuousClock.now
            let results = node.dataPlane.write(updates)
            seconds += (ContinuousClock.now - begin).seconds
            if let error = results.lazy.compactMap(\.error).first {
                throw BenchError.rejected("flows", results.count, error.description)
            }
        }
        return Double(flows) / seconds / 1e6
    }

    private func installInto(_ peer: Peer, _ family: Family) throws -> Double {
        let map = try peer.object.map(Peer.Table.hash.rawValue, key: Peer.Key.self, value: Peer.Value.self)
        var seconds = 0.0
        for start in stride(from: 0, to: flows, by: 65_536) {
            let range = start..<min(start + 65_536, flows)
            let keys = range.map { Peer.Key(BenchFlow($0, family), family, inPort: 1) }
            let values = range.map { _ in Peer.Value(packets: 0) }
            let begin = ContinuousClock.now
            try map.updateBatch(keys, values, chunk: 4096)
            seconds += (ContinuousClock.now - begin).seconds
        }
        return Double(flows) / seconds / 1e6
    }

    /// Milliseconds.
    private func sweepOf(_ node: Node) throws -> Double {
        var seen = 0
        var packets: UInt64 = 0
        var latest: UInt16 = 0
        let begin = ContinuousClock.now
        node.dataPlane.sweepFlows { record in
            seen += 1
            packets &+= record.counter.packets
            latest = max(latest, record.lastHit.rawValue)
            return .keep
        }
        let time = (ContinuousClock.now - begin).seconds * 1e3
        guard seen == flows else {
            throw BenchError.rejected("flows not seen by the sweep", flows - seen, "\(packets)")
        }
        return time
    }

    private func sweepOf(_ peer: Peer) throws -> Double {
        let map = try peer.object.map(Peer.Table.hash.rawValue, key: Peer.Key.self, value: Peer.Value.self)
        var seen = 0
        var packets: UInt64 = 0
        let begin = ContinuousClock.now
        try map.lookupBatch(chunk: 65_536) { _, values in
            seen += values.count
            for value in values { packets &+= value.packets }
        }
        let time = (ContinuousClock.now - begin).seconds * 1e3
        guard seen == flows else { throw BenchError.rejected("entries not seen", flows - seen, "\(packets)") }
        return time
    }

    private func add(
        _ report: inout Report, _ section: String, _ unit: String, _ ours: [Double], _ kernel: [Double],
        _ kernelName: String, bar: (name: String, limit: Double, isInverse: Bool)
    ) {
        let ratios = Spread(zip(ours, kernel).map { bar.isInverse ? $1 / $0 : $0 / $1 })
        report.rows.append(
            Row(
                section: section, subject: "this node", value: Spread(ours), unit: unit, ratio: ratios,
                reference: bar.isInverse ? "kernel / node" : "kernel's"))
        report.rows.append(Row(section: section, subject: kernelName, value: Spread(kernel), unit: unit))
        report.bars.append(
            Bar(what: "\(section): \(bar.name)", limit: bar.limit, isUpper: false, value: ratios.median))
    }
}

extension Duration {
    var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
