// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters
import FlowEngineSimulator
import Packet
import Testing

@Suite("Ports and overrides")
struct ForwardingTests {
    struct Refusal: Sendable, CustomTestStringConvertible {
        let sentence: String
        let count: Int
        let isGood: Bool
        let reason: ReasonCode
        var testDescription: String { sentence }
    }

    static let refusals = [
        Refusal(sentence: "59 bytes are a runt", count: 59, isGood: true, reason: .runt),
        Refusal(sentence: "59 bytes with a bad FCS are a fragment", count: 59, isGood: false, reason: .fragment),
        Refusal(sentence: "1519 bytes are oversize", count: 1519, isGood: true, reason: .oversize),
        Refusal(sentence: "a bad FCS", count: 100, isGood: false, reason: .frameCheck),
    ]

    @Test("a port refuses bad frames with their reason and counts them", arguments: refusals)
    func refuses(_ refusal: Refusal) throws {
        let bench = try CardTrial.trustNode()
        let frame = TestFrame.plain(count: refusal.count - 14)
        #expect(bench.card.receive(frame, port: 3, isFrameCheckGood: refusal.isGood).isEmpty)
        #expect(bench.card.lastVerdict.reason == refusal.reason)
        let index = 3 * 32 + Int(refusal.reason.rawValue)
        #expect(try bench.bus.readWord(bench.map.rxStatistics[0].badrsn[index].address) == 1)
        #expect(try bench.bus.readWord(bench.map.headerCreation[3].cntBadFrames.address) == 1)
        #expect(try bench.bus.readWord(bench.map.headerCreation[3].cntBadFrames.address) == 0)
    }

    @Test("60 and 1518 bytes are taken")
    func limits() throws {
        let bench = try CardTrial.trustNode()
        for count in [60, 1518] { #expect(bench.send(TestFrame.plain(count: count - 14)) == [100]) }
    }

    @Test("a port that is not enabled takes nothing")
    func disabled() throws {
        let bench = try CardTrial.trustNode()
        try bench.bus.writeWord(bench.map.net.enable.address, 0b10)
        #expect(bench.send(TestFrame.plain(), port: 0).isEmpty)
        #expect(bench.card.lastVerdict.reason == .portDisabled)
        #expect(bench.send(TestFrame.plain(), port: 1) == [101])
    }

    @Test("a miss goes to the processor or back, as FEATURES_FLOWCACHE b4 says")
    func miss() throws {
        let bench = try CardTrial.trustNode()
        #expect(bench.send(TestFrame.plain(), port: 5) == [105])
        #expect(bench.card.lastVerdict.reason == .processorDefault)
        try bench.bus.writeWord(bench.map.common.featuresFlowcache.address, 0)
        #expect(bench.send(TestFrame.plain(), port: 5) == [5])
        #expect(bench.card.lastVerdict.source == .miss)
    }

    @Test("a rule that sends a frame back is a loop, or is obeyed")
    func loop() throws {
        for (reading, ports) in [(CardVariants.LoopToIngress.dropped, [Int]()), (.sent, [0])] {
            let bench = try CardTrial.trustNode { $0.variants.loopToIngress = reading }
            try bench.action(1, toPort: 0)
            try bench.collision(0, type: 2, action: 1, ["mac_dst": 0x0200_0000_0002])
            #expect(bench.send(TestFrame.udp(to: 2), port: 0) == ports)
            if ports.isEmpty { #expect(bench.card.lastVerdict.reason == .portLoopback) }
            #expect(bench.send(TestFrame.udp(to: 2), port: 1) == [0])
        }
    }

    @Test("pause frames end at a port that heeds them")
    func pause() throws {
        let bench = try CardTrial.trustNode()
        #expect(bench.send(TestFrame.plain(etherType: 0x8808)) == [100])
        try bench.bus.writeWord(bench.map.net.pause.address, 1)
        #expect(bench.send(TestFrame.plain(etherType: 0x8808)).isEmpty)
        #expect(bench.card.lastVerdict.reason == .pause)
    }

    @Test("the flow cache overrides the switch, or the switch the flow cache")
    func order() throws {
        for (order, port) in [(CardVariants.OverrideOrder.manual, 4), (.header, 6)] {
            let bench = try CardTrial.trustNode { $0.variants.overrideOrder = order }
            try bench.bus.writeWord(bench.map.ethernetSwitch[0].common.address, 1)
            bench.card.receive(TestFrame.udp(to: 9, from: 2), port: 6)
            // Port 6 is of the other datapath, whose switch is off: it learns nothing there.
            bench.card.receive(TestFrame.udp(to: 9, from: 2), port: 5)
            try bench.action(1, toPort: 4)
            try bench.collision(0, type: 2, action: 1, ["mac_dst": 0x0200_0000_0002])
            #expect(bench.send(TestFrame.udp(to: 2), port: 0) == [order == .manual ? port : 5])
            if order == .header { #expect(bench.card.lastVerdict.source == .ethernetSwitch) }
        }
    }

    @Test("what the processor sends goes where it says, or where a rule says")
    func injection() throws {
        for (order, port) in [(CardVariants.OverrideOrder.manual, 7), (.header, 4)] {
            let bench = try CardTrial.trustNode { $0.variants.overrideOrder = order }
            try bench.action(1, toPort: 4)
            try bench.collision(0, type: 2, action: 1, ["mac_dst": 0x0200_0000_0002])
            let frame = TestFrame.udp(to: 2)
            #expect(bench.card.receiveFromCPU(frame, outPort: 7, queue: 3) == [.port(port, frame)])
            #expect(bench.card.receiveFromCPU(TestFrame.udp(to: 3), outPort: 7).count == 1)
            #expect(bench.card.lastVerdict.source == .injection)
        }
    }

    @Test("frames no rule decides have the action of flow 0, if it has one")
    func defaultAction() throws {
        let bench = try CardTrial.trustNode()
        try bench.action(0, toPort: 9)
        #expect(bench.send(TestFrame.udp()) == [9])
        #expect(bench.card.lastVerdict.source == .defaultAction)
        // The port's default flow counts while the flow cache is off.
        try bench.action(5, toPort: 8)
        try bench.bus.writeWord(bench.map.headerCreation[0].defaultFlowid.address, 5)
        #expect(bench.send(TestFrame.udp()) == [9])
        try bench.bus.writeWord(bench.map.flowCache.enable.address, 0)
        #expect(bench.send(TestFrame.udp()) == [8])
        #expect(bench.card.lastVerdict.flowID == 5)
    }

    @Test("a flow's replication bitmap overrides its port, in revision 17")
    func replication() throws {
        let bench = try CardTrial.trustNode(mapRevision: 17)
        try bench.action(1, toPort: 4)
        try bench.collision(0, type: 2, action: 1, ["mac_dst": 0x0200_0000_0002])
        let bitmap = try #require(bench.map.trafficManager.replicationBitmap)
        try bench.bus.writeWord(bitmap[1].address, 0b1010_0001)
        #expect(bench.send(TestFrame.udp(to: 2), port: 0) == [5, 7])
        try bench.bus.writeWord(bitmap[1].address, 0)
        #expect(bench.send(TestFrame.udp(to: 2), port: 0) == [4])
    }

    @Test("header fields are overwritten where their valid bit is set; checksums as the variant says")
    func overwrite() throws {
        for reading in CardVariants.OverwrittenChecksums.allCases {
            let bench = try CardTrial.trustNode { $0.variants.overwrittenChecksums = reading }
            try bench.action(1, toPort: 4)
            try bench.collision(0, type: 2, action: 1 | 9 << 16, ["mac_dst": 0x0200_0000_0002])
            let words = Words.pack(
                FlowCacheLayouts.overwrite,
                [
                    "mac_dst_valid": 1, "ipv4_dst_valid": 1, "port_src_valid": 1, "mac_dst": 0x0200_0000_0077,
                    "mac_src": 0x0200_0000_0066, "ipv4_dst": 0x0b00_0001, "port_src": 4000, "port_dst": 4001,
                ])
            try bench.write(bench.map.overwrite[0], 9, words)
            var expected = TestFrame.udp(to: 0x77, ip: 0x0b00_0001, sourcePort: 4000)
            let sent = try #require(bench.card.receive(TestFrame.udp(to: 2), port: 0).first?.frame)
            if reading == .unchanged {
                let original = TestFrame.udp(to: 2)
                for checksum in [24, 25, 40, 41] { expected[checksum] = original[checksum] }
            }
            #expect(sent == expected)
            // Port 8 is of the other datapath, whose table is empty.
            try bench.action(1, toPort: 8)
            #expect(bench.card.receive(TestFrame.udp(to: 2), port: 0) == [.port(8, TestFrame.udp(to: 2))])
        }
    }

    @Test("a verdict explains itself")
    func explains() throws {
        let bench = try CardTrial.trustNode()
        try bench.action(1, toPort: 4)
        try bench.collision(0, type: 2, action: 1, ["mac_dst": 0x0200_0000_0002])
        bench.card.receive(TestFrame.udp(to: 2), port: 0)
        #expect(
            bench.card.lastVerdict.description
                == "port 0: collision entry 0, priority 100, action id 0x1: to port 4, flow 1, queue 0")
        bench.card.receive(TestFrame.udp(to: 3), port: 0)
        #expect(
            bench.card.lastVerdict.description
                == "port 0: no rule: to CPU interface 0, reason 26 PROC_ACC_DEFAULT, flow 0, queue 0")
    }
}
