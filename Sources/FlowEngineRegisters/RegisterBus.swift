// SPDX-License-Identifier: Apache-2.0

/// A byte address of the card's register space ("MMI"): 24 bits, a multiple of 4. On a TrustNode it is the offset in PCIe
/// BAR1, on a Real-Time HAT the address in the SPI frame.
public struct RegisterAddress: RawRepresentable, Hashable, Comparable, Sendable, BitwiseCopyable {
    public static let limit: UInt32 = 1 << 24
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }
    public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
    public static func + (address: Self, bytes: Int) -> Self { Self(rawValue: address.rawValue + UInt32(bytes)) }
    public var isValid: Bool { rawValue < Self.limit && rawValue & 3 == 0 }
}

extension RegisterAddress: CustomStringConvertible {
    /// `0x0c0f00`
    public var description: String {
        let digits = String(rawValue, radix: 16)
        return "0x" + String(repeating: "0", count: max(0, 6 - digits.count)) + digits
    }
}

/// One word read or written. What a read found is stored in `value`.
public struct RegisterAccess: Hashable, Sendable, BitwiseCopyable {
    public enum Kind: UInt8, Sendable, BitwiseCopyable { case read, write }

    public var kind: Kind
    public var address: RegisterAddress
    public var value: UInt32

    public static func read(_ address: RegisterAddress) -> Self { Self(kind: .read, address: address, value: 0) }
    public static func write(_ address: RegisterAddress, _ value: UInt32) -> Self {
        Self(kind: .write, address: address, value: value)
    }
}

/// The way to a card's registers.
///
/// Laws, the same for every transport and checked by one conformance suite:
/// - The accesses of a batch are carried out one after another, in order, each exactly once and a whole word at a time.
/// - When `transfer` returns, the value of each read is what the card answered, and the card has taken every write.
///   An access the card refused, or did not answer in time, is an error; it never looks like a value.
/// - When it throws, the first `completed` accesses of the error were carried out and their values are good. Whether
///   others reached the card is unknown. What to do then is the driver's business: no transport repeats an access.
/// - Calls come from one thread at a time, which owns the bus. A call may block for as long as the wire takes.
public protocol RegisterBus: AnyObject {
    /// For people: `spi /dev/spidev0.0 50 MHz`.
    var name: String { get }

    func transfer(_ accesses: inout [RegisterAccess]) throws(BusError)
}

extension RegisterBus {
    public func read<Value, Access: Readable>(_ register: Register<Value, Access>) throws(BusError) -> Value {
        Value(rawValue: try readWord(register.address))
    }

    /// Reads a register whose bits the card forgets as they are read. What was latched is the caller's to keep (`Latched`).
    public func take<Value, Access: ClearedByReading>(_ register: Register<Value, Access>) throws(BusError) -> Value {
        Value(rawValue: try readWord(register.address))
    }

    public func write<Value, Access: Writable>(
        _ register: Register<Value, Access>, _ value: Value
    ) throws(BusError) {
        try writeWord(register.address, value.rawValue)
    }

    public func modify<Value, Access: Readable & Writable>(
        _ register: Register<Value, Access>, _ change: (inout Value) -> Void
    ) throws(BusError) {
        var value = try read(register)
        change(&value)
        try write(register, value)
    }

    /// An access by number: for tools and tests; the driver names registers.
    public func readWord(_ address: RegisterAddress) throws(BusError) -> UInt32 {
        var batch = [RegisterAccess.read(address)]
        try transfer(&batch)
        return batch[0].value
    }

    public func writeWord(_ address: RegisterAddress, _ value: UInt32) throws(BusError) {
        var batch = [RegisterAccess.write(address, value)]
        try transfer(&batch)
    }
}
