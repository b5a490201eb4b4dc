// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters

// Accesses as they come from a bus, with what goes wrong on the way.
extension CardCore {
    /// An access as it comes from a bus: with what goes wrong on the way.
    mutating func access(_ access: RegisterAccess) -> AccessOutcome {
        let number = accessCount
        accessCount += 1
        if access.kind == .read { counters.reads += 1 } else { counters.writes += 1 }
        if !lateWrites.isEmpty { carryOutLateWrites(until: number) }
        if number < absentUntil { return .absent }
        guard !faults.faults.isEmpty, let kind = fault(at: number, access.address) else { return perform(access) }
        switch kind {
        case .dropped: return access.kind == .read ? .timedOut : .written
        case .late(let accesses):
            guard access.kind == .write else { return hang(access) }
            lateWrites.append(
                LateWrite(
                    due: accesses > Int.max - number ? Int.max : number + accesses, address: access.address,
                    value: access.value))
            return .written
        case .corrupted(let bit):
            let flipped = UInt32(1) << UInt32(bit ?? Int.random(in: 0..<32, using: &generator))
            if access.kind == .write { return perform(.write(access.address, access.value ^ flipped)) }
            let outcome = perform(access)
            if case .value(let value) = outcome { return .value(value ^ flipped) }
            return outcome
        case .hangs: return hang(access)
        case .reset:
            reset(isPowerCycle: true)
            return perform(access)
        case .powerLost:
            powerOff()
            return .absent
        case .absent(let accesses):
            absentUntil = accesses > Int.max - number ? Int.max : number + accesses
            return .absent
        }
    }

    private mutating func hang(_ access: RegisterAccess) -> AccessOutcome {
        guard isPowered else { return .absent }
        note(.timedOut, access, isLocal: CardCore.isLocal(access.address))
        return .timedOut
    }

    mutating func powerOff() {
        reset(isPowerCycle: true)
        isPowered = false
    }

    private mutating func fault(at number: Int, _ address: RegisterAddress) -> CardFaults.Kind? {
        for fault in faults.faults {
            let fits =
                switch fault.trigger {
                case .access(let wanted): wanted == number
                case .chance(let perMillion): Int.random(in: 0..<1_000_000, using: &generator) < perMillion
                case .addresses(let range): range.contains(address)
                }
            if fits { return fault.kind }
        }
        return nil
    }

    private mutating func carryOutLateWrites(until number: Int) {
        let due = lateWrites.filter { $0.due <= number }
        guard !due.isEmpty else { return }
        lateWrites.removeAll { $0.due <= number }
        for write in due { _ = perform(.write(write.address, write.value)) }
    }
}
