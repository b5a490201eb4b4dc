// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters
import FlowEngineSimulator
import TestSupport
import Testing

@Suite("Misbehaviour")
struct FaultTests {
    let bench: CardTrial
    let scratch: RegisterAddress

    init() throws {
        bench = try CardTrial.trustNode()
        scratch = bench.map.common.rwTest.address
        try bench.bus.writeWord(scratch, 1)
    }

    func cause(_ body: () throws -> Void) -> BusError.Cause? { RegisterTests.cause(body) }

    func fail(_ kind: CardFaults.Kind, after accesses: Int = 0) {
        bench.card.faults = CardFaults([.init(kind, .access(bench.card.accessCount + accesses))])
    }

    @Test("a dropped write is lost without a sign, a dropped read times out")
    func dropped() throws {
        fail(.dropped)
        try bench.bus.writeWord(scratch, 2)
        #expect(try bench.bus.readWord(scratch) == 1)
        fail(.dropped)
        #expect(cause { _ = try bench.bus.readWord(scratch) } == .timedOut)
        #expect(try bench.bus.readWord(bench.map.bm.mmiStatus.address) & 15 == 0)
    }

    @Test("a late write takes effect when so many further accesses were begun")
    func late() throws {
        fail(.late(accesses: 3))
        try bench.bus.writeWord(scratch, 2)
        #expect(try bench.bus.readWord(scratch) == 1)
        #expect(try bench.bus.readWord(scratch) == 1)
        #expect(try bench.bus.readWord(scratch) == 2)
    }

    @Test("a corrupted access has one bit flipped", arguments: [5, nil])
    func corrupted(_ bit: Int?) throws {
        fail(.corrupted(bit: bit))
        try bench.bus.writeWord(scratch, 0)
        let written = try bench.bus.readWord(scratch)
        #expect(written.nonzeroBitCount == 1)
        if let bit { #expect(written == 1 << UInt32(bit)) }
        try bench.bus.writeWord(scratch, 0)
        fail(.corrupted(bit: bit))
        #expect(try bench.bus.readWord(scratch).nonzeroBitCount == 1)
        #expect(try bench.bus.readWord(scratch) == 0)
    }

    @Test("an access that hangs leaves its traces and has no effect")
    func hangs() throws {
        fail(.hangs)
        #expect(cause { try bench.bus.writeWord(scratch, 2) } == .timedOut)
        fail(.hangs)
        #expect(cause { _ = try bench.bus.readWord(scratch) } == .timedOut)
        #expect(try bench.bus.readWord(scratch) == 1)
        #expect(try bench.bus.readWord(bench.map.bm.mmiToAddr.address) == scratch.rawValue)
        #expect(try bench.bus.readWord(bench.map.bm.mmiToWrAddr.address) == scratch.rawValue)
        #expect(try bench.bus.readWord(bench.map.bm.mmiStatus.address) & 15 == 0b1100)
    }

    @Test("a reset behind the driver's back leaves nothing of what was written")
    func reset() throws {
        try bench.action(1, toPort: 4)
        try bench.collision(0, type: 2, action: 1, ["mac_dst": 0x0200_0000_0002])
        fail(.reset, after: 1)
        #expect(try bench.bus.readWord(scratch) == 1)
        #expect(try bench.bus.readWord(scratch) == 0)
        #expect(bench.card.contents == CardContents())
        #expect(bench.card.resets == 1)
    }

    @Test("an entry half written when the power goes: all ones, and afterwards an empty card")
    func powerLost() throws {
        let words = try bench.ruleWords(type: 2, action: 1, ["mac_dst": 0x0200_0000_0002])
        fail(.powerLost, after: 2)
        var batch = words.enumerated().map {
            RegisterAccess.write(bench.map.collision.address(0, word: $0.offset), $0.element)
        }
        do {
            try bench.bus.transfer(&batch)
            Issue.record("the power was not lost")
        } catch {
            #expect(error.cause == .noCard && error.completed == 2)
        }
        #expect(cause { _ = try bench.bus.readWord(scratch) } == .noCard)
        #expect(bench.send(TestFrame.udp(to: 2)).isEmpty)
        bench.card.powerOn()
        #expect(try bench.bus.readWord(scratch) == 0)
        #expect(bench.card.contents == CardContents())
    }

    @Test("a bus that is absent for some accesses leaves the card as it is, half entries included")
    func absent() throws {
        let words = try bench.ruleWords(type: 2, action: 1, ["mac_dst": 0x0200_1234_0002])
        fail(.absent(accesses: 2), after: 2)
        for (word, value) in words.prefix(4).enumerated() {
            let cause = cause { try bench.bus.writeWord(bench.map.collision.address(0, word: word), value) }
            #expect(cause == (word < 2 ? nil : .noCard))
        }
        #expect(try bench.bus.readWord(scratch) == 1)
        let half = try #require(bench.card.contents.collisions.first)
        #expect(half.words == Array(words.prefix(2)) + Array(repeating: 0, count: 7))
        #expect(half.isValid)
    }

    @Test("without end, the bus is absent until new faults are set")
    func absentForGood() throws {
        fail(.absent(accesses: .max))
        for _ in 0..<3 { #expect(cause { _ = try bench.bus.readWord(scratch) } == .noCard) }
        bench.card.faults = CardFaults()
        #expect(try bench.bus.readWord(scratch) == 1)
    }

    @Test("faults may be bound to addresses, or to chance")
    func triggers() throws {
        bench.card.faults = CardFaults([
            .init(.dropped, .addresses(bench.map.action.base...bench.map.action.base + 400))
        ])
        try bench.action(1, toPort: 4)
        try bench.bus.writeWord(scratch, 9)
        #expect(bench.card.contents.actions.isEmpty)
        #expect(try bench.bus.readWord(scratch) == 9)
        bench.card.faults = CardFaults([.init(.dropped, .chance(perMillion: 300_000))])
        var lost = 0
        for _ in 0..<1000 where cause({ _ = try bench.bus.readWord(scratch) }) != nil { lost += 1 }
        #expect((200..<400).contains(lost))
    }

    /// Everything that can be seen of a run of random accesses, frames and faults.
    func run(seed: UInt64) throws -> [String] {
        var generator = SeededGenerator(seed: seed)
        let bench = try CardTrial.trustNode { $0.seed = seed }
        bench.card.faults = CardFaults([
            .init(.dropped, .chance(perMillion: 20_000)), .init(.late(accesses: 3), .chance(perMillion: 20_000)),
            .init(.corrupted(bit: nil), .chance(perMillion: 20_000)), .init(.hangs, .chance(perMillion: 20_000)),
            .init(.reset, .chance(perMillion: 2000)), .init(.absent(accesses: 5), .chance(perMillion: 2000)),
        ])
        var seen: [String] = []
        for _ in 0..<2000 {
            let entry = Int.random(in: 0..<4, using: &generator)
            let word = Int.random(in: 0..<3, using: &generator)
            let value = UInt32.random(in: 0 ... .max, using: &generator)
            let cause = cause { try bench.bus.writeWord(bench.map.collision.address(entry, word: word), value) }
            seen.append(cause.map { "\($0)" } ?? "written")
            let read = try? bench.bus.readWord(bench.map.common.rwTest.address)
            seen.append(read.map { String($0) } ?? "no value")
            let frame = TestFrame.udp(to: UInt64.random(in: 0..<8, using: &generator))
            seen.append("\(bench.send(frame))")
            seen.append(bench.card.lastVerdict.description)
        }
        seen.append("\(bench.card.contents.collisions) \(bench.card.counters)")
        return seen
    }

    @Test("the same seed gives the same run, another seed another")
    func reproducible() throws {
        let first = try run(seed: 3)
        #expect(try run(seed: 3) == first)
        #expect(try run(seed: 4) != first)
    }
}
