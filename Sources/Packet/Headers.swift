// SPDX-License-Identifier: Apache-2.0

// Views of headers over bytes that are there: each `init?` checks the length of the fixed part and nothing else, so that
// what is wrong with a field can be told by name. None of them allocates.

/// IEEE 802.3: destination, source, EtherType; 14 bytes.
public struct EthernetHeader: ~Escapable {
    @usableFromInline let bytes: RawSpan

    @_lifetime(copy bytes)
    public init?(_ bytes: RawSpan) {
        guard bytes.byteCount >= HeaderLength.ethernet else { return nil }
        self.bytes = bytes
    }

    public var destination: MACAddress { bytes.macAddress(at: 0) }
    public var source: MACAddress { bytes.macAddress(at: 6) }
    /// Of what follows directly: a tag's TPID if there is one.
    public var etherType: UInt16 { bytes.uint16(at: 12) }
}

/// What follows a TPID: TCI and the next EtherType; 4 bytes (IEEE 802.1Q-2018, 9.6).
public struct VLANTagHeader: ~Escapable {
    let bytes: RawSpan

    @_lifetime(copy bytes)
    public init?(_ bytes: RawSpan) {
        guard bytes.byteCount >= HeaderLength.vlanTag else { return nil }
        self.bytes = bytes
    }

    public var tci: UInt16 { bytes.uint16(at: 0) }
    public var vid: UInt16 { tci & 0xfff }
    public var etherType: UInt16 { bytes.uint16(at: 2) }
}

/// RFC 791.
public struct IPv4Header: ~Escapable {
    let bytes: RawSpan

    @_lifetime(copy bytes)
    public init?(_ bytes: RawSpan) {
        guard bytes.byteCount >= HeaderLength.ipv4 else { return nil }
        self.bytes = bytes
    }

    public var version: UInt8 { bytes.octet(at: 0) >> 4 }
    /// Internet header length, in units of 4 bytes.
    public var ihl: Int { Int(bytes.octet(at: 0) & 15) }
    public var headerLength: Int { ihl * 4 }
    public var dscp: UInt8 { bytes.octet(at: 1) >> 2 }
    public var totalLength: Int { Int(bytes.uint16(at: 2)) }
    public var moreFragments: Bool { bytes.uint16(at: 6) & 0x2000 != 0 }
    /// In units of 8 bytes.
    public var fragmentOffset: UInt16 { bytes.uint16(at: 6) & 0x1fff }
    public var timeToLive: UInt8 { bytes.octet(at: 8) }
    public var ipProtocol: UInt8 { bytes.octet(at: 9) }
    public var headerChecksum: UInt16 { bytes.uint16(at: 10) }
    public var source: IPv4Address { bytes.ipv4Address(at: 12) }
    public var destination: IPv4Address { bytes.ipv4Address(at: 16) }

    /// The header with its options lies in the bytes; check that first.
    public var isChecksumValid: Bool { Checksum.isValid(bytes.extracting(first: headerLength)) }
}

/// RFC 8200, the fixed 40 bytes.
public struct IPv6Header: ~Escapable {
    let bytes: RawSpan

    @_lifetime(copy bytes)
    public init?(_ bytes: RawSpan) {
        guard bytes.byteCount >= HeaderLength.ipv6 else { return nil }
        self.bytes = bytes
    }

    public var version: UInt8 { bytes.octet(at: 0) >> 4 }
    public var trafficClass: UInt8 { UInt8(truncatingIfNeeded: bytes.uint16(at: 0) >> 4) }
    public var dscp: UInt8 { trafficClass >> 2 }
    public var payloadLength: Int { Int(bytes.uint16(at: 4)) }
    public var nextHeader: UInt8 { bytes.octet(at: 6) }
    public var hopLimit: UInt8 { bytes.octet(at: 7) }
    public var source: IPv6Address { bytes.ipv6Address(at: 8) }
    public var destination: IPv6Address { bytes.ipv6Address(at: 24) }
}

/// RFC 8200, 4.5; 8 bytes.
public struct IPv6FragmentHeader: ~Escapable {
    public static let length = 8
    let bytes: RawSpan

    @_lifetime(copy bytes)
    public init?(_ bytes: RawSpan) {
        guard bytes.byteCount >= Self.length else { return nil }
        self.bytes = bytes
    }

    public var nextHeader: UInt8 { bytes.octet(at: 0) }
    /// In units of 8 bytes.
    public var fragmentOffset: UInt16 { bytes.uint16(at: 2) >> 3 }
    public var moreFragments: Bool { bytes.uint16(at: 2) & 1 != 0 }
}

/// RFC 9293, the fixed 20 bytes.
public struct TCPHeader: ~Escapable {
    let bytes: RawSpan

    @_lifetime(copy bytes)
    public init?(_ bytes: RawSpan) {
        guard bytes.byteCount >= HeaderLength.tcp else { return nil }
        self.bytes = bytes
    }

    public var sourcePort: UInt16 { bytes.uint16(at: 0) }
    public var destinationPort: UInt16 { bytes.uint16(at: 2) }
    /// CWR, ECE, URG, ACK, PSH, RST, SYN, FIN: the 8 bits of byte 13.
    public var flags: UInt8 { bytes.octet(at: 13) }
}

/// RFC 768.
public struct UDPHeader: ~Escapable {
    let bytes: RawSpan

    @_lifetime(copy bytes)
    public init?(_ bytes: RawSpan) {
        guard bytes.byteCount >= HeaderLength.udp else { return nil }
        self.bytes = bytes
    }

    public var sourcePort: UInt16 { bytes.uint16(at: 0) }
    public var destinationPort: UInt16 { bytes.uint16(at: 2) }
}

/// RFC 792 and RFC 4443: what both have, type, code and checksum.
public struct ICMPHeader: ~Escapable {
    let bytes: RawSpan

    @_lifetime(copy bytes)
    public init?(_ bytes: RawSpan) {
        guard bytes.byteCount >= HeaderLength.icmp else { return nil }
        self.bytes = bytes
    }

    public var type: UInt8 { bytes.octet(at: 0) }
    public var code: UInt8 { bytes.octet(at: 1) }
}
