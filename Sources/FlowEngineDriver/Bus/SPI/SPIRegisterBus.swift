// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters

/// The registers of a card behind SPI (Real-Time HAT; facts of the SPI control protocol).
///
/// A batch is sent in as few goes as the device allows. Each go ends with two reads of the bus's own, carried out in the
/// same transfer:
/// - a *witness*, a register that is never zero: it shows that somebody answers, and, being a read on the card's bus after
///   the last write there, that the write is over ("previous write timed out" is only known by then);
/// - ACCESS_ERROR, which the card clears as it is read.
///
/// What that makes certain:
/// - ACCESS_ERROR is zero and the witness is plausible: every access of the go was carried out, and what a read gave is the
///   register's value, `0xFFFFFFFF` and zero included. `0xEEEEEEEE` is believed of the scratch register alone
///   (`RegisterAccess.isLateWithoutTrace`).
/// - ACCESS_ERROR has bits: something in this go was refused or timed out. The card does not say which access; those before
///   the first that the bits can be about are known to be good, the others are not.
/// - Everything is ones: no card. Everything is zeros, the witness too: the line is dead.
///
/// What stays open: bits flipped on the wire are only noticed where they make a bad frame, since the protocol has no
/// checksum (`SPISpeedTest` finds a speed at which they do not flip).
public final class SPIRegisterBus: RegisterBus {
    /// Registers that are never zero, read at the end of each go; nil leaves the read out, and the certainty with it.
    public struct Witnesses: Hashable, Sendable {
        /// Of a go with an access to the card's bus.
        public var mmi: RegisterAddress?
        /// Of a go with accesses to the local block alone, which answers also while the card's bus is held in reset.
        public var local: RegisterAddress?

        public init(
            mmi: RegisterAddress? = BusRegisters.mapRevision, local: RegisterAddress? = BusRegisters.localRevision
        ) {
            (self.mmi, self.local) = (mmi, local)
        }
    }

    private let device: any SPIDevice
    private let witnesses: Witnesses
    private var frames = SPIFrames()
    /// ACCESS_ERROR may hold what happened before: under another program, or in a go that was torn.
    private var hasOldErrors = true

    public init(_ device: any SPIDevice, witnesses: Witnesses = Witnesses()) {
        (self.device, self.witnesses) = (device, witnesses)
    }

    public var name: String { "spi \(device.name)" }

    public func transfer(_ accesses: inout [RegisterAccess]) throws(BusError) {
        try accesses.check(below: RegisterAddress.limit, reach: "the register space", bus: name)
        var done = 0
        while done < accesses.count {
            let go = try fill(accesses, from: done)
            do {
                try device.exchange(&frames)
            } catch {
                // The errors of what was carried out are still in the card, and nobody has seen them.
                hasOldErrors = true
                throw BusError(error.cause, bus: name, completed: done)
            }
            try judge(go, &accesses)
            done = go.range.upperBound
        }
    }

    /// What one go carries.
    private struct Go {
        var range: Range<Int>
        /// Bytes before the first access's frame.
        var offset: Int
        var witness: RegisterAddress?
    }

    private func fill(_ accesses: [RegisterAccess], from start: Int) throws(BusError) -> Go {
        let status = RegisterAccess.read(BusRegisters.accessError)
        var room = device.limits
        frames.removeAll()
        var fits = room.take(SPIFrame.Command(status).length) && room.take(SPIFrame.longest)
        if hasOldErrors {
            fits = fits && room.take(SPIFrame.Command(status).length)
            frames.append(status)
        }
        let offset = frames.output.count
        var end = start
        var witness = witnesses.local
        while fits, end < accesses.count, room.take(SPIFrame.Command(accesses[end]).length) {
            frames.append(accesses[end])
            if !accesses[end].address.isSPILocal { witness = witnesses.mmi }
            end += 1
        }
        guard end > start else {
            throw BusError(
                .configuration(
                    "one transfer of the device carries \(device.limits.bytes) bytes in \(device.limits.frames) frames; "
                        + "an access and the check behind it take up to 4 frames of 12 bytes"),
                bus: name, completed: start)
        }
        if let witness { frames.append(.read(witness)) }
        frames.append(status)
        return Go(range: start..<end, offset: offset, witness: witness)
    }

    /// Takes the values if all went well, and throws otherwise.
    private func judge(_ go: Go, _ accesses: inout [RegisterAccess]) throws(BusError) {
        let status = frames.word(endingAt: frames.output.count)
        var errors = AccessErrors(rawValue: status)
        var end = go.offset
        for index in go.range {
            end += SPIFrame.Command(accesses[index]).length
            // Who reads ACCESS_ERROR in a batch takes the errors before it away from the read at the end.
            if accesses[index].kind == .read, accesses[index].address == BusRegisters.accessError {
                errors.formUnion(AccessErrors(rawValue: frames.word(endingAt: end)))
            }
        }
        hasOldErrors = false
        if status == BusError.absentPattern {
            hasOldErrors = true
            throw BusError(.noCard, bus: name, completed: go.range.lowerBound)
        }
        if status == BusError.timeoutPattern {
            throw BusError(
                .timedOut, bus: name, access: .read(BusRegisters.accessError), completed: go.range.lowerBound)
        }
        let witnessed = go.witness.map { address in
            var access = RegisterAccess.read(address)
            access.value = frames.word(endingAt: frames.output.count - Self.statusLength)
            return access
        }
        if !errors.isEmpty { throw fault(errors, go, &accesses, witnessed) }
        if let witnessed { try check(witnessed, completed: go.range.lowerBound) }
        take(go.range, of: go, into: &accesses)
        if let late = go.range.first(where: { accesses[$0].isLateWithoutTrace }) {
            throw BusError(.timedOut, bus: name, access: accesses[late], completed: late)
        }
    }

    private static let statusLength = SPIFrame.Command.readLocal.length

    private func take(_ range: Range<Int>, of go: Go, into accesses: inout [RegisterAccess]) {
        var end = go.offset
        for index in range {
            end += SPIFrame.Command(accesses[index]).length
            if accesses[index].kind == .read { accesses[index].value = frames.word(endingAt: end) }
        }
    }

    /// A witness that cannot be, although ACCESS_ERROR claims that all is well.
    private func check(_ witness: RegisterAccess, completed: Int) throws(BusError) {
        let cause: BusError.Cause
        switch witness.value {
        case 0: cause = .silent
        case BusError.absentPattern: cause = .noCard
        case BusError.timeoutPattern: cause = .timedOut
        default: return
        }
        throw BusError(cause, bus: name, access: .read(witness.address), completed: completed)
    }

    /// Finds what the errors can be about: what came before is good.
    private func fault(
        _ errors: AccessErrors, _ go: Go, _ accesses: inout [RegisterAccess], _ witness: RegisterAccess?
    ) -> BusError {
        var suspects: [Int] = []
        var end = go.offset
        for index in go.range {
            var access = accesses[index]
            end += SPIFrame.Command(access).length
            if access.kind == .read { access.value = frames.word(endingAt: end) }
            if errors.canConcern(access) { suspects.append(index) }
        }
        let witness = witness.flatMap { errors.canConcern($0) ? $0 : nil }
        let completed = suspects.first ?? (witness == nil ? go.range.lowerBound : go.range.upperBound)
        take(go.range.lowerBound..<completed, of: go, into: &accesses)
        let isLate = errors.isSubset(of: .timeouts)
        var culprit: RegisterAccess?
        if suspects.isEmpty {
            culprit = witness
        } else if suspects.count == 1 && witness == nil || errors.isSubset(of: [.mmiReadTimeout, .timeoutNow]) {
            // Of several reads that gave the pattern the first is named.
            culprit = accesses[suspects[0]]
        }
        return BusError(
            isLate ? .timedOut : .refused(status: errors.rawValue, meaning: errors.meaning), bus: name, access: culprit,
            completed: completed)
    }
}
