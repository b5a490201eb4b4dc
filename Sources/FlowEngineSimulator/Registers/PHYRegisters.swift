// SPDX-License-Identifier: Apache-2.0

/// PHY registers behind MDIO.
struct PHYRegisters: Sendable {
    private var words: [UInt32: UInt16] = [:]
    /// Reads of READ until it is no longer busy.
    private var busy = 0
    private var selected: UInt32 = 0

    /// WRITE: b26 write, [25:21] PHY, [20:16] register, [15:0] data; without b26 it begins a read.
    mutating func command(_ word: UInt32) {
        selected = word >> 16 & 0x3ff
        busy = 1
        if word & 1 << 26 != 0 { words[selected] = UInt16(truncatingIfNeeded: word) }
    }

    mutating func read() -> UInt32 {
        defer { busy = max(0, busy - 1) }
        return busy > 0 ? 1 << 31 : UInt32(words[selected] ?? 0)
    }
}
