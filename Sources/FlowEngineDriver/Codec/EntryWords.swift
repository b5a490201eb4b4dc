// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters

/// The words of one table entry, bit 0 of the entry in bit 0 of the first word. Holds up to nine words in place, as many as
/// the longest entry that is written has (a rule, 36 bytes).
public struct EntryWords: Sendable {
    public static let maximum = 9

    private var storage = InlineArray<9, UInt32>(repeating: 0)
    public let count: Int

    /// All bits zero.
    /// - Precondition: `count` is at most `maximum`.
    public init(count: Int) {
        precondition(count <= Self.maximum, "an entry of \(count) words; at most \(Self.maximum) fit")
        self.count = count
    }

    public init(_ words: [UInt32]) {
        self.init(count: words.count)
        for (index, word) in words.enumerated() { storage[index] = word }
    }

    public subscript(word: Int) -> UInt32 {
        get { storage[word] }
        set { storage[word] = newValue }
    }

    public var words: [UInt32] { (0..<count).map { storage[$0] } }

    /// The lower `width` bits of `value` from bit `lowestBit` on; the other bits stay.
    /// - Precondition: the field lies in the entry, and `width` is in 1...64.
    public mutating func set(lowestBit: Int, width: Int, to value: UInt64) {
        precondition(width > 0 && width <= 64 && lowestBit + width <= count * 32, "a field beyond the entry")
        var (value, bit, left) = (value, lowestBit, width)
        while left > 0 {
            let (word, shift) = (bit >> 5, bit & 31)
            let taken = min(left, 32 - shift)
            let mask: UInt32 = taken == 32 ? ~0 : (1 << UInt32(taken)) - 1
            storage[word] =
                storage[word] & ~(mask << UInt32(shift)) | (UInt32(truncatingIfNeeded: value) & mask) << UInt32(shift)
            value >>= UInt64(taken)
            (bit, left) = (bit + taken, left - taken)
        }
    }

    public func value(lowestBit: Int, width: Int) -> UInt64 {
        precondition(width > 0 && width <= 64 && lowestBit + width <= count * 32, "a field beyond the entry")
        var (value, bit, got): (UInt64, Int, Int) = (0, lowestBit, 0)
        while got < width {
            let (word, shift) = (bit >> 5, bit & 31)
            let taken = min(width - got, 32 - shift)
            let mask: UInt32 = taken == 32 ? ~0 : (1 << UInt32(taken)) - 1
            value |= UInt64(storage[word] >> UInt32(shift) & mask) << UInt64(got)
            (bit, got) = (bit + taken, got + taken)
        }
        return value
    }

    public mutating func set(_ field: EntryField, to value: UInt64) {
        set(lowestBit: field.lowestBit, width: field.width, to: value)
    }

    public func value(_ field: EntryField) -> UInt64 { value(lowestBit: field.lowestBit, width: field.width) }
}

extension EntryWords: Hashable {
    public static func == (a: Self, b: Self) -> Bool {
        guard a.count == b.count else { return false }
        for index in 0..<a.count where a.storage[index] != b.storage[index] { return false }
        return true
    }

    public func hash(into hasher: inout Hasher) {
        for index in 0..<count { hasher.combine(storage[index]) }
    }
}

extension EntryWords: CustomStringConvertible {
    /// `0001ff09 00000100 00000000`
    public var description: String {
        words.map { word in
            let digits = String(word, radix: 16)
            return String(repeating: "0", count: 8 - digits.count) + digits
        }.joined(separator: " ")
    }
}
