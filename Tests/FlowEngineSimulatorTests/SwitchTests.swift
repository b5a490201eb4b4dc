// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters
import FlowEngineSimulator
import Packet
import Testing

@Suite("Ethernet switch")
struct SwitchTests {
    func bench(_ change: (inout CardConfiguration) -> Void = { _ in }) throws -> CardTrial {
        let bench = try CardTrial.trustNode(change)
        try bench.bus.writeWord(bench.map.net.enable.address, 0b1111)
        try bench.bus.writeWord(bench.map.ethernetSwitch[0].common.address, 1)
        return bench
    }

    @Test("unknown addresses flood to all other enabled ports and the processor; learned ones go to their port")
    func learns() throws {
        let bench = try bench()
        #expect(bench.send(TestFrame.udp(to: 2, from: 1), port: 0) == [1, 2, 3, 100])
        #expect(bench.card.lastVerdict.reason == .processorFlood)
        #expect(bench.send(TestFrame.udp(to: 1, from: 2), port: 3) == [0])
        #expect(bench.send(TestFrame.udp(to: 2, from: 1), port: 0) == [3])
        #expect(bench.card.contents.learned == [0x0200_0000_0001: 0, 0x0200_0000_0002: 3])
        #expect(try bench.bus.readWord(bench.map.ethernetSwitch[0].numLearned.address) == 2)
        #expect(try bench.bus.readWord(bench.map.ethernetSwitch[0].numFloodUnknown.address) == 1)
        #expect(try bench.bus.readWord(bench.map.ethernetSwitch[0].numSOF.address) == 3)
    }

    @Test("a flood may leave the processor out")
    func floodWithoutProcessor() throws {
        let bench = try bench { $0.variants.floodReachesProcessor = false }
        #expect(bench.send(TestFrame.udp(to: 2), port: 0) == [1, 2, 3])
    }

    @Test("an address that moved is found at its new port; one behind the same port is a loop")
    func moves() throws {
        let bench = try bench()
        bench.card.receive(TestFrame.udp(to: 9, from: 1), port: 0)
        bench.card.receive(TestFrame.udp(to: 9, from: 1), port: 2)
        #expect(bench.send(TestFrame.udp(to: 1, from: 2), port: 3) == [2])
        #expect(bench.send(TestFrame.udp(to: 1, from: 3), port: 2).isEmpty)
        #expect(bench.card.lastVerdict.reason == .addressLoopback)
    }

    @Test("addresses age out in virtual time, after (AGEING + 1) × 2 seconds without a frame")
    func ages() throws {
        let bench = try bench()
        try bench.bus.writeWord(bench.map.ethernetSwitch[0].ageing.address, 4)
        bench.card.receive(TestFrame.udp(to: 9, from: 1), port: 0)
        bench.card.advance(nanoseconds: 9_999_999_999)
        #expect(bench.send(TestFrame.udp(to: 1, from: 2), port: 1) == [0])
        bench.card.advance(nanoseconds: 1)
        #expect(bench.send(TestFrame.udp(to: 1, from: 2), port: 1) == [0, 2, 3, 101])
        #expect(try bench.bus.readWord(bench.map.ethernetSwitch[0].numAgedOut.address) == 1)
        // A frame from it starts the time anew.
        bench.card.receive(TestFrame.udp(to: 9, from: 1), port: 0)
        bench.card.advance(nanoseconds: 9_000_000_000)
        bench.card.receive(TestFrame.udp(to: 9, from: 1), port: 0)
        bench.card.advance(nanoseconds: 9_000_000_000)
        #expect(bench.send(TestFrame.udp(to: 1, from: 2), port: 1) == [0])
    }

    @Test("frames to the card's own address go to the processor")
    func own() throws {
        let bench = try bench()
        try bench.bus.writeWord(bench.map.net.ownMACAddrL.address, 0x0000_00aa)
        try bench.bus.writeWord(bench.map.net.ownMACAddrH.address, 0x0200)
        #expect(bench.send(TestFrame.udp(to: 0xaa), port: 2) == [102])
        #expect(bench.card.lastVerdict.reason == .processorRouted)
    }

    @Test("a full table floods what it cannot learn")
    func full() throws {
        let bench = try bench()
        for station in 0..<2050 { bench.card.receive(TestFrame.udp(to: 9, from: 0x10000 + UInt64(station)), port: 0) }
        #expect(try bench.bus.readWord(bench.map.ethernetSwitch[0].numLearned.address) == 2048)
        #expect(try bench.bus.readWord(bench.map.ethernetSwitch[0].numFloodFull.address) == 2)
    }
}
