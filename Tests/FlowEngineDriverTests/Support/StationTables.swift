// SPDX-License-Identifier: Apache-2.0
import FlowEngineDriver
import FlowEngineSimulator
import Packet
import Tables
import TestSupport
import Testing

/// What the MAC table says, as a model that outlives the processes in a test.
struct StationTables: StaticEntries, Equatable {
    var stations: [UInt64: MACEntry.Action] = [:]

    var flowCount: Int { 0 }
    var macCount: Int { stations.count }
    func flow(_ key: FlowKey) -> FlowEntry? { nil }
    func mac(_ entry: MACEntry) -> MACEntry? { stations[entry.mac.rawValue].map { self.entry(entry.mac.rawValue, $0) } }
    func forEachFlow(_ body: (FlowEntry) -> Void) {}
    func forEachMAC(_ body: (MACEntry) -> Void) {
        for (mac, action) in stations { body(entry(mac, action)) }
    }

    private func entry(_ mac: UInt64, _ action: MACEntry.Action) -> MACEntry {
        MACEntry(vlan: VLANID(rawValue: 10), mac: MACAddress(rawValue: mac), action: action, isStatic: true)
    }

    /// Changes at random: the tables after each, and the updates that make them.
    func changes(
        _ count: Int, ports: [PortID], using generator: inout SeededGenerator
    ) -> (after: [StationTables], updates: [TableUpdate]) {
        var new = self
        var after: [StationTables] = []
        var updates: [TableUpdate] = []
        for _ in 0..<count {
            let mac = Self.universe.randomElement(using: &generator) ?? 0
            let port = ports.dropFirst().randomElement(using: &generator) ?? PortID(1)
            let action: MACEntry.Action = Int.random(in: 0..<5, using: &generator) == 0 ? .drop : .port(port)
            if new.stations[mac] == nil {
                updates.append(.insert(stationEntry(mac, action)))
                new.stations[mac] = action
            } else if Bool.random(using: &generator) {
                updates.append(.modify(stationEntry(mac, action)))
                new.stations[mac] = action
            } else {
                updates.append(.delete(stationEntry(mac, .drop)))
                new.stations[mac] = nil
            }
            after.append(new)
        }
        return (after, updates)
    }

    /// Addresses in use; the second half of them share hash slots with the first, in VLAN 10.
    static let universe: [UInt64] = (0..<12).flatMap { [0x0200_0000_0100 + $0, 0x0200_0000_0100 + $0 ^ 1 << 14 ^ 1] }

    func decision(_ mac: UInt64) -> OffloadDecision? {
        switch stations[mac] {
        case .port(let port): .forward(port)
        case .drop: .drop
        default: nil
        }
    }
}

extension CardWorld {
    /// Takes over what is there, as a node does after a restart, with these tables as what is wanted.
    func reconcile(_ wanted: StationTables) {
        guard plane.isAdopted else {
            for station in wanted.stations { _ = plane.write([.insert(stationEntry(station.key, station.value))]) }
            return
        }
        var state = plane.emptyState
        for update in Self.tables(plane) { _ = state.update(update) }
        _ = plane.reconcileTables(state, repair: true)
        _ = plane.reconcileEntries(wanted, derived: true, repair: true)
    }

    /// Sends a frame to every station; what the card does by its rules is what one of these tables says.
    func expectAllowed(
        _ tables: [StationTables], _ comment: Comment? = nil, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        // Without power it keeps the verdict of its last frame. No rule is for this one.
        card.receive(frame(to: 0x0200_00ff_ffff), port: number(ports[0]))
        if card.lastVerdict.match != nil { return }
        for mac in StationTables.universe {
            let sent = frame(to: mac)
            let emissions = card.receive(sent, port: number(ports[0]))
            guard card.lastVerdict.match != nil else { continue }
            let allowed = tables.map { $0.decision(mac) }
            let done: OffloadDecision? =
                switch emissions.first {
                case nil: .drop
                case .port(let number, let bytes) where bytes == sent && emissions.count == 1:
                    plane.tables.book.ports.port(of: number).map { .forward($0) }
                default: nil
                }
            if done != nil, allowed.contains(done) { continue }
            Issue.record("\(comment.map { "\($0): " } ?? "")\(card.lastVerdict)", sourceLocation: sourceLocation)
        }
    }
}
