// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables
import TestSupport
import Testing

@testable import Controller

@Suite("The choice of what is on the card")
struct TierPolicyTests {
    private var random = SeededGenerator(seed: 7)

    @Test("what lies between the two thresholds stays where it is")
    mutating func hysteresis() {
        var bench = PolicyTrial()
        bench.add(1, owner: 1, rate: 999)
        bench.rounds(5, using: &random)
        #expect(bench.placed.isEmpty)
        bench.flows[0].rate = 1000
        bench.rounds(1, using: &random)
        #expect(bench.placed.count == 1)
        bench.flows[0].rate = 201
        bench.rounds(60, using: &random)
        #expect(bench.placed.count == 1 && bench.moves == 1)
        bench.flows[0].rate = 50
        bench.rounds(10, using: &random)
        #expect(bench.placed.isEmpty && bench.moves == 2)
    }

    @Test("a rule stays its time, however cold")
    mutating func minimumStay() {
        var bench = PolicyTrial()
        bench.add(1, owner: 1, rate: 5000)
        bench.rounds(2, using: &random)
        bench.flows[0].rate = 1
        bench.rounds(7, using: &random)
        #expect(bench.placed.count == 1)
        bench.rounds(10, using: &random)
        #expect(bench.placed.isEmpty)
    }

    @Test("many equally hot flows around the threshold do not flap", arguments: [0.02, 0.2, 0.4])
    mutating func equallyHot(noise: Double) {
        var bench = PolicyTrial(capacity: 64, collisions: 0)
        for owner in 1...4 as ClosedRange<UInt16> { bench.add(100, owner: owner, rate: 1000) }
        bench.rounds(20, noise: noise, using: &random)
        #expect(bench.placed.count >= 56)
        let before = bench.moves
        bench.rounds(150, noise: noise, using: &random)
        #expect(bench.moves - before <= 8, "\(bench.moves - before) moves in 150 rounds")
    }

    @Test("the hottest are there in the end, and then nothing moves")
    mutating func hottest() {
        var bench = PolicyTrial(capacity: 32, collisions: 0)
        for owner in 1...4 as ClosedRange<UInt16> {
            for index in 0..<60 { bench.add(1, owner: owner, rate: 1000 * Double(1 << (index % 12))) }
        }
        bench.rounds(200, using: &random)
        let before = bench.moves
        bench.rounds(100, using: &random)
        #expect(bench.moves == before)
        let coldest = bench.placed.keys.map { bench.flows[$0].rate }.min() ?? 0
        // Of 240 flows 20 are of the highest rate, 20 of the one below.
        let hottest = bench.flows.indices.filter { bench.flows[$0].rate == 2_048_000 }
        #expect(hottest.allSatisfy { bench.placed[$0] != nil })
        #expect(coldest >= 256_000)
    }

    @Test("the ports of a tenant have one share together, and it can be another than that of others")
    mutating func tenants() {
        var settings = TierSettings()
        settings.tenants = OffloadTenants(["blue": [PortID(rawValue: 1), PortID(rawValue: 2), PortID(rawValue: 3)]])
        settings.shares[settings.tenants.owner(of: PortID(rawValue: 2))] = 0.25
        var bench = PolicyTrial(capacity: 64, collisions: 0, settings: settings)
        for port in 1...3 as ClosedRange<UInt16> { bench.add(100, owner: port, rate: 5000) }
        bench.rounds(30, using: &random)
        bench.add(100, owner: 4, rate: 5000)
        bench.rounds(60, using: &random)
        let blue = (1...3).reduce(0) { $0 + bench.placed(of: UInt16($1)) }
        // Three ports with shares of their own would keep three quarters.
        #expect(blue == 16 + 64 / 4 && bench.placed(of: 4) == 32, "\(blue), \(bench.placed(of: 4))")
        let waiting = bench.flows.indices.first { bench.flows[$0].owner == 1 && bench.placed[$0] == nil }
        let obstacle = waiting.flatMap { bench.policy.obstacle(of: .flow(PolicyTrial.entry($0).key)) }
        #expect(obstacle == .share(of: "tenant blue"), "\(String(describing: obstacle))")
        // A port with a lower number joins the tenant: what the tenant has stays his, though his number is another now.
        bench.policy.settings.tenants = OffloadTenants([
            "blue": [PortID(rawValue: 1), PortID(rawValue: 2), PortID(rawValue: 3)], "red": [PortID(rawValue: 4)],
        ])
        let owners = Set(bench.policy.rules.values.map(\.owner))
        #expect(owners == [OffloadOwner(rawValue: 1), OffloadOwner(rawValue: 4)])
        bench.policy.settings.tenants = OffloadTenants(["green": [PortID(rawValue: 1), PortID(rawValue: 4)]])
        #expect(Set(bench.policy.rules.values.map(\.owner)) == [OffloadOwner(rawValue: 1)])
    }

    @Test("where actions are fewer than rules a share is of those")
    mutating func sharesOfActions() {
        var settings = TierSettings()
        settings.shares[OffloadOwner(rawValue: 2)] = 0.2
        var bench = PolicyTrial(capacity: 511, collisions: 4, settings: settings)
        bench.actions = 15
        bench.add(24, owner: 1, rate: 5000)
        bench.rounds(30, using: &random)
        #expect(bench.placed(of: 1) == 14, "never all of them")
        bench.add(24, owner: 2, rate: 5000)
        bench.rounds(60, using: &random)
        // A fifth of fifteen, and what was kept free.
        #expect(bench.placed(of: 2) == 3 && bench.placed(of: 1) == 12, "\(bench.placed(of: 1)), \(bench.placed(of: 2))")
    }

    @Test("one owner's flood leaves the others what is theirs")
    mutating func flood() {
        var bench = PolicyTrial(capacity: 64, collisions: 0)
        bench.add(600, owner: 1, rate: 1_000_000)
        bench.rounds(30, using: &random)
        // More than a share as long as nobody else is there; never all.
        #expect(bench.placed(of: 1) == 60)
        bench.add(10, owner: 2, rate: 1500)
        bench.add(6, owner: 3, rate: 1100)
        bench.rounds(1, using: &random)
        #expect(bench.placed(of: 2) + bench.placed(of: 3) >= 4, "what is kept free is there at once")
        bench.rounds(30, using: &random)
        #expect(bench.placed(of: 2) == 10 && bench.placed(of: 3) == 6)
        let before = bench.moves
        bench.rounds(100, noise: 0.05, using: &random)
        #expect(bench.placed(of: 2) == 10 && bench.placed(of: 3) == 6)
        #expect(bench.moves == before)
    }

    @Test("flows that collide fill the collision table and no more, and the card is not asked again and again")
    mutating func colliding() {
        var bench = PolicyTrial(capacity: 64, collisions: 8)
        let victims = bench.add(20, owner: 2, rate: 2000)
        bench.rounds(3, using: &random)
        let attackers = bench.add(500, owner: 1, rate: 500_000, slot: 0)
        var most = 0
        for _ in 0..<150 {
            bench.round(noise: 0.1, using: &random)
            most = max(most, bench.tried.count { attackers.contains($0) })
        }
        #expect(victims.allSatisfy { bench.placed[$0] != nil })
        #expect(bench.placed(of: 1) <= 9)
        // Each is told once or twice which table is full.
        #expect(bench.tries <= 20 + 2 * 500, "\(bench.tries) tries")
        #expect(most <= 64)
    }

    @Test("a round moves so much, and a second so many words")
    mutating func budget() {
        var settings = TierSettings()
        (settings.movesPerRound, settings.wordsPerSecond) = (16, 96)
        var bench = PolicyTrial(capacity: 512, settings: settings)
        bench.add(400, owner: 1, rate: 5000)
        bench.rounds(11, using: &random)
        // The first round begins the count: ten seconds, 96 words each, 12 a rule.
        #expect(bench.moves <= 80 && bench.moves >= 64)
        #expect(bench.mostMoves <= 16)
    }

    @Test("what was refused is left alone, twice as long each time")
    mutating func backOff() {
        var bench = PolicyTrial()
        bench.add(1, owner: 1, rate: 5000)
        bench.refusal = { _ in .noKey(fields: [.dscp], keys: ["emh type 1"]) }
        var times: [Int] = []
        for second in 0..<400 {
            bench.round(using: &random)
            if !bench.tried.isEmpty { times.append(second) }
        }
        // The first round only begins to count words.
        #expect(times == [1, 11, 31, 71, 151, 311])
        #expect(bench.policy.obstacle(of: .flow(PolicyTrial.entry(0).key))?.description.contains("no key") == true)
    }

    @Test("a rule that its flow's packets do not meet is not made for ever")
    mutating func unmet() {
        var bench = PolicyTrial()
        bench.add(1, owner: 1, rate: 5000)
        bench.missing = [0]
        bench.rounds(600, using: &random)
        #expect(bench.placed.isEmpty)
        #expect(bench.moves <= 14, "\(bench.moves)")
    }

    @Test("what was refused is remembered of so many, and forgotten in time")
    func refusals() {
        var memory = RefusalMemory()
        let settings = TierSettings()
        for index in 0..<20_000 {
            let subject = OffloadSubject.flow(PolicyTrial.entry(index).key)
            memory.refuse(
                subject, .action("x"), now: UInt64(index) * 1_000_000, mayTryAgain: false, settings: settings)
            memory.hold(.flow(PolicyTrial.entry(index + 50_000).key), .waits, now: UInt64(index))
        }
        #expect(memory.size <= RefusalMemory.capacity)
        #expect(memory[.flow(PolicyTrial.entry(19_999).key)] != nil)
        memory.age(now: 10 * settings.longestBackOff, settings: settings)
        #expect(memory.size == 0)
    }

    @Test("what is busy is measured, however many were busy once")
    func meter() {
        var meter = FlowMeter(hot: 1000)
        func key(_ number: Int) -> UInt64 { PolicyTrial.entry(number).key.fingerprint(seed: 3) }
        var seen: [Int: Int] = [:]
        for round in 1...16 as ClosedRange<UInt64> {
            let now = round * 1_000_000_000
            meter.beginSweep(now: now)
            for number in 0..<60_000 { _ = meter.measure(key(1000 + number), packets: 5000, now: now) }
            for number in 0..<100 {
                guard let rate = meter.measure(key(number), packets: round * 2000, now: now) else { continue }
                #expect(rate == 2000)
                seen[number, default: 0] += 1
            }
        }
        #expect(seen.count == 100)
        #expect(seen.values.allSatisfy { $0 >= 8 }, "\(seen.values.min() ?? 0)")
    }

    @Test("of each owner the hottest are kept, in turns")
    mutating func hotList() {
        var list = HotList(capacity: 4)
        for index in 0..<1000 {
            let owner = OffloadOwner(rawValue: index % 10 == 0 ? 2 : 1)
            list.add(OffloadSample(.flow(PolicyTrial.entry(index)), rate: Double(index * 7919 % 1000), owner: owner))
        }
        let turns = list.inTurns()
        #expect(turns.map(\.owner.rawValue) == [1, 2, 1, 2, 1, 2, 1, 2])
        #expect(turns.filter { $0.owner.rawValue == 1 }.map(\.rate) == [999, 998, 997, 996])
        #expect(turns.filter { $0.owner.rawValue == 2 }.map(\.rate) == [990, 980, 970, 960])
    }
}
