// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

// Megaflows that packets of the world agree with, what hardware may be known to do with frames, and frames made to agree.
extension RandomWorld {
    /// `stations`: the MAC table.
    public mutating func nextMegaflow(stations: [MACEntry]) -> Megaflow {
        var sample = Megaflow()
        // Few, some or nearly all of the fields.
        var percent = random.one(of: 15, 40, 70, 90, 100)
        switch random.below(8) {
        case 0, 1, 2:
            // From one station to another.
            let learned = stations.filter { isAtSwitchedPort($0) }
            let source = random.pick(learned)
            let others = (random.chance(70) ? learned : stations).filter {
                $0.vlan == source?.vlan && $0.mac != source?.mac
            }
            if let source, let destination = random.pick(others) {
                sample = random.pick(Megaflow.samples(from: source, to: destination, state: state)) ?? sample
                percent = random.one(of: 80, 100)
            }
        case 3:
            if let key = random.pick(flowKeys) {
                sample = random.pick(Megaflow.samples(of: key, state: state)) ?? sample
                if random.chance(50), let source = random.pick(stations) { sample.sourceMAC = source.mac }
            }
        case 4:
            if let rule = random.pick(state.acl.filter { $0.action != .permit }) {
                sample = matched(by: rule.match)
                percent = random.one(of: 90, 100)
            }
        default: break
        }
        if sample == Megaflow() {
            let packet = nextPacket()
            let reading = FrameReading(
                tagsRead: random.below(3), readsServiceTags: random.chance(50), knowsFragments: random.chance(50))
            sample = reading.fields(of: packet.bytes, port: packet.port)
        }
        var fields: MegaflowFields = []
        for bit in 0..<12 where random.chance(percent) { fields.insert(MegaflowFields(rawValue: 1 << UInt16(bit))) }
        return sample.reduced(to: fields)
    }

    private func isAtSwitchedPort(_ station: MACEntry) -> Bool {
        guard case .port(let port) = station.action else { return false }
        return state.port(port)?.mode == .switched && state.vlan(station.vlan)?.hasMember(port) == true
    }

    /// Leaves a world with less that decides otherwise: some ACL entries go, some stations move to where their VLAN is, most egress
    /// MTUs are the usual one. Few megaflows of a world that is random all over have one decision.
    mutating func thin(_ plane: ReferenceDataPlane) {
        if random.chance(70) {
            let left = random.below(4)
            let entries = plane.entries(of: .acl)
            _ = plane.write(entries.dropFirst(left).map { .delete($0) })
        }
        var ports = plane.entries(of: .port).sorted { $0.keyText < $1.keyText }
        for index in ports.indices {
            guard case .port(var port) = ports[index] else { continue }
            if random.chance(60) { port.mtu = 1500 }
            ports[index] = .port(port)
        }
        _ = plane.write(ports.map { .modify($0) })
        for entry in plane.entries(of: .mac).sorted(by: { $0.keyText < $1.keyText }) {
            guard case .mac(var mac) = entry, case .port = mac.action, random.chance(60) else { continue }
            let members = options.ports.filter { plane.state.vlan(mac.vlan)?.hasMember($0) == true }
            if let port = random.pick(members) { mac.action = .port(port) }
            _ = plane.write([.modify(.mac(mac))])
        }
        state = plane.state
    }

    /// Some frames that the entry matches, by fields that hardware sees; of a port, and for one station.
    private mutating func matched(by match: ACLEntry.Match) -> Megaflow {
        var sample = Megaflow()
        sample.ingressPort = match.ingressPort ?? ingressPort()
        sample.vlan = match.vlan
        sample.etherType = match.etherType
        sample.destinationMAC = match.destinationMAC.map { MACAddress(rawValue: $0.value) } ?? unicastMAC()
        if let mac = match.sourceMAC, mac.mask != 0 { sample.sourceMAC = MACAddress(rawValue: mac.value) }
        (sample.ipProtocol, sample.dscp) = (match.ipProtocol, match.dscp)
        if case .v4(let address) = match.source?.address { sample.ipv4Source = address }
        if case .v4(let address) = match.destination?.address { sample.ipv4Destination = address }
        (sample.sourcePort, sample.destinationPort) = (
            match.sourcePorts?.lowerBound, match.destinationPorts?.lowerBound
        )
        if sample.ipProtocol != nil || sample.dscp != nil, random.chance(70) { sample.etherType = EtherType.ipv4 }
        return sample
    }

    public mutating func nextTraits() -> OffloadTraits {
        var traits = OffloadTraits()
        let percent = random.one(of: 0, 50, 80, 100, 100)
        traits.skipsMalformed = random.chance(percent)
        traits.skipsInvalidSource = random.chance(percent)
        traits.dropsToIngress = random.chance(percent)
        traits.skipsReservedMulticast = random.chance(percent)
        traits.knowsFragments = random.chance(percent)
        traits.skipsFragments = random.chance(percent)
        traits.skipsPriorityTags = random.chance(percent)
        traits.skipsOptions = random.chance(percent)
        traits.readsServiceTags = random.chance(percent)
        if random.chance(percent) { traits.tagsRead = random.below(3) }
        if random.chance(percent) { traits.minimumFrame = random.one(of: 60, 22, 14) }
        if random.chance(percent) { traits.maximumFrame = random.one(of: 1514, 1518, 1522, 300) }
        return traits
    }

    /// A packet of the world, changed to agree with the megaflow as hardware that reads like this would see it. Not every packet
    /// can be: ask `FrameReading.agrees`.
    public mutating func nextPacket(agreeingWith megaflow: Megaflow, _ reading: FrameReading) -> TestPacket {
        var packet = nextPacket()
        let isIPv4 =
            megaflow.ipv4Source != nil || megaflow.ipv4Destination != nil || megaflow.etherType == EtherType.ipv4
        if megaflow.etherType != nil || isIPv4 {
            // One that is what it has to be; a few are made to look so.
            let wanted = isIPv4 ? EtherType.ipv4 : megaflow.etherType
            for _ in 0..<6 where reading.fields(of: packet.bytes, port: packet.port).etherType != wanted {
                packet = nextPacket()
            }
        }
        if let port = megaflow.ingressPort { packet.port = port }
        guard packet.bytes.count >= HeaderLength.ethernet else { return packet }
        if let mac = megaflow.destinationMAC { packet.bytes.store(mac, at: 0) }
        if let mac = megaflow.sourceMAC { packet.bytes.store(mac, at: 6) }
        tag(&packet.bytes, megaflow)
        fillIn(&packet.bytes, megaflow, reading)
        return packet
    }

    private mutating func tag(_ bytes: inout [UInt8], _ megaflow: Megaflow) {
        let isTagged = EtherType.isTag(bytes.span.bytes.uint16(at: 12)) && bytes.count >= 18
        if let vlan = megaflow.vlan {
            if vlan == .untagged, isTagged, random.chance(60) {
                bytes.removeSubrange(12..<16)
            } else if isTagged {
                // A service tag may pass for none.
                if vlan == .untagged, random.chance(30) { return }
                let tci = bytes.span.bytes.uint16(at: 14)
                bytes.store(bigEndian: tci & 0xf000 | vlan.rawValue, at: 14)
            } else if vlan != .untagged {
                var tag: [UInt8] = []
                tag.append(bigEndian: random.chance(80) ? EtherType.vlan : EtherType.serviceVLAN)
                tag.append(bigEndian: UInt16(random.below(16)) << 12 | vlan.rawValue)
                bytes.insert(contentsOf: tag, at: 12)
            }
        }
        if let priority = megaflow.vlanPriority, EtherType.isTag(bytes.span.bytes.uint16(at: 12)), bytes.count >= 18 {
            let tci = bytes.span.bytes.uint16(at: 14)
            bytes.store(bigEndian: tci & 0x1fff | UInt16(priority) << 13, at: 14)
        }
    }

    private mutating func fillIn(_ bytes: inout [UInt8], _ megaflow: Megaflow, _ reading: FrameReading) {
        var l3 = 14
        for _ in 0..<reading.tagsRead where l3 + 4 <= bytes.count {
            let type = bytes.span.bytes.uint16(at: l3 - 2)
            guard type == EtherType.vlan || (reading.readsServiceTags && type == EtherType.serviceVLAN) else { break }
            l3 += 4
        }
        if let type = megaflow.etherType { bytes.store(bigEndian: type, at: l3 - 2) }
        let isIPv4 = bytes.span.bytes.uint16(at: l3 - 2) == EtherType.ipv4
        guard isIPv4, bytes.count >= l3 + 20 else { return }
        if let dscp = megaflow.dscp { bytes[l3 + 1] = bytes[l3 + 1] & 3 | dscp << 2 }
        if let ipProtocol = megaflow.ipProtocol { bytes[l3 + 9] = ipProtocol }
        if let address = megaflow.ipv4Source { bytes.store(bigEndian: address.rawValue, at: l3 + 12) }
        if let address = megaflow.ipv4Destination { bytes.store(bigEndian: address.rawValue, at: l3 + 16) }
        if bytes.count >= l3 + 24, bytes[l3] & 15 == 5, bytes.span.bytes.uint16(at: l3 + 6) & 0x1fff == 0 {
            if let port = megaflow.sourcePort { bytes.store(bigEndian: port, at: l3 + 20) }
            if let port = megaflow.destinationPort { bytes.store(bigEndian: port, at: l3 + 22) }
        }
        if !random.chance(5) { bytes = Shrinker.repairedChecksum(bytes) }
    }
}
