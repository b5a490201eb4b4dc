// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters
import Glibc
import Testing

@testable import FlowEngineDriver

@Suite("SPI frames")
struct BusSPIFrameTests {
    /// What a bus sends for one access, without its own reads around.
    private func frame(_ access: RegisterAccess) throws -> [UInt8] {
        let device = ModelSPIDevice(ModelSPISlave(ModelCard()))
        var batch = [access]
        try SPIRegisterBus(device).transfer(&batch)
        return device.sent[1]
    }

    @Test("the four accesses are these bytes on the wire")
    func golden() throws {
        #expect(
            try frame(.write(RegisterAddress(rawValue: 0x0c_0900), 0x1234_5678))
                == [0x0f, 0x0c, 0x09, 0x00, 0x12, 0x34, 0x56, 0x78])
        #expect(
            try frame(.read(RegisterAddress(rawValue: 0x0c_0000))) == [0x3c, 0x0c, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00])
        #expect(
            try frame(.write(RegisterAddress(rawValue: 0x00_0420), 0xdead_beef))
                == [0xc3, 0x00, 0x04, 0x20, 0xde, 0xad, 0xbe, 0xef])
        #expect(
            try frame(.read(RegisterAddress(rawValue: 0x00_0400)))
                == [0xf0, 0x00, 0x04, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00])
    }

    @Test(
        "the local commands are for 0x0C0000 to 0x0FFF00 and for nothing else",
        arguments: [
            (0x0b_fffc, SPIFrame.Command.readMMI), (0x0c_0000, .readLocal), (0x0c_0004, .readLocal),
            (0x0f_ff00, .readLocal),
            (0x0f_ff04, .readMMI), (0x10_0000, .readMMI),
        ] as [(UInt32, SPIFrame.Command)])
    func localRange(address: UInt32, command: SPIFrame.Command) {
        #expect(SPIFrame.Command(.read(RegisterAddress(rawValue: address))) == command)
    }

    @Test("a first batch clears old errors, a batch ends with a witness and ACCESS_ERROR, in the same go")
    func go() throws {
        let device = ModelSPIDevice(ModelSPISlave(ModelCard()))
        let bus = SPIRegisterBus(device)
        try bus.writeWord(ModelCard.scratch, 1)
        try bus.writeWord(ModelCard.localReadWrite, 2)
        #expect(device.goes == 2)
        let status: [UInt8] = [0x3c, 0x0c, 0x0f, 0x00, 0, 0, 0, 0]
        #expect(
            device.sent == [
                status, [0xc3, 0x00, 0x04, 0x20, 0, 0, 0, 1], [0xf0, 0x00, 0x04, 0x0c, 0, 0, 0, 0, 0, 0, 0, 0], status,
                // Only the local block was touched: the card's bus need not work.
                [0x0f, 0x0c, 0x09, 0x00, 0, 0, 0, 2], [0x3c, 0x0c, 0x05, 0x00, 0, 0, 0, 0], status,
            ])
    }

    @Test("a batch that does not fit is cut where frames and bytes run out")
    func splitting() throws {
        let device = ModelSPIDevice(ModelSPISlave(ModelCard()), limits: SPILimits(frames: 511, bytes: 4096))
        let bus = SPIRegisterBus(device)
        try bus.writeWord(ModelCard.scratch, 1)
        // 4096 bytes less ACCESS_ERROR and witness hold 509 writes of 8 bytes.
        var batch = (0..<1018).map { RegisterAccess.write(ModelCard.memory + 4 * $0, UInt32($0)) }
        try bus.transfer(&batch)
        #expect(device.goes == 3)
        // Each frame of 12 bytes takes 64 of the kernel's.
        let coarse = ModelSPIDevice(
            ModelSPISlave(ModelCard()), limits: SPILimits(frames: 511, bytes: 4096, granule: 64))
        let other = SPIRegisterBus(coarse)
        try other.writeWord(ModelCard.scratch, 1)
        var reads = (0..<62).map { RegisterAccess.read(ModelCard.memory + 4 * $0) }
        try other.transfer(&reads)
        #expect(coarse.goes == 2)
        reads.append(.read(ModelCard.memory))
        try other.transfer(&reads)
        #expect(coarse.goes == 4)
    }

    @Test("a device too small for an access and its check is refused in words")
    func tooSmall() throws {
        let bus = SPIRegisterBus(ModelSPIDevice(ModelSPISlave(ModelCard()), limits: SPILimits(frames: 2, bytes: 4096)))
        let error = #expect(throws: BusError.self) { try bus.writeWord(ModelCard.scratch, 1) }
        #expect("\(String(describing: error))".contains("carries 4096 bytes in 2 frames"))
    }

    @Test("no memory is taken for another batch of the same size")
    func reuse() throws {
        var frames = SPIFrames()
        for _ in 0..<3 {
            frames.removeAll()
            for word in 0..<300 { frames.append(.write(ModelCard.memory + 4 * word, 0)) }
        }
        let before = frames.withBuffers { output, input, _ in [output.baseAddress, UnsafePointer(input.baseAddress)] }
        frames.removeAll()
        for word in 0..<300 { frames.append(.read(ModelCard.localReadOnly + 256 * (word % 16))) }
        let after = frames.withBuffers { output, input, _ in [output.baseAddress, UnsafePointer(input.baseAddress)] }
        #expect(before == after)
    }
}

@Suite("A card behind SPI that misbehaves")
struct BusSPIFaultTests {
    private func rig(_ fault: ModelSPIDevice.Fault? = nil) -> (bus: SPIRegisterBus, device: ModelSPIDevice) {
        let device = ModelSPIDevice(ModelSPISlave(ModelCard()))
        device.fault = fault
        return (SPIRegisterBus(device), device)
    }

    @Test(
        "a wire on which all bits are alike is no card, whatever is asked",
        arguments: [
            (0xff, "every bit reads as one (0xFFFFFFFF): no card answers"),
            (0x00, "every bit reads as zero, of registers that are never zero: nothing drives the line"),
            (0xee, "did not answer in time (0xEEEEEEEE)"),
        ] as [(UInt8, String)])
    func stuck(byte: UInt8, text: String) throws {
        let (bus, device) = rig(.stuck(byte))
        for batch in [
            [.read(ModelCard.scratch)], [.write(ModelCard.scratch, 5)], [.read(ModelCard.localReadOnly)],
            [.write(ModelCard.localReadWrite, 0)],
        ] as [[RegisterAccess]] {
            var batch = batch
            let error = #expect(throws: BusError.self) { try bus.transfer(&batch) }
            #expect(error?.completed == 0)
            #expect(String(describing: error).contains("no cause") == false)
            #expect(error.map { "\($0)" }?.contains(text) == true, "\(String(describing: error))")
        }
        device.fault = nil
        #expect(try bus.readWord(ModelCard.readOnly) == 3)
    }

    @Test("an answer that is too short is said to be")
    func short() throws {
        let (bus, _) = rig(.short(frame: 2))
        var batch: [RegisterAccess] = [.read(ModelCard.readOnly), .read(ModelCard.scratch)]
        let error = #expect(throws: BusError.self) { try bus.transfer(&batch) }
        #expect(error?.completed == 0)
        #expect(error.map { "\($0)" }?.contains("answered frame 3 of 5 with 11 bytes instead of 12") == true)
    }

    @Test("a go that is torn leaves the goes before it good, and its errors to be cleared")
    func torn() throws {
        let device = ModelSPIDevice(ModelSPISlave(ModelCard()), limits: SPILimits(frames: 8, bytes: 4096))
        let bus = SPIRegisterBus(device)
        try bus.writeWord(ModelCard.scratch, 1)
        device.fault = .torn(frame: 7)
        var batch = (0..<5).map { RegisterAccess.write(ModelCard.memory + 4 * $0, UInt32($0)) }
        batch += (0..<5).map { RegisterAccess.read(ModelCard.memory + 4 * $0) }
        let error = #expect(throws: BusError.self) { try bus.transfer(&batch) }
        #expect(error?.completed == 0)
        #expect(error?.cause == .system(call: "ioctl(SPI_IOC_MESSAGE)", errno: EIO))
        #expect(error.map { "\($0)" }?.contains("Input/output error (errno 5)") == true)
        // One frame fewer, and the first go is through: six accesses of ten.
        device.fault = nil
        device.slave.errors = 1 << 4
        try bus.transfer(&batch)
        #expect(batch.suffix(5).map(\.value) == [0, 1, 2, 3, 4])
    }

    @Test("of a long batch the goes before the bad one count as carried out")
    func completedGoes() throws {
        let device = ModelSPIDevice(ModelSPISlave(ModelCard()), limits: SPILimits(frames: 10, bytes: 4096))
        let bus = SPIRegisterBus(device)
        try bus.writeWord(ModelCard.scratch, 1)
        var batch = (0..<20).map { RegisterAccess.write(ModelCard.memory + 4 * $0, UInt32($0)) }
        batch.insert(.write(ModelCard.readOnly, 1), at: 17)
        let error = #expect(throws: BusError.self) { try bus.transfer(&batch) }
        // Eight accesses a go; which write of the third was refused, the card does not say.
        #expect(error?.completed == 16)
        #expect(error?.access == nil)
        #expect(device.slave.card.testLog.count == 22)
    }

    @Test("who reads ACCESS_ERROR in a batch takes no error away")
    func readingAccessError() throws {
        let (bus, _) = rig()
        var batch: [RegisterAccess] = [.write(ModelCard.readOnly, 1), .read(BusRegisters.accessError)]
        let error = #expect(throws: BusError.self) { try bus.transfer(&batch) }
        guard case .refused(let status, _) = error?.cause else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(status == 1 << 7)
        #expect(try bus.readWord(BusRegisters.accessError) == 0)
    }

    @Test("without witnesses a batch costs one frame more, and zeros are believed")
    func noWitness() throws {
        let device = ModelSPIDevice(ModelSPISlave(ModelCard()))
        let bus = SPIRegisterBus(device, witnesses: .init(mmi: nil, local: nil))
        try bus.writeWord(ModelCard.scratch, 1)
        #expect(device.sent.count == 3)
        device.fault = .stuck(0)
        #expect(try bus.readWord(ModelCard.scratch) == 0)
    }

    @Test("a bad frame shows as a bad frame")
    func badFrame() throws {
        let slave = ModelSPISlave(ModelCard())
        #expect(slave.exchange([0x55, 0, 4, 0x20, 0, 0, 0, 0]).count == 8)
        #expect(slave.exchange([0xc3, 0, 4, 0x20, 0, 0, 0]).count == 7)
        #expect(slave.exchange([0xc3, 0, 4, 0x20, 0, 0, 0, 0, 0]).count == 9)
        #expect(slave.exchange([0xf0, 0, 4, 0x21, 0, 0, 0, 0, 0, 0, 0, 0]).count == 12)
        #expect(slave.exchange([0x3c, 0, 4, 0x20, 0, 0, 0, 0]).count == 8)
        #expect(slave.violations.count == 5)
        #expect(slave.errors == 0b1111)
    }
}

@Suite("ACCESS_ERROR")
struct AccessErrorTests {
    @Test("every bit has a meaning of its own, and other bits tell of the line")
    func meaning() {
        let all = AccessErrors(rawValue: 0xfff).meaning
        #expect(Set(all).count == 12)
        for bit in 0..<12 { #expect(AccessErrors(rawValue: 1 << UInt32(bit)).meaning == [all[bit]]) }
        #expect(
            AccessErrors(rawValue: 0x8001).meaning.last
                == "bits 0x8000 that ACCESS_ERROR does not have: the line is disturbed")
    }

    @Test("bits can only be about accesses of their kind")
    func suspects() {
        let localRead = RegisterAccess.read(ModelCard.localReadOnly)
        let localWrite = RegisterAccess.write(ModelCard.localReadWrite, 0)
        let read = RegisterAccess.read(ModelCard.scratch)
        var lateRead = read
        lateRead.value = BusError.timeoutPattern
        let write = RegisterAccess.write(ModelCard.scratch, 0)
        let kinds = [localRead, localWrite, read, lateRead, write]
        let expected: [(AccessErrors, [Bool])] = [
            (.badCommand, [true, true, true, true, true]), (.undersized, [true, true, true, true, true]),
            (.oversized, [true, true, true, true, true]), (.misaligned, [true, true, true, true, true]),
            (.undefinedLocalAddress, [true, true, false, false, false]),
            (.localModeViolation, [true, true, false, false, false]),
            (.localReadTimeout, [true, false, false, false, false]),
            (.mmiAccess, [false, false, true, true, true]), (.mmiWriteTimeout, [false, false, false, false, true]),
            (.mmiReadTimeout, [false, false, false, true, false]),
            ([.mmiReadTimeout, .timeoutNow], [false, false, false, true, false]),
            (.timeoutNow, [false, false, true, true, true]), (.mmiReadFailure, [false, false, true, true, false]),
            (AccessErrors(rawValue: 1 << 20), [true, true, true, true, true]),
            ([], [false, false, false, false, false]),
        ]
        for (errors, concerned) in expected { #expect(kinds.map(errors.canConcern) == concerned, "\(errors)") }
    }
}

@Suite("Registers that a transport reads for itself")
struct BusRegistersTests {
    @Test("are where every revision of the map has them", arguments: FlowEngineMap.revisions.map(\.revision))
    func places(revision: Int) throws {
        let map = try #require(FlowEngineMap.revision(revision))
        #expect(map.bm.mmiStatus.address == BusRegisters.busStatus)
        #expect(map.bm.mmiToAddr.address == BusRegisters.readTimeoutAddress)
        #expect(map.bm.mmiToWrAddr.address == BusRegisters.writeTimeoutAddress)
        #expect(map.bm.mmiAccessErrAddr.address == BusRegisters.refusedAddress)
        #expect(map.common.addrMapRev.address == BusRegisters.mapRevision)
        #expect(map.common.rwTest.address == BusRegisters.scratch)
        // Only a Real-Time HAT has a local block, and it has revision 16 or 17.
        #expect((map.spiLocal == nil) == (revision == 7))
        if let local = map.spiLocal {
            #expect(local.accessError.address == BusRegisters.accessError)
            #expect(local.fpgaRev.address == BusRegisters.localRevision)
        }
    }
}
