// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables
import Testing

@testable import Controller

@Suite("A card that is full, or fails")
struct TierFailureTests {
    private static var quick: TierSettings {
        var settings = TierSettings()
        (settings.promote, settings.demote, settings.minimumStay) = (10, 1, 0)
        return settings
    }

    /// A world with flows that are dropped, on their way to the card.
    private func world(
        _ flows: Int, capacity: Int = 64, keys: [OffloadKeySet] = TierWorld.fineKeys, cardTables: [TableID: Int] = [:]
    ) throws -> TierWorld {
        let world = TierWorld(
            keys: keys, capacity: capacity, collisions: 0, slots: 1024, settings: Self.quick, cardTables: cardTables)
        world.write((0..<flows).map { .insert(.flow(TierWorld.flow($0))) })
        return world
    }

    private func send(_ world: TierWorld, _ flows: Range<Int>, count: Int = 20) throws {
        for flow in flows {
            for _ in 0..<count { try world.receive(TierWorld.frame(of: TierWorld.flow(flow)), port: 5) }
        }
    }

    private func rounds(_ world: TierWorld, _ flows: Range<Int>, _ count: Int = 4) throws {
        for _ in 0..<count {
            world.advance(1_000_000_000)
            try send(world, flows)
            world.sweep()
        }
    }

    private func checkCounts(_ world: TierWorld) {
        #expect(world.differences.isEmpty, "\(world.differences.prefix(3))")
        #expect(TierWorld.total(world.plane) == world.sent)
        let right = TierWorld.flows(world.oracle)
        for (key, flow) in TierWorld.flows(world.plane) {
            #expect(flow.counter.packets == right[key]?.counter.packets)
        }
    }

    @Test("a full card is nobody's error")
    func full() throws {
        let world = try world(40, capacity: 8)
        try rounds(world, 0..<40, 10)
        #expect(world.card.rules.count == 8 - 1, "what is kept for others stays free")
        #expect(world.plane.health().complaints.isEmpty)
        let results = world.write((40..<80).map { .insert(.flow(TierWorld.flow($0))) })
        #expect(results.allSatisfy { $0 == .applied })
        checkCounts(world)
    }

    @Test("a card that does not take a change is emptied, and told all anew", arguments: 0..<6)
    func cannotFollow(_ update: Int) throws {
        let world = try world(10)
        try rounds(world, 0..<10)
        #expect(world.card.rules.count == 10)
        world.card.remaining = update
        let changes = (20..<26).map { TableUpdate.insert(.flow(TierWorld.flow($0))) }
        #expect(world.write(changes).allSatisfy { $0 == .applied })
        #expect(world.card.rules.isEmpty)
        let complaint = try #require(world.plane.health().complaints.first)
        #expect(complaint.contains("card: nothing is offloaded") && complaint.contains("broken"), "\(complaint)")
        world.write([.modify(.flow(TierWorld.flow(3, .port(PortID(rawValue: 2)))))])
        try rounds(world, 0..<10)
        #expect(world.card.rules.isEmpty)
        checkCounts(world)

        world.card.remaining = .max
        world.plane.tend(now: world.now)
        #expect(world.plane.health().complaints.isEmpty)
        #expect(Set(world.card.entries(of: .flowCache)) == Set(world.back.entries(of: .flowCache)))
        try rounds(world, 0..<10)
        #expect(world.card.rules.count == 10)
        checkCounts(world)
    }

    @Test("a card that stays broken is tried more and more rarely")
    func staysBroken() throws {
        let world = try world(4)
        world.card.remaining = 0
        world.write([.insert(.flow(TierWorld.flow(9)))])
        var times: [Int] = []
        for second in 1...200 {
            world.advance(1_000_000_000)
            let before = world.card.remaining
            world.plane.tend(now: world.now)
            if world.card.remaining != before { times.append(second) }
        }
        #expect(times.count <= 9 && times.count >= 6, "\(times)")
        checkCounts(world)
    }

    @Test("a card too small for the tables is not used, and says so")
    func tooSmall() throws {
        let world = try world(4, cardTables: [.flowCache: 4])
        #expect(world.plane.health().complaints.isEmpty)
        #expect(world.write([.insert(.flow(TierWorld.flow(9)))]) == [.applied])
        #expect(world.plane.health().complaints.first?.contains("flow_cache_table") == true)
        try rounds(world, 0..<4)
        #expect(world.card.rules.isEmpty)
        checkCounts(world)
    }

    @Test("rules that a dead bus does not let go are complained of, until they are out")
    func dead() throws {
        let world = try world(4)
        try rounds(world, 0..<4)
        let count = world.card.rules.count
        #expect(count == 4)
        world.card.isDead = true
        world.card.remaining = 0
        world.write([.insert(.flow(TierWorld.flow(9)))])
        #expect(world.plane.leftovers == count)
        #expect(world.plane.health().complaints.contains { $0.contains("\(count) rules could not be taken out") })
        // They go on deciding, and what they count is counted.
        try send(world, 0..<4)
        checkCounts(world)
        (world.card.isDead, world.card.remaining) = (false, .max)
        world.advance(5_000_000_000)
        world.plane.tend(now: world.now)
        #expect(world.card.rules.isEmpty && world.plane.leftovers == 0 && world.plane.distrust == nil)
        checkCounts(world)
    }

    @Test("a card that loses its rules is filled again, and no packet is forgotten")
    func reset() throws {
        let world = try world(6)
        try rounds(world, 0..<6)
        world.card.reset()
        checkCounts(world)
        #expect(world.plane.overtaken == 6)
        try rounds(world, 0..<6)
        #expect(world.card.rules.count == 6)
        checkCounts(world)
    }

    @Test("tables that are there before are told first")
    func untold() throws {
        let back = ReferenceDataPlane()
        _ = back.write([.insert(.port(PortEntry(port: PortID(rawValue: 1))))])
        let card = TierCard(keySets: TierWorld.fineKeys, ports: [PortID(rawValue: 1)])
        let plane = TieredDataPlane(back: back, front: card, planner: card)
        #expect(plane.distrust == TieredDataPlane.untold && plane.health().complaints.isEmpty)
        plane.tend(now: 1)
        #expect(plane.distrust == nil)
        #expect(card.entries(of: .port) == back.entries(of: .port))
    }

    @Test("what a repair changes is told to the card")
    func repaired() throws {
        let world = try world(3)
        try rounds(world, 0..<3)
        #expect(world.card.rules.count == 3)
        // Somebody else takes a port out of the tables behind.
        var state = world.back.state
        _ = state.update(.insert(.acl(ACLEntry(id: 5, priority: 1, match: .init(), action: .drop))))
        #expect(!world.plane.reconcileTables(state, repair: false).isClean)
        #expect(world.card.entries(of: .acl).isEmpty)
        #expect(!world.plane.reconcileTables(state, repair: true).isClean)
        #expect(world.card.entries(of: .acl) == world.back.entries(of: .acl))
        #expect(world.plane.reconcileTables(state, repair: true).isClean)
    }

    @Test("a static flow is not idle while a rule that covers others too decides its packets")
    func hiddenIdle() throws {
        let world = try world(3, keys: TierWorld.coarseKeys)
        // What is not one of the flows goes the same way.
        let prefix = try #require(IPPrefix(.v4(IPv4Address(rawValue: 0xc000_0200)), length: 24))
        world.write([.insert(.route(RouteEntry(prefix: prefix, action: .drop)))])
        try rounds(world, 0..<1)
        #expect(world.card.rules.count == 1)
        let begun = world.plane.now
        for _ in 0..<5 {
            world.advance(1_000_000_000)
            try send(world, 0..<1, count: 1)
            _ = TierWorld.flows(world.plane)
        }
        let flows = TierWorld.flows(world.plane)
        // All three have the addresses of the rule; a fourth has not.
        for number in 0..<3 {
            let flow = try #require(flows[TierWorld.flow(number).key])
            #expect(world.plane.now.ticks(since: flow.lastHit) == 0)
        }
        world.write([.insert(.flow(TierWorld.flow(5000)))])
        world.advance(3_000_000_000)
        try send(world, 0..<1, count: 1)
        let other = try #require(TierWorld.flows(world.plane)[TierWorld.flow(5000).key])
        #expect(world.plane.now.ticks(since: other.lastHit) == 6 && world.plane.now.ticks(since: begun) >= 16)
    }
}
