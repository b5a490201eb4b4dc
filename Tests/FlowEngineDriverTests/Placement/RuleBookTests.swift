// SPDX-License-Identifier: Apache-2.0
import FlowEngineDriver
import FlowEngineRegisters
import Packet
import Tables
import TestSupport
import Testing

@Suite("Where rules go")
struct RuleBookTests {
    let forward = OffloadDecision.forward(PortID(2))

    @Test("a megaflow goes to the type that has exactly its fields")
    func exactType() throws {
        var rules = book()
        let ordinal = try rules.place(station(0x0200_0000_0001), forward)
        let rule = try #require(rules[ordinal])
        #expect(rules.describe(rule).hasPrefix("emh type 3, slot 0x"))
        #expect(rule.place == .exact(1))
        #expect(rule.actionWord == 0xffff_ff03)
        var address = Megaflow()
        address.destinationMAC = MACAddress(rawValue: 0x0200_0000_0001)
        let second = try #require(try rules.placed(address, .drop))
        #expect(rules.layout(of: second).hasPrefix("emh type 2"))
    }

    @Test("what no type has exactly goes to a masked rule, and without those it is refused with what there is")
    func masked() throws {
        var rules = book()
        let ordinal = try rules.place(fiveTuple(1), forward)
        #expect(rules[ordinal]?.place == .masked(0))
        var none = RuleBook(
            keys: CardKeys(hashRevision: 12, exact: keys(12).exact, masked: nil),
            quirks: CardQuirks(profile: .trustNode), ports: twelvePorts)
        let fields = fiveTuple(1).fields
        #expect(throws: OffloadRefusal.noKey(fields: fields, keys: none.keys.descriptions)) {
            try none.place(fiveTuple(1), forward)
        }
        #expect(none.count == 0 && none.tables.allSatisfy { $0.used == 0 })
    }

    @Test("flows aimed at one slot fill the collision table and no more, and no rule is moved for them")
    func collisions() throws {
        var rules = book { $0.collisionEntries = 4 }
        // VLAN and address are mixed by XOR: these all have the same slot.
        func aimed(_ number: UInt16) -> Megaflow { station(0x0200_0000_0000 ^ UInt64(number), vlan: number) }
        var places: [RulePlace] = []
        for number in 1...5 {
            let ordinal = try rules.place(aimed(UInt16(number)), forward)
            places.append(try #require(rules[ordinal]).place)
        }
        #expect(places == [.exact(1), .collision(0), .collision(1), .collision(2), .collision(3)])
        for number in 6...100 {
            #expect(throws: OffloadRefusal.full(table: "collision", capacity: 4)) {
                try rules.place(aimed(UInt16(number)), forward)
            }
        }
        #expect(rules.collisions == 4)
        // Others find their slots as before.
        for number in 10...509 {
            let ordinal = try rules.place(station(0x0200_0001_0000 + UInt64(number), vlan: 7), forward)
            guard case .exact = try #require(rules[ordinal]).place else {
                Issue.record("rule \(number) is not found by hash")
                return
            }
        }
        // A freed slot is taken by the next; those in the collision table stay where they are.
        rules.free(1)
        #expect(try rules.placed(aimed(200), forward)?.place.ordinal ?? 0 < 512)
        #expect(rules[RulePlace.collision(0).ordinal] != nil)
    }

    @Test("511 rules are found by hash, one more is refused, and a freed place is used again last")
    func full() throws {
        var rules = book { $0.emaEntries = 8 }
        for number in 0..<511 { _ = try rules.place(station(0x0200_0000_0000 + UInt64(number)), forward) }
        #expect(throws: OffloadRefusal.full(table: "emh", capacity: 511)) {
            try rules.place(station(0x0200_0000_0000 + 511), forward)
        }
        for number in 0..<8 { _ = try rules.place(fiveTuple(UInt32(number)), forward) }
        #expect(throws: OffloadRefusal.full(table: "ema", capacity: 8)) { try rules.place(fiveTuple(8), forward) }
        #expect(rules.tables.map(\.used) == [511, 0, 8, 519])
        rules.free(3)
        rules.free(2)
        let next = try rules.place(station(0x0200_0000_0000 + 511), forward)
        #expect(next == 3)
    }

    @Test("every rule has an action of its own, number 0 is nobody's, and lower queues are used up first")
    func actions() throws {
        var rules = book()
        var seen: Set<Int> = []
        for number in 0..<511 {
            let ordinal = try rules.place(station(0x0200_0000_0000 + UInt64(number)), forward)
            let rule = try #require(rules[ordinal])
            #expect(seen.insert(rule.action).inserted && rule.action > 0)
            #expect(rule.action >> 7 == (number + 1) / 128)
        }
    }

    @Test("with sixteen actions there are fifteen rules")
    func sixteenActions() throws {
        var rules = book { $0.actionID = .sixteenActions }
        for number in 0..<15 { _ = try rules.place(station(0x0200_0000_0000 + UInt64(number)), forward) }
        #expect(throws: OffloadRefusal.full(table: "action", capacity: 15)) {
            try rules.place(station(0x0200_0000_0000 + 15), forward)
        }
        #expect(rules.count == 15)
    }

    @Test("what the card cannot say is refused and takes no room")
    func refusals() throws {
        var rules = book()
        #expect(throws: OffloadRefusal.self) { try rules.place(station(1), .forward(PortID(40))) }
        #expect(throws: OffloadRefusal.self) { try rules.place(station(1, vlan: 0), .drop) }
        var foreign = station(1)
        foreign.ingressPort = PortID(40)
        #expect(throws: OffloadRefusal.self) { try rules.place(foreign, .drop) }
        #expect(rules.tables.allSatisfy { $0.used == 0 })
        var known = book { $0.untaggedVLAN = 0 }
        _ = try known.place(station(1, vlan: 0), .drop)
    }

    @Test("a condemned rule is not found, and keeps its place, slot and action until it is freed")
    func condemned() throws {
        var rules = book { $0.collisionEntries = 1 }
        let ordinal = try rules.place(station(5), forward)
        rules.condemn(ordinal)
        #expect(rules.find(station(5)) == nil)
        let second = try rules.place(station(5), forward)
        #expect(rules[second]?.place == .collision(0))
        rules.free(second)
        rules.free(ordinal)
        #expect(rules.tables.allSatisfy { $0.used == 0 })
        #expect(try rules.placed(station(5), forward)?.place == .exact(2))
    }

    @Test("places in a row are places again")
    func ordinals() {
        for ordinal in 1..<2048 { #expect(RulePlace(ordinal: ordinal)?.ordinal == ordinal) }
        #expect(RulePlace(ordinal: 0) == nil && RulePlace(ordinal: 2048) == nil)
    }

    @Test("rules come and go at random, and what is free and what is used adds up")
    func random() throws {
        var generator = SeededGenerator(seed: 3)
        var rules = book { $0.collisionEntries = 8 }
        var there: Set<Int> = []
        for _ in 0..<20_000 {
            let megaflow =
                Bool.random(using: &generator)
                ? station(
                    UInt64.random(in: 0..<64, using: &generator), vlan: UInt16.random(in: 1..<64, using: &generator))
                : fiveTuple(UInt32.random(in: 0..<400, using: &generator))
            if let ordinal = rules.find(megaflow) {
                rules.free(ordinal)
                there.remove(ordinal)
                #expect(rules.find(megaflow) == nil)
            } else if let ordinal = try? rules.place(megaflow, .drop) {
                #expect(there.insert(ordinal).inserted)
                #expect(rules.find(megaflow) == ordinal)
            }
            #expect(rules.count == there.count)
        }
        let actions = try #require(rules.tables.last)
        #expect(actions.name == "action" && actions.used == there.count)
    }
}

extension RuleBook {
    func layout(of rule: CardRule) -> String { describe(rule) }
}
