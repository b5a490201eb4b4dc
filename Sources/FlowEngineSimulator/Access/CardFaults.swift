// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters

/// How the card misbehaves at the register level. Deterministic: the same faults, accesses and seed give the same run.
public struct CardFaults: Hashable, Sendable {
    public enum Kind: Hashable, Sendable {
        /// The access never reaches the card: a write is lost without a sign, a read times out.
        case dropped
        /// A write takes effect only when so many further accesses were begun. A read times out.
        case late(accesses: Int)
        /// A bit of the word flips on the way; nil: one that is drawn.
        case corrupted(bit: Int?)
        /// The access hangs: it times out, with all its traces in MMI_STATUS and ACCESS_ERROR, and has no effect.
        case hangs
        /// Before the access the card is reset, behind everybody's back.
        case reset
        /// From this access on there is no power: all ones, and everything is forgotten. `SimulatedCard.powerOn()` ends it.
        case powerLost
        /// For so many accesses nobody drives the wires: all ones. The card itself keeps what it has.
        case absent(accesses: Int)
    }

    public enum Trigger: Hashable, Sendable {
        /// The access with this number, counted from 0 when the card was made (`SimulatedCard.accessCount`).
        case access(Int)
        /// Any access, with this chance in a million.
        case chance(perMillion: Int)
        /// Every access in a range of addresses.
        case addresses(ClosedRange<RegisterAddress>)
    }

    public struct Fault: Hashable, Sendable {
        public var kind: Kind
        public var trigger: Trigger
        public init(_ kind: Kind, _ trigger: Trigger) { (self.kind, self.trigger) = (kind, trigger) }
    }

    /// The first whose trigger fits counts.
    public var faults: [Fault]
    public init(_ faults: [Fault] = []) { self.faults = faults }

    public mutating func add(_ kind: Kind, at trigger: Trigger) { faults.append(Fault(kind, trigger)) }
}

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
            lateWrites.append(LateWrite(due: number + accesses, address: access.address, value: access.value))
            return .written
        case .corrupted(let bit):
            let flipped = UInt32(1) << UInt32(bit ?? Int.random(in: 0..<32, using: &generator))
            if access.kind == .write { return perform(.write(access.address, access.value ^ flipped)) }
            if case .value(let value) = perform(access) { return .value(value ^ flipped) }
            return .timedOut
        case .hangs: return hang(access)
        case .reset:
            reset(isPowerCycle: true)
            return perform(access)
        case .powerLost:
            powerOff()
            return .absent
        case .absent(let accesses):
            absentUntil = number + accesses
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
