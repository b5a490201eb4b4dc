// SPDX-License-Identifier: Apache-2.0
import FlowEngineDriver
import FlowEngineRegisters
import FlowEngineSimulator
import Glibc
import TestSupport
import Testing

/// The simulated card's slave as a device in this process.
private final class SlaveDevice: AdjustableSPIDevice {
    let slave: SimulatedSPISlave
    let name = "simulated slave"
    let limits = SPILimits(frames: 511, bytes: 4096)
    private(set) var hertz = 1_000_000

    init(_ slave: SimulatedSPISlave) { self.slave = slave }

    func setSpeed(hertz: Int) throws(SPIError) {
        self.hertz = hertz
        slave.clock = UInt64(hertz)
    }

    func exchange(_ frames: inout SPIFrames) throws(SPIError) {
        try frames.answer { (mosi) throws(SPIError) in slave.exchange(mosi) }
    }
}

/// The simulated card's registers as a processor would see them in a BAR: what went wrong is only in MMI_STATUS.
private struct SimulatedWindow: ~Copyable, RegisterWindow {
    let card: SimulatedCard
    var size: Int { 1 << 24 }

    func load(_ address: RegisterAddress) -> UInt32 { card.load(address) }
    func store(_ address: RegisterAddress, _ value: UInt32) { card.store(address, value) }
}

/// The ways to a simulated card.
enum SimulatedTransport: String, CaseIterable, Sendable {
    case words, spi, socket, socketWords, window

    private var isTrustNode: Bool { self == .window || self == .socketWords }

    func rig() throws -> (bus: any RegisterBus, card: SimulatedCard, keep: [AnyObject]) {
        var configuration = CardConfiguration(profile: isTrustNode ? .trustNode : .realTimeHAT)
        // Else no rule may drop.
        configuration.variants.droppedFrames = .counted
        let card = try SimulatedCard(configuration)
        switch self {
        case .words: return (SimulatedRegisterBus(card), card, [])
        case .spi: return (SPIRegisterBus(SlaveDevice(SimulatedSPISlave(card))), card, [])
        case .window:
            return (WindowRegisterBus(SimulatedWindow(card: card), name: "window"), card, [])
        case .socket, .socketWords:
            let folder = try TemporaryFolder()
            let server = try SimulatedCardServer(card, path: "\(folder.path)/card.sock")
            let location = CardLocation.simulated(path: server.path)
            #expect(try location.board() == (isTrustNode ? .trustNode : .realTimeHAT))
            return (try location.open(), card, [folder, server])
        }
    }
}

@Suite("A simulated card, over every transport")
struct BusSimulatorTests {
    private func map(of card: SimulatedCard) throws -> FlowEngineMap {
        try #require(FlowEngineMap.revision(card.configuration.mapRevision))
    }

    @Test("tells its map revision, and holds what is written to it", arguments: SimulatedTransport.allCases)
    func words(transport: SimulatedTransport) throws {
        let (bus, card, keep) = try transport.rig()
        let map = try map(of: card)
        #expect(try bus.readWord(map.common.addrMapRev.address) & 0xffff == UInt32(card.configuration.mapRevision))
        for value in [0, 0xffff_ffff, 0xeeee_eeee, 0x1234_5678] as [UInt32] {
            try bus.writeWord(map.common.rwTest.address, value)
            #expect(try bus.readWord(map.common.rwTest.address) == value)
        }
        withExtendedLifetime(keep) {}
    }

    @Test("random batches leave the same words as plain memory", arguments: SimulatedTransport.allCases)
    func random(transport: SimulatedTransport) throws {
        let (bus, card, keep) = try transport.rig()
        let intervals = try map(of: card).tas.prefix(card.configuration.portCount).map(\.gclTimes)
        var random = SeededGenerator(seed: 99)
        var memory: [RegisterAddress: UInt32] = [:]
        for _ in 0..<100 {
            var batch: [RegisterAccess] = []
            var expected: [UInt32] = []
            for _ in 0..<Int.random(in: 0...900, using: &random) {
                let array = intervals[Int.random(in: 0..<intervals.count, using: &random)]
                let address = array[Int.random(in: 0..<array.count, using: &random)].address
                let value = UInt32.random(in: 0 ... .max, using: &random)
                if Bool.random(using: &random) || memory[address] == nil {
                    memory[address] = value
                    batch.append(.write(address, value))
                    expected.append(value)
                } else {
                    batch.append(.read(address))
                    expected.append(memory[address] ?? 0)
                }
            }
            try bus.transfer(&batch)
            #expect(batch.map(\.value) == expected)
        }
        withExtendedLifetime(keep) {}
    }

    @Test("what it refuses is an error that names the access or the batch", arguments: SimulatedTransport.allCases)
    func refusals(transport: SimulatedTransport) throws {
        let (bus, card, keep) = try transport.rig()
        let map = try map(of: card)
        for bad in [
            .write(map.common.addrMapRev.address, 1), .read(map.action.base),
            .read(map.common.addrMapRev.address + 0x24),
        ] as [RegisterAccess] {
            var batch: [RegisterAccess] = [
                .write(map.common.rwTest.address, 1), .read(map.common.rwTest.address), bad,
                .write(map.common.rwTest.address, 2),
            ]
            let error = #expect(throws: BusError.self) { try bus.transfer(&batch) }
            guard case .refused = error?.cause else {
                Issue.record("\(bad): \(String(describing: error))")
                continue
            }
            #expect(error?.access == nil || error?.access == bad, "\(String(describing: error))")
            #expect((error?.completed ?? 3) <= 2)
            // And the next batch stands for itself.
            #expect(try bus.readWord(map.common.addrMapRev.address) != 0)
        }
        withExtendedLifetime(keep) {}
    }

    @Test(
        "an access that hangs is a timeout, of a read and of a write, and never a value",
        arguments: SimulatedTransport.allCases)
    func hangs(transport: SimulatedTransport) throws {
        let (bus, card, keep) = try transport.rig()
        let map = try map(of: card)
        let bad = map.tas[0].gclTimes[3].address
        card.faults.add(.hangs, at: .addresses(bad...bad))
        for access in [.read(bad), .write(bad, 5)] as [RegisterAccess] {
            var batch: [RegisterAccess] = [.write(map.common.rwTest.address, 1), access]
            let error = #expect(throws: BusError.self) { try bus.transfer(&batch) }
            #expect(error?.cause == .timedOut)
            #expect(error?.access == nil || error?.access?.address == bad)
            #expect((error?.completed ?? 2) <= 1)
        }
        card.faults = CardFaults()
        try bus.writeWord(bad, 6)
        #expect(try bus.readWord(bad) == 6)
        withExtendedLifetime(keep) {}
    }

    @Test("a read that never reaches it is no value either", arguments: SimulatedTransport.allCases)
    func dropped(transport: SimulatedTransport) throws {
        let (bus, card, keep) = try transport.rig()
        let lost = try map(of: card).tas[0].gclTimes[0].address
        card.faults.add(.dropped, at: .addresses(lost...lost))
        #expect(throws: BusError.self) { _ = try bus.readWord(lost) }
        withExtendedLifetime(keep) {}
    }

    @Test("without power, every batch says that there is no card", arguments: SimulatedTransport.allCases)
    func power(transport: SimulatedTransport) throws {
        let (bus, card, keep) = try transport.rig()
        let scratch = try map(of: card).common.rwTest.address
        try bus.writeWord(scratch, 1)
        card.powerOff()
        #expect(throws: BusError.self) { _ = try bus.readWord(scratch) }
        let error = #expect(throws: BusError.self) { try bus.writeWord(scratch, 1) }
        #expect(error?.cause == .noCard)
        card.powerOn()
        try bus.writeWord(scratch, 2)
        #expect(try bus.readWord(scratch) == 2)
        withExtendedLifetime(keep) {}
    }

    @Test("every table of every revision takes its words over SPI", arguments: [16, 17])
    func tables(revision: Int) throws {
        let card = try SimulatedCard(CardConfiguration(profile: .realTimeHAT, mapRevision: revision))
        let bus = SPIRegisterBus(SlaveDevice(SimulatedSPISlave(card)))
        let map = try #require(FlowEngineMap.revision(revision))
        var batch: [RegisterAccess] = []
        for table in [map.action, map.emhRule, map.emhHash, map.collision, map.emaRule, map.emaTCAM, map.overwrite[0]] {
            for word in 0..<table.words {
                batch.append(.write(table.address(1, word: word), 0x1111_1111 &* UInt32(word + 1)))
            }
        }
        try bus.transfer(&batch)
        let contents = card.contents
        #expect(contents.actions[1]?.word == 0x1111_1111)
        #expect(contents.rules.first { $0.index == 1 }?.words.first == 0x1111_1111)
        #expect(contents.collisions.first { $0.index == 1 }?.words.first == 0x1111_1111)
        #expect(contents.tcam.first { $0.index == 1 }?.data == 0x2222_2222_1111_1111)
    }

    @Test("a local-only batch works while the card's bus is held in reset, and one for the bus does not")
    func heldInReset() throws {
        let card = try SimulatedCard(CardConfiguration(profile: .realTimeHAT))
        let bus = SPIRegisterBus(SlaveDevice(SimulatedSPISlave(card)))
        let local = try #require(try map(of: card).spiLocal)
        try bus.writeWord(local.reset.address, 3)
        #expect(try bus.readWord(local.reset.address) == 3)
        #expect(throws: BusError.self) { _ = try bus.readWord(BusRegisters.mapRevision) }
        try bus.writeWord(local.reset.address, 0)
        #expect(try bus.readWord(BusRegisters.mapRevision) != 0)
    }

    @Test("the speed test finds the clock above which its bits flip")
    func speed() throws {
        let card = try SimulatedCard(CardConfiguration(profile: .realTimeHAT))
        let device = SlaveDevice(SimulatedSPISlave(card, reliableClock: 25_000_000))
        let report = try SPISpeedTest(rounds: 5).run(on: device)
        #expect(report.best == 25_000_000, "\(report)")
        #expect(device.hertz == 25_000_000)
    }

    @Test("frames and time reach it over its socket")
    func client() throws {
        let card = try SimulatedCard(CardConfiguration(profile: .realTimeHAT))
        let folder = try TemporaryFolder()
        let server = try SimulatedCardServer(card, path: "\(folder.path)/card.sock")
        var client = try SimulatedCardClient(path: server.path)
        try client.advance(nanoseconds: 5_000_000_000)
        #expect(card.time == 5_000_000_000)
        let bus = SPIRegisterBus(try SocketSPIDevice(path: server.path))
        try bus.writeWord(try map(of: card).net.enable.address, 7)
        let frame = [UInt8](repeating: 0x02, count: 12) + [0x08, 0x00] + [UInt8](repeating: 0, count: 46)
        let emitted = try client.send(frame, at: .port(0))
        let reference = try SimulatedCard(CardConfiguration(profile: .realTimeHAT))
        try SimulatedRegisterBus(reference).writeWord(try map(of: reference).net.enable.address, 7)
        let expected = reference.receive(frame, port: 0).map { emission -> SimulatedCardClient.Emission.Place in
            switch emission {
            case .port(let port, _): .port(port)
            case .cpu(let interface, _): .cpu(interface: interface)
            }
        }
        #expect(emitted.map(\.place) == expected)
        #expect(!emitted.isEmpty)
        #expect(throws: CardSocketError.self) { _ = try client.send(frame, at: .port(9)) }
        server.stop()
        #expect(throws: CardSocketError.gone(path: server.path)) { try client.advance(nanoseconds: 1) }
    }
}
