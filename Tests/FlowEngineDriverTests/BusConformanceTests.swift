// SPDX-License-Identifier: Apache-2.0
import FlowEngineDriver
import FlowEngineRegisters
import TestSupport
import Testing

@Suite("A register bus, whatever the wire")
struct BusConformanceTests {
    @Test("carries out a batch in order, each access once", arguments: BusTransport.allCases)
    func order(transport: BusTransport) throws {
        let rig = try transport.rig()
        var batch: [RegisterAccess] = []
        for word in 0..<1500 {
            batch.append(.write(ModelCard.memory + 4 * word, UInt32(word) &* 0x0101_0107))
            if word % 3 == 0 { batch.append(.read(ModelCard.memory + 4 * (word / 2))) }
        }
        let sent = batch
        try rig.bus.transfer(&batch)
        #expect(rig.card.testLog == batch)
        #expect(zip(batch, sent).allSatisfy { $0.kind == $1.kind && $0.address == $1.address })
        #expect(zip(batch, sent).allSatisfy { $0.kind == .read || $0.value == $1.value })
        #expect(rig.violations() == [])
    }

    @Test("a read gives what was written before it in the same batch", arguments: BusTransport.allCases)
    func readsFollowWrites(transport: BusTransport) throws {
        let rig = try transport.rig()
        var batch: [RegisterAccess] = [
            .write(ModelCard.scratch, 1), .read(ModelCard.scratch), .write(ModelCard.scratch, 2),
            .read(ModelCard.scratch),
        ]
        try rig.bus.transfer(&batch)
        #expect(batch.map(\.value) == [1, 1, 2, 2])
    }

    @Test("random batches leave the same words as plain memory", arguments: BusTransport.allCases)
    func random(transport: BusTransport) throws {
        let rig = try transport.rig()
        var random = SeededGenerator(seed: 4711)
        var memory: [RegisterAddress: UInt32] = [:]
        for _ in 0..<200 {
            var batch: [RegisterAccess] = []
            var expected: [UInt32] = []
            for _ in 0..<Int.random(in: 0...40, using: &random) {
                let address = ModelCard.memory + 4 * Int.random(in: 0..<24, using: &random)
                if Bool.random(using: &random) {
                    let value = UInt32.random(in: 0 ... .max, using: &random)
                    memory[address] = value
                    batch.append(.write(address, value))
                    expected.append(value)
                } else {
                    batch.append(.read(address))
                    expected.append(memory[address] ?? 0)
                }
            }
            try rig.bus.transfer(&batch)
            #expect(batch.map(\.value) == expected)
        }
        #expect(rig.violations() == [])
    }

    @Test("an empty batch touches nothing", arguments: BusTransport.allCases)
    func empty(transport: BusTransport) throws {
        let rig = try transport.rig()
        var batch: [RegisterAccess] = []
        try rig.bus.transfer(&batch)
        #expect(rig.card.log == [])
    }

    @Test(
        "a scratch register may hold what a card that does not answer gives", arguments: BusTransport.allCases,
        [0xeeee_eeee, 0xffff_ffff, 0, 0xeeee_eeef] as [UInt32])
    func patterns(transport: BusTransport, value: UInt32) throws {
        let rig = try transport.rig()
        try rig.bus.writeWord(ModelCard.scratch, value)
        #expect(try rig.bus.readWord(ModelCard.scratch) == value)
        var batch: [RegisterAccess] = Array(repeating: .read(ModelCard.scratch), count: 40)
        try rig.bus.transfer(&batch)
        #expect(batch.allSatisfy { $0.value == value })
    }

    @Test("bits cleared by reading are read once", arguments: BusTransport.allCases)
    func clearedByReading(transport: BusTransport) throws {
        let rig = try transport.rig()
        rig.card.words[ModelCard.clearOnRead] = 5
        #expect(try rig.bus.readWord(ModelCard.clearOnRead) == 5)
        #expect(try rig.bus.readWord(ModelCard.clearOnRead) == 0)
    }

    @Test("an address that cannot be is refused before anything is sent", arguments: BusTransport.allCases)
    func badAddress(transport: BusTransport) throws {
        let rig = try transport.rig()
        for number in [0x00_0422, 0x100_0000] as [UInt32] {
            var batch: [RegisterAccess] = [
                .write(ModelCard.scratch, 9), .read(RegisterAddress(rawValue: number)),
            ]
            let error = #expect(throws: BusError.self) { try rig.bus.transfer(&batch) }
            guard case .address(let why) = error?.cause else {
                Issue.record("another cause: \(String(describing: error))")
                continue
            }
            #expect(why.contains("multiple of 4 below 0x1000000"))
            #expect(error?.completed == 0)
            #expect(rig.card.log == [])
        }
    }

    @Test("a read in the local block, and a write, use its own commands", arguments: BusTransport.allCases)
    func localBlock(transport: BusTransport) throws {
        let rig = try transport.rig()
        guard rig.hasLocalBlock else { return }
        var batch: [RegisterAccess] = [
            .write(ModelCard.localReadWrite, 0x1234_5678), .read(ModelCard.localReadWrite),
            .write(ModelCard.scratch, 7),
            .read(ModelCard.scratch), .read(ModelCard.localReadOnly),
        ]
        try rig.bus.transfer(&batch)
        #expect(batch.map(\.value) == [0x1234_5678, 0x1234_5678, 7, 7, 2])
        #expect(rig.violations() == [])
    }

    @Test("what went wrong before is not blamed on the first batch", arguments: BusTransport.allCases)
    func oldErrors(transport: BusTransport) throws {
        let rig = try transport.rig()
        rig.blame()
        try rig.bus.writeWord(ModelCard.scratch, 1)
        // Only what was there before the bus is forgiven.
        rig.blame()
        #expect(throws: BusError.self) { try rig.bus.writeWord(ModelCard.scratch, 1) }
    }
}

@Suite("A register bus, when the card does not do as it was told")
struct BusFaultConformanceTests {
    /// A batch that is good but for one access.
    private func check(
        _ transport: BusTransport, _ bad: RegisterAccess, prepare: (ModelCard) -> Void = { _ in },
        _ judge: (BusError) -> Void
    ) throws {
        let front = 23
        let rig = try transport.rig()
        prepare(rig.card)
        var batch: [RegisterAccess] = []
        for word in 0..<front {
            let address = ModelCard.memory + 4 * word
            batch += [.write(address, UInt32(word) + 1), .read(address)]
        }
        batch.append(bad)
        batch += [.read(ModelCard.readOnly), .write(ModelCard.scratch, 1)]
        let error = #expect(throws: BusError.self) { try rig.bus.transfer(&batch) }
        guard let error else { return }
        judge(error)
        #expect(error.bus == rig.bus.name)
        #expect(error.completed <= 2 * front, "the bad access itself never counts as carried out")
        // What is said to have been carried out was, with these values; and nothing was done twice.
        for access in batch.prefix(error.completed) where access.kind == .read {
            #expect(access.value == rig.card.words[access.address])
        }
        #expect(rig.card.testLog.prefix(error.completed).elementsEqual(batch.prefix(error.completed)))
        #expect(rig.card.testLog.count <= batch.count)
        // The error is over: the next batch stands for itself.
        rig.card.lateReads = []
        rig.card.lateWrites = []
        try rig.bus.writeWord(ModelCard.scratch, 77)
        #expect(try rig.bus.readWord(ModelCard.scratch) == 77)
    }

    @Test("a read that times out is an error and never a value", arguments: BusTransport.allCases)
    func lateRead(transport: BusTransport) throws {
        try check(transport, .read(ModelCard.clearOnRead)) {
            $0.lateReads = [ModelCard.clearOnRead]
        } _: { error in
            #expect(error.cause == .timedOut)
            #expect(error.access?.address == ModelCard.clearOnRead)
            #expect(error.description.contains("read of 0x830000: the card did not answer in time (0xEEEEEEEE)"))
        }
    }

    @Test(
        "the pattern of a timeout is an error also where the card claims that all is well",
        arguments: BusTransport.allCases)
    func lateWithoutTrace(transport: BusTransport) throws {
        try check(transport, .read(ModelCard.clearOnRead)) {
            $0.tracelessReads = [ModelCard.clearOnRead]
        } _: { error in
            #expect(error.cause == .timedOut)
            #expect(error.access?.address == ModelCard.clearOnRead)
            #expect(error.completed == 46)
        }
    }

    @Test("a write that times out is an error of its own batch", arguments: BusTransport.allCases)
    func lateWrite(transport: BusTransport) throws {
        try check(transport, .write(ModelCard.writeOnly, 1)) {
            $0.lateWrites = [ModelCard.writeOnly]
        } _: { error in
            #expect(error.cause == .timedOut)
        }
    }

    @Test("a write that times out at the end of a batch is not missed", arguments: BusTransport.allCases)
    func lastWrite(transport: BusTransport) throws {
        let rig = try transport.rig()
        rig.card.lateWrites = [ModelCard.writeOnly]
        let error = #expect(throws: BusError.self) { try rig.bus.writeWord(ModelCard.writeOnly, 1) }
        #expect(error?.cause == .timedOut)
        #expect(error?.completed == 0)
    }

    @Test("a write to a read-only register is refused", arguments: BusTransport.allCases)
    func readOnly(transport: BusTransport) throws {
        try check(transport, .write(ModelCard.readOnly, 1)) { error in expectRefused(error) }
    }

    @Test("a read of a write-only register is refused", arguments: BusTransport.allCases)
    func writeOnly(transport: BusTransport) throws {
        try check(transport, .read(ModelCard.writeOnly)) { error in expectRefused(error) }
    }

    @Test("an undefined address is refused", arguments: BusTransport.allCases)
    func undefined(transport: BusTransport) throws {
        try check(transport, .read(ModelCard.undefined)) { error in expectRefused(error) }
        try check(transport, .write(ModelCard.undefined, 1)) { error in expectRefused(error) }
    }

    private func expectRefused(_ error: BusError) {
        guard case .refused(let status, let meaning) = error.cause else {
            Issue.record("another cause: \(error)")
            return
        }
        #expect(status != 0)
        #expect(meaning.contains { $0.contains("refused") })
        #expect(error.description.contains("the card refused it"))
    }

    @Test("a fault in the local block is told from one on the card's bus", arguments: BusTransport.allCases)
    func localFaults(transport: BusTransport) throws {
        guard try transport.rig().hasLocalBlock else { return }
        try check(transport, .read(ModelCard.localUndefined)) { error in
            #expect(error.access == .read(ModelCard.localUndefined))
            #expect(error.description.contains("an undefined address in the local block"))
        }
        try check(transport, .read(ModelCard.localClearOnRead)) {
            $0.lateReads = [ModelCard.localClearOnRead]
        } _: { error in
            #expect(error.cause == .timedOut)
            #expect(error.access?.address == ModelCard.localClearOnRead)
        }
    }
}
