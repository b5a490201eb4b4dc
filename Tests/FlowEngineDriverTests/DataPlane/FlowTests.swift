// SPDX-License-Identifier: Apache-2.0
import FlowEngineDriver
import FlowEngineRegisters
import FlowEngineSimulator
import Packet
import Tables
import Testing

@Suite("Flow entries on a card")
struct FlowTests {
    static let station: UInt64 = 0x0200_0000_00aa

    /// Port 1 is routed, with a station and an interface; flows may name ports.
    func world(
        _ placement: FlowEngineDataPlane.FlowPlacement = .required, hashRevision: Int = 12
    ) throws -> (FlowEngineDataPlane, SimulatedCard) {
        let configuration = CardWorld.configuration(hashRevision: hashRevision)
        let card = try SimulatedCard(configuration)
        let driver = try CardDriver(
            bus: SimulatedRegisterBus(card), profile: .trustNode,
            quirks: {
                var quirks = CardWorld.quirks(configuration, .trustNode)
                quirks.untaggedVLAN = 0
                return quirks
            }())
        var traits = CardWorld.traits
        (traits.skipsFragments, traits.skipsOptions) = (true, true)
        let plane = try FlowEngineDataPlane(
            driver: driver, ports: CardWorld.cardPorts(configuration),
            settings: CardSettings(enabledPorts: [0, 1, 2, 3]),
            store: MemoryShadowStore(), traits: traits, flowPlacement: placement)
        let interface = RouterInterfaceEntry(
            id: RouterInterfaceID(rawValue: 1), port: PortID(1), mac: MACAddress(rawValue: Self.station))
        let results = plane.write([
            .insert(.port(PortEntry(port: PortID(1)))), .insert(.port(PortEntry(port: PortID(2)))),
            .insert(.routerInterface(interface)),
            .insert(
                .myStation(
                    MyStationEntry(
                        port: PortID(1), vlan: .untagged, mac: MACAddress(rawValue: Self.station),
                        routerInterface: interface.id))),
        ])
        #expect(results == Array(repeating: .applied, count: 4))
        return (plane, card)
    }

    func key(_ number: UInt16 = 1) -> FlowKey {
        FlowKey(
            routerInterface: RouterInterfaceID(rawValue: 1), source: .v4(.init(rawValue: 0x0a00_0001)),
            destination: .v4(.init(rawValue: 0x0a00_0002)), ipProtocol: 17, sourcePort: 1000, destinationPort: number)
    }

    func packet(_ number: UInt16 = 1) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(MACAddress(rawValue: Self.station))
        bytes.append(MACAddress(rawValue: 0x0200_0000_0001))
        bytes += [0x08, 0]
        var header: [UInt8] = [0x45, 0, 0, 46, 0, 0, 0x40, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]
        let checksum = header.withUnsafeBytes { Checksum.of($0.bytes) }
        header.store(bigEndian: checksum, at: 10)
        bytes += header
        bytes.append(bigEndian: UInt16(1000))
        bytes.append(bigEndian: number)
        bytes += [0, 26, 0, 0]
        return bytes + Array(repeating: 1, count: 18)
    }

    @Test("a static flow that names a port is a masked rule; its packets are counted and leave as they came")
    func flow() throws {
        let (plane, card) = try world()
        #expect(plane.write([.insert(.flow(FlowEntry(key: key(), action: .port(PortID(2)))))]) == [.applied])
        #expect(plane.offloadTables.first { $0.name == "ema" }?.used == 1)
        #expect(card.receive(packet(), port: 0) == [.port(1, packet())])
        #expect(card.lastVerdict.match != nil)
        card.receive(packet(2), port: 0)
        #expect(card.lastVerdict.match == nil)
        plane.setTime(CoarseTime(rawValue: 9))
        plane.sweepFlows { record in
            #expect(record.counter == Counter(packets: 1) && record.lastHit.rawValue == 9)
            return .remove
        }
        #expect(plane.entries(of: .flowCache).isEmpty)
        card.receive(packet(), port: 0)
        #expect(card.lastVerdict.match == nil)
    }

    @Test("another action is one word; a deletion takes the rule out")
    func changes() throws {
        let (plane, card) = try world()
        #expect(plane.write([.insert(.flow(FlowEntry(key: key(), action: .drop)))]) == [.applied])
        #expect(card.receive(packet(), port: 0) == [])
        #expect(plane.write([.modify(.flow(FlowEntry(key: key(), action: .port(PortID(2)))))]) == [.applied])
        #expect(card.receive(packet(), port: 0) == [.port(1, packet())])
        #expect(plane.write([.delete(.flow(FlowEntry(key: key(), action: .drop)))]) == [.applied])
        card.receive(packet(), port: 0)
        #expect(card.lastVerdict.match == nil)
        let again = plane.write([.delete(.flow(FlowEntry(key: key(), action: .drop)))])
        guard case .rejected(.notFound) = again[0] else {
            Issue.record("\(again)")
            return
        }
    }

    @Test("what the card cannot do is refused with the reason and changes nothing")
    func refused() throws {
        let (plane, _) = try world()
        let results = plane.write([
            .insert(.flow(FlowEntry(key: key(1), action: .kernel))),
            .insert(.flow(FlowEntry(key: key(2), action: .drop, mirror: true))),
            .insert(
                .flow(
                    FlowEntry(
                        key: FlowKey(
                            routerInterface: RouterInterfaceID(rawValue: 1), source: .v6(.init(high: 1 << 61, low: 1)),
                            destination: .v6(.init(high: 1 << 61, low: 2)), ipProtocol: 17), action: .drop))),
        ])
        for result in results {
            guard case .rejected(.unsupported) = result else {
                Issue.record("\(result)")
                continue
            }
        }
        #expect(plane.entries(of: .flowCache).isEmpty)
        #expect(plane.offloadTables.allSatisfy { $0.used == 0 })
        // The interface is not held by a flow that was refused.
        let interface = RouterInterfaceEntry(
            id: RouterInterfaceID(rawValue: 2), port: PortID(1), mac: MACAddress(rawValue: 2))
        #expect(
            plane.write([.insert(.routerInterface(interface)), .delete(.routerInterface(interface))]) == [
                .applied, .applied,
            ])
    }

    @Test("in front of another data plane, flows the card cannot hold are kept as what proofs rest on")
    func preferred() throws {
        let (plane, _) = try world(.preferred)
        let drop = Megaflow.samples(of: key(1), state: plane.state)[0].reduced(to: [.destinationMAC, .ingressPort])
        #expect(plane.write([.insert(.flow(FlowEntry(key: key(1), action: .kernel)))]) == [.applied])
        #expect(plane.entries(of: .flowCache).count == 1)
        #expect(throws: OffloadRefusal.self) { try plane.offload([drop])[0].get() }
    }

    @Test("derived flows of an earlier generation decide nothing")
    func generation() throws {
        let (plane, card) = try world()
        let derived = FlowEntry(
            key: key(), action: .drop, origin: .derived(plane.generation), aclDone: true, reason: .acl)
        var match = ACLEntry.Match()
        (match.ipProtocol, match.destinationPorts) = (17, 1...1)
        #expect(plane.write([.insert(.acl(ACLEntry(id: 1, priority: 1, match: match, action: .drop)))]) == [.applied])
        #expect(plane.write([.insert(.flow(derived))]) == [.applied])
        #expect(card.receive(packet(), port: 0) == [])
        #expect(card.lastVerdict.match != nil)
        plane.advanceGeneration()
        card.receive(packet(), port: 0)
        #expect(card.lastVerdict.match == nil)
        #expect(plane.entries(of: .flowCache).count == 1)
        // To the writer it is as good as absent.
        let next = FlowEntry(key: key(), action: .drop, origin: .derived(plane.generation), aclDone: true, reason: .acl)
        #expect(plane.write([.insert(.flow(next))]) == [.applied])
        #expect(card.receive(packet(), port: 0) == [] && card.lastVerdict.match != nil)
    }

    @Test("a hundred derived flows go to the card in one batch")
    func batch() throws {
        let (plane, card) = try world()
        var match = ACLEntry.Match()
        match.ipProtocol = 17
        _ = plane.write([.insert(.acl(ACLEntry(id: 1, priority: 1, match: match, action: .drop)))])
        let flows = (1...140).map {
            FlowEntry(
                key: key(UInt16($0)), action: .drop, origin: .derived(plane.generation), aclDone: true, reason: .acl)
        }
        let results = plane.write(flows.map { .insert(.flow($0)) })
        #expect(results.prefix(128).allSatisfy { $0 == .applied })
        #expect(results.dropFirst(128).allSatisfy { $0 == .rejected(.tableFull(table: .flowCache, capacity: 128)) })
        #expect(plane.entries(of: .flowCache).count == 128)
        #expect(card.contents.maskedRules.count == 128)
    }
}
