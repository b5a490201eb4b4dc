// SPDX-License-Identifier: Apache-2.0
import Packet

/// Of a set of frames: whether something is so for none, some or all of them, as far as is known.
enum Truth: Comparable {
    case no, maybe, yes

    init(_ known: Bool) { self = known ? .yes : .no }

    static func && (a: Truth, b: @autoclosure () -> Truth) -> Truth { a == .no ? .no : min(a, b()) }
}

// Section 7 of the contract: a frame that lacks a field does not match.
extension FrameCase {
    /// - Parameters:
    ///   - vlan: the VLAN the frames belong to; nil: any but 0.
    ///   - routed: admitted by my station.
    func matches(_ match: ACLEntry.Match, vlan: VLANID?, routed: Bool) -> Truth {
        if let wanted = match.routed, wanted != routed { return .no }
        if let wanted = match.ingressPort, wanted != port { return .no }
        return compare(match.vlan, vlan) && compare(etherType: match.etherType)
            && compare(match.destinationMAC, destinationMAC) && compare(match.sourceMAC, sourceMAC)
            && matchesIP(match) && matchesL4(match)
    }

    /// `vlan`: nil: any but 0.
    func compare(_ wanted: VLANID?, _ vlan: VLANID?) -> Truth {
        guard let wanted else { return .yes }
        guard let vlan else { return wanted == .untagged ? .no : .maybe }
        return Truth(wanted == vlan)
    }

    private func compare(etherType wanted: UInt16?) -> Truth {
        guard let wanted else { return .yes }
        if let etherType { return Truth(wanted == etherType) }
        if wanted == EtherType.ipv4 || wanted == EtherType.ipv6 { return .no }
        // A tag is read past, but for the third.
        return EtherType.isTag(wanted) && tagCount < 2 ? .no : .maybe
    }

    func compare(_ wanted: Ternary<UInt64>?, _ mac: MACAddress?) -> Truth {
        guard let wanted, wanted.mask != 0 else { return .yes }
        guard let mac else { return .maybe }
        return Truth(wanted.matches(mac.rawValue))
    }

    private func matchesIP(_ match: ACLEntry.Match) -> Truth {
        guard isIP else {
            let readsIP =
                match.source != nil || match.destination != nil || match.ipProtocol != nil || match.dscp != nil
                || match.fragment != nil
            return Truth(!readsIP)
        }
        if let wanted = match.fragment, !wanted.matches(fragment) { return .no }
        return compare(match.source, ipv4Source) && compare(match.destination, ipv4Destination)
            && compare(match.ipProtocol, ipProtocol) && compare(match.dscp, dscp)
    }

    private func compare(_ wanted: IPPrefix?, _ address: IPv4Address?) -> Truth {
        guard let wanted else { return .yes }
        guard hasFamily(of: wanted.address) else { return .no }
        if let address, content == .ipv4 { return Truth(wanted.contains(.v4(address))) }
        return wanted.length == 0 ? .yes : .maybe
    }

    private func compare(_ wanted: UInt8?, _ value: UInt8?) -> Truth {
        guard let wanted else { return .yes }
        guard let value else { return .maybe }
        return Truth(wanted == value)
    }

    /// Ports need a protocol that has them, which `matchesIP` has compared: of such a packet they are known if given.
    private func matchesL4(_ match: ACLEntry.Match) -> Truth {
        let readsICMP = match.icmpType != nil || match.icmpCode != nil
        let reads = match.sourcePorts != nil || match.destinationPorts != nil || match.tcpFlags != nil || readsICMP
        guard reads else { return .yes }
        guard isIP, fragment != .later else { return .no }
        if readsICMP {
            // ICMP over IPv6 and ICMPv6 over IPv4 have neither type nor code.
            let icmp = content == .ipv6 ? IPProtocol.icmpv6 : IPProtocol.icmp
            return match.ipProtocol == icmp ? .maybe : .no
        }
        let flags: Truth = (match.tcpFlags?.mask ?? 0) == 0 ? .yes : .maybe
        return compare(match.sourcePorts, sourcePort) && compare(match.destinationPorts, destinationPort) && flags
    }

    private func compare(_ wanted: ClosedRange<UInt16>?, _ port: UInt16?) -> Truth {
        guard let wanted, wanted != 0...UInt16.max else { return .yes }
        guard let port else { return .maybe }
        return Truth(wanted.contains(port))
    }
}
