// SPDX-License-Identifier: Apache-2.0
#if Northbound
import BPF
import Northbound
import Packet
import Tables
import TestSupport

/// What the harness does wrong itself, behind its own back, to show that its checks see it.
public enum Sabotage: String, CaseIterable, Sendable {
    /// Deletes an acknowledged entry.
    case entry
    /// Enters a change in the books as not answered, and makes half of it.
    case half
    /// Drops the packets of one flow for a moment.
    case loss
    /// Sends the packets of one flow to another host for a moment.
    case misdirection
    /// Makes the entry of a static flow anew, so that its counter begins again.
    case counter
    /// Pins a map beside the node's.
    case pin

    /// The check that is to complain.
    public var check: String {
        switch self {
        case .entry, .half: "changes"
        case .loss, .misdirection: "packets"
        case .counter: "counters"
        case .pin: "inventory"
        }
    }

    func commit(_ soak: RestartSoak) async throws {
        let (places, traffic, books) = (soak.places, soak.traffic, soak.books)
        let flow = traffic.flows[0]
        let entry = TableEntry.flow(places.entry(of: flow))
        func write(_ updates: TableUpdate...) async throws {
            let refused = try await NodeClient.connect(to: soak.node.paths.socket) { try await $0.write(updates) }
            if let error = refused.compactMap(\.error).first { throw error }
        }
        /// So that the flow sends some meanwhile.
        func wait() async throws {
            let target = traffic.sentInAll + traffic.flows.count + Traffic.window
            while traffic.sentInAll < target { try await Task.sleep(for: .milliseconds(10)) }
        }
        func drop(_ number: UInt8) -> TableEntry {
            var match = ACLEntry.Match()
            match.source = IPPrefix(host: .v4(IPv4Address(rawValue: 0xc000_02f0 + UInt32(number))))
            return .acl(ACLEntry(id: 900 + UInt32(number), priority: 1, match: match, action: .drop))
        }
        switch self {
        case .entry: try await write(.delete(.flow(places.entry(of: traffic.flows[1]))))
        case .half:
            _ = books.begin(Books.Change("a change by halves", comes: [drop(1), drop(2)], goes: []))
            try await write(.insert(drop(1)))
        case .loss, .misdirection:
            var other = places.entry(of: flow)
            other.action = self == .loss ? .drop : .nextHop(places.away)
            try await write(.modify(.flow(other)))
            try await wait()
            try await write(.modify(entry))
        case .counter: try await write(.delete(entry), .insert(entry))
        case .pin:
            let map = try BPFMap(name: "stranger", type: .array, keySize: 4, valueSize: 4, maxEntries: 1)
            try map.pin(at: "\(soak.node.paths.pinPath)/stranger")
        }
    }

    /// Takes back what would be found again.
    func undo(_ soak: RestartSoak) async throws {
        switch self {
        case .pin: try BPFFileSystem.unpin("\(soak.node.paths.pinPath)/stranger")
        default: break
        }
    }
}
#endif
