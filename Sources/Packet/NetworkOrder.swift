// SPDX-License-Identifier: Apache-2.0

// Numbers in network order. Offsets are in bytes; a number that does not lie in the span is a programming error and
// traps: check the length first.
extension RawSpan {
    @inlinable public func octet(at offset: Int) -> UInt8 {
        unsafeLoadUnaligned(fromByteOffset: offset, as: UInt8.self)
    }

    @inlinable public func uint16(at offset: Int) -> UInt16 {
        UInt16(bigEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: UInt16.self))
    }

    @inlinable public func uint32(at offset: Int) -> UInt32 {
        UInt32(bigEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }

    @inlinable public func uint64(at offset: Int) -> UInt64 {
        UInt64(bigEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    @inlinable public func macAddress(at offset: Int) -> MACAddress {
        MACAddress(rawValue: UInt64(uint16(at: offset)) << 32 | UInt64(uint32(at: offset + 2)))
    }

    @inlinable public func ipv4Address(at offset: Int) -> IPv4Address { IPv4Address(rawValue: uint32(at: offset)) }

    @inlinable public func ipv6Address(at offset: Int) -> IPv6Address {
        IPv6Address(high: uint64(at: offset), low: uint64(at: offset + 8))
    }

    /// A copy of the bytes.
    public func copied() -> [UInt8] { withUnsafeBytes { Array($0) } }
}

extension [UInt8] {
    /// Appends in network order.
    public mutating func append(bigEndian value: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: value.bigEndian) { append(contentsOf: $0) }
    }

    public mutating func append(_ address: MACAddress) {
        append(bigEndian: UInt16(truncatingIfNeeded: address.rawValue >> 32))
        append(bigEndian: UInt32(truncatingIfNeeded: address.rawValue))
    }

    public mutating func append(_ address: IPv4Address) { append(bigEndian: address.rawValue) }

    public mutating func append(_ address: IPv6Address) {
        append(bigEndian: address.high)
        append(bigEndian: address.low)
    }

    /// Writes in network order over what is there.
    public mutating func store(bigEndian value: some FixedWidthInteger, at offset: Int) {
        Swift.withUnsafeBytes(of: value.bigEndian) { bytes in
            for (index, byte) in bytes.enumerated() { self[offset + index] = byte }
        }
    }

    public mutating func store(_ address: MACAddress, at offset: Int) {
        store(bigEndian: UInt16(truncatingIfNeeded: address.rawValue >> 32), at: offset)
        store(bigEndian: UInt32(truncatingIfNeeded: address.rawValue), at: offset + 2)
    }
}
