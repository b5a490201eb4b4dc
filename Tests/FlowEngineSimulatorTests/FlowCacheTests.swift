// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters
import FlowEngineSimulator
import Packet
import Testing

@Suite("Flow cache")
struct FlowCacheTests {
    // Revision 12: type 1 VLAN, 2 destination MAC, 3 both, 4 both and priority. Station 2 folds to 2 ^ 0x2000.
    static let slotOf2 = 0x2002

    @Test("a hashed rule decides for its key alone")
    func hashed() throws {
        let bench = try CardTrial.trustNode()
        try bench.action(1, toPort: 4)
        try bench.hashed(1, type: 2, slot: Self.slotOf2, action: 1, ["mac_dst": 0x0200_0000_0002])
        #expect(bench.send(TestFrame.udp(to: 2)) == [4])
        #expect(bench.card.lastVerdict.match?.table == .exact(type: 2, slot: Self.slotOf2, rule: 1))
        #expect(bench.send(TestFrame.udp(to: 3)) == [100])
        #expect(bench.card.lastVerdict.source == .miss)
    }

    @Test("a frame whose key folds to the slot but differs does not match")
    func sameSlot() throws {
        let bench = try CardTrial.trustNode()
        try bench.action(1, toPort: 4)
        try bench.hashed(1, type: 2, slot: Self.slotOf2, action: 1, ["mac_dst": 0x0200_0000_0002])
        // Bit 0 and bit 14 fold to the same place: 2 ^ 1 ^ (1 << 14 → 1).
        #expect(bench.send(TestFrame.udp(to: 2 ^ 1 ^ 1 << 14)) == [100])
    }

    @Test("a slot leads only to a rule of the type it was found by")
    func typeOfSlot() throws {
        let bench = try CardTrial.trustNode()
        try bench.action(1, toPort: 4)
        // VLAN 0x2002 & 0xfff folds to 2: a rule of type 1 at the slot that type 2 finds.
        try bench.hashed(1, type: 1, slot: Self.slotOf2, action: 1, ["vlan_id": 0])
        #expect(bench.send(TestFrame.udp(to: 2)) == [100])
    }

    @Test("the rule of the highest priority decides, wherever it is", arguments: [0, 1, 2])
    func priorities(_ winner: Int) throws {
        let bench = try CardTrial.trustNode()
        for action in 1...3 { try bench.action(action, toPort: UInt32(action + 3)) }
        func priority(_ place: Int) -> UInt64 { place == winner ? 200 : 100 }
        try bench.hashed(
            1, type: 2, slot: Self.slotOf2, priority: priority(0), action: 1, ["mac_dst": 0x0200_0000_0002])
        try bench.collision(0, type: 2, priority: priority(1), action: 2, ["mac_dst": 0x0200_0000_0002])
        try bench.masked(
            0, priority: priority(2), action: 3, ["mac_dst": 0x0200_0000_0002], tcam: (data: 0, mask: 1))
        #expect(bench.send(TestFrame.udp(to: 2)) == [4 + winner])
    }

    @Test("among equal priorities hashed rules go before masked ones, or the other way round")
    func equal() throws {
        for (reading, port) in [(CardVariants.EqualPriority.hashFirst, 4), (.maskedFirst, 5)] {
            let bench = try CardTrial.trustNode { $0.variants.equalPriority = reading }
            try bench.action(1, toPort: 4)
            try bench.action(2, toPort: 5)
            try bench.hashed(1, type: 2, slot: Self.slotOf2, action: 1, ["mac_dst": 0x0200_0000_0002])
            try bench.masked(0, action: 2, ["mac_dst": 0x0200_0000_0002], tcam: (data: 0, mask: 1))
            #expect(bench.send(TestFrame.udp(to: 2)) == [port])
        }
    }

    @Test("each part decides only while ENABLE has its bit", arguments: [1, 2, 4])
    func enable(_ bit: UInt32) throws {
        let bench = try CardTrial.trustNode()
        for action in 1...3 { try bench.action(action, toPort: UInt32(action + 3)) }
        try bench.hashed(1, type: 2, slot: Self.slotOf2, action: 1, ["mac_dst": 0x0200_0000_0002])
        try bench.collision(0, type: 2, action: 2, ["mac_dst": 0x0200_0000_0002])
        try bench.masked(0, action: 3, ["mac_dst": 0x0200_0000_0002], tcam: (data: 0, mask: 1))
        try bench.bus.writeWord(bench.map.flowCache.enable.address, bit)
        #expect(bench.send(TestFrame.udp(to: 2)) == [4 + bit.trailingZeroBitCount])
        try bench.bus.writeWord(bench.map.flowCache.enable.address, 0)
        #expect(bench.send(TestFrame.udp(to: 2)) == [100])
    }

    @Test("a rule written word by word decides as it stands after each word")
    func halfEntries() throws {
        let bench = try CardTrial.trustNode()
        try bench.action(1, toPort: 4)
        try bench.action(2, toPort: 5)
        let old = try bench.ruleWords(type: 2, action: 1, ["mac_dst": 0x0200_0000_0002])
        let new = try bench.ruleWords(type: 2, action: 2, ["mac_dst": 0x0200_1234_0002])
        try bench.write(bench.map.collision, 0, old)
        #expect(bench.send(TestFrame.udp(to: 2)) == [4])
        // Word 0 brings the new action to the old key: the entry is neither of the two.
        try bench.bus.writeWord(bench.map.collision.address(0, word: 0), new[0])
        #expect(bench.send(TestFrame.udp(to: 2)) == [5])
        try bench.bus.writeWord(bench.map.collision.address(0, word: 1), new[1])
        #expect(bench.send(TestFrame.udp(to: 2)) == [100])
        try bench.bus.writeWord(bench.map.collision.address(0, word: 2), new[2])
        #expect(bench.send(TestFrame.udp(to: 0x1234_0002)) == [5])
    }

    @Test("a rule without valid, a slot of zero or without pointer, and rule 0 decide nothing")
    func absent() throws {
        let bench = try CardTrial.trustNode()
        try bench.action(1, toPort: 4)
        try bench.hashed(1, type: 2, slot: Self.slotOf2, action: 1, ["mac_dst": 0x0200_0000_0002])
        #expect(bench.send(TestFrame.udp(to: 2)) == [4])
        for word: UInt32 in [0, 0xffff_fe00] {
            try bench.write(bench.map.emhHash, Self.slotOf2, [word])
            #expect(bench.send(TestFrame.udp(to: 2)) == [100])
        }
        try bench.write(bench.map.emhHash, Self.slotOf2, [0xffff_fe01])
        let words = try bench.ruleWords(type: 2, action: 1, ["mac_dst": 0x0200_0000_0002])
        try bench.bus.writeWord(bench.map.emhRule.address(1, word: 0), words[0] & ~1)
        #expect(bench.send(TestFrame.udp(to: 2)) == [100])
    }

    @Test("what is written behind the table's depth is lost")
    func depth() throws {
        let bench = try CardTrial.trustNode { $0.variants.collisionDepth = 2 }
        try bench.action(1, toPort: 4)
        try bench.collision(2, type: 2, action: 1, ["mac_dst": 0x0200_0000_0002])
        #expect(bench.send(TestFrame.udp(to: 2)) == [100])
        #expect(bench.card.contents.collisions.isEmpty)
        try bench.collision(1, type: 2, action: 1, ["mac_dst": 0x0200_0000_0002])
        #expect(bench.send(TestFrame.udp(to: 2)) == [4])
    }

    @Test("an action drops, or sends to a port or a processor interface")
    func actions() throws {
        let bench = try CardTrial.trustNode()
        try bench.collision(0, type: 2, action: 9, ["mac_dst": 0x0200_0000_0002])
        try bench.dropAction(9)
        #expect(bench.send(TestFrame.udp(to: 2)).isEmpty)
        #expect(bench.card.lastVerdict.reason == .action)
        try bench.action(9, toPort: 16 + 7)
        #expect(bench.send(TestFrame.udp(to: 2)) == [107])
        #expect(bench.card.lastVerdict.reason == .processorRule)
        try bench.action(9, toPort: 15)
        #expect(bench.send(TestFrame.udp(to: 2)).isEmpty)
        #expect(bench.card.lastVerdict.reason == .portDisabled)
    }

    @Test("the upper bits of an action's index are the queue")
    func queue() throws {
        let bench = try CardTrial.trustNode()
        try bench.action(3 * 128 + 5, toPort: 4)
        try bench.collision(0, type: 2, action: 3 * 128 + 5, ["mac_dst": 0x0200_0000_0002])
        #expect(bench.send(TestFrame.udp(to: 2)) == [4])
        #expect(bench.card.lastVerdict.queue == 3)
        #expect(bench.card.lastVerdict.flowID == 3 * 128 + 5)
    }

    struct KeySet: Sendable, CustomTestStringConvertible {
        let revision: Int
        let type: Int
        var testDescription: String { "revision \(revision), type \(type)" }
    }

    static let keySets = FlowCacheLayouts.hashRevisions.flatMap { revision in
        (1...4).compactMap { type in
            FlowCacheLayouts.hashedFields(hashRevision: revision, type: type)
                .map { _ in KeySet(revision: revision, type: type) }
        }
    }

    @Test("every type of every key set matches when all its fields agree, and not when one differs", arguments: keySets)
    func everyKey(_ keySet: KeySet) throws {
        let bench = try CardTrial.trustNode(hashRevision: keySet.revision) {
            $0.variants.keysOfRevision2 = .inHashOrder
        }
        let frame: [String: UInt64] = [
            "in_port": 3, "mac_src": 0x0200_0000_0001, "mac_dst": 0x0200_0000_0002, "ethertype": 0x0800, "vlan_id": 7,
            "vlan_prio": 5, "ipv4_src": 0x0a00_0001, "ipv4_dst": 0x0a00_0002, "proto": 17, "port_src": 1000,
            "port_dst": 53,
        ]
        let names = try #require(
            FlowCacheLayouts.hashedFields(hashRevision: keySet.revision, type: keySet.type))
        try bench.action(1, toPort: 4)
        let key = frame.filter { names.contains($0.key) }
        try bench.collision(0, type: keySet.type, action: 1, key)
        let bytes = TestFrame.udp(vlan: 7, priority: 5)
        #expect(bench.send(bytes, port: 3) == [4])
        for name in names {
            var other = key
            other[name] = (key[name] ?? 0) ^ 1
            try bench.collision(0, type: keySet.type, action: 1, other)
            #expect(bench.send(bytes, port: 3) == [103], "\(name) differs")
        }
    }

    @Test("rules of key set 2, whose layout is not public, match nothing")
    func revision2() throws {
        let bench = try CardTrial.trustNode(hashRevision: 2)
        try bench.action(1, toPort: 4)
        try bench.write(bench.map.collision, 0, [0x0001_6409, 0, 0, 0, 0, 0, 0, 0, 0])
        #expect(bench.send(TestFrame.udp()) == [100])
        let rule = try #require(bench.card.contents.collisions.first)
        #expect(rule.isValid && rule.type == 4 && rule.fields.isEmpty)
    }
}
