// SPDX-License-Identifier: Apache-2.0

/// SplitMix64 (Steele, Lea and Flood, 2014): the same numbers from the same seed, on every machine and in every version.
public struct RandomSource: RandomNumberGenerator, Sendable {
    private var state: UInt64

    public init(seed: UInt64) { state = seed }

    public mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
        return z ^ z >> 31
    }

    // The standard library's `random(in:using:)` may draw otherwise in another version; these do not.

    /// 0 ..< bound.
    mutating func below(_ bound: Int) -> Int { Int(truncatingIfNeeded: next() % UInt64(max(bound, 1))) }

    mutating func range(_ range: ClosedRange<Int>) -> Int { range.lowerBound + below(range.count) }

    mutating func chance(_ percent: Int) -> Bool { below(100) < percent }

    mutating func pick<Element>(_ elements: [Element]) -> Element? {
        elements.isEmpty ? nil : elements[below(elements.count)]
    }

    /// One of those given.
    mutating func one<Element>(of first: Element, _ others: Element...) -> Element {
        let index = below(others.count + 1)
        return index == 0 ? first : others[index - 1]
    }

    mutating func byte() -> UInt8 { UInt8(truncatingIfNeeded: next() >> 17) }

    mutating func bytes(_ count: Int) -> [UInt8] { (0..<max(count, 0)).map { _ in byte() } }

    mutating func uint16() -> UInt16 { UInt16(truncatingIfNeeded: next() >> 13) }
}
