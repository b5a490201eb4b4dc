// SPDX-License-Identifier: Apache-2.0
#if Northbound
import Packet
import Tables

/// Compares what a node has counted between two moments with what was sent, both taken while nothing was on its way:
///
/// * a static flow's entry counts exactly its packets;
/// * so does a learned flow's, if the policy generation is the same; else its entry may have been made anew and is not looked at;
/// * whatever else counts by entry, and every verdict, is not less than before;
/// * the port where the packets arrive has forwarded exactly so many as were sent.
struct CounterCheck {
    let before: (node: NodeSnapshot, sent: [UInt64])
    let after: (node: NodeSnapshot, sent: [UInt64])
    let flows: [SoakFlow]
    let places: Places

    private static let told = 3

    func complaints() -> [String] {
        flowComplaints(of: flows.filter(\.isStatic), before.node.staticFlows, after.node.staticFlows, "static")
            + (before.node.status.generation == after.node.status.generation
                ? flowComplaints(
                    of: flows.filter { !$0.isStatic }, before.node.learnedFlows, after.node.learnedFlows, "learned")
                : [])
            + entryComplaints() + verdictComplaints()
    }

    /// Packets that were sent and that the fast path did not forward; nil if it has counted less than before, which is another
    /// complaint.
    var slowPackets: Int? {
        let sent = Int(after.sent.reduce(0, +) - before.sent.reduce(0, +))
        let (then, now) = (
            before.node.packets(at: places.port, .forward), after.node.packets(at: places.port, .forward)
        )
        return now < then ? nil : sent - Int(now - then)
    }

    /// Why packets were not, in words: the verdicts at the port that have grown and are no forwarding.
    var kernelReasons: String {
        let grown = after.node.verdicts.compactMap { verdict, now -> String? in
            let then = before.node.verdicts[verdict] ?? 0
            guard verdict.port == places.port, verdict.disposition != .forward, now > then else { return nil }
            return "\(now - then) \(verdict.disposition) \(verdict.reason.name)"
        }
        return grown.isEmpty ? "" : ": \(grown.sorted().joined(separator: ", "))"
    }

    private func flowComplaints(
        of flows: [SoakFlow], _ before: [FlowKey: UInt64], _ after: [FlowKey: UInt64], _ kind: String
    ) -> [String] {
        var gone: [String] = []
        var wrong: [String] = []
        for flow in flows {
            let key = flow.key(arrivingAt: places.arrival)
            guard let then = before[key] else { continue }
            guard let now = after[key] else {
                gone.append("\(flow)")
                continue
            }
            let sent = self.after.sent[flow.number] - self.before.sent[flow.number]
            if now != then + sent { wrong.append("\(flow) counted \(then), then \(sent) were sent, and it has \(now)") }
        }
        return tell(gone, "\(kind) flows have no entry any more") + tell(wrong, "\(kind) flows have not counted right")
    }

    private func entryComplaints() -> [String] {
        let less = before.node.counters.compactMap { entry, then -> String? in
            guard let now = after.node.counters[entry], now < then else { return nil }
            return "\(entry.keyText) has \(now), and had \(then)"
        }
        return tell(less.sorted(), "entries have counted less than before")
    }

    private func verdictComplaints() -> [String] {
        let less = before.node.verdicts.compactMap { verdict, then -> String? in
            let now = after.node.verdicts[verdict] ?? 0
            guard now < then else { return nil }
            return
                "\(verdict.disposition) \(verdict.reason.name) at port \(verdict.port.rawValue) has \(now), and had \(then)"
        }
        return tell(less.sorted(), "verdicts have counted less than before")
    }

    private func tell(_ list: [String], _ what: String) -> [String] {
        guard !list.isEmpty else { return [] }
        let more = list.count > Self.told ? ", …" : ""
        return ["\(list.count) \(what): \(list.prefix(Self.told).joined(separator: "; "))\(more)"]
    }
}
#endif
