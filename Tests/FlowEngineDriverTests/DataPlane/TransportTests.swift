// SPDX-License-Identifier: Apache-2.0
import FlowEngineDriver
import FlowEngineRegisters
import FlowEngineSimulator
import Packet
import Tables
import Testing

@Suite("The data plane over every way to a card")
struct TransportTests {
    @Test("rules come, change and go, and are found by the next process", arguments: SimulatedTransport.allCases)
    func wholeWay(_ transport: SimulatedTransport) throws {
        let (bus, card, keep) = try transport.rig()
        defer { withExtendedLifetime(keep) {} }
        let profile: CardProfile = card.configuration.profile == .trustNode ? .trustNode : .realTimeHAT
        let store = MemoryShadowStore()
        let world = try CardWorld(card, bus, store, profile: profile)
        #expect(world.plane.start == .cleared(parked: 0))
        var tables = StationTables()
        for mac in StationTables.universe { tables.stations[mac] = .port(world.ports[1]) }
        world.reconcile(tables)
        let wanted = tables.stations.keys.sorted().map { station($0) }
        let placed = world.plane.offload(wanted).filter { (try? $0.get()) != nil }.count
        #expect(placed > 10)
        world.expectCardAsBook()
        world.expectAllowed([tables])
        tables.stations[StationTables.universe[0]] = .drop
        #expect(world.plane.write([.modify(stationEntry(StationTables.universe[0], .drop))]) == [.applied])
        world.expectAllowed([tables])
        world.plane.maintain()
        #expect(world.plane.health().complaints.isEmpty)

        let next = try CardWorld(card, bus, store, profile: profile)
        #expect(next.plane.start == .adopted(rules: placed, finished: 0))
        next.reconcile(tables)
        next.expectCardAsBook()
        var seen = 0
        next.plane.sweepOffloads { _ in
            seen += 1
            return .remove
        }
        #expect(seen == placed)
        next.expectCardAsBook()
        #expect(card.contents.slots.isEmpty)
    }
}
