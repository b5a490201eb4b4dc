// SPDX-License-Identifier: Apache-2.0
#if Northbound
import Northbound
import Packet
import Tables

/// What a node says of itself at one moment: tables, flows, counters.
public struct NodeSnapshot: Sendable {
    public var status: NodeStatus
    /// Everything that is wanted: all tables, of flows and MAC entries the static ones.
    public var entries: Set<TableEntry> = []
    /// Packets by entry, where the table counts; without flows.
    public var counters: [TableEntry: UInt64] = [:]
    public var staticFlows: [FlowKey: UInt64] = [:]
    /// Learned flows of the present generation.
    public var learnedFlows: [FlowKey: UInt64] = [:]
    public var verdicts: [Verdict: UInt64] = [:]

    public struct Verdict: Hashable, Sendable {
        public var port: PortID
        public var disposition: Disposition
        public var reason: Reason
    }

    /// Asks a node for everything. The answers are those of one moment only if nothing happens meanwhile.
    public init(of node: NodeClient) async throws {
        status = try await node.status()
        for table in TableID.allCases where table != .flowCache {
            for report in try await node.entries(of: table) {
                if case .mac(let mac) = report.entry, !mac.isStatic { continue }
                entries.insert(report.entry)
                if let counter = report.counter { counters[report.entry] = counter.packets }
            }
        }
        for flow in try await node.flows(FlowFilter()) {
            if flow.entry.origin == .static {
                entries.insert(.flow(flow.entry))
                staticFlows[flow.entry.key] = flow.counter.packets
            } else {
                learnedFlows[flow.entry.key] = flow.counter.packets
            }
        }
        for verdict in try await node.statistics().verdicts {
            let place = Verdict(port: verdict.port, disposition: verdict.disposition, reason: verdict.reason)
            verdicts[place] = verdict.counter.packets
        }
    }

    /// Packets received at a port that had a disposition, for a reason or for any.
    public func packets(at port: PortID, _ disposition: Disposition, _ reason: Reason? = nil) -> UInt64 {
        verdicts.reduce(0) { sum, verdict in
            let isOne =
                verdict.key.port == port && verdict.key.disposition == disposition
                && (reason == nil || verdict.key.reason == reason)
            return isOne ? sum + verdict.value : sum
        }
    }
}
#endif
