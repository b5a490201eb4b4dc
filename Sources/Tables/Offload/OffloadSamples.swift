// SPDX-License-Identifier: Apache-2.0
import Packet

// Where megaflows come from: what the tables say of packets that there are, or can be. None of it is a proof.
extension Megaflow {
    /// The packets of an IPv4 flow. A flow key has no Ethernet addresses, port and VLAN: they are those of the stations that lead to
    /// its router interface, as far as these name the same. Fields that they leave open stay open. Empty for IPv6, which hardware
    /// of this kind does not match, and if no station leads there.
    ///
    /// Two if a switched port takes frames of the station's VLAN both with and without a tag.
    public static func samples(of key: FlowKey, state: TableState) -> [Megaflow] {
        guard case .v4(let source) = key.sourceAddress, case .v4(let destination) = key.destinationAddress else {
            return []
        }
        var sample = Megaflow()
        sample.etherType = EtherType.ipv4
        (sample.ipv4Source, sample.ipv4Destination, sample.ipProtocol) = (source, destination, key.ipProtocol)
        if key.ipProtocol == IPProtocol.tcp || key.ipProtocol == IPProtocol.udp {
            (sample.sourcePort, sample.destinationPort) = (key.sourcePort, key.destinationPort)
        }
        let stations = state.stations(leadingTo: key.routerInterface)
        guard let first = stations.first else { return [] }
        if stations.allSatisfy({ $0.mac == first.mac && $0.macMask == .broadcast }) {
            sample.destinationMAC = first.mac
        }
        let ingress = state.ingress(of: key.routerInterface)
        sample.ingressPort = ingress.port
        guard let port = ingress.port.flatMap({ state.port($0) }), let vlan = ingress.vlan else { return [sample] }
        return port.firstTags(of: vlan, state: state).map { tag in
            var sample = sample
            sample.vlan = tag
            return sample
        }
    }

    /// The frames from one known station to another, of the same VLAN. Two if the source's port takes frames of the VLAN both with and
    /// without a tag; none if the source's entry names no port.
    public static func samples(from source: MACEntry, to destination: MACEntry, state: TableState) -> [Megaflow] {
        guard case .port(let id) = source.action, source.vlan == destination.vlan, let port = state.port(id) else {
            return []
        }
        return port.firstTags(of: source.vlan, state: state).map { tag in
            var sample = Megaflow()
            (sample.ingressPort, sample.vlan) = (id, tag)
            (sample.sourceMAC, sample.destinationMAC) = (source.mac, destination.mac)
            return sample
        }
    }

    /// What an ACL entry matches: an EtherType to redirect, an address to block. Nil if the entry looks at part of a field, or at one
    /// that hardware does not see.
    public init?(matchedBy match: ACLEntry.Match) {
        self.init()
        guard match.tcpFlags == nil, match.icmpType == nil, match.icmpCode == nil, match.fragment == nil,
            match.routed == nil
        else { return nil }
        (ingressPort, vlan, etherType) = (match.ingressPort, match.vlan, match.etherType)
        (ipProtocol, dscp) = (match.ipProtocol, match.dscp)
        for (wanted, field) in [
            (match.sourceMAC, \Megaflow.sourceMAC), (match.destinationMAC, \Megaflow.destinationMAC),
        ] {
            guard let wanted, wanted.mask != 0 else { continue }
            guard wanted.mask | ~MACAddress.broadcast.rawValue == ~0 else { return nil }
            self[keyPath: field] = MACAddress(rawValue: wanted.value)
        }
        for (wanted, field) in [(match.source, \Megaflow.ipv4Source), (match.destination, \Megaflow.ipv4Destination)] {
            guard let wanted else { continue }
            guard case .v4(let address) = wanted.address, wanted.length == 32 else { return nil }
            self[keyPath: field] = address
        }
        for (wanted, field) in [
            (match.sourcePorts, \Megaflow.sourcePort), (match.destinationPorts, \Megaflow.destinationPort),
        ] {
            guard let wanted, wanted != 0...UInt16.max else { continue }
            guard wanted.count == 1 else { return nil }
            self[keyPath: field] = wanted.lowerBound
        }
    }

    /// All that a port receives: what one that does not admit drops.
    public init(receivedAt port: PortID) {
        self.init()
        ingressPort = port
    }
}

extension TableState {
    /// In the order they are consulted at a port, each once.
    func stations(leadingTo interface: RouterInterfaceID) -> [MyStationEntry] {
        (stationsByInterface[interface] ?? []).compactMap { stationEntries[$0] }.sorted(
            by: MyStationEntry.isConsultedBefore)
    }
}

extension PortEntry {
    /// What the first tag of frames of this VLAN says at this port: more than one value where the VLAN can be said in two ways.
    fileprivate func firstTags(of vlan: VLANID, state: TableState) -> [VLANID] {
        guard mode == .switched, vlan == pvid else { return [vlan] }
        return state.vlan(vlan)?.tagged.contains(port) == true ? [vlan, .untagged] : [.untagged, vlan]
    }
}
