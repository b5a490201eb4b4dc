// SPDX-License-Identifier: Apache-2.0
import FlowEngineDriver
import FlowEngineRegisters
import TestSupport
import Testing

@Suite("Registers, whatever model answers")
struct RegisterModelTests {
    static let map = FlowEngineMap.revision17
    /// What every model has.
    static let registers = map.registers.filter {
        ["common", "spi_local", "net", "rtc", "flow_cache"].contains(String($0.block.prefix { $0 != "." }))
    }

    /// A model, the driver's bus to it, and the wire itself.
    private final class Rig {
        let card: RunningCard
        let wire: SocketSPIDevice
        let bus: SPIRegisterBus

        init(_ model: CardModel) throws {
            card = try model.start()
            wire = try SocketSPIDevice(path: card.path)
            bus = SPIRegisterBus(wire)
            // What happened before the model was ours is not of interest.
            _ = try errors()
        }

        /// Sends frames and returns what came back, a list of bytes each.
        func exchange(_ frames: [[UInt8]]) throws -> [[UInt8]] {
            var batch = SPIFrames()
            for frame in frames { batch.append(frame) }
            try wire.exchange(&batch)
            var rest = batch.input[...]
            return frames.map { frame in
                defer { rest = rest.dropFirst(frame.count) }
                return Array(rest.prefix(frame.count))
            }
        }

        /// Reads, and so clears, ACCESS_ERROR.
        func errors() throws -> AccessErrors {
            let answer = try exchange([frame(0x3c, BusRegisters.accessError)])[0]
            return AccessErrors(rawValue: answer.suffix(4).reduce(0) { $0 << 8 | UInt32($1) })
        }
    }

    private static func frame(
        _ command: UInt8, _ address: RegisterAddress, _ word: UInt32 = 0, length: Int? = nil
    ) -> [UInt8] {
        let (place, length) = (address.rawValue, length ?? (command == 0xf0 ? 12 : 8))
        let bytes =
            [command] + [16, 8, 0].map { UInt8(truncatingIfNeeded: place >> $0) }
            + [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: word >> $0) } + Array(repeating: 0, count: 8)
        return Array(bytes.prefix(length))
    }

    private static func isLocal(_ address: RegisterAddress) -> Bool { BusRegisters.spiLocal.contains(address) }

    private static func read(_ address: RegisterAddress) -> [UInt8] { frame(isLocal(address) ? 0x3c : 0xf0, address) }

    private static func write(_ address: RegisterAddress, _ word: UInt32) -> [UInt8] {
        frame(isLocal(address) ? 0x0f : 0xc3, address, word)
    }

    /// Bits that fields of a register have.
    private static func bits(of register: RegisterDescription) -> UInt32 {
        register.fields.reduce(0) { $0 | UInt32((1 << UInt64($1.width)) - 1) << UInt32($1.lowestBit) }
    }

    @Test("identity and reset values are those of the map", arguments: CardModel.present)
    func identity(_ model: CardModel) throws {
        let rig = try Rig(model)
        #expect(try rig.bus.read(Self.map.common.addrMapRev).revision == 17)
        #expect(try rig.bus.read(Self.map.common.paramPrtCnt).value == 3)
        let local = try #require(Self.map.spiLocal)
        #expect(try rig.bus.read(local.bitgenTime).month >= 1)
        let known = Self.registers.filter { $0.mode.canRead && $0.reset != nil }
        #expect(!known.isEmpty)
        for register in known {
            #expect(try rig.bus.readWord(register.address) == register.reset, "\(register.block).\(register.name)")
        }
    }

    @Test("what can be read answers, and nothing goes wrong", arguments: CardModel.present)
    func readable(_ model: CardModel) throws {
        let rig = try Rig(model)
        for register in Self.registers where register.mode.canRead {
            for index in Set([0, register.count - 1]) {
                _ = try rig.bus.readWord(register.address + index * register.stride)
            }
        }
        #expect(try rig.errors() == [])
    }

    @Test("what can be read and written holds what was written", arguments: CardModel.present)
    func holds(_ model: CardModel) throws {
        let rig = try Rig(model)
        var random = SeededGenerator(seed: 17)
        let names = [
            "common.RW_TEST", "common.INTERRUPT_EN", "net.ENABLE", "net.SPEED", "net.SPEED_DEBUG1", "net.DUPLEX",
            "net.PAUSE", "rtc.INTERRUPT_EN", "flow_cache.RULE_SET", "spi_local.DRIVE_PPS",
        ]
        let registers = Self.registers.filter { names.contains("\($0.block).\($0.name)") }
        #expect(registers.count == names.count)
        var held: [RegisterAddress: UInt32] = [:]
        for _ in 0..<5 {
            var batch: [RegisterAccess] = []
            for register in registers.shuffled(using: &random) {
                held[register.address] = UInt32.random(in: 0 ... .max, using: &random) & Self.bits(of: register)
                batch.append(.write(register.address, held[register.address] ?? 0))
            }
            let reads = registers.shuffled(using: &random).map { RegisterAccess.read($0.address) }
            batch += reads
            try rig.bus.transfer(&batch)
            for access in batch.suffix(reads.count) {
                #expect(access.value == held[access.address], "\(access.address)")
            }
        }
    }

    @Test("what can only be read is not written, and the card says so", arguments: CardModel.present)
    func readOnly(_ model: CardModel) throws {
        let rig = try Rig(model)
        let registers = Self.registers.filter { $0.mode == .readOnly }
        #expect(registers.count > 50)
        let frames = registers.flatMap { [Self.write($0.address, 0xa5a5_a5a5), Self.read(BusRegisters.accessError)] }
        let answers = try rig.exchange(frames)
        for (index, register) in registers.enumerated() {
            let word = answers[2 * index + 1].suffix(4).reduce(0) { $0 << 8 | UInt32($1) }
            let expected: AccessErrors = Self.isLocal(register.address) ? .localModeViolation : .mmiAccess
            #expect(AccessErrors(rawValue: word) == expected, "\(register.block).\(register.name)")
        }
        #expect(try rig.bus.read(Self.map.common.addrMapRev).revision == 17)
    }

    @Test("what can only be written is not read, and the card says so", arguments: CardModel.present)
    func writeOnly(_ model: CardModel) throws {
        let rig = try Rig(model)
        let registers = Self.registers.filter { $0.mode == .writeOnly }
        #expect(registers.count > 10)
        let frames = registers.flatMap { [Self.read($0.address), Self.read(BusRegisters.accessError)] }
        let answers = try rig.exchange(frames)
        for (index, register) in registers.enumerated() {
            let word = answers[2 * index + 1].suffix(4).reduce(0) { $0 << 8 | UInt32($1) }
            let expected: AccessErrors =
                Self.isLocal(register.address) ? .localModeViolation : [.mmiAccess, .mmiReadFailure]
            #expect(AccessErrors(rawValue: word) == expected, "\(register.block).\(register.name)")
            #expect(answers[2 * index].allSatisfy { $0 == 0 } || !Self.isLocal(register.address))
        }
    }

    @Test("tables take words and do not give them", arguments: CardModel.present)
    func tables(_ model: CardModel) throws {
        let rig = try Rig(model)
        for table in [Self.map.action, Self.map.collision] {
            for entry in [1, table.count - 1] {
                try rig.bus.writeWord(table.address(entry, word: table.words - 1), 0x11)
                let error = #expect(throws: BusError.self) { try rig.bus.readWord(table.address(entry, word: 0)) }
                guard case .refused(let status, _) = error?.cause else {
                    Issue.record("\(table.name): \(String(describing: error))")
                    continue
                }
                #expect(AccessErrors(rawValue: status).contains(.mmiAccess))
            }
        }
    }

    @Test("errors are cleared as they are read, and told once", arguments: CardModel.present)
    func cleared(_ model: CardModel) throws {
        let rig = try Rig(model)
        _ = try rig.exchange([Self.write(BusRegisters.mapRevision, 1), Self.frame(0x55, BusRegisters.scratch)])
        #expect(try rig.errors() == [.mmiAccess, .badCommand])
        #expect(try rig.errors() == [])
    }

    @Test("a command that does not go with the address is refused and has no effect", arguments: CardModel.present)
    func mismatch(_ model: CardModel) throws {
        let rig = try Rig(model)
        let pps = try #require(Self.map.spiLocal).drivePPS.address
        try rig.bus.writeWord(BusRegisters.scratch, 0x1234_5678)
        try rig.bus.writeWord(pps, 1)
        let frames = [
            Self.frame(0x3c, BusRegisters.scratch), Self.frame(0x0f, BusRegisters.scratch, 9), Self.frame(0xf0, pps),
            Self.frame(0xc3, pps, 9), Self.frame(0x00, BusRegisters.scratch), Self.frame(0xff, pps),
        ]
        for frame in frames {
            #expect(try rig.exchange([frame])[0].allSatisfy { $0 == 0 })
            #expect(try rig.errors() == .badCommand, "\(frame)")
        }
        #expect(try rig.bus.readWord(BusRegisters.scratch) == 0x1234_5678)
        #expect(try rig.bus.readWord(pps) == 1)
    }

    @Test("a read over the card's bus has four bytes of padding, a local one none", arguments: CardModel.present)
    func padding(_ model: CardModel) throws {
        let rig = try Rig(model)
        let pps = try #require(Self.map.spiLocal).drivePPS.address
        try rig.bus.writeWord(BusRegisters.scratch, 0x8123_4567)
        try rig.bus.writeWord(pps, 0x9abc_def0)
        let answers = try rig.exchange([Self.read(BusRegisters.scratch), Self.read(pps)])
        #expect(answers[0] == [0, 0, 0, 0, 0, 0, 0, 0, 0x81, 0x23, 0x45, 0x67])
        #expect(answers[1] == [0, 0, 0, 0, 0x9a, 0xbc, 0xde, 0xf0])
    }

    @Test("frames that are too short, too long or askew are told apart", arguments: CardModel.present)
    func shapes(_ model: CardModel) throws {
        let rig = try Rig(model)
        let scratch = BusRegisters.scratch
        try rig.bus.writeWord(scratch, 0x1234_5678)
        for length in [1, 3, 4, 5, 7] {
            _ = try rig.exchange([Self.frame(0xc3, scratch, .max, length: length)])
            #expect(try rig.errors() == .undersized, "a write of \(length) bytes")
        }
        for (command, length) in [(0xf0, 2), (0xf0, 8), (0xf0, 11)] as [(UInt8, Int)] {
            _ = try rig.exchange([Self.frame(command, scratch, length: length)])
            #expect(try rig.errors() == .undersized, "a read of \(length) bytes")
        }
        let long = try rig.exchange([Self.frame(0xf0, scratch, length: 14)])[0]
        #expect(try rig.errors() == .oversized)
        #expect(long[8..<12].elementsEqual([0x12, 0x34, 0x56, 0x78]))
        for offset in 1...3 {
            _ = try rig.exchange([Self.frame(0xc3, scratch + offset, .max)])
            #expect(try rig.errors() == .misaligned)
        }
        #expect(try rig.bus.readWord(scratch) == 0x1234_5678)
    }

    @Test(
        "an address without a register is no register, locally; on the bus it does not answer in time",
        arguments: CardModel.present)
    func nothingThere(_ model: CardModel) throws {
        let rig = try Rig(model)
        let local = RegisterAddress(rawValue: 0x0c_1b00)
        for frame in [Self.read(local), Self.write(local, 1)] {
            _ = try rig.exchange([frame])
            #expect(try rig.errors() == .undefinedLocalAddress)
        }
        // Between NET and CAN.
        let bus = RegisterAddress(rawValue: 0x40_8000)
        let word = try rig.exchange([Self.read(bus)])[0].suffix(4)
        #expect(word.allSatisfy { $0 == 0xee })
        #expect(try rig.errors().isSuperset(of: .mmiReadTimeout))
        let error = #expect(throws: BusError.self) { try rig.bus.readWord(bus) }
        #expect(error?.cause == .timedOut)
        let written = #expect(throws: BusError.self) { try rig.bus.writeWord(bus, 1) }
        #expect(written?.cause == .timedOut)
        try rig.bus.writeWord(BusRegisters.scratch, 7)
        #expect(try rig.bus.readWord(BusRegisters.scratch) == 7)
    }
}
