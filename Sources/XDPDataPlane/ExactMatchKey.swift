// SPDX-License-Identifier: Apache-2.0
import CFastPath
import CLinux

/// A key of an exact-match table: fixes the entry's layout (`fp_entry32` or `fp_entry64`) and its hash.
///
/// Entries are read and written in memory that programs use at the same time, word by word.
public protocol ExactMatchKey: Hashable, Sendable, BitwiseCopyable {
    /// Entries in a bucket of 128 bytes.
    static var slotsPerBucket: Int { get }
    /// Bytes of an entry, and where in it the action word and the packed counter are.
    static var entryBytes: Int { get }
    static var actionOffset: Int { get }
    static var countOffset: Int { get }

    /// The key's hash under one set of seeds (`em_hash2`, `em_hash5`).
    func hash(seeds: UnsafePointer<UInt64>) -> UInt32
    /// Whether the entry at `entry` holds this key.
    func matches(_ entry: UnsafeRawPointer) -> Bool
    /// Writes the key into the entry at `entry`.
    func store(to entry: UnsafeMutableRawPointer)
    /// Reads the key of the entry at `entry`.
    init(loadingFrom entry: UnsafeRawPointer)
}

/// The key of a 32-byte entry: an IPv4 flow or a MAC address, see `fp_entry32`.
public struct ExactMatchKey32: ExactMatchKey {
    public var word0: UInt64
    public var word1: UInt64

    @inlinable
    public init(_ word0: UInt64, _ word1: UInt64) {
        self.word0 = word0
        self.word1 = word1
    }

    @inlinable public static var slotsPerBucket: Int { 4 }
    @inlinable public static var entryBytes: Int { 32 }
    @inlinable public static var actionOffset: Int { 16 }
    @inlinable public static var countOffset: Int { 24 }

    @inlinable @inline(__always)
    public func hash(seeds: UnsafePointer<UInt64>) -> UInt32 { em_hash2(seeds, word0, word1) }

    @inlinable @inline(__always)
    public func matches(_ entry: UnsafeRawPointer) -> Bool {
        memory_load64(entry) == word0 && memory_load64(entry + 8) == word1
    }

    @inlinable @inline(__always)
    public func store(to entry: UnsafeMutableRawPointer) {
        memory_store64(entry, word0)
        memory_store64(entry + 8, word1)
    }

    @inlinable @inline(__always)
    public init(loadingFrom entry: UnsafeRawPointer) {
        self.init(memory_load64(entry), memory_load64(entry + 8))
    }
}

/// The key of a 64-byte entry: an IPv6 flow, see `fp_entry64`.
public struct ExactMatchKey64: ExactMatchKey {
    public var word0: UInt64
    public var word1: UInt64
    public var word2: UInt64
    public var word3: UInt64
    public var word4: UInt64

    @inlinable
    public init(_ word0: UInt64, _ word1: UInt64, _ word2: UInt64, _ word3: UInt64, _ word4: UInt64) {
        self.word0 = word0
        self.word1 = word1
        self.word2 = word2
        self.word3 = word3
        self.word4 = word4
    }

    @inlinable public static var slotsPerBucket: Int { 2 }
    @inlinable public static var entryBytes: Int { 64 }
    @inlinable public static var actionOffset: Int { 40 }
    @inlinable public static var countOffset: Int { 48 }

    @inlinable @inline(__always)
    public func hash(seeds: UnsafePointer<UInt64>) -> UInt32 { em_hash5(seeds, word0, word1, word2, word3, word4) }

    @inlinable @inline(__always)
    public func matches(_ entry: UnsafeRawPointer) -> Bool {
        memory_load64(entry + 32) == word4 && memory_load64(entry + 8) == word1 && memory_load64(entry + 24) == word3
            && memory_load64(entry) == word0 && memory_load64(entry + 16) == word2
    }

    @inlinable @inline(__always)
    public func store(to entry: UnsafeMutableRawPointer) {
        memory_store64(entry, word0)
        memory_store64(entry + 8, word1)
        memory_store64(entry + 16, word2)
        memory_store64(entry + 24, word3)
        memory_store64(entry + 32, word4)
    }

    @inlinable @inline(__always)
    public init(loadingFrom entry: UnsafeRawPointer) {
        self.init(
            memory_load64(entry), memory_load64(entry + 8), memory_load64(entry + 16), memory_load64(entry + 24),
            memory_load64(entry + 32))
    }
}
