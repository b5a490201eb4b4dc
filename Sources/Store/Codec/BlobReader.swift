// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

/// Bytes that are no entry: what is wrong, and where.
package struct BlobDamage: Error, Hashable, CustomStringConvertible {
    enum What: Hashable {
        /// So many bytes are needed, and not there.
        case tooShort(needed: Int)
        /// No such value, or not the one form it is written in.
        case value(UInt64)
        /// Bytes follow the last field.
        case tooLong(by: Int)
    }

    var what: What
    var field: String
    /// In bytes from the blob's beginning.
    var offset: Int

    package var description: String {
        switch what {
        case .tooShort(let needed): "\(field) needs \(needed) bytes at offset \(offset), and they are not there"
        case .value(let value): "\(field) at offset \(offset) cannot be \(value)"
        case .tooLong(let count): "\(count) bytes follow \(field)"
        }
    }
}

/// Reads the fields of a blob in place. Whatever the bytes are, it ends with a value or `BlobDamage`.
struct BlobReader: ~Escapable {
    private let bytes: RawSpan
    private var offset = 0

    @_lifetime(copy bytes)
    init(_ bytes: RawSpan) { self.bytes = bytes }

    @_lifetime(self: copy self)
    private mutating func take(_ count: Int, _ field: StaticString) throws(BlobDamage) -> Int {
        guard bytes.byteCount - offset >= count else { throw damage(.tooShort(needed: count), field, at: offset) }
        defer { offset += count }
        return offset
    }

    private func damage(_ what: BlobDamage.What, _ field: StaticString, at offset: Int) -> BlobDamage {
        BlobDamage(what: what, field: "\(field)", offset: offset)
    }

    /// Complains about the value of the field that was read last and is `size` bytes long.
    func wrong(_ field: StaticString, _ value: some FixedWidthInteger, size: Int) -> BlobDamage {
        damage(.value(UInt64(truncatingIfNeeded: value)), field, at: offset - size)
    }

    @_lifetime(self: copy self)
    mutating func octet(_ field: StaticString) throws(BlobDamage) -> UInt8 {
        bytes.octet(at: try take(1, field))
    }

    @_lifetime(self: copy self)
    mutating func uint16(_ field: StaticString) throws(BlobDamage) -> UInt16 {
        bytes.uint16(at: try take(2, field))
    }

    @_lifetime(self: copy self)
    mutating func uint32(_ field: StaticString) throws(BlobDamage) -> UInt32 {
        bytes.uint32(at: try take(4, field))
    }

    @_lifetime(self: copy self)
    mutating func uint64(_ field: StaticString) throws(BlobDamage) -> UInt64 {
        bytes.uint64(at: try take(8, field))
    }

    @_lifetime(self: copy self)
    mutating func mac(_ field: StaticString) throws(BlobDamage) -> MACAddress {
        bytes.macAddress(at: try take(6, field))
    }

    /// An octet in which only the lowest `count` bits may be set.
    @_lifetime(self: copy self)
    mutating func bits(_ count: UInt8, _ field: StaticString) throws(BlobDamage) -> UInt8 {
        let value = try octet(field)
        guard value >> count == 0 else { throw wrong(field, value, size: 1) }
        return value
    }

    @_lifetime(self: copy self)
    mutating func enumeration<Value: RawRepresentable>(
        _ field: StaticString, _ type: Value.Type = Value.self
    ) throws(BlobDamage) -> Value where Value.RawValue == UInt8 {
        let raw = try octet(field)
        guard let value = Value(rawValue: raw) else { throw wrong(field, raw, size: 1) }
        return value
    }

    @_lifetime(self: copy self)
    mutating func isIPv6(_ field: StaticString) throws(BlobDamage) -> Bool {
        let family = try octet(field)
        guard family == 4 || family == 6 else { throw wrong(field, family, size: 1) }
        return family == 6
    }

    @_lifetime(self: copy self)
    mutating func address(v6: Bool, _ field: StaticString) throws(BlobDamage) -> IPAddress {
        v6
            ? .v6(bytes.ipv6Address(at: try take(16, field)))
            : .v4(bytes.ipv4Address(at: try take(4, field)))
    }

    @_lifetime(self: copy self)
    mutating func address(_ field: StaticString) throws(BlobDamage) -> IPAddress {
        try address(v6: isIPv6(field), field)
    }

    @_lifetime(self: copy self)
    mutating func prefix(_ field: StaticString) throws(BlobDamage) -> IPPrefix {
        let address = try address(field)
        let length = try octet(field)
        // Bits behind the prefix are zero: one prefix has one form.
        guard let prefix = IPPrefix(address, length: Int(length)), prefix.address == address else {
            throw wrong(field, length, size: 1)
        }
        return prefix
    }

    @_lifetime(self: copy self)
    mutating func range(_ field: StaticString) throws(BlobDamage) -> ClosedRange<UInt16> {
        let first = try uint16(field)
        let last = try uint16(field)
        guard first <= last else { throw wrong(field, last, size: 2) }
        return first...last
    }

    /// What is left, as text.
    @_lifetime(self: copy self)
    mutating func text(_ field: StaticString) throws(BlobDamage) -> String {
        let start = try take(bytes.byteCount - offset, field)
        let text = bytes.extracting(droppingFirst: start).withUnsafeBytes {
            String(validating: $0, as: UTF8.self)
        }
        guard let text else { throw damage(.value(0), field, at: start) }
        return text
    }

    /// To be called after the last field.
    func finish(_ field: StaticString) throws(BlobDamage) {
        guard offset == bytes.byteCount else {
            throw damage(.tooLong(by: bytes.byteCount - offset), field, at: offset)
        }
    }

    var isAtEnd: Bool { offset == bytes.byteCount }
}
