// SPDX-License-Identifier: Apache-2.0

/// Composes Ethernet frames with right lengths and checksums, for tests, generators and `packet-out`. What should be wrong
/// is set by the `…Override` fields or changed in the bytes.
public struct Frame: Sendable, Hashable {
    public struct Tag: Sendable, Hashable {
        public var tpid: UInt16 = EtherType.vlan
        public var priority: UInt8 = 0
        public var vid: UInt16

        public init(tpid: UInt16 = EtherType.vlan, priority: UInt8 = 0, vid: UInt16) {
            (self.tpid, self.priority, self.vid) = (tpid, priority, vid)
        }
    }

    public enum Payload: Sendable, Hashable {
        case ipv4(IPv4Packet)
        case ipv6(IPv6Packet)
        case other(etherType: UInt16, bytes: [UInt8])
    }

    public var destination: MACAddress
    public var source: MACAddress
    /// Outermost first.
    public var tags: [Tag]
    public var payload: Payload
    /// Bytes behind the payload.
    public var padding: [UInt8]

    public init(
        destination: MACAddress, source: MACAddress, tags: [Tag] = [], payload: Payload, padding: [UInt8] = []
    ) {
        (self.destination, self.source, self.tags) = (destination, source, tags)
        (self.payload, self.padding) = (payload, padding)
    }

    public var bytes: [UInt8] {
        var frame: [UInt8] = []
        frame.append(destination)
        frame.append(source)
        for tag in tags {
            frame.append(bigEndian: tag.tpid)
            frame.append(bigEndian: UInt16(tag.priority & 7) << 13 | tag.vid & 0xfff)
        }
        switch payload {
        case .ipv4(let packet):
            frame.append(bigEndian: EtherType.ipv4)
            frame += packet.bytes
        case .ipv6(let packet):
            frame.append(bigEndian: EtherType.ipv6)
            frame += packet.bytes
        case .other(let etherType, let bytes):
            frame.append(bigEndian: etherType)
            frame += bytes
        }
        return frame + padding
    }
}

/// What an IP packet carries.
public enum Transport: Sendable, Hashable {
    case tcp(source: UInt16, destination: UInt16, flags: UInt8 = 0x10, payload: [UInt8] = [])
    case udp(source: UInt16, destination: UInt16, payload: [UInt8] = [])
    /// ICMP over IPv4, ICMPv6 over IPv6. `rest`: what follows the checksum.
    case icmp(type: UInt8, code: UInt8, rest: [UInt8] = [0, 0, 0, 0])
    /// Bytes as they are: other protocols, later fragments.
    case raw(ipProtocol: UInt8, bytes: [UInt8])

    func ipProtocol(overIPv6: Bool) -> UInt8 {
        switch self {
        case .tcp: IPProtocol.tcp
        case .udp: IPProtocol.udp
        case .icmp: overIPv6 ? IPProtocol.icmpv6 : IPProtocol.icmp
        case .raw(let ipProtocol, _): ipProtocol
        }
    }

    func bytes(source: IPAddress, destination: IPAddress) -> [UInt8] {
        var segment: [UInt8] = []
        let checksumOffset: Int
        switch self {
        case .tcp(let sourcePort, let destinationPort, let flags, let payload):
            segment.append(bigEndian: sourcePort)
            segment.append(bigEndian: destinationPort)
            segment.append(bigEndian: UInt32(1))
            segment.append(bigEndian: UInt32(1))
            segment += [5 << 4, flags]
            segment.append(bigEndian: UInt16(65535))
            segment.append(bigEndian: UInt32(0))
            segment += payload
            checksumOffset = 16
        case .udp(let sourcePort, let destinationPort, let payload):
            segment.append(bigEndian: sourcePort)
            segment.append(bigEndian: destinationPort)
            segment.append(bigEndian: UInt16(truncatingIfNeeded: HeaderLength.udp + payload.count))
            segment.append(bigEndian: UInt16(0))
            segment += payload
            checksumOffset = 6
        case .icmp(let type, let code, let rest):
            segment += [type, code, 0, 0] + rest
            checksumOffset = 2
        case .raw(_, let bytes):
            return bytes
        }
        var initial: UInt32 = 0
        var overIPv6 = false
        if case .v6 = source { overIPv6 = true }
        let ipProtocol = ipProtocol(overIPv6: overIPv6)
        if ipProtocol != IPProtocol.icmp {
            initial = Checksum.pseudoHeaderSum(
                source: source, destination: destination, ipProtocol: ipProtocol, length: segment.count)
        }
        var checksum = Checksum.of(segment.span.bytes, initial: initial)
        // Zero means "none" over IPv4 (RFC 768) and is not allowed over IPv6 (RFC 8200, 8.1).
        if ipProtocol == IPProtocol.udp, checksum == 0 { checksum = 0xffff }
        segment.store(bigEndian: checksum, at: checksumOffset)
        return segment
    }
}

public struct IPv4Packet: Sendable, Hashable {
    public var source: IPv4Address
    public var destination: IPv4Address
    public var transport: Transport
    public var timeToLive: UInt8 = 64
    public var dscp: UInt8 = 0
    public var identification: UInt16 = 0
    public var dontFragment = false
    public var moreFragments = false
    /// In units of 8 bytes.
    public var fragmentOffset: UInt16 = 0
    /// Padded with zeros to a multiple of 4; 40 bytes at most.
    public var options: [UInt8] = []
    public var totalLengthOverride: UInt16?

    public init(source: IPv4Address, destination: IPv4Address, transport: Transport) {
        (self.source, self.destination, self.transport) = (source, destination, transport)
    }

    public var bytes: [UInt8] {
        let body = transport.bytes(source: .v4(source), destination: .v4(destination))
        var options = Array(options.prefix(40))
        while options.count % 4 != 0 { options.append(0) }
        let headerLength = HeaderLength.ipv4 + options.count
        var packet: [UInt8] = [4 << 4 | UInt8(headerLength / 4), dscp << 2]
        packet.append(bigEndian: totalLengthOverride ?? UInt16(truncatingIfNeeded: headerLength + body.count))
        packet.append(bigEndian: identification)
        packet.append(
            bigEndian: fragmentOffset & 0x1fff | (moreFragments ? 0x2000 : 0) | (dontFragment ? 0x4000 : 0))
        packet += [timeToLive, transport.ipProtocol(overIPv6: false), 0, 0]
        packet.append(source)
        packet.append(destination)
        packet += options
        packet.store(bigEndian: Checksum.of(packet.span.bytes), at: 10)
        return packet + body
    }
}

public struct IPv6Packet: Sendable, Hashable {
    /// Extension headers, contents without next header and length. Contents are padded with zeros to what the length
    /// field can say.
    public enum Extension: Sendable, Hashable {
        case hopByHop([UInt8])
        case routing([UInt8])
        case destinationOptions([UInt8])
        case authentication([UInt8])
        /// `offset` in units of 8 bytes.
        case fragment(offset: UInt16, more: Bool, identification: UInt32)

        var ipProtocol: UInt8 {
            switch self {
            case .hopByHop: IPProtocol.hopByHop
            case .routing: IPProtocol.routing
            case .destinationOptions: IPProtocol.destinationOptions
            case .authentication: IPProtocol.authentication
            case .fragment: IPProtocol.fragment
            }
        }

        func bytes(nextHeader: UInt8) -> [UInt8] {
            switch self {
            case .hopByHop(let contents), .routing(let contents), .destinationOptions(let contents):
                var header: [UInt8] = [nextHeader, 0] + contents
                while header.count % 8 != 0 { header.append(0) }
                header[1] = UInt8(truncatingIfNeeded: header.count / 8 - 1)
                return header
            case .authentication(let contents):
                var header: [UInt8] = [nextHeader, 0, 0, 0] + contents
                while header.count < 12 || header.count % 8 != 0 { header.append(0) }
                header[1] = UInt8(truncatingIfNeeded: header.count / 4 - 2)
                return header
            case .fragment(let offset, let more, let identification):
                var header: [UInt8] = [nextHeader, 0]
                header.append(bigEndian: offset << 3 | (more ? 1 : 0))
                header.append(bigEndian: identification)
                return header
            }
        }
    }

    public var source: IPv6Address
    public var destination: IPv6Address
    public var extensions: [Extension] = []
    public var transport: Transport
    public var hopLimit: UInt8 = 64
    public var dscp: UInt8 = 0
    public var flowLabel: UInt32 = 0
    public var payloadLengthOverride: UInt16?

    public init(
        source: IPv6Address, destination: IPv6Address, extensions: [Extension] = [], transport: Transport
    ) {
        (self.source, self.destination) = (source, destination)
        (self.extensions, self.transport) = (extensions, transport)
    }

    public var bytes: [UInt8] {
        var payload: [UInt8] = []
        for (index, header) in extensions.enumerated() {
            let following =
                index + 1 < extensions.count
                ? extensions[index + 1].ipProtocol : transport.ipProtocol(overIPv6: true)
            payload += header.bytes(nextHeader: following)
        }
        payload += transport.bytes(source: .v6(source), destination: .v6(destination))
        var packet: [UInt8] = []
        packet.append(bigEndian: UInt32(6) << 28 | UInt32(dscp & 63) << 22 | flowLabel & 0xfffff)
        packet.append(bigEndian: payloadLengthOverride ?? UInt16(truncatingIfNeeded: payload.count))
        packet += [extensions.first?.ipProtocol ?? transport.ipProtocol(overIPv6: true), hopLimit]
        packet.append(source)
        packet.append(destination)
        return packet + payload
    }
}
