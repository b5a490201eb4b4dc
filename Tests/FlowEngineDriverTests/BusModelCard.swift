// SPDX-License-Identifier: Apache-2.0
import FlowEngineDriver
import FlowEngineRegisters

/// Registers with access modes, some of which never answer: what the transports are tested against. It knows nothing of
/// what the registers are for.
// SAFETY: a server's thread and the test use it in turn, never at once.
final class ModelCard: @unchecked Sendable {
    enum Outcome { case done, refused, late }

    static let revision: UInt32 = 17
    static let readOnly = RegisterAddress(rawValue: 0x00_0400)
    static let scratch = BusRegisters.scratch
    static let clearOnRead = RegisterAddress(rawValue: 0x83_0000)
    static let writeOnly = RegisterAddress(rawValue: 0x90_0000)
    static let undefined = RegisterAddress(rawValue: 0x70_0000)
    /// Many words that can be read and written.
    static let memory = RegisterAddress(rawValue: 0xb0_0000)
    static let memoryWords = 4096
    static let localReadWrite = RegisterAddress(rawValue: 0x0c_0900)
    static let localReadOnly = RegisterAddress(rawValue: 0x0c_0000)
    static let localUndefined = RegisterAddress(rawValue: 0x0c_0010)
    static let localClearOnRead = RegisterAddress(rawValue: 0x0c_0c00)

    var words: [RegisterAddress: UInt32] = [
        BusRegisters.mapRevision: revision, BusRegisters.localRevision: revision << 16, readOnly: 3, localReadOnly: 2,
    ]
    private var modes: [RegisterAddress: AccessMode] = [
        BusRegisters.mapRevision: .readOnly, BusRegisters.localRevision: .readOnly, readOnly: .readOnly,
        scratch: .readWrite, clearOnRead: .clearOnRead, writeOnly: .writeOnly, localReadWrite: .readWrite,
        localReadOnly: .readOnly, localClearOnRead: .clearOnRead,
    ]
    /// Registers that do not answer.
    var lateReads: Set<RegisterAddress> = []
    var lateWrites: Set<RegisterAddress> = []
    /// Registers that do not answer, of which the card says nothing.
    var tracelessReads: Set<RegisterAddress> = []
    /// Everything that reached the registers, in order.
    private(set) var log: [RegisterAccess] = []

    init() {
        for word in 0..<Self.memoryWords { modes[Self.memory + 4 * word] = .readWrite }
    }

    /// What reached the registers that are a test's own: not those a transport reads for itself.
    var testLog: [RegisterAccess] {
        log.filter {
            $0.address != BusRegisters.mapRevision && $0.address != BusRegisters.localRevision
        }
    }

    func read(_ address: RegisterAddress) -> (value: UInt32, outcome: Outcome) {
        var access = RegisterAccess.read(address)
        defer { log.append(access) }
        guard let mode = modes[address], mode.canRead || mode == .clearOnRead else { return (0, .refused) }
        guard !lateReads.contains(address) else { return (BusError.timeoutPattern, .late) }
        access.value = words[address] ?? 0
        if tracelessReads.contains(address) { access.value = BusError.timeoutPattern }
        if mode.isClearedByReading { words[address] = 0 }
        return (access.value, .done)
    }

    func write(_ address: RegisterAddress, _ value: UInt32) -> Outcome {
        log.append(.write(address, value))
        guard let mode = modes[address], mode.canWrite else { return .refused }
        guard !lateWrites.contains(address) else { return .late }
        words[address] = value
        return .done
    }
}
