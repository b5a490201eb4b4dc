// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables
import Testing

@testable import Controller

/// A node with a card, beside one data plane that is told and sent the same: what the two do with a frame has to be alike.
///
/// Ports 1 to 4 are switched: VLAN 10 without a tag, VLAN 20 with one. Port 5 is routed.
final class TierWorld {
    static let routed = RouterInterfaceID(rawValue: 1)
    static let routerMAC = MACAddress(rawValue: 0x0200_0000_00fe)

    let card: TierCard
    let back = ReferenceDataPlane()
    let oracle = ReferenceDataPlane()
    let plane: TieredDataPlane
    var tiering: Tiering
    /// Nanoseconds.
    private(set) var now: UInt64 = 1_000_000_000
    private(set) var sent: UInt64 = 0
    private(set) var byCard: UInt64 = 0
    /// Frames that the tables count for a station and the card drops without one.
    private(set) var uncounted: [EntryKey: UInt64] = [:]
    private(set) var differences: [String] = []

    static func key(_ name: String, _ fields: MegaflowFields, isMasked: Bool = false) -> OffloadKeySet {
        OffloadKeySet(name: name, fields: fields, isMasked: isMasked)
    }

    private static let arrival: MegaflowFields = [.ingressPort, .vlan, .destinationMAC]

    /// Keys that tell a pair of stations, or a flow.
    static let fineKeys = [
        key("emh type 1", arrival.union([.sourceMAC])),
        key(
            "emh type 2",
            arrival.union([
                .etherType, .ipv4Source, .ipv4Destination, .ipProtocol, .sourcePort, .destinationPort,
            ])),
    ]

    /// Keys that many flows share.
    static let coarseKeys = [
        key("emh type 1", arrival),
        key("emh type 2", arrival.union([.etherType, .ipv4Source, .ipv4Destination, .ipProtocol])),
    ]

    init(
        keys: [OffloadKeySet] = fineKeys, capacity: Int = 16, collisions: Int = 4, slots: Int = 64,
        settings: TierSettings = TierSettings(), learns: Bool = true, seed: UInt64 = 1, cardTables: [TableID: Int] = [:]
    ) {
        card = TierCard(
            keySets: keys, ports: Set((1...5).map { PortID(rawValue: $0) }), capacity: capacity, collisions: collisions,
            slots: slots, tables: cardTables)
        plane = TieredDataPlane(back: back, front: card, planner: card, seed: seed)
        tiering = Tiering(plane, settings: settings, seed: seed)
        advance(0)
        var updates: [TableUpdate] = []
        for number in 1...5 as ClosedRange<UInt16> {
            var port = PortEntry(port: PortID(rawValue: number))
            (port.mode, port.pvid) = (number == 5 ? .routed : .switched, VLANID(rawValue: 10))
            port.learnMACs = learns
            updates.append(.insert(.port(port)))
        }
        var ten = VLANEntry(vlan: VLANID(rawValue: 10))
        ten.untagged = Set((1...4).map { PortID(rawValue: $0) })
        var twenty = VLANEntry(vlan: VLANID(rawValue: 20))
        twenty.tagged = ten.untagged
        updates += [.insert(.vlan(ten)), .insert(.vlan(twenty))]
        updates.append(
            .insert(
                .routerInterface(
                    RouterInterfaceEntry(id: Self.routed, port: PortID(rawValue: 5), mac: Self.routerMAC))))
        updates.append(
            .insert(
                .myStation(
                    MyStationEntry(
                        port: PortID(rawValue: 5), vlan: .untagged, mac: Self.routerMAC, routerInterface: Self.routed)))
        )
        write(updates)
    }

    // MARK: Tables and time

    @discardableResult
    func write(_ updates: [TableUpdate]) -> [UpdateResult] {
        let results = plane.write(updates)
        let right = oracle.write(updates)
        if results != right { differences.append("results \(results), not \(right)") }
        for (update, result) in zip(updates, results) where result == .applied && update.operation != .modify {
            uncounted[update.entry.entryKey] = nil
        }
        return results
    }

    func advance(_ nanoseconds: UInt64) {
        now += nanoseconds
        let time = CoarseTime(rawValue: UInt16(truncatingIfNeeded: now / 500_000_000))
        plane.setTime(time)
        oracle.setTime(time)
    }

    func advanceGeneration() {
        plane.advanceGeneration()
        oracle.advanceGeneration()
    }

    /// What the controller does between two sweeps.
    func sweep() {
        tiering.beginSweep(back.state, time: plane.now, now: now)
        plane.sweepFlows { flow in
            tiering.observe(flow)
            return .keep
        }
        plane.sweepMACs { station in
            tiering.observe(station)
            return .keep
        }
        tiering.endSweep(back.state, now: now)
    }

    // MARK: Stations and flows

    static func mac(_ number: UInt64) -> MACAddress { MACAddress(rawValue: 0x0200_0000_1000 + number) }

    /// A station of a VLAN, known from now on.
    func addStation(_ number: UInt64, port: UInt16, vlan: UInt16 = 20, isStatic: Bool = false) {
        write([.insert(.mac(station(number, port: port, vlan: vlan, isStatic: isStatic)))])
    }

    func station(_ number: UInt64, port: UInt16, vlan: UInt16 = 20, isStatic: Bool = false) -> MACEntry {
        MACEntry(
            vlan: VLANID(rawValue: vlan), mac: Self.mac(number), action: .port(PortID(rawValue: port)),
            isStatic: isStatic)
    }

    static func flow(_ number: Int, _ action: ForwardingAction = .drop) -> FlowEntry {
        FlowEntry(
            key: FlowKey(
                routerInterface: routed, source: .v4(IPv4Address(rawValue: 0x0a00_0001 + UInt32(number) / 1000)),
                destination: .v4(IPv4Address(rawValue: 0xc000_0209)), ipProtocol: 17,
                sourcePort: UInt16(1000 + number % 1000), destinationPort: 53), action: action)
    }

    // MARK: Frames

    static func frame(from source: MACAddress, to destination: MACAddress, vlan: UInt16? = 20) -> [UInt8] {
        var frame = bytes(destination) + bytes(source)
        if let vlan { frame += [0x81, 0x00, UInt8(vlan >> 8), UInt8(vlan & 255)] }
        return frame + [0x88, 0xb5] + [UInt8](repeating: 7, count: 50)
    }

    static func frame(of flow: FlowEntry) -> [UInt8] {
        var ip: [UInt8] = [0x45, 0, 0, 40, 0, 1, 0, 0, 64, 17, 0, 0]
        for address in [flow.key.source, flow.key.destination] {
            ip += [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: address.low >> UInt64($0)) }
        }
        Fixture.setChecksum(&ip)
        var frame: [UInt8] = bytes(routerMAC) + bytes(mac(999))
        frame += [0x08, 0x00]
        frame += ip
        for port in [flow.key.sourcePort, flow.key.destinationPort] { frame += [UInt8(port >> 8), UInt8(port & 255)] }
        frame += [0, 20, 0, 0]
        return frame + [UInt8](repeating: 9, count: 12)
    }

    private static func bytes(_ mac: MACAddress) -> [UInt8] {
        stride(from: 40, through: 0, by: -8).map { UInt8(truncatingIfNeeded: mac.rawValue >> UInt64($0)) }
    }

    /// A frame comes in: the card decides it, or leaves it.
    func receive(_ frame: [UInt8], port: UInt16) throws {
        sent += 1
        let right = try oracle.process(frame, port: port)
        if let decision = card.decide(frame, port: port) {
            byCard += 1
            switch decision {
            case .drop:
                if right.disposition != .drop { differences.append("dropped by the card: \(right)") }
                let destination = MACAddress(rawValue: frame[0..<6].reduce(0) { $0 << 8 | UInt64($1) })
                let vlan = VLANID(rawValue: frame[12] == 0x81 ? UInt16(frame[15]) : 10)
                switch right.reason {
                case .samePort, .vlanEgress, .egressPortDown, .mtuExceeded:
                    uncounted[.mac(vlan, destination), default: 0] += 1
                default: break
                }
            case .forward(let egress):
                if right.disposition != .forward || right.egressPort != egress || right.output != frame {
                    differences.append("sent by \(egress.rawValue) by the card: \(right)")
                }
            }
            if right.mirrored { differences.append("a copy is missing: \(right)") }
        } else {
            let verdict = try back.process(frame, port: port)
            if verdict != right { differences.append("\(verdict), not \(right)") }
        }
    }

    /// Learns what was seen, as the controller does.
    func learn() {
        var updates: [TableUpdate] = []
        _ = plane.pollEvents(maximum: .max) { event in
            guard case .macMiss(let vlan, let mac, let port) = event else { return }
            let entry = TableEntry.mac(MACEntry(vlan: vlan, mac: mac, action: .port(port), isStatic: false))
            let isKnown = back.mac(Tables.MACKey(vlan: vlan, mac: mac)) != nil
            updates.removeAll { $0.entry.entryKey == entry.entryKey }
            updates.append(isKnown ? .modify(entry) : .insert(entry))
        }
        _ = oracle.pollEvents(maximum: .max) { _ in }
        if !updates.isEmpty { write(updates) }
    }

    // MARK: Counts

    static func total(_ plane: any DataPlane) -> UInt64 {
        plane.verdictCounters().reduce(0) { $0 + $1.counter.packets }
    }

    static func stations(_ plane: any DataPlane) -> [EntryKey: MACRecord] {
        var records: [EntryKey: MACRecord] = [:]
        plane.sweepMACs { record in
            records[.mac(record.entry.vlan, record.entry.mac)] = copy record
            return .keep
        }
        return records
    }

    static func flows(_ plane: any DataPlane) -> [FlowKey: FlowRecord] {
        var records: [FlowKey: FlowRecord] = [:]
        plane.sweepFlows { record in
            records[record.entry.key] = copy record
            return .keep
        }
        return records
    }
}
