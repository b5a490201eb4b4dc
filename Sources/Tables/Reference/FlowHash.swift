// SPDX-License-Identifier: Apache-2.0
import Packet

/// Twelve random numbers that make one hash function of a family.
public struct HashSeed: Hashable, Sendable {
    public static let count = 12
    public static let zero = HashSeed(repeating: 0)
    public let words: [UInt64]

    /// `words`: twelve; what is missing is zero, what is too much is left out.
    public init(_ words: [UInt64]) {
        self.words = Array(words.prefix(Self.count)) + Array(repeating: 0, count: max(0, Self.count - words.count))
    }

    private init(repeating word: UInt64) { words = Array(repeating: word, count: Self.count) }
}

/// Multilinear hashing over pairs of 32-bit characters (Lemire and Kaser, "Strongly universal string hashing is fast",
/// 2014), as `em_hash2` and `em_hash5` of `bpf/include/exact_match.h`.
public enum FlowHash {
    /// Section 9 of the contract: the hash of a flow's key words.
    public static func hash(_ key: FlowKey, seed: HashSeed) -> UInt32 {
        var sum = seed.words[0]
        var index = 1
        func add(_ word: UInt64) {
            let low = seed.words[index] &+ UInt64(UInt32(truncatingIfNeeded: word))
            let high = seed.words[index + 1] &+ word >> 32
            sum &+= low &* high
            index += 2
        }
        if key.isIPv6 {
            add(key.source.high.byteSwapped)
            add(key.source.low.byteSwapped)
            add(key.destination.high.byteSwapped)
            add(key.destination.low.byteSwapped)
        } else {
            // Source and destination as they stand in the header, read as one little-endian word.
            add((key.source.low << 32 | key.destination.low).byteSwapped)
        }
        add(
            UInt64(key.sourcePort.byteSwapped) | UInt64(key.destinationPort.byteSwapped) << 16
                | UInt64(key.ipProtocol) << 32 | UInt64(key.routerInterface.rawValue) << 48)
        return UInt32(truncatingIfNeeded: sum >> 32)
    }

    /// The bucket of a next-hop group, 0...63, that a flow falls into.
    public static func bucket(_ key: FlowKey, seed: HashSeed) -> Int { Int(hash(key, seed: seed) & 63) }
}
