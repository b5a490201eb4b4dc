// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters
import FlowEngineSimulator
import Testing

@Suite("Traffic manager and statistics")
struct TrafficTests {
    func bench(_ change: (inout CardConfiguration) -> Void = { _ in }) throws -> CardTrial {
        let bench = try CardTrial.trustNode(change)
        try bench.action(1, toPort: 4)
        try bench.collision(0, type: 2, action: 1, ["mac_dst": 0x0200_0000_0002])
        return bench
    }

    @Test("a flow holds no more segments than its limit; what the port has sent makes room")
    func limit() throws {
        let bench = try bench()
        // Two segments a frame of 74 bytes, room for two frames.
        try bench.bus.writeWord(bench.map.trafficManager.resourceLimit[1].address, 5)
        let frame = TestFrame.udp(to: 2)
        #expect(frame.count == 74)
        #expect((0..<4).map { _ in bench.send(frame).count } == [1, 1, 0, 0])
        #expect(bench.card.lastVerdict.reason == .trafficManager)
        #expect(try bench.bus.readWord(bench.map.trafficManager.ptrCnt.address) == 4)
        // (74 + 24) × 8 bits at 1 Gb/s.
        bench.card.advance(nanoseconds: 783)
        #expect(bench.send(frame).isEmpty)
        bench.card.advance(nanoseconds: 1)
        #expect(bench.send(frame) == [4])
        let drops = bench.map.trafficManager.dropCnt[1].address
        #expect(try bench.bus.readWord(drops) == 3)
        #expect(try bench.bus.readWord(drops) == 0)
        bench.card.advance(nanoseconds: 10_000)
        #expect(try bench.bus.readWord(bench.map.trafficManager.ptrCnt.address) == 0)
    }

    @Test("slower ports hold frames longer")
    func speed() throws {
        let bench = try bench()
        try bench.bus.writeWord(bench.map.net.speed.address, 0)
        try bench.bus.writeWord(bench.map.trafficManager.resourceLimit[1].address, 2)
        #expect(bench.send(TestFrame.udp(to: 2)) == [4])
        bench.card.advance(nanoseconds: 78_399)
        #expect(bench.send(TestFrame.udp(to: 2)).isEmpty)
        bench.card.advance(nanoseconds: 1)
        #expect(bench.send(TestFrame.udp(to: 2)) == [4])
    }

    @Test("a limit of zero is none, or closes the flow")
    func zero() throws {
        #expect(try bench().send(TestFrame.udp(to: 2)) == [4])
        let closed = try bench { $0.variants.zeroLimit = .closed }
        #expect(closed.send(TestFrame.udp(to: 2)).isEmpty)
        #expect(try closed.bus.readWord(closed.map.trafficManager.dropCnt[1].address) == 1)
    }

    @Test("packet memory is shared by all limited flows")
    func memory() throws {
        let bench = try bench { $0.variants.bufferSegments = 3 }
        try bench.bus.writeWord(bench.map.trafficManager.resourceLimit[1].address, 100)
        #expect((0..<2).map { _ in bench.send(TestFrame.udp(to: 2)).count } == [1, 0])
    }

    static let revisions = [7, 17]

    @Test("statistics count by reason, pair of ports, flow and port, and clear as they are read", arguments: revisions)
    func statistics(_ revision: Int) throws {
        let bench = try CardTrial.trustNode(mapRevision: revision)
        try bench.action(300, toPort: 8)
        try bench.collision(0, type: 2, action: 300, ["mac_dst": 0x0200_0000_0002])
        for _ in 0..<3 { bench.card.receive(TestFrame.udp(to: 2), port: 1) }
        bench.card.receive(TestFrame.udp(to: 3), port: 7)
        let (rx, tx) = (bench.map.rxStatistics, bench.map.txStatistics)
        func take(_ array: RegisterArray<StatisticsCounter, ClearOnRead>, _ index: Int) throws -> UInt32 {
            let value = try bench.bus.take(array[index]).rawValue
            #expect(try bench.bus.take(array[index]).rawValue == 0)
            return value
        }
        // Ports 0 to 5 are of datapath 0.
        #expect(try take(rx[0].goodFlowid, 300) == 3)
        #expect(try take(rx[1].goodFlowid, 0) == 1)
        #expect(try take(rx[0].goodPrt, 1) == 3)
        #expect(try take(rx[1].goodPrt, 7) == 1)
        #expect(try take(rx[0].pktCnt, 8 * 32 + 1) == 3)
        #expect(try take(rx[1].pktCnt, (16 + 7) * 32 + 7) == 1)
        #expect(try take(tx[1].goodFlowid, 300) == 3)
        #expect(try take(tx[1].goodPrt, 8) == 3)
        #expect(try take(tx[0].goodPrt, 16 + 7) == 1)
        if let processed = rx[1].procrsn { #expect(try take(processed, 7 * 32 + 26) == 1) }
        try bench.dropAction(300)
        bench.card.receive(TestFrame.udp(to: 2), port: 1)
        #expect(try take(rx[0].badrsn, 1 * 32 + 13) == 1)
        #expect(try take(rx[0].goodFlowid, 300) == 0)
    }
}
