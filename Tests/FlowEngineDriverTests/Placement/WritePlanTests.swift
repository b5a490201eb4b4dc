// SPDX-License-Identifier: Apache-2.0
import FlowEngineDriver
import FlowEngineRegisters
import Packet
import Tables
import TestSupport
import Testing

@Suite("Write plans")
struct WritePlanTests {
    /// Takes words and remembers them; nothing else.
    final class WordBus: RegisterBus {
        let name = "words"
        private(set) var words: [RegisterAddress: UInt32] = [:]
        /// Writes that are still carried out.
        var left = Int.max

        func transfer(_ accesses: inout [RegisterAccess]) throws(BusError) {
            for (index, access) in accesses.enumerated() {
                if left == 0 { throw BusError(.timedOut, bus: name, access: access, completed: index) }
                left -= 1
                words[access.address] = access.value
            }
        }
    }

    func cleared(_ rules: RuleBook) throws -> (WritePlan, WordBus) {
        var plan = WritePlan(tables: .revision7)
        let bus = WordBus()
        plan.begin()
        plan.clear(
            collisionEntries: rules.quirks.collisionEntries, emaEntries: rules.quirks.emaEntries, actions: 1024,
            hasExact: true, hasMasked: true)
        try plan.run(bus)
        plan.begin()
        return (plan, bus)
    }

    @Test("a rule: action, words without the valid bit, first word, then what points at it")
    func insertion() throws {
        var rules = book()
        let ordinal = try rules.place(station(0x0200_0000_0001), .forward(PortID(1)))
        let rule = try #require(rules[ordinal])
        // Nothing is known: every word is written, and the first word twice.
        var plan = WritePlan(tables: .revision7)
        plan.begin()
        plan.insert(rule)
        let tables = CardTables.revision7
        var expected: [RegisterAccess] = [
            .write(tables.actions.address(1, word: 0), 0xffff_ff01), .write(tables.exactRules.address(1, word: 0), 0),
        ]
        for word in 1..<9 { expected.append(.write(tables.exactRules.address(1, word: word), rule.words[word])) }
        expected.append(.write(tables.exactRules.address(1, word: 0), rule.words[0]))
        expected.append(.write(tables.hash.address(rule.slot, word: 0), 0xffff_fe01))
        #expect(plan.accesses == expected)

        // On a card known to be empty only words that are not zero are.
        var (known, _) = try cleared(rules)
        known.insert(rule)
        #expect(known.accesses == expected.filter { $0.value != 0 })
        #expect(known.accesses.count == 5)
    }

    @Test("taking out: the pointer, then the valid bit, and nothing else")
    func removal() throws {
        var rules = book()
        let rule = try #require(try rules.placed(station(1), .drop))
        var (plan, bus) = try cleared(rules)
        plan.insert(rule)
        try plan.run(bus)
        plan.begin()
        plan.remove(rule)
        let tables = CardTables.revision7
        #expect(
            plan.accesses == [
                .write(tables.hash.address(rule.slot, word: 0), 0), .write(tables.exactRules.address(1, word: 0), 0),
            ])
    }

    @Test("another decision is one word")
    func modification() throws {
        var rules = book()
        var rule = try #require(try rules.placed(station(1), .drop))
        var (plan, bus) = try cleared(rules)
        plan.insert(rule)
        try plan.run(bus)
        plan.begin()
        rule.actionWord = try rules.word(for: .forward(PortID(4)))
        plan.modify(rule)
        #expect(plan.accesses == [.write(CardTables.revision7.actions.address(1, word: 0), 0xffff_ff07)])
        plan.begin()
        plan.modify(rule)
        #expect(plan.accesses.isEmpty)
    }

    @Test("a masked rule's TCAM entry ends with the word that puts it in use, and begins with it when it goes")
    func masked() throws {
        var rules = book()
        let rule = try #require(try rules.placed(fiveTuple(9), .drop))
        var (plan, bus) = try cleared(rules)
        plan.insert(rule)
        let tables = CardTables.revision7
        #expect(plan.accesses.last == .write(tables.tcam.address(0, word: 2), rule.tcam[2]))
        try plan.run(bus)
        plan.begin()
        plan.remove(rule)
        #expect(
            plan.accesses == [
                .write(tables.tcam.address(0, word: 2), 0), .write(tables.maskedRules.address(0, word: 0), 0),
            ])
        // Where nothing is known the entry is taken out of use before anything else of it changes.
        var unknown = WritePlan(tables: .revision7)
        unknown.begin()
        unknown.insert(rule)
        #expect(unknown.accesses[1] == .write(tables.tcam.address(0, word: 2), 0))
        #expect(unknown.accesses[2] == .write(tables.maskedRules.address(0, word: 0), 0))
    }

    @Test("after a failure only what was not carried out for certain is written again")
    func failure() throws {
        var rules = book()
        let rule = try #require(try rules.placed(station(0x0200_0000_0001), .drop))
        for left in 0...4 {
            var (plan, bus) = try cleared(rules)
            plan.insert(rule)
            bus.left = left
            #expect(throws: BusError.self) { try plan.run(bus) }
            bus.left = .max
            plan.begin()
            plan.insert(rule)
            try plan.run(bus)
            let tables = CardTables.revision7
            for word in 0..<9 { #expect(bus.words[tables.exactRules.address(1, word: word)] == rule.words[word]) }
            #expect(bus.words[tables.actions.address(1, word: 0)] == rule.actionWord)
            #expect(bus.words[tables.hash.address(rule.slot, word: 0)] == 0xffff_fe01)
            // Five words, those before the failure not again, and the first word without its valid bit if that is not known.
            #expect(plan.accesses.count <= 6 - left)
        }
    }

    @Test("rules come and go at random, and the card holds what the plans say")
    func random() throws {
        var generator = SeededGenerator(seed: 11)
        var rules = book { $0.collisionEntries = 16 }
        var (plan, bus) = try cleared(rules)
        for _ in 0..<3000 {
            plan.begin()
            let megaflow =
                Bool.random(using: &generator)
                ? station(
                    UInt64.random(in: 0..<32, using: &generator), vlan: UInt16.random(in: 1..<32, using: &generator))
                : fiveTuple(UInt32.random(in: 0..<100, using: &generator))
            if let ordinal = rules.find(megaflow), let rule = rules[ordinal] {
                plan.remove(rule)
                rules.free(ordinal)
            } else if let ordinal = try? rules.place(megaflow, .drop), let rule = rules[ordinal] {
                plan.insert(rule)
            }
            try plan.run(bus)
        }
        let tables = CardTables.revision7
        var pointed: Set<Int> = []
        for ordinal in rules.ordinalsInUse {
            let rule = try #require(rules[ordinal])
            let (table, entry): (EntryTable, Int) =
                switch rule.place {
                case .exact(let number): (tables.exactRules, number)
                case .collision(let number): (tables.collision, number)
                case .masked(let number): (tables.maskedRules, number)
                }
            for word in 0..<9 { #expect(bus.words[table.address(entry, word: word)] == rule.words[word]) }
            for word in 0..<rule.tcam.count {
                #expect(bus.words[tables.tcam.address(entry, word: word)] == rule.tcam[word])
            }
            #expect(bus.words[tables.actions.address(rule.action, word: 0)] == rule.actionWord)
            if case .exact(let number) = rule.place {
                pointed.insert(rule.slot)
                #expect(bus.words[tables.hash.address(rule.slot, word: 0)] == HashWord.pointing(to: number))
            }
        }
        for slot in 0..<16384 where !pointed.contains(slot) {
            #expect(bus.words[tables.hash.address(slot, word: 0)] == 0)
        }
    }
}
