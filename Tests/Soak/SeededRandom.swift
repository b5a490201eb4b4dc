// SPDX-License-Identifier: Apache-2.0
import TestSupport

/// The same numbers for the same seed and stream.
public struct SeededRandom: RandomNumberGenerator, Sendable {
    private var generator: SeededGenerator

    /// `stream`: other numbers of the same seed, for something else.
    public init(seed: UInt64, stream: UInt64 = 0) {
        generator = SeededGenerator(seed: seed &* 0xd120_2e67_0f2c_6a5b &+ stream &* 0x9e6c_63d0_876a_68ad)
    }

    public mutating func next() -> UInt64 { generator.next() }
}
