// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters

/// The errors in BM MMI_STATUS (TrustNode map, BM; the counts above them are not used here, since what they count is not
/// public).
public struct BusStatus: OptionSet, Hashable, Sendable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    public static let readRefused = Self(rawValue: 1 << 0)
    public static let writeRefused = Self(rawValue: 1 << 1)
    public static let readTimeout = Self(rawValue: 1 << 2)
    public static let writeTimeout = Self(rawValue: 1 << 3)
    public static let all: Self = [.readRefused, .writeRefused, .readTimeout, .writeTimeout]
    public static let timeouts: Self = [.readTimeout, .writeTimeout]

    private static let words = [
        "a read was refused (undefined address, or write-only)",
        "a write was refused (undefined address, or read-only)",
        "a read timed out", "a write timed out",
    ]

    public var meaning: [String] {
        Self.words.indices.filter { rawValue & 1 << UInt32($0) != 0 }.map { Self.words[$0] }
    }

    /// Whether this access can be among those the bits are about.
    func canConcern(_ access: RegisterAccess) -> Bool {
        switch access.kind {
        case .write: !isDisjoint(with: [.writeRefused, .writeTimeout])
        case .read: contains(.readRefused) || contains(.readTimeout) && access.value == BusError.timeoutPattern
        }
    }

    /// Registers that tell of which address the last of these was.
    var places: [RegisterAddress] {
        var places: [RegisterAddress] = []
        if !isDisjoint(with: [.readRefused, .writeRefused]) { places.append(BusRegisters.refusedAddress) }
        if contains(.readTimeout) { places.append(BusRegisters.readTimeoutAddress) }
        if contains(.writeTimeout) { places.append(BusRegisters.writeTimeoutAddress) }
        return places
    }
}
