// SPDX-License-Identifier: Apache-2.0
import FlowEngineDriver
import FlowEngineRegisters
import FlowEngineSimulator
import Packet
import Tables
import Testing

@Suite("Comparing with what is wanted")
struct ReconcileTests {
    @Test("a difference is reported, and repaired together with the rules it concerns")
    func repairs() throws {
        let world = try CardWorld()
        let macs = Array(StationTables.universe.prefix(6))
        var tables = StationTables()
        for mac in macs { tables.stations[mac] = .port(world.ports[1]) }
        world.reconcile(tables)
        _ = world.plane.offload(macs.map { station($0) })
        var state = world.plane.state
        #expect(world.plane.reconcileTables(state, repair: true).isClean)
        #expect(world.plane.reconcileEntries(tables, derived: true, repair: true).isClean)

        var wanted = tables
        wanted.stations[macs[0]] = .drop
        wanted.stations[macs[1]] = nil
        wanted.stations[StationTables.universe[20]] = .drop
        let found = world.plane.reconcileEntries(wanted, derived: true, repair: false)
        #expect((found.missing, found.extra, found.altered) == (1, 1, 1))
        world.expectAllowed([tables])
        #expect(world.plane.reconcileEntries(wanted, derived: true, repair: true).failed == 0)
        world.expectAllowed([wanted])
        world.expectCardAsBook()
        #expect(world.plane.takeWithdrawn().map(\.megaflow) == [station(macs[1])])

        // A port less in the VLAN: its stations are not reached any more, and frames to the others still are.
        var vlan = try #require(state.vlan(VLANID(rawValue: 10)))
        vlan.tagged.remove(world.ports[1])
        _ = try state.apply(.modify(.vlan(vlan)))
        let report = world.plane.reconcileTables(state, repair: true)
        #expect(report.altered == 1 && report.failed == 0)
        world.expectCardAsBook()
        for mac in macs.dropFirst(2) {
            world.card.receive(frame(to: mac), port: 0)
            #expect(world.card.lastVerdict.match == nil || world.card.lastVerdict.isDropped)
        }
    }

    @Test("the marker names the tables as they were made")
    func marker() throws {
        let world = try CardWorld()
        let marker = world.plane.marker
        #expect(marker != 0 && world.store.shadow.marker == marker)
        world.plane.maintain()
        #expect(world.plane.marker == marker)
        world.card.reset()
        world.plane.maintain()
        #expect(world.plane.marker != marker && world.store.shadow.marker == world.plane.marker)
        let next = try CardWorld(world.card, SimulatedRegisterBus(world.card), world.store)
        #expect(next.plane.start == .adopted(rules: 0, finished: 0))
    }

    @Test("a shadow of another format, or for a card that is read otherwise, is not believed")
    func foreign() throws {
        let world = try CardWorld()
        _ = world.plane.write([.insert(stationEntry(0x0200_0000_0001, .port(world.ports[1])))])
        _ = world.plane.offload([station(0x0200_0000_0001)])
        for damage in 0..<3 {
            var shadow = world.store.shadow
            switch damage {
            case 0: shadow.records[1]?[0] = 99
            case 1: shadow.records[1]?[4] ^= 1
            default: shadow.records[1]?.removeLast()
            }
            let store = MemoryShadowStore(shadow)
            let next = try CardWorld(world.card, SimulatedRegisterBus(world.card), store, withTables: false)
            #expect(next.plane.start == .cleared(parked: 0))
            #expect(next.card.contents.rules.allSatisfy { !$0.isValid } && next.card.contents.slots.isEmpty)
            #expect(store.shadow.records.isEmpty)
            // For the next round.
            _ = world.plane.tables
            _ = try? world.plane.recover()
        }
    }
}
