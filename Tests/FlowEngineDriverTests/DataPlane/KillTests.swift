// SPDX-License-Identifier: Apache-2.0
import FlowEngineDriver
import FlowEngineRegisters
import FlowEngineSimulator
import Packet
import Tables
import TestSupport
import Testing

/// A process that ends at any access, in the middle of changes, of offloading, of a start; and another that begins with what is
/// in the card and in the shadow. A thousand times.
@Suite("Killed at any access")
struct KillTests {
    @Test(
        "the card's content is the shadow's, and no frame goes where neither the old nor the new tables say",
        arguments: 0..<4)
    func killed(chain: Int) throws {
        var generator = SeededGenerator(seed: UInt64(1000 + chain))
        let profile: CardProfile = chain % 2 == 0 ? .trustNode : .realTimeHAT
        let configuration = CardWorld.configuration(profile)
        let card = try SimulatedCard(configuration)
        let store = MemoryShadowStore()
        var tables = StationTables()
        var possible = [tables]
        for seed in 0..<250 {
            // A start may be the end already.
            let bus = FailingBus(SimulatedRegisterBus(card))
            if seed > 0, Int.random(in: 0..<4, using: &generator) == 0 {
                bus.left = Int.random(in: 0..<120, using: &generator)
                if let world = try? CardWorld(card, bus, store, profile: profile) { world.reconcile(tables) }
                bus.left = .max
            }
            let world = try CardWorld(card, bus, store, profile: profile)
            world.expectAllowed(possible, "chain \(chain), seed \(seed), at the start")
            world.reconcile(tables)
            world.expectAllowed([tables], "chain \(chain), seed \(seed), reconciled")
            world.expectCardAsBook("chain \(chain), seed \(seed)")
            try world.plane.tables.flush()
            #expect(Set(store.shadow.records.keys) == Set(world.plane.tables.book.ordinalsInUse.map { UInt64($0) }))

            // Changes and offloads, then the end at a random access of one of them.
            for _ in 0..<Int.random(in: 0...3, using: &generator) {
                let (after, updates) = tables.changes(8, ports: world.ports, using: &generator)
                #expect(world.plane.write(updates).allSatisfy { $0 == .applied })
                tables = after.last ?? tables
                _ = world.plane.offload(tables.stations.keys.sorted().map { station($0) })
                world.expectAllowed([tables], "chain \(chain), seed \(seed), changed")
            }
            bus.left = Int.random(in: 0..<60, using: &generator)
            let (after, updates) = tables.changes(12, ports: world.ports, using: &generator)
            let next = after.last ?? tables
            // Each update is acknowledged by itself, so any number of them may have been made.
            possible = [tables] + after
            _ = world.plane.write(updates)
            _ = world.plane.offload(next.stations.keys.sorted().map { station($0) })
            _ = world.plane.withdraw(next.stations.keys.sorted().prefix(4).map { station($0) })
            world.expectAllowed(possible, "chain \(chain), seed \(seed), killed")
            // What was wanted last was stored, or was not.
            if Bool.random(using: &generator) { tables = next }
        }
    }
}
