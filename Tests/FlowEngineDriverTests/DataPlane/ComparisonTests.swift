// SPDX-License-Identifier: Apache-2.0
import FlowEngineDriver
import FlowEngineRegisters
import FlowEngineSimulator
import Packet
import Tables
import Testing

@Suite("A card's tables against the shadow, word by word")
struct ComparisonTests {
    /// With rules found by hash, some in the collision table, which is not full, and one masked.
    private func world() throws -> CardWorld {
        let world = try CardWorld()
        var tables = StationTables()
        for mac in StationTables.universe { tables.stations[mac] = .port(world.ports[1]) }
        world.reconcile(tables)
        // They come in pairs that share a slot.
        let stations = StationTables.universe.enumerated().filter { $0.offset % 2 == 0 || $0.offset < 4 }
        var megaflows = stations.map { station($0.element) }
        megaflows[0].sourceMAC = MACAddress(rawValue: 0x0200_0000_ffff)
        _ = world.plane.offload(megaflows)
        world.plane.maintain()
        return world
    }

    private func differences(_ world: CardWorld, _ shadow: CardShadow? = nil) -> [String] {
        let book = world.plane.tables.book
        return ShadowComparison(
            shadow ?? world.store.load(), book: RuleBook(keys: book.keys, quirks: book.quirks, ports: book.ports)
        ) { table in
            world.card.words(of: SimulatedCard.Table(rawValue: table.rawValue) ?? .hash)
        }.differences
    }

    @Test("nothing differs on a card that was written, and each word that another has written is found")
    func everyTable() throws {
        let world = try world()
        #expect(world.plane.tables.book.count > 10)
        #expect(differences(world) == [])
        let map = world.plane.tables.driver.map
        let book = world.plane.tables.book
        let rules = book.ordinalsInUse.compactMap { book[$0] }
        let hashed = try #require(rules.first { if case .exact = $0.place { true } else { false } })
        let masked = try #require(rules.first { if case .masked = $0.place { true } else { false } })
        guard case .exact(let number) = hashed.place, case .masked(let entry) = masked.place else { return }
        let slots = Set(rules.map(\.slot))
        let freeSlot = (0..<16_384).first { !slots.contains($0) } ?? 0
        let freeCollision = (0..<4).first { entry in !rules.contains { $0.place == .collision(entry) } } ?? 3
        let free = (1..<512).first { number in !rules.contains { $0.place == .exact(number) } } ?? 511
        let changes: [(RegisterAddress, was: UInt32, now: UInt32, says: String)] = [
            (map.emhHash.address(hashed.slot, word: 0), HashWord.pointing(to: number), 0, "hash slot"),
            (map.emhHash.address(freeSlot, word: 0), 0, HashWord.pointing(to: 5), "hash slot"),
            (map.emhRule.address(number, word: 1), hashed.words[1], ~hashed.words[1], "the card has other words"),
            (map.emhRule.address(free, word: 0), 0, 1, "the memory has no such rule"),
            (map.collision.address(freeCollision, word: 0), 0, 1, "the memory has no such rule"),
            (map.emaTCAM.address(entry, word: 0), masked.tcam[0], ~masked.tcam[0], "selects otherwise"),
            (map.emaTCAM.address(entry + 1, word: 2), 0, 1, "is in use on the card"),
            (map.action.address(masked.action, word: 0), masked.actionWord, 0, "is another on the card"),
        ]
        for change in changes {
            try world.bus.writeWord(change.0, change.now)
            let found = differences(world)
            #expect(found.count == 1 && found.first?.contains(change.says) == true, "\(change): \(found)")
            try world.bus.writeWord(change.0, change.was)
            #expect(differences(world) == [])
        }
    }

    @Test("of a record that cannot be read nothing is said: neither of its place nor of the slot that leads there")
    func foreign() throws {
        let world = try world()
        var shadow = world.store.load()
        for place in shadow.records.keys { shadow.records[place]?[0] ^= 0xff }
        #expect(differences(world, shadow) == [])
    }

    @Test("a shadow that misses a rule is as wrong as a card that has one too many")
    func missing() throws {
        let world = try world()
        var shadow = world.store.load()
        let first = try #require(shadow.records.keys.sorted().first)
        shadow.records[first] = nil
        #expect(!differences(world, shadow).isEmpty)
        world.card.reset()
        #expect(differences(world).count > world.plane.tables.book.count)
        #expect(differences(world, CardShadow()) == [])
    }
}
