// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters

/// What the card did with an access.
enum AccessOutcome: Hashable, Sendable, BitwiseCopyable {
    /// A read was answered.
    case value(UInt32)
    /// A write was taken.
    case written
    /// No such register, or not in this direction.
    case refused
    /// The block does not answer.
    case timedOut
    /// Nobody drives the wires: all ones.
    case absent

    /// What a read puts on the wire. That a refused read gives zero is assumed: it is what most looks like a value.
    var word: UInt32 {
        switch self {
        case .value(let word): word
        case .written, .refused: 0
        case .timedOut: BusError.timeoutPattern
        case .absent: BusError.absentPattern
        }
    }
}
