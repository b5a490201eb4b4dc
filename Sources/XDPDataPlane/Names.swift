// SPDX-License-Identifier: Apache-2.0
import CFastPath
import Packet
import Tables

/// What stands for a next hop or a route in the tables themselves, so that a process that finds them knows what each slot and
/// record is for, whatever became of the one that wrote them. Keyed, so that nobody can choose addresses whose
/// names are the same.
struct Names {
    /// `fp_settings.name_key`.
    let key: (UInt64, UInt64)

    /// Of a next hop: its router interface and neighbour. Never 0, which is a free slot's.
    func name(_ hop: NextHopEntry) -> UInt64 {
        let (high, low, family) = Self.words(hop.neighbor)
        return max(hash(1 << 32 | family << 16 | UInt64(hop.routerInterface.rawValue), high, low), 1)
    }

    /// Of a route: its VRF and prefix; in the upper half of an action word.
    func name(_ vrf: VRFID, _ prefix: IPPrefix) -> UInt64 {
        let (high, low, family) = Self.words(prefix.address)
        let first = 2 << 32 | family << 24 | UInt64(prefix.length) << 16 | UInt64(vrf.rawValue)
        return (hash(first, high, low) >> 32) << UInt64(FP_ROUTE_NAME_SHIFT)
    }

    private static func words(_ address: IPAddress) -> (high: UInt64, low: UInt64, family: UInt64) {
        switch address {
        case .v4(let address): (0, UInt64(address.rawValue), 4)
        case .v6(let address): (address.high, address.low, 6)
        }
    }

    /// SipHash-2-4 of three words (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012).
    func hash(_ first: UInt64, _ second: UInt64, _ third: UInt64) -> UInt64 {
        var v0 = key.0 ^ 0x736f_6d65_7073_6575
        var v1 = key.1 ^ 0x646f_7261_6e64_6f6d
        var v2 = key.0 ^ 0x6c79_6765_6e65_7261
        var v3 = key.1 ^ 0x7465_6462_7974_6573
        func rotate(_ word: UInt64, _ bits: UInt64) -> UInt64 { word << bits | word >> (64 - bits) }
        func round() {
            v0 &+= v1
            v1 = rotate(v1, 13) ^ v0
            v0 = rotate(v0, 32)
            v2 &+= v3
            v3 = rotate(v3, 16) ^ v2
            v0 &+= v3
            v3 = rotate(v3, 21) ^ v0
            v2 &+= v1
            v1 = rotate(v1, 17) ^ v2
            v2 = rotate(v2, 32)
        }
        func compress(_ word: UInt64) {
            v3 ^= word
            round()
            round()
            v0 ^= word
        }
        compress(first)
        compress(second)
        compress(third)
        // The length in bytes.
        compress(24 << 56)
        v2 ^= 0xff
        for _ in 0..<4 { round() }
        return v0 ^ v1 ^ v2 ^ v3
    }
}
