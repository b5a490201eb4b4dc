// SPDX-License-Identifier: Apache-2.0
import Packet

/// What the tables see of a frame. Section 2 of `Docs/pipeline.md`, in its order.
public struct PacketFields: Sendable, Hashable, BitwiseCopyable {
    public enum Fragment: Sendable, Hashable, BitwiseCopyable { case none, first, later }

    public enum L4: Sendable, Hashable, BitwiseCopyable {
        /// Not present: another protocol, or a later fragment.
        case none
        case tcp(source: UInt16, destination: UInt16, flags: UInt8)
        case udp(source: UInt16, destination: UInt16)
        /// ICMP over IPv4, ICMPv6 over IPv6.
        case icmp(type: UInt8, code: UInt8)
    }

    public struct IP: Sendable, Hashable, BitwiseCopyable {
        public var source: IPAddress
        public var destination: IPAddress
        /// Behind IPv6 extension headers.
        public var ipProtocol: UInt8
        public var dscp: UInt8
        /// Time to live, or hop limit.
        public var timeToLive: UInt8
        /// Of the packet with its header, bytes.
        public var length: Int
        public var fragment = Fragment.none
        public var hasIPv4Options = false
        public var hasHopByHop = false
        public var l4 = L4.none

        public var isIPv6: Bool { destination.isIPv6 }
    }

    public var length: Int
    public var destinationMAC: MACAddress
    public var sourceMAC: MACAddress
    /// Tags that were read, 0...2.
    public var tagCount = 0
    /// Of the first tag; 0 without one.
    public var outerTCI: UInt16 = 0
    /// Behind the tags that were read.
    public var etherType: UInt16
    /// Where what the EtherType names begins.
    public var l3Offset = HeaderLength.ethernet
    public var ip: IP?

    public var outerVID: VLANID { VLANID(rawValue: outerTCI & 0xfff) }

    /// The key of the packet's flow at a router interface, if it has one (section 4.2).
    public func flowKey(at interface: RouterInterfaceID) -> FlowKey? {
        guard let ip, tagCount <= 1, !ip.hasIPv4Options, !ip.hasHopByHop, ip.fragment == .none else { return nil }
        let ports: (source: UInt16, destination: UInt16) =
            switch ip.l4 {
            case .tcp(let source, let destination, _), .udp(let source, let destination): (source, destination)
            case .icmp(let type, let code): (UInt16(type) << 8 | UInt16(code), 0)
            case .none: (0, 0)
            }
        return FlowKey(
            routerInterface: interface, source: ip.source, destination: ip.destination, ipProtocol: ip.ipProtocol,
            sourcePort: ports.source, destinationPort: ports.destination)
    }
}

/// A frame that cannot be taken apart, and the reason it is counted under.
public struct MalformedFrame: Error, Hashable, Sendable {
    public let reason: Reason
}

extension PacketFields {
    public init(parsing frame: RawSpan) throws(MalformedFrame) {
        // 1, 2
        try self.init(upToEtherTypeOf: frame)
        // 3, 4
        let packet = frame.extracting(l3Offset..<frame.byteCount)
        switch etherType {
        case EtherType.ipv4: ip = try IP(ipv4: packet)
        case EtherType.ipv6: ip = try IP(ipv6: packet)
        default: ip = nil
        }
    }

    /// Of a frame as if what its EtherType names were not IP; nil if it ends before that.
    public init?(ethernetOf frame: RawSpan) {
        do throws(MalformedFrame) { try self.init(upToEtherTypeOf: frame) } catch { return nil }
    }

    private init(upToEtherTypeOf frame: RawSpan) throws(MalformedFrame) {
        guard let ethernet = EthernetHeader(frame) else { throw MalformedFrame(reason: .ethernetTruncated) }
        length = frame.byteCount
        destinationMAC = ethernet.destination
        sourceMAC = ethernet.source
        etherType = ethernet.etherType
        while tagCount < 2, EtherType.isTag(etherType) {
            guard let tag = VLANTagHeader(frame.extracting(l3Offset..<frame.byteCount)) else {
                throw MalformedFrame(reason: .vlanTruncated)
            }
            if tagCount == 0 { outerTCI = tag.tci }
            etherType = tag.etherType
            l3Offset += HeaderLength.vlanTag
            tagCount += 1
        }
    }
}

extension PacketFields.IP {
    /// Section 2.3.
    fileprivate init(ipv4 bytes: RawSpan) throws(MalformedFrame) {
        guard let header = IPv4Header(bytes) else { throw MalformedFrame(reason: .ipv4Truncated) }
        guard header.version == 4 else { throw MalformedFrame(reason: .ipv4Version) }
        guard header.ihl >= 5, header.headerLength <= bytes.byteCount else {
            throw MalformedFrame(reason: .ipv4HeaderLength)
        }
        guard header.totalLength >= header.headerLength, header.totalLength <= bytes.byteCount else {
            throw MalformedFrame(reason: .ipv4TotalLength)
        }
        guard header.isChecksumValid else { throw MalformedFrame(reason: .ipv4Checksum) }
        source = .v4(header.source)
        destination = .v4(header.destination)
        ipProtocol = header.ipProtocol
        dscp = header.dscp
        timeToLive = header.timeToLive
        length = header.totalLength
        hasIPv4Options = header.ihl > 5
        if header.fragmentOffset != 0 {
            fragment = .later
        } else if header.moreFragments {
            fragment = .first
        }
        try readL4(bytes.extracting(header.headerLength..<header.totalLength))
    }

    private static let maximumExtensionHeaders = 6

    /// Section 2.4.
    fileprivate init(ipv6 bytes: RawSpan) throws(MalformedFrame) {
        guard let header = IPv6Header(bytes) else { throw MalformedFrame(reason: .ipv6Truncated) }
        guard header.version == 6 else { throw MalformedFrame(reason: .ipv6Version) }
        guard header.payloadLength <= bytes.byteCount - HeaderLength.ipv6 else {
            throw MalformedFrame(reason: .ipv6PayloadLength)
        }
        source = .v6(header.source)
        destination = .v6(header.destination)
        ipProtocol = header.nextHeader
        dscp = header.dscp
        timeToLive = header.hopLimit
        length = HeaderLength.ipv6 + header.payloadLength

        var rest = bytes.extracting(HeaderLength.ipv6..<length)
        var count = 0
        while fragment != .later, Self.isExtension(ipProtocol) {
            count += 1
            guard count <= Self.maximumExtensionHeaders, rest.byteCount >= 8 else {
                throw MalformedFrame(reason: .ipv6Extension)
            }
            var headerLength = (Int(rest.octet(at: 1)) + 1) * 8
            if ipProtocol == IPProtocol.authentication { headerLength = (Int(rest.octet(at: 1)) + 2) * 4 }
            if ipProtocol == IPProtocol.hopByHop { hasHopByHop = true }
            if ipProtocol == IPProtocol.fragment, let header = IPv6FragmentHeader(rest) {
                headerLength = IPv6FragmentHeader.length
                // An atomic fragment (offset 0, nothing more) is a first fragment too.
                fragment = header.fragmentOffset != 0 ? .later : .first
            }
            guard headerLength <= rest.byteCount else { throw MalformedFrame(reason: .ipv6Extension) }
            ipProtocol = rest.octet(at: 0)
            rest = rest.extracting(headerLength..<rest.byteCount)
        }
        try readL4(rest)
    }

    private static func isExtension(_ ipProtocol: UInt8) -> Bool {
        switch ipProtocol {
        case IPProtocol.hopByHop, IPProtocol.routing, IPProtocol.fragment, IPProtocol.authentication,
            IPProtocol.destinationOptions:
            true
        default: false
        }
    }

    /// Section 2.5.
    private mutating func readL4(_ bytes: RawSpan) throws(MalformedFrame) {
        guard fragment != .later else { return }
        switch ipProtocol {
        case IPProtocol.tcp:
            guard let header = TCPHeader(bytes) else { throw MalformedFrame(reason: .l4Truncated) }
            l4 = .tcp(source: header.sourcePort, destination: header.destinationPort, flags: header.flags)
        case IPProtocol.udp:
            guard let header = UDPHeader(bytes) else { throw MalformedFrame(reason: .l4Truncated) }
            l4 = .udp(source: header.sourcePort, destination: header.destinationPort)
        case isIPv6 ? IPProtocol.icmpv6 : IPProtocol.icmp:
            guard let header = ICMPHeader(bytes) else { throw MalformedFrame(reason: .l4Truncated) }
            l4 = .icmp(type: header.type, code: header.code)
        default: break
        }
    }
}
