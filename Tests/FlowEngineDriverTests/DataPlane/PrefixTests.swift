// SPDX-License-Identifier: Apache-2.0
import FlowEngineDriver
import FlowEngineRegisters
import FlowEngineSimulator
import Packet
import Tables
import Testing

@Suite("After any number of a plan's words")
struct PrefixTests {
    static let old = OffloadDecision.forward(PortID(2))
    static let new = OffloadDecision.forward(PortID(3))

    /// A step, and what its rule's frames may do while it is under way; nil: no rule decides them.
    enum Change: CaseIterable { case insert, insertOverUnknown, insertInUsedPlace, modify, remove }

    @Test("no frame is decided but by the old or the new rule", arguments: Change.allCases, 0..<3)
    func prefixes(_ change: Change, _ kind: Int) throws {
        // Found by hash, in the collision table, masked.
        let megaflow: Megaflow
        switch kind {
        case 0, 1: megaflow = station(0x0200_0000_0100)
        default:
            var masked = station(0x0200_0000_0100)
            masked.sourceMAC = MACAddress(rawValue: 0x0200_0000_ffff)
            megaflow = masked
        }
        // How many words there are is known when they have been counted.
        var total = 1
        var done = 0
        while done <= total {
            let card = try SimulatedCard(CardWorld.configuration())
            let bus = FailingBus(SimulatedRegisterBus(card))
            var plan = WritePlan(tables: .revision7)
            var rules = RuleBook(
                keys: keys(12), quirks: CardWorld.quirks(card.configuration, .trustNode), ports: twelvePorts)
            try prepare(bus)
            plan.begin()
            plan.clear(collisionEntries: 4, emaEntries: 128, actions: 64, hasExact: true, hasMasked: true)
            try plan.run(bus)
            // Its slot is taken by another if it is to be in the collision table.
            if kind == 1 {
                let other = try #require(try rules.placed(station(0x0200_0000_0100 ^ 1, vlan: 11), Self.old))
                try run(&plan, bus) { $0.insert(other) }
            }
            var allowed: [OffloadDecision?] = []
            var rule = try #require(try rules.placed(megaflow, Self.new))
            switch change {
            case .insert: allowed = [nil, Self.new]
            case .insertOverUnknown:
                allowed = [nil, Self.new]
                plan = WritePlan(tables: .revision7)
            case .insertInUsedPlace:
                // Another rule was here, with other words and another action, and is gone.
                rules.free(rule.place.ordinal)
                try use(rule.place, &rules, &plan, bus)
                rule = try #require(try placed(megaflow, at: rule.place, &rules))
                allowed = [nil, Self.new]
            case .modify, .remove:
                allowed = change == .modify ? [Self.old, Self.new] : [nil, Self.old]
                rule.actionWord = try rules.word(for: Self.old)
                let before = rule
                try run(&plan, bus) { $0.insert(before) }
            }
            plan.begin()
            rule.actionWord = try rules.word(for: change == .remove ? Self.old : Self.new)
            switch change {
            case .insert, .insertOverUnknown, .insertInUsedPlace: plan.insert(rule)
            case .modify: plan.modify(rule)
            case .remove: plan.remove(rule)
            }
            total = plan.accesses.count
            bus.left = done
            try? plan.run(bus)
            expect(card, allowed, "\(change), kind \(kind), \(done) of \(total) words")
            done += 1
        }
        #expect(total >= 1)
    }

    private func prepare(_ bus: any RegisterBus) throws {
        let map = FlowEngineMap.revision7
        try bus.write(map.net.enable, NETEnable(rawValue: 0xfff))
        var features = CommonFeaturesFlowcache()
        features.defaultToProcessor = true
        try bus.write(map.common.featuresFlowcache, features)
        try bus.write(map.flowCache.enable, FlowCacheEnable(rawValue: 7))
    }

    private func run(_ plan: inout WritePlan, _ bus: any RegisterBus, _ body: (inout WritePlan) -> Void) throws {
        plan.begin()
        body(&plan)
        try plan.run(bus)
        plan.begin()
    }

    /// Another rule comes and goes until the place has been used.
    private func use(_ place: RulePlace, _ rules: inout RuleBook, _ plan: inout WritePlan, _ bus: any RegisterBus)
        throws
    {
        for number in 0..<1000 {
            let megaflow: Megaflow
            switch place {
            case .exact: megaflow = station(0x0200_0001_0000 + UInt64(number))
            case .collision: megaflow = station(0x0200_0000_0100 ^ UInt64(2 + number) ^ 10, vlan: UInt16(2 + number))
            case .masked: megaflow = fiveTuple(UInt32(number))
            }
            let rule = try #require(try rules.placed(megaflow, Self.old))
            try run(&plan, bus) { $0.insert(rule) }
            try run(&plan, bus) { $0.remove(rule) }
            rules.free(rule.place.ordinal)
            if rule.place == place { return }
        }
    }

    /// Places until the place is the one that was used.
    private func placed(_ megaflow: Megaflow, at place: RulePlace, _ rules: inout RuleBook) throws -> CardRule? {
        for _ in 0..<2000 {
            let rule = try #require(try rules.placed(megaflow, Self.new))
            if rule.place == place { return rule }
            rules.free(rule.place.ordinal)
        }
        return nil
    }

    private func expect(_ card: SimulatedCard, _ allowed: [OffloadDecision?], _ comment: Comment) {
        // Frames the rule is for, and frames whose keys a half-written rule could have.
        for mac: UInt64 in [0x0200_0000_0100, 0, 0x0200_0000_0000, 0x0100, 0x0200_0001_0000, 0x0200_0000_0300] {
            for vlan: UInt16 in [10, 0, 1, 8, 2] {
                let sent = frame(to: mac, vlan: vlan)
                let emissions = card.receive(sent, port: 0)
                var done: OffloadDecision?
                if card.lastVerdict.match != nil {
                    if case .port(let number, _)? = emissions.first {
                        done = .forward(PortID(number + 1))
                    } else {
                        done = .drop
                    }
                }
                let isOurs = mac == 0x0200_0000_0100 && vlan == 10
                #expect(isOurs ? allowed.contains(done) : done == nil, comment)
            }
        }
    }
}
