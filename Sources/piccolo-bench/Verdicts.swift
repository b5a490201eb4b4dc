// SPDX-License-Identifier: Apache-2.0
import XDPDataPlane

/// `fastpath`: what a verdict costs, by test run.
struct VerdictBench {
    var rounds: Int
    var isQuick: Bool
    var flows: Int

    /// Packets come from loopback and would leave by this interface; test runs do not send.
    static let ingressInterface: UInt32 = 1

    func run(into report: inout Report, egressInterface: UInt32) throws {
        let rig = try Rig()
        var configuration = XDPConfiguration()
        configuration.ipv4Flows = flows
        configuration.ipv6Flows = flows
        let node = try Node(configuration)
        try bind(node, egressInterface)
        for family in Family.allCases { try node.addFlows(flows, family) }
        let cached = try node.subject("this node")
        for (visited, title) in [(1, "1 flow"), (1024, "1 k flows"), (flows, "\(flows) random flows")] {
            for family in Family.allCases {
                try compareFlows(
                    rig, cached, family, visited, "Cache hit, \(title), \(family.rawValue)", egressInterface,
                    &report)
            }
        }
        try compareRoutes(rig, egressInterface, &report)
    }

    private func bind(_ node: Node, _ egressInterface: UInt32) throws {
        try node.dataPlane.bind(Node.ingress, interfaceIndex: Self.ingressInterface, sends: false)
        try node.dataPlane.bind(Node.egress, interfaceIndex: egressInterface)
    }

    private func peer(
        _ table: Peer.Table, _ family: Family, _ entries: Int, _ counting: Peer.Counting, _ egress: UInt32
    ) throws -> Subject {
        // An LRU map filled to its size evicts; a quarter to spare is what a table filled to 0.8 has too.
        let peer = try Peer(table, entries: table == .lru ? entries * 5 / 4 : entries, counting: counting)
        try peer.setEgress(egress)
        for start in stride(from: 0, to: entries, by: 65_536) {
            try peer.addFlows(start..<min(start + 65_536, entries), family, inPort: Self.ingressInterface)
        }
        let place = counting == .inValue ? "in value" : "per-CPU slab"
        return try peer.subject("minimal, \(table == .lru ? "LRU" : "HASH"), count \(place)")
    }

    private func compareFlows(
        _ rig: Rig, _ node: Subject, _ family: Family, _ visited: Int, _ title: String, _ egress: UInt32,
        _ report: inout Report
    ) throws {
        let isLarge = visited > 100_000
        let table: Peer.Table = isLarge ? .lru : .hash
        var subjects = [node]
        for counting in [Peer.Counting.inValue, .perCPU] {
            subjects.append(try peer(table, family, visited, counting, egress))
        }
        if isLarge && !isQuick { subjects.append(try peer(.hash, family, visited, .inValue, egress)) }
        var comparison = Comparison(title, family, Workload(count: visited), subjects, reference: 1)
        try measure(&comparison, rig, repetitions: isLarge ? visited : 500_000, &report)
        let limit = visited == 1 ? 0.75 : isLarge ? 0.4 : 0.8
        for index in [1, 2] {
            report.bars.append(
                Bar(
                    what: "\(title) / \(index == 1 ? "count in value" : "per-CPU slab")", limit: limit, isUpper: true,
                    value: comparison.ratio(0, to: index).median))
        }
    }

    private func compareRoutes(_ rig: Rig, _ egress: UInt32, _ report: inout Report) throws {
        let count = 131_072
        var configuration = XDPConfiguration()
        configuration.ipv4Flows = 1024
        configuration.ipv6Flows = 1024
        let node = try Node(configuration)
        try bind(node, egress)
        let distinct = try node.addPrefixes(count)
        let trie = try Peer(.trie, entries: count, counting: .inValue)
        try trie.setEgress(egress)
        try trie.addPrefixes(count)
        let title = "Route, \(distinct) IPv6 prefixes, no flow entry"
        var comparison = Comparison(
            title, .ipv6, Workload(kind: .routes, count: count),
            [try node.subject("this node"), try trie.subject("minimal, LPM_TRIE, count in value")], reference: 1)
        try measure(&comparison, rig, repetitions: 500_000, &report)
        report.bars.append(
            Bar(
                what: "\(title) / LPM_TRIE", limit: 0.35, isUpper: true,
                value: comparison.ratio(0, to: 1).median))
    }

    private func measure(
        _ comparison: inout Comparison, _ rig: Rig, repetitions: Int, _ report: inout Report
    ) throws {
        for _ in 0..<rounds { try comparison.round(rig, repetitions: isQuick ? repetitions / 4 + 1 : repetitions) }
        for (index, subject) in comparison.subjects.enumerated() {
            report.rows.append(
                Row(
                    section: comparison.title, subject: subject.name, value: Spread(comparison.net[index]),
                    unit: "ns net", ratio: comparison.ratio(index, to: comparison.reference),
                    reference: index == comparison.reference ? nil : "minimal"))
        }
    }
}
