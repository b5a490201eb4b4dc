// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters
import FlowEngineSimulator
import Testing

@Suite("CPU-port tag of the HAT")
struct CPUTagTests {
    static let frame = TestFrame.udp(to: 2)

    /// A HAT at bridge time 0x01020304 whose controlled clock is 0x1_00000000 ahead.
    func hat(version: Int, rt2: Int = 2) throws -> CardTrial {
        let bench = try CardTrial.hat { ($0.tagVersion, $0.variants.tagNumberOfRT2) = (version, rt2) }
        bench.card.advance(nanoseconds: 0x0102_0304)
        try bench.bus.writeWord(bench.map.rtc.ctrldOffsetLow.address, 4)
        try bench.bus.writeWord(bench.map.rtc.ctrldOffsetHigh.address, 1)
        return bench
    }

    struct Golden: Sendable, CustomTestStringConvertible {
        let version: Int
        let tag: [UInt8]
        var testDescription: String { "version \(version)" }
    }

    // Ingress 2, egress 1, reason 26, not bad. 5/5/5/1: 00010 00001 11010 0 = 0x1074.
    // 6/6/3/1: 000010 000001 010 0 = 0x0814 (the lower three bits of 26).
    // The controlled clock runs in steps of 5 ns: 0x01020300 + 0x100000004.
    static let upstream = [
        Golden(version: 1, tag: [0x81, 0x3e, 0x08, 0x14, 1, 2, 3, 4, 1, 2, 3, 4, 0, 0, 0, 0]),
        Golden(version: 2, tag: [0x81, 0x3e, 0x08, 0x14, 1, 2, 3, 4, 1, 2, 3, 4, 0, 0, 0, 0]),
        Golden(
            version: 3,
            tag: [0x81, 0x3e, 0x08, 0x14, 1, 2, 3, 4, 1, 2, 3, 4, 0, 0, 0, 1, 1, 2, 3, 8, 0, 0, 0, 0]),
        Golden(
            version: 4,
            tag: [0x81, 0x3e, 0x10, 0x74, 1, 2, 3, 4, 1, 2, 3, 4, 0, 0, 0, 1, 1, 2, 3, 8, 0, 0, 0, 0]),
    ]

    @Test("a frame for the host carries the tag behind its source address", arguments: upstream)
    func toHost(_ golden: Golden) throws {
        let bench = try hat(version: golden.version)
        let expected = Array(Self.frame[..<12]) + golden.tag + Array(Self.frame[12...])
        #expect(bench.card.receive(Self.frame, port: 2) == [.cpu(interface: 2, expected)])
    }

    @Test("RT2 is ingress 1 or 2, depending on the version of the hardware")
    func rt2() throws {
        let bench = try hat(version: 4, rt2: 1)
        let tagged = try #require(bench.card.receive(Self.frame, port: 2).first?.frame)
        // 00001 00001 11010 0
        #expect(Array(tagged[14..<16]) == [0x08, 0x74])
    }

    @Test("short frames are padded to 60 bytes and the tag")
    func padded() throws {
        let bench = try CardTrial.hat { $0.minimumFrame = 0 }
        let tagged = try #require(bench.card.receive(Array(Self.frame[..<40]), port: 0).first?.frame)
        #expect(tagged.count == 84)
    }

    // From the processor, to RT2 (1), queue 5, no time, no confirmation.
    // v4 5/5/6: 11111 00001 000101 = 0xf845; v3 6/6/3/1: 111111 000001 101 0 = 0xfc1a.
    static let downstream = [
        Golden(version: 1, tag: [0x81, 0x3e, 0xfc, 0x1a, 255, 255, 255, 255] + Array(repeating: 0, count: 8)),
        Golden(version: 2, tag: [0x81, 0x3e, 0xfc, 0x1a, 255, 255, 255, 255] + Array(repeating: 0, count: 8)),
        Golden(version: 3, tag: [0x81, 0x3e, 0xfc, 0x1a, 255, 255, 255, 255] + Array(repeating: 0, count: 16)),
        Golden(version: 4, tag: [0x81, 0x3e, 0xf8, 0x45, 255, 255, 255, 255] + Array(repeating: 0, count: 16)),
    ]

    static func tagged(_ tag: [UInt8]) -> [UInt8] { Array(frame[..<12]) + tag + Array(frame[12...]) }

    @Test("a frame from the host goes where its tag says, without it", arguments: downstream)
    func fromHost(_ golden: Golden) throws {
        let bench = try hat(version: golden.version)
        #expect(bench.card.receiveFromCPU(Self.tagged(golden.tag)) == [.port(2, Self.frame)])
        #expect(bench.card.lastVerdict.queue == 5)
        #expect(bench.card.receive(Self.tagged(golden.tag), port: 1) == [.port(2, Self.frame)])
    }

    @Test("egress 0 is RT0; any other number is dropped")
    func egress() throws {
        let bench = try hat(version: 4)
        var tag = Self.downstream[3].tag
        (tag[2], tag[3]) = (0xf8, 0x00)
        #expect(bench.card.receiveFromCPU(Self.tagged(tag)) == [.port(0, Self.frame)])
        (tag[2], tag[3]) = (0xf8, 0x80)
        #expect(bench.card.receiveFromCPU(Self.tagged(tag)).isEmpty)
        #expect(bench.card.lastVerdict.reason == .specialCase)
    }

    @Test("frames without a tag, or not from the processor, are dropped with reason 17")
    func untagged() throws {
        let bench = try hat(version: 4)
        var wrong = Self.downstream[3].tag
        wrong[2] = 0x08
        for frame in [Self.frame, Self.tagged(wrong)] {
            #expect(bench.card.receiveFromCPU(frame).isEmpty)
            #expect(bench.card.lastVerdict.reason == .notTagged)
        }
        #expect(try bench.bus.readWord(bench.map.rxStatistics[0].badrsn[1 * 32 + 17].address) == 2)
        #expect(bench.card.receiveFromCPU(Array(Self.tagged(Self.downstream[3].tag)[..<83])).isEmpty)
        #expect(bench.card.lastVerdict.reason == .runt)
    }

    @Test("a confirmation tells when a frame was sent, once")
    func confirmation() throws {
        let bench = try hat(version: 4)
        var tag = Self.downstream[3].tag
        tag[11] = 0x2a
        bench.card.receiveFromCPU(Self.tagged(tag))
        let net = bench.map.net
        #expect(try bench.bus.readWord(net.txConfVld.address) == 0b100)
        let local = try #require(bench.map.spiLocal)
        #expect(try bench.bus.readWord(local.intStatus.address) >> 10 & 7 == 0b100)
        #expect(try bench.bus.readWord(net.txConf[2].id.address) == 0x1_002a)
        #expect(try bench.bus.readWord(net.txConf[2].timeLow.address) == 0x0102_0304)
        #expect(try bench.bus.readWord(net.txConf[2].timeHigh.address) == 0)
        #expect(try bench.bus.readWord(net.txConfVld.address) == 0)
        #expect(try bench.bus.readWord(net.txConf[2].id.address) == 0)
    }

    @Test("an action to the middle port, or to an interface of the processor, reaches the host")
    func action() throws {
        let bench = try hat(version: 4)
        try bench.write(bench.map.action, 3, [1 | 1 << 3])
        try bench.collision(0, type: 3, action: 3, ["vlan_id": 0, "mac_dst": 0x0200_0000_0002])
        let tagged = try #require(bench.card.receive(Self.frame, port: 0).first?.frame)
        #expect(bench.card.lastVerdict.reason == .processorRule)
        // 00000 00001 11100 0
        #expect(Array(tagged[12..<16]) == [0x81, 0x3e, 0x00, 0x78])
    }
}
