// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters

/// What the SPI local register ACCESS_ERROR says of the accesses since it was last read (SPI local block of map revision
/// 17; 12 bits).
public struct AccessErrors: OptionSet, Hashable, Sendable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    public static let badCommand = Self(rawValue: 1 << 0)
    public static let undersized = Self(rawValue: 1 << 1)
    public static let oversized = Self(rawValue: 1 << 2)
    public static let misaligned = Self(rawValue: 1 << 3)
    public static let undefinedLocalAddress = Self(rawValue: 1 << 4)
    public static let localModeViolation = Self(rawValue: 1 << 5)
    public static let localReadTimeout = Self(rawValue: 1 << 6)
    public static let mmiAccess = Self(rawValue: 1 << 7)
    public static let mmiWriteTimeout = Self(rawValue: 1 << 8)
    public static let mmiReadTimeout = Self(rawValue: 1 << 9)
    public static let timeoutNow = Self(rawValue: 1 << 10)
    public static let mmiReadFailure = Self(rawValue: 1 << 11)

    /// All that the register has.
    public static let defined = Self(rawValue: 0xfff)
    /// Those that say: not in time.
    public static let timeouts: Self = [.localReadTimeout, .mmiWriteTimeout, .mmiReadTimeout, .timeoutNow]

    private static let words = [
        "bad command, or a command that does not go with the address", "an access that was too short or interrupted",
        "an access that was too long", "an address that is not a multiple of 4",
        "an undefined address in the local block",
        "a write to a read-only register, or a read of a write-only one, in the local block",
        "a read in the local block timed out", "the card's bus refused an access (undefined address, or access mode)",
        "a write on the card's bus timed out", "a read on the card's bus timed out", "an access timed out",
        "a read on the card's bus gave nothing (possibly of a write-only register)",
    ]

    /// What the bits mean, lowest first. Bits that the register does not have tell of a disturbed line.
    public var meaning: [String] {
        var meaning = Self.words.indices.filter { rawValue & (1 << UInt32($0)) != 0 }.map { Self.words[$0] }
        let undefined = rawValue & ~Self.defined.rawValue
        if undefined != 0 {
            meaning.append(
                "bits 0x\(String(undefined, radix: 16)) that ACCESS_ERROR does not have: the line is disturbed")
        }
        return meaning
    }

    /// Whether this access can be among those the bits are about. The card does not say which it was.
    func canConcern(_ access: RegisterAccess) -> Bool {
        if !subtracting([.defined]).isEmpty || !isDisjoint(with: [.badCommand, .undersized, .oversized, .misaligned]) {
            return true
        }
        if access.address.isSPILocal {
            return !isDisjoint(with: [.undefinedLocalAddress, .localModeViolation])
                || contains(.localReadTimeout) && access.kind == .read
        }
        if contains(.mmiAccess) { return true }
        // "Timed out" beside what it was that timed out adds nothing.
        if contains(.timeoutNow), isDisjoint(with: [.mmiWriteTimeout, .mmiReadTimeout]) { return true }
        switch access.kind {
        case .write: return contains(.mmiWriteTimeout)
        case .read:
            return contains(.mmiReadFailure) || contains(.mmiReadTimeout) && access.value == BusError.timeoutPattern
        }
    }
}
