// SPDX-License-Identifier: Apache-2.0
import FlowEngineDriver
import FlowEngineRegisters
import FlowEngineSimulator
import Packet
import Tables
import Testing

@Suite("Offloading to a simulated card")
struct OffloadTests {
    static let base: UInt64 = 0x0200_0000_0000

    @Test(
        "a station's frames go where the table says, by the card alone",
        arguments: [CardProfile.trustNode, .realTimeHAT])
    func station(profile: CardProfile) throws {
        let world = try CardWorld(profile)
        let (inside, outside) = (world.ports[0], world.ports[1])
        #expect(world.plane.write([.insert(stationEntry(Self.base + 1, .port(outside)))]) == [.applied])
        let megaflow = FlowEngineDriverTests.station(Self.base + 1)
        #expect(world.plane.offload([megaflow]) == [.success(.forward(outside))])
        let sent = frame(to: Self.base + 1)
        #expect(world.card.receive(sent, port: world.number(inside)) == [.port(world.number(outside), sent)])
        #expect(world.card.lastVerdict.match != nil)
        world.expectCardAsBook()
        // Once more is no more.
        #expect(world.plane.offload([megaflow]) == [.success(.forward(outside))])
        #expect(world.plane.offloadTables.first?.used == 1)
        let record = try #require(world.plane.withdraw([megaflow]).first ?? nil)
        #expect(record.packets == 1 && record.decision == .forward(outside) && record.bytes == nil)
        #expect(record.place.hasPrefix("emh type 3, slot 0x"))
        world.expectCardAsBook()
        _ = world.card.receive(sent, port: world.number(inside))
        #expect(world.card.lastVerdict.match == nil)
        #expect(world.plane.withdraw([megaflow]).compactMap { $0 }.isEmpty)
    }

    @Test("a station that moves takes its rule along, in one word")
    func moves() throws {
        let world = try CardWorld()
        #expect(world.plane.write([.insert(stationEntry(Self.base + 1, .port(PortID(2))))]) == [.applied])
        _ = world.plane.offload([FlowEngineDriverTests.station(Self.base + 1)])
        let words = world.plane.tables.wordsWritten
        #expect(world.plane.write([.modify(stationEntry(Self.base + 1, .port(PortID(3))))]) == [.applied])
        #expect(world.plane.tables.wordsWritten == words + 1)
        let sent = frame(to: Self.base + 1)
        #expect(world.card.receive(sent, port: 0) == [.port(2, sent)])
        #expect(world.plane.write([.modify(stationEntry(Self.base + 1, .drop))]) == [.applied])
        #expect(world.card.receive(sent, port: 0) == [])
        world.expectCardAsBook()
        #expect(world.plane.takeWithdrawn().isEmpty)
    }

    @Test("a rule whose station goes is taken out before that is acknowledged, and told of once")
    func goes() throws {
        let world = try CardWorld()
        _ = world.plane.write([.insert(stationEntry(Self.base + 1, .port(PortID(2))))])
        _ = world.plane.offload([FlowEngineDriverTests.station(Self.base + 1)])
        _ = world.card.receive(frame(to: Self.base + 1), port: 0)
        #expect(world.plane.write([.delete(stationEntry(Self.base + 1, .drop))]) == [.applied])
        world.expectCardAsBook()
        let withdrawn = world.plane.takeWithdrawn()
        #expect(withdrawn.count == 1 && withdrawn.first?.packets == 1)
        #expect(world.plane.takeWithdrawn().isEmpty)
        #expect(world.plane.offloadTables.allSatisfy { $0.used == 0 })
    }

    @Test("a change elsewhere proves no rule again and writes nothing")
    func untouched() throws {
        let world = try CardWorld()
        _ = world.plane.write([.insert(stationEntry(Self.base + 1, .port(PortID(2))))])
        _ = world.plane.offload([FlowEngineDriverTests.station(Self.base + 1)])
        let accesses = world.card.accessCount
        #expect(world.plane.write([.insert(stationEntry(Self.base + 2, .port(PortID(2))))]) == [.applied])
        #expect(world.card.accessCount == accesses)
    }

    @Test("what is not decided alike, or not the card's to do, is refused with the reason")
    func refused() throws {
        let world = try CardWorld()
        _ = world.plane.write([
            .insert(stationEntry(Self.base + 1, .port(PortID(2)))), .insert(stationEntry(Self.base + 2, .cpu)),
        ])
        // Unknown: flooded. By address alone: another VLAN floods.
        var address = Megaflow()
        address.destinationMAC = MACAddress(rawValue: Self.base + 1)
        let results = world.plane.offload([
            FlowEngineDriverTests.station(Self.base + 9), address, FlowEngineDriverTests.station(Self.base + 2),
            fiveTuple(1),
        ])
        for result in results {
            #expect(throws: OffloadRefusal.self) { try result.get() }
        }
        #expect(world.plane.offloadTables.allSatisfy { $0.used == 0 })
    }

    @Test("a full card refuses, and what is there stays")
    func full() throws {
        let world = try CardWorld(change: { $0.collisionDepth = 4 })
        let count = 600
        let macs = (0..<count).map { Self.base + UInt64($0) }
        let written = world.plane.write(macs.map { .insert(stationEntry($0, .port(PortID(2)))) })
        #expect(written.allSatisfy { $0 == .applied })
        let results = world.plane.offload(macs.map { FlowEngineDriverTests.station($0) })
        #expect(results.filter { (try? $0.get()) != nil }.count == 511)
        #expect(results.last == .failure(.full(table: "emh", capacity: 511)))
        world.expectCardAsBook()
        for mac in macs.prefix(511) {
            let sent = frame(to: mac)
            #expect(world.card.receive(sent, port: 0) == [.port(1, sent)])
        }
        var seen = 0
        world.plane.sweepOffloads { record in
            seen += Int(record.packets)
            return record.megaflow.destinationMAC?.rawValue.isMultiple(of: 2) == true ? .remove : .keep
        }
        #expect(seen == 511)
        #expect(world.plane.offloadTables.first?.used == 255)
        world.expectCardAsBook()
        #expect(world.plane.verdictCounters().map(\.counter.packets).reduce(0, +) == 511)
    }

    @Test("a policy change for a thousand entries costs the words that differ")
    func policyChange() throws {
        let world = try CardWorld(change: { $0.collisionDepth = 512 })
        let macs = (0..<500).map { Self.base + UInt64($0) }
        _ = world.plane.write(macs.map { .insert(stationEntry($0, .port(PortID(2)))) })
        _ = world.plane.offload(macs.map { FlowEngineDriverTests.station($0) })
        let words = world.plane.tables.wordsWritten
        let changes = macs.enumerated().map { index, mac in
            TableUpdate.modify(stationEntry(mac, .port(PortID(index < 400 ? 3 : 2))))
        }
        #expect(world.plane.write(changes).allSatisfy { $0 == .applied })
        #expect(world.plane.tables.wordsWritten - words == 400)
        world.expectCardAsBook()
    }

    @Test("masked rules: an ACL entry's frames are dropped by the card")
    func acl() throws {
        let world = try CardWorld()
        var match = ACLEntry.Match()
        match.sourceMAC = Ternary(value: Self.base + 7, mask: MACAddress.broadcast.rawValue)
        let rule = ACLEntry(id: 1, priority: 10, match: match, action: .drop)
        guard world.plane.write([.insert(.acl(rule))]) == [.applied] else {
            Issue.record("the ACL entry was not taken")
            return
        }
        var megaflow = Megaflow()
        megaflow.sourceMAC = MACAddress(rawValue: Self.base + 7)
        megaflow.vlan = VLANID(rawValue: 10)
        #expect(world.plane.offload([megaflow]) == [.success(.drop)])
        world.expectCardAsBook()
        #expect(world.card.receive(frame(to: Self.base + 1, from: Self.base + 7), port: 0) == [])
        #expect(world.card.lastVerdict.match != nil)
        #expect(world.plane.write([.delete(.acl(rule))]) == [.applied])
        #expect(world.plane.takeWithdrawn().map(\.megaflow) == [megaflow])
        world.expectCardAsBook()
    }
}
