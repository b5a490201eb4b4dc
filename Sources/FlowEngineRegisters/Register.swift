// SPDX-License-Identifier: Apache-2.0

/// What a register holds, with its fields as properties. One type for each register of `fpga-regs/`, generated.
public protocol RegisterValue: RawRepresentable, Hashable, Sendable, BitwiseCopyable where RawValue == UInt32 {
    init(rawValue: UInt32)
}

/// Access modes are types, so that writing what can only be read does not compile.
public protocol RegisterMode { static var mode: AccessMode { get } }
/// Reading changes nothing.
public protocol Readable: RegisterMode {}
public protocol Writable: RegisterMode {}
/// Reading clears it: `RegisterBus.take`.
public protocol ClearedByReading: RegisterMode {}

public enum ReadOnly: Readable { public static var mode: AccessMode { .readOnly } }
public enum ReadWrite: Readable, Writable { public static var mode: AccessMode { .readWrite } }
public enum WriteOnly: Writable { public static var mode: AccessMode { .writeOnly } }
public enum ClearOnRead: ClearedByReading { public static var mode: AccessMode { .clearOnRead } }
public enum ClearOnReadWrite: ClearedByReading, Writable { public static var mode: AccessMode { .clearOnReadWrite } }

/// The same as a value, for listings, tools and the simulated card.
public enum AccessMode: String, Sendable {
    case readOnly = "ro"
    case readWrite = "rw"
    case writeOnly = "wo"
    case clearOnRead = "ro,cor"
    case clearOnReadWrite = "rw,cor"

    public var canRead: Bool { self != .writeOnly }
    public var canWrite: Bool { self == .readWrite || self == .writeOnly || self == .clearOnReadWrite }
    public var isClearedByReading: Bool { self == .clearOnRead || self == .clearOnReadWrite }
}

/// A register: where it is, what it holds, and what may be done with it.
public struct Register<Value: RegisterValue, Access: RegisterMode>: Sendable {
    public let address: RegisterAddress
    public init(_ address: RegisterAddress) { self.address = address }
}

/// Equal registers at equal distances.
public struct RegisterArray<Value: RegisterValue, Access: RegisterMode>: Sendable {
    public let base: RegisterAddress
    /// Bytes from one to the next.
    public let stride: Int
    public let count: Int
    public init(_ base: RegisterAddress, stride: Int, count: Int) {
        (self.base, self.stride, self.count) = (base, stride, count)
    }

    /// - Precondition: `index` is in `0..<count`.
    public subscript(index: Int) -> Register<Value, Access> {
        precondition(index >= 0 && index < count, "register index \(index) of \(count)")
        return Register(base + index * stride)
    }
}

/// A table of entries of several words, write-only in all public builds of the card.
public struct EntryTable: Sendable, Hashable {
    public let name: String
    public let base: RegisterAddress
    /// Bytes from one entry to the next.
    public let stride: Int
    /// Entries that the address window has room for; how many the card has may be fewer.
    public let count: Int
    /// Words of an entry that are written.
    public let words: Int

    public init(_ name: String, base: RegisterAddress, stride: Int, count: Int, words: Int) {
        (self.name, self.base, self.stride, self.count, self.words) = (name, base, stride, count, words)
    }

    public func address(_ entry: Int, word: Int) -> RegisterAddress { base + entry * stride + word * 4 }

    /// Entry and word of an address in the window; the word may lie behind the last one that has a meaning.
    public func place(of address: RegisterAddress) -> (entry: Int, word: Int)? {
        guard address >= base else { return nil }
        let offset = Int(address.rawValue - base.rawValue)
        guard offset < stride * count else { return nil }
        return (offset / stride, offset % stride / 4)
    }
}

/// Some bits of an entry; bit 0 is the lowest of the first word.
public struct EntryField: Sendable, Hashable {
    /// As in `fpga-regs/`: `mac_dst`.
    public let name: String
    public let lowestBit: Int
    public let width: Int
    public init(_ name: String, _ lowestBit: Int, _ width: Int) {
        (self.name, self.lowestBit, self.width) = (name, lowestBit, width)
    }
}

/// Where the fields of a table's entry are.
public struct EntryLayout: Sendable, Hashable {
    public let name: String
    public let words: Int
    public let fields: [EntryField]
    public init(_ name: String, words: Int, _ fields: [EntryField]) {
        (self.name, self.words, self.fields) = (name, words, fields)
    }

    public subscript(name: String) -> EntryField? { fields.first { $0.name == name } }
}

/// A register as people see it: `piccolo card regs`, error messages, the simulated card.
public struct RegisterDescription: Sendable {
    public struct Field: Sendable {
        public let name: String
        public let lowestBit: Int
        public let width: Int
        public let summary: String
        public init(_ name: String, _ lowestBit: Int, _ width: Int, _ summary: String) {
            (self.name, self.lowestBit, self.width, self.summary) = (name, lowestBit, width, summary)
        }
    }

    public let block: String
    public let name: String
    public let address: RegisterAddress
    /// Of an array: how many, and bytes from one to the next; 1 and 4 of a single register.
    public let count: Int
    public let stride: Int
    public let mode: AccessMode
    /// Whether the mode is written in a public source; otherwise it is how the public drivers use the register.
    public let accessIsPublic: Bool
    /// nil: not public.
    public let reset: UInt32?
    public let summary: String
    /// Which public source tells of it.
    public let source: String
    public let fields: [Field]

    public init(
        _ block: String, _ name: String, _ address: UInt32, count: Int = 1, stride: Int = 4, _ mode: AccessMode,
        accessIsPublic: Bool = true, reset: UInt32? = nil, _ summary: String, source: String, _ fields: [Field] = []
    ) {
        (self.block, self.name, self.address) = (block, name, RegisterAddress(rawValue: address))
        (self.count, self.stride, self.mode, self.accessIsPublic) = (count, stride, mode, accessIsPublic)
        self.reset = reset
        (self.summary, self.source, self.fields) = (summary, source, fields)
    }
}

/// Bits that the card forgets when it tells them, kept until somebody acknowledges them.
public struct Latched<Value: RegisterValue>: Sendable {
    public private(set) var seen = Value(rawValue: 0)
    public init() {}

    public mutating func absorb(_ value: Value) { seen = Value(rawValue: seen.rawValue | value.rawValue) }

    /// What was seen since the last time.
    public mutating func acknowledge() -> Value {
        defer { seen = Value(rawValue: 0) }
        return seen
    }
}
