// SPDX-License-Identifier: Apache-2.0

/// What MMI_STATUS tells of accesses since it was read.
struct BusManager: Sendable {
    var errorBits: UInt32 = 0
    var errors: UInt32 = 0
    var accesses: UInt32 = 0
    /// MMI_ACCESSES.
    var total: UInt32 = 0
    /// A write timed out: the SPI interface tells so at the next access to this bus (ACCESS_ERROR b8).
    var hasLateWrite = false

    mutating func takeStatus() -> UInt32 {
        defer { (errorBits, errors, accesses) = (0, 0, 0) }
        return errorBits | min(errors, 4095) << 4 | min(accesses, 65535) << 16
    }
}
