// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters
import FlowEngineSimulator
import Testing

@Suite("SPI slave")
struct SPISlaveTests {
    let bench: CardTrial
    let slave: SimulatedSPISlave
    let local: SPILocalBlock

    init() throws {
        bench = try CardTrial.hat()
        slave = SimulatedSPISlave(bench.card, clock: 50_000_000)
        local = try #require(bench.map.spiLocal)
    }

    /// ACCESS_ERROR by the wire; reading clears it.
    func errors() -> UInt32 {
        let miso = slave.exchange([0x3c, 0x0c, 0x0f, 0x00, 0, 0, 0, 0])
        return miso[4...].reduce(0) { $0 << 8 | UInt32($1) }
    }

    @Test("the four accesses, byte for byte")
    func accesses() {
        // COMMON RW_TEST is 0x000420.
        #expect(slave.exchange([0xc3, 0, 0x04, 0x20, 0xde, 0xad, 0xbe, 0xef]) == Array(repeating: 0, count: 8))
        #expect(
            slave.exchange([0xf0, 0, 0x04, 0x20, 0, 0, 0, 0, 0, 0, 0, 0])
                == [0, 0, 0, 0, 0, 0, 0, 0, 0xde, 0xad, 0xbe, 0xef])
        #expect(slave.exchange([0x0f, 0x0c, 0x0a, 0x00, 0, 0, 0x1c, 0]) == Array(repeating: 0, count: 8))
        #expect(slave.exchange([0x3c, 0x0c, 0x0a, 0x00, 0, 0, 0, 0]) == [0, 0, 0, 0, 0, 0, 0x1c, 0])
        #expect(errors() == 0)
    }

    struct Wrong: Sendable, CustomTestStringConvertible {
        let sentence: String
        let mosi: [UInt8]
        let errors: UInt32
        var testDescription: String { sentence }
    }

    static let wrong = [
        Wrong(sentence: "no byte at all", mosi: [], errors: 1 << 1),
        Wrong(sentence: "an unknown command", mosi: [0x55, 0, 4, 0x20, 0, 0, 0, 1], errors: 1 << 0),
        Wrong(sentence: "an MMI command to a local address", mosi: [0xc3, 0x0c, 0x0a, 0, 0, 0, 0, 1], errors: 1 << 0),
        Wrong(sentence: "a local command to an MMI address", mosi: [0x0f, 0, 4, 0x20, 0, 0, 0, 1], errors: 1 << 0),
        Wrong(sentence: "a write that ends early", mosi: [0xc3, 0, 4, 0x20, 0, 0, 0], errors: 1 << 1),
        Wrong(sentence: "an address that ends early", mosi: [0xf0, 0, 4], errors: 1 << 1),
        Wrong(sentence: "a read that ends early", mosi: [0xf0, 0, 4, 0x20, 0, 0, 0, 0], errors: 1 << 1),
        Wrong(sentence: "a write that goes on", mosi: [0xc3, 0, 4, 0x20, 0, 0, 0, 1, 0], errors: 1 << 2),
        Wrong(sentence: "a misaligned address", mosi: [0xc3, 0, 4, 0x21, 0, 0, 0, 1], errors: 1 << 3),
        Wrong(sentence: "a local address without a register", mosi: [0x3c, 0x0c, 0x1b, 0, 0, 0, 0, 0], errors: 1 << 4),
        Wrong(sentence: "a local address between registers", mosi: [0x3c, 0x0c, 0x0f, 4, 0, 0, 0, 0], errors: 1 << 4),
        Wrong(sentence: "a write to a local RO register", mosi: [0x0f, 0x0c, 0x05, 0, 0, 0, 0, 1], errors: 1 << 5),
        Wrong(sentence: "a read of a local WO register", mosi: [0x3c, 0x0c, 0x18, 0, 0, 0, 0, 0], errors: 1 << 5),
        Wrong(sentence: "a write to an MMI RO register", mosi: [0xc3, 0, 4, 0x0c, 0, 0, 0, 1], errors: 1 << 7),
        Wrong(
            sentence: "a read of a table", mosi: [0xf0, 0x90, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], errors: 1 << 7 | 1 << 11),
        Wrong(
            sentence: "a read where there is no block", mosi: [0xf0, 0x70, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            errors: 1 << 9 | 1 << 10),
    ]

    @Test("a wrong access sets its bits once and changes nothing", arguments: wrong)
    func framing(_ wrong: Wrong) throws {
        #expect(slave.exchange(wrong.mosi).count == wrong.mosi.count)
        #expect(try bench.bus.readWord(local.intStatus.address) >> 3 & 1 == 1)
        #expect(errors() == wrong.errors)
        #expect(errors() == 0)
        #expect(try bench.bus.readWord(bench.map.common.rwTest.address) == 0)
    }

    @Test("a read that times out gives the pattern")
    func timeout() {
        #expect(slave.exchange([0xf0, 0x70, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])[8...] == [0xee, 0xee, 0xee, 0xee])
    }

    @Test("a write that times out is told of at the next access to the bus")
    func lateWrite() {
        _ = slave.exchange([0xc3, 0x70, 0, 0, 0, 0, 0, 1])
        #expect(errors() == 0)
        _ = slave.exchange([0xf0, 0, 0x04, 0x20, 0, 0, 0, 0, 0, 0, 0, 0])
        #expect(errors() == 1 << 8)
    }

    @Test("a write that goes on may be taken")
    func oversize() throws {
        let bench = try CardTrial.hat { $0.variants.oversizeWrite = .taken }
        _ = SimulatedSPISlave(bench.card).exchange([0xc3, 0, 0x04, 0x20, 0, 0, 0, 7, 0])
        #expect(try bench.bus.readWord(bench.map.common.rwTest.address) == 7)
    }

    @Test("without power, or with the wires cut, every byte is 0xff")
    func absent() throws {
        bench.card.faults = CardFaults([.init(.absent(accesses: 1), .access(bench.card.accessCount))])
        let read: [UInt8] = [0xf0, 0, 0x04, 0x20, 0, 0, 0, 0, 0, 0, 0, 0]
        #expect(slave.exchange(read) == Array(repeating: 0xff, count: 12))
        #expect(slave.exchange(read) == Array(repeating: 0, count: 12))
        bench.card.powerOff()
        #expect(slave.exchange(read) == Array(repeating: 0xff, count: 12))
    }

    @Test("bits, frames and time on the wire are counted: 64 bits and the gap are 1.3 µs at 50 MHz")
    func wire() {
        let (counters, time) = (bench.card.counters, bench.card.time)
        for _ in 0..<10 { _ = slave.exchange([0xc3, 0, 0x04, 0x20, 0, 0, 0, 1]) }
        _ = slave.exchange([0xf0, 0, 0x04, 0x20, 0, 0, 0, 0, 0, 0, 0, 0])
        let spent = bench.card.counters.since(counters)
        #expect((spent.spiFrames, spent.spiBits, spent.writes, spent.reads) == (11, 736, 10, 1))
        #expect(spent.spiNanoseconds == 10 * 1300 + 1940)
        #expect(bench.card.time - time == spent.spiNanoseconds)
    }

    @Test("table words are counted by table")
    func tables() throws {
        let counters = bench.card.counters
        try bench.hashed(1, type: 3, slot: 5, action: 1, ["mac_dst": 2])
        try bench.write(bench.map.action, 1, [0x11])
        try bench.masked(0, action: 1, [:], tcam: (data: 0, mask: 1))
        let spent = bench.card.counters.since(counters)
        #expect((spent.ruleWords, spent.hashWords, spent.actionWords) == (9, 1, 1))
        #expect((spent.maskedRuleWords, spent.tcamWords, spent.collisionWords, spent.writes) == (9, 4, 0, 24))
    }

    @Test("above the clock the wire bears, a bit flips in each access")
    func tooFast() {
        slave.clock = 62_500_000
        var good = 0
        for _ in 0..<20 {
            _ = slave.exchange([0xc3, 0, 0x04, 0x20, 0x5a, 0x5a, 0x5a, 0x5a])
            let miso = slave.exchange([0xf0, 0, 0x04, 0x20, 0, 0, 0, 0, 0, 0, 0, 0])
            if miso[8...] == [0x5a, 0x5a, 0x5a, 0x5a] { good += 1 }
        }
        // Only if the same bit is drawn for both.
        #expect(good < 10)
        slave.clock = 50_000_000
        _ = slave.exchange([0xc3, 0, 0x04, 0x20, 0x5a, 0x5a, 0x5a, 0x5a])
        #expect(slave.exchange([0xf0, 0, 0x04, 0x20, 0, 0, 0, 0, 0, 0, 0, 0])[8...] == [0x5a, 0x5a, 0x5a, 0x5a])
    }
}
