// SPDX-License-Identifier: Apache-2.0
import CFastPath
import Tables

/// The 64-bit word an entry's decision is stored in; its layout is described in `fastpath_abi.h`.
struct ActionWord: RawRepresentable, Hashable, BitwiseCopyable {
    var rawValue: UInt64

    init(rawValue: UInt64) { self.rawValue = rawValue }

    static let valid = UInt64(1) << 18
    static let isStatic = UInt64(1) << 19
    static let aclDone = UInt64(1) << 20
    static let mirror = UInt64(1) << 21
    static let toPort = UInt64(1) << 24
    /// ACL rules: go on with the tables. Routes: the index is a next-hop group. The bit is free elsewhere.
    static let permitOrGroup = UInt64(1) << 25
    /// All but the epoch, which the programs write.
    static let decisionMask = (UInt64(1) << 48) - 1

    init(
        _ disposition: Disposition, index: UInt32 = 0, flags: UInt64 = 0, reason: Reason = .none,
        generation: UInt16 = 0,
        epoch: UInt16 = 0
    ) {
        let low =
            UInt64(index) & 0x3ffff | Self.valid | flags | UInt64(disposition.rawValue) << 22
            | UInt64(reason.rawValue) << 26
        rawValue = low | UInt64(generation) << 32 | UInt64(epoch) << 48
    }

    var index: UInt32 { UInt32(rawValue & 0x3ffff) }
    var disposition: Disposition { Disposition(rawValue: UInt8(rawValue >> 22 & 3)) ?? .drop }
    var reason: Reason { Reason(rawValue: UInt8(rawValue >> 26 & 63)) ?? .none }
    var generation: UInt16 { UInt16(truncatingIfNeeded: rawValue >> 32) }
    var epoch: UInt16 { UInt16(truncatingIfNeeded: rawValue >> 48) }

    func has(_ flag: UInt64) -> Bool { rawValue & flag != 0 }
}
