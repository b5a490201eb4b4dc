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

    /// Bits of FPGA_ALARM, for `SimulatedCard.raise`.
    public struct Alarms: OptionSet, Hashable, Sendable {
        public let rawValue: UInt32
        public init(rawValue: UInt32) { self.rawValue = rawValue }
        public static let any = Self(rawValue: 1 << 0)
        public static let overTemperature = Self(rawValue: 1 << 1)
        public static let userTemperature = Self(rawValue: 1 << 2)
        public static let vccAux = Self(rawValue: 1 << 3)
        public static let vccInt = Self(rawValue: 1 << 4)
        public static let blockMemorySupply = Self(rawValue: 1 << 5)
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
