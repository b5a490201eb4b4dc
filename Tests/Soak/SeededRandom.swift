// SPDX-License-Identifier: Apache-2.0

/// The same numbers for the same seed: SplitMix64 (Steele, Lea and Flood, 2014).
public struct SeededRandom: RandomNumberGenerator, Sendable {
    private var state: UInt64

    /// `stream`: other numbers of the same seed, for something else.
    public init(seed: UInt64, stream: UInt64 = 0) {
        state = seed &* 0xd120_2e67_0f2c_6a5b &+ stream &* 0x9e6c_63d0_876a_68ad
    }

    public mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
