// SPDX-License-Identifier: Apache-2.0
import Glibc

/// A batch of accesses that was not carried out as a whole.
public struct BusError: Error, Hashable, Sendable {
    public enum Cause: Hashable, Sendable {
        /// The card did not answer a read, or take a write, in its own time (a read gives `0xEEEEEEEE`).
        case timedOut
        /// Every bit reads as one (`0xFFFFFFFF`): no card, no power, or a PCIe link that is down.
        case noCard
        /// Every bit reads as zero, of registers that never are zero: nothing drives the line.
        case silent
        /// The card says what was wrong with an access: bits of SPI local ACCESS_ERROR, or of BM MMI_STATUS on PCIe.
        case refused(status: UInt32, meaning: [String])
        /// A system call failed.
        case system(call: String, errno: Int32)
        /// The other side of a socket does not keep to the protocol, or is gone.
        case peer(String)
        /// The address is odd or beyond 24 bits, or the register cannot be reached by this transport.
        case address(String)
        /// The configuration of the transport cannot be; says what can.
        case configuration(String)
    }

    public var cause: Cause
    /// The access it was found at; nil if it is only known that one of the batch was concerned.
    public var access: RegisterAccess?
    /// How many accesses at the front of the batch are known to have been carried out.
    public var completed: Int
    /// `RegisterBus.name`.
    public var bus: String

    public init(_ cause: Cause, bus: String, access: RegisterAccess? = nil, completed: Int = 0) {
        (self.cause, self.bus, self.access, self.completed) = (cause, bus, access, completed)
    }

    /// A read of a card that does not answer gives this.
    public static let timeoutPattern: UInt32 = 0xeeee_eeee
    /// A read of a card that is not there gives this.
    public static let absentPattern: UInt32 = 0xffff_ffff
}

extension BusError: CustomStringConvertible {
    public var description: String {
        let place = access.map { "\($0.kind == .read ? "read of" : "write to") \($0.address): " } ?? ""
        let what =
            switch cause {
            case .timedOut:
                "the card did not answer in time (0xEEEEEEEE); a reset of the card may help, if the block exists in this build"
            case .noCard:
                "every bit reads as one (0xFFFFFFFF): no card answers; check that it is there, has power and its bitstream is loaded"
            case .silent:
                "every bit reads as zero, of registers that are never zero: nothing drives the line; check power, wiring and "
                    + "that a bitstream is loaded"
            case .refused(let status, let meaning):
                "the card refused it: \(meaning.joined(separator: ", ")) (status 0x\(String(status, radix: 16)))"
            case .system(let call, let number): "\(call): \(String(cString: strerror(number))) (errno \(number))"
            case .peer(let why): why
            case .address(let why): why
            case .configuration(let why): why
            }
        return "\(bus): \(place)\(what)"
    }
}
