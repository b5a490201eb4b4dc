// SPDX-License-Identifier: Apache-2.0
import FlowEngineDriver
import FlowEngineRegisters
import FlowEngineSimulator
import Packet
import Tables
import TestSupport
import Testing

/// The card misbehaves at some access while rules come, change and go; the driver finds out, says so, and puts it right.
@Suite("A card that misbehaves")
struct FaultTests {
    enum Misbehaviour: String, CaseIterable, CustomTestStringConvertible {
        case dropped, late, hangs, reset, absent, powerLost
        var testDescription: String { rawValue }

        func kind(_ generator: inout SeededGenerator) -> CardFaults.Kind {
            switch self {
            case .dropped: .dropped
            case .late: .late(accesses: Int.random(in: 1...40, using: &generator))
            case .hangs: .hangs
            case .reset: .reset
            case .absent: .absent(accesses: Int.random(in: 1...50, using: &generator))
            case .powerLost: .powerLost
            }
        }
    }

    @Test(
        "whatever happens at any access, frames go where the old or the new tables say, and afterwards the card is as it should be",
        arguments: Misbehaviour.allCases)
    func misbehaves(_ misbehaviour: Misbehaviour) throws {
        var generator = SeededGenerator(seed: 77)
        let world = try CardWorld()
        let card = world.card
        var tables = StationTables()
        for round in 0..<60 {
            let (after, updates) = tables.changes(10, ports: world.ports, using: &generator)
            let at = card.accessCount + Int.random(in: 0..<60, using: &generator)
            card.faults = CardFaults([.init(misbehaviour.kind(&generator), .access(at))])
            let results = world.plane.write(updates)
            // What was acknowledged is in force; from the first that was not on, nothing is.
            let made = results.firstIndex { $0 != .applied } ?? results.count
            #expect(results[made...].allSatisfy { if case .rejected(.backEnd) = $0 { true } else { false } })
            let next = made > 0 ? after[made - 1] : tables
            world.expectAllowed([tables] + after, "\(misbehaviour) round \(round), changed")
            tables = next
            let wanted = tables.stations.keys.sorted().map { station($0) }
            for case .failure(let why) in world.plane.offload(wanted) {
                if case .full = why { continue }
                guard case .hardware = why else {
                    Issue.record("round \(round): \(why)")
                    continue
                }
            }
            world.expectAllowed([tables] + after, "\(misbehaviour) round \(round), offloaded")
            _ = world.plane.withdraw(Array(wanted.prefix(3)))
            world.expectAllowed([tables] + after, "\(misbehaviour) round \(round), withdrawn")
            // It is over; the driver finds what it did not find yet, and puts it right.
            card.faults = CardFaults()
            card.powerOn()
            // A card that was away for some accesses may be so for a few more.
            for _ in 0..<60 {
                world.plane.maintain()
                if world.plane.health().complaints.allSatisfy({ $0.contains("reset") }) { break }
            }
            #expect(world.plane.tables.isReady)
            world.expectCardAsBook("\(misbehaviour) round \(round)")
            world.expectAllowed([tables], "\(misbehaviour) round \(round), put right")
            _ = world.plane.takeWithdrawn()
        }
        if misbehaviour == .reset || misbehaviour == .powerLost {
            #expect(world.plane.health().complaints.contains { $0.contains("behind this program's back") })
        }
    }

    @Test("a reset behind the driver's back is found by the marker, reported, and everything is written again")
    func reset() throws {
        let world = try CardWorld(change: { $0.tablesAtReset = .cleared })
        let macs = (0..<40).map { 0x0200_0000_0000 + UInt64($0) }
        _ = world.plane.write(macs.map { .insert(stationEntry($0, .port(world.ports[1]))) })
        _ = world.plane.offload(macs.map { station($0) })
        #expect(world.plane.health().complaints.isEmpty)
        world.card.reset()
        #expect(world.card.contents.rules.isEmpty)
        world.plane.setTime(CoarseTime(rawValue: 1))
        world.expectCardAsBook()
        #expect(world.plane.health().complaints.contains { $0.contains("reset 1 times") })
        #expect(world.plane.takeWithdrawn().isEmpty)
        let sent = frame(to: macs[3])
        #expect(world.card.receive(sent, port: 0) == [.port(1, sent)])
        world.plane.acknowledge()
        #expect(world.plane.health().complaints.isEmpty)
    }

    @Test("a reset while no process runs: rules are written again when they have been proven, and not before")
    func resetBetween() throws {
        let world = try CardWorld()
        let macs = (0..<20).map { 0x0200_0000_0000 + UInt64($0) }
        var tables = StationTables()
        for mac in macs { tables.stations[mac] = .port(world.ports[1]) }
        _ = world.plane.write(macs.map { .insert(stationEntry($0, .port(world.ports[1]))) })
        _ = world.plane.offload(macs.map { station($0) })
        world.card.reset()
        let next = try CardWorld(world.card, SimulatedRegisterBus(world.card), world.store)
        #expect(next.plane.start == .cleared(parked: 20))
        #expect(next.card.contents.rules.isEmpty && next.plane.isAdopted)
        tables.stations[macs[0]] = nil
        tables.stations[macs[1]] = .drop
        next.reconcile(tables)
        next.expectCardAsBook()
        #expect(next.card.contents.slots.count == 19)
        let sent = frame(to: macs[5])
        #expect(next.card.receive(sent, port: 0) == [.port(1, sent)])
        #expect(next.card.receive(frame(to: macs[1]), port: 0) == [])
    }

    @Test("a half-written entry is put right by an audit, which finds it with frames alone")
    func audit() throws {
        let world = try CardWorld()
        let macs = (0..<30).map { 0x0200_0000_0000 + UInt64($0) }
        _ = world.plane.write(macs.map { .insert(stationEntry($0, .port(world.ports[1]))) })
        _ = world.plane.offload(macs.map { station($0) })
        #expect(failures(world).isEmpty)
        // Somebody writes over a word of rule 3, clears the slot of rule 5 and changes the action of rule 7.
        let book = world.plane.tables.book
        let map = world.plane.tables.driver.map
        let (third, fifth, seventh) = (try #require(book[3]), try #require(book[5]), try #require(book[7]))
        try world.bus.writeWord(map.emhRule.address(3, word: 2), third.words[2] ^ 4)
        try world.bus.writeWord(map.emhHash.address(fifth.slot, word: 0), 0)
        try world.bus.writeWord(map.action.address(seventh.action, word: 0), 0xffff_ff05)
        let found = failures(world)
        #expect(Set(found) == [.exact(3), .exact(5), .exact(7)])
        try world.plane.tables.rewrite(found)
        #expect(failures(world).isEmpty)
        world.expectCardAsBook()
    }

    @Test("words that are corrupted on the way are found by an audit and put right")
    func corrupted() throws {
        var generator = SeededGenerator(seed: 5)
        for round in 0..<20 {
            let world = try CardWorld()
            let macs = (0..<12).map { 0x0200_0000_0000 + UInt64($0) }
            _ = world.plane.write(macs.map { .insert(stationEntry($0, .port(world.ports[1]))) })
            world.card.faults = CardFaults([
                .init(.corrupted(bit: nil), .access(world.card.accessCount + Int.random(in: 1..<60, using: &generator)))
            ])
            _ = world.plane.offload(macs.map { station($0) })
            world.card.faults = CardFaults()
            world.plane.maintain()
            let found = failures(world)
            if !found.isEmpty { try world.plane.tables.rewrite(found) }
            #expect(failures(world).isEmpty, "round \(round)")
        }
    }

    private func failures(_ world: CardWorld) -> [RulePlace] {
        let audit = CardAudit(world.plane.tables.book, ports: world.ports.map { world.number($0) })
        #expect(audit.skipped.isEmpty)
        #expect(audit.probes.count == world.plane.tables.book.count)
        return audit.probes.filter { probe in
            let emissions = world.card.receive(probe.frame, port: probe.port)
            switch probe.expected {
            case .drop: return !emissions.isEmpty
            case .output(let port): return emissions != [.port(port, probe.frame)]
            }
        }.map(\.place)
    }

    @Test("a shadow that cannot be written changes nothing in the card")
    func shadowFails() throws {
        let card = try SimulatedCard(CardWorld.configuration())
        let store = BrokenStore()
        let driver = try CardDriver(
            bus: SimulatedRegisterBus(card), profile: .trustNode,
            quirks: CardWorld.quirks(card.configuration, .trustNode))
        let plane = try FlowEngineDataPlane(
            driver: driver, ports: CardWorld.cardPorts(card.configuration),
            settings: CardSettings(enabledPorts: [0, 1, 2, 3]),
            store: store, traits: CardWorld.traits)
        _ = plane.write(CardWorld.tables(plane) + [.insert(stationEntry(0x0200_0000_0001, .port(PortID(2))))])
        _ = plane.offload([station(0x0200_0000_0001)])
        store.isBroken = true
        let (contents, writes) = (card.contents, card.counters.writes)
        let results = plane.write([.modify(stationEntry(0x0200_0000_0001, .port(PortID(3))))])
        guard case .rejected(.backEnd) = results[0] else {
            Issue.record("\(results)")
            return
        }
        #expect(plane.entries(of: .mac) == [stationEntry(0x0200_0000_0001, .port(PortID(2)))])
        #expect(card.contents == contents && card.counters.writes == writes)
        store.isBroken = false
        #expect(plane.write([.modify(stationEntry(0x0200_0000_0001, .port(PortID(3))))]) == [.applied])
    }

    final class BrokenStore: CardShadowStore {
        private let inner = MemoryShadowStore()
        var isBroken = false
        func load() -> CardShadow { inner.load() }
        func record(_ change: CardShadowChange) throws(CardShadowError) {
            if isBroken { throw CardShadowError("no room") }
            inner.record(change)
        }
    }
}
