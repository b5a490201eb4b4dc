// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

// Packets aimed at the tables, and what is then done to some of them.
extension RandomWorld {
    /// The next packet of the sequence.
    public mutating func nextPacket() -> TestPacket {
        let port = ingressPort()
        var bytes: [UInt8]
        let isSwitched = state.port(port)?.mode == .switched
        switch random.below(20) {
        case 0: bytes = junk()
        case 1...(isSwitched ? 10 : 1): bytes = switchedFrame(at: port).bytes
        default: bytes = routedFrame(at: port).bytes
        }
        if random.chance(30) { for _ in 0..<random.range(1...2) { mutate(&bytes) } }
        while bytes.count < options.shortestFrame { bytes.append(random.byte()) }
        return TestPacket(port: port, bytes: bytes)
    }

    private mutating func junk() -> [UInt8] {
        var bytes = random.bytes(random.range(0...90))
        if bytes.count > 13, random.chance(70) {
            bytes.store(unicastMAC(), at: 0)
            bytes.store(unicastMAC(), at: 6)
            bytes.store(
                bigEndian: random.one(
                    of: EtherType.ipv4, EtherType.ipv6, EtherType.vlan, EtherType.serviceVLAN, 0x0806),
                at: 12)
        }
        return bytes
    }

    private mutating func tag(_ vlan: UInt16) -> Frame.Tag {
        Frame.Tag(
            tpid: random.chance(80) ? EtherType.vlan : EtherType.serviceVLAN, priority: UInt8(random.below(8)),
            vid: vlan)
    }

    private mutating func padding() -> [UInt8] { random.chance(20) ? random.bytes(random.range(1...20)) : [] }

    /// A frame for a station of the port, with a packet of a known flow or to a known address.
    private mutating func routedFrame(at port: PortID) -> Frame {
        // The first that the tables would take for its address, mostly: one that no frame can reach is a wasted aim.
        let isSwitched = state.port(port)?.mode == .switched
        let reachable = state.stations(of: port).filter { !isSwitched || $0.vlan != .some(.untagged) }
        let station = random.pick(reachable)
        var tags: [Frame.Tag] = []
        switch station?.vlan {
        case .some(.untagged): if random.chance(5) { tags = [tag(0)] }
        case .some(let vlan): if !random.chance(5) { tags = [tag(vlan.rawValue)] }
        case nil:
            if isSwitched || random.chance(50) {
                tags = [tag((isSwitched ? memberVLAN(of: port) : someVLAN()).rawValue)]
            }
        }
        if random.chance(4) { tags.append(tag(someVLAN().rawValue)) }
        if random.chance(2) { tags.append(tag(7)) }

        var destination = station?.mac ?? unicastMAC()
        if let station, station.macMask != .broadcast {
            destination = MACAddress(rawValue: station.mac.rawValue | random.next() & ~station.macMask.rawValue)
        }
        if random.chance(6) { destination = unicastMAC() }
        let frame = Frame(destination: destination, source: unicastMAC(), tags: tags, payload: packet(at: station))
        return Frame(
            destination: frame.destination, source: frame.source, tags: frame.tags, payload: frame.payload,
            padding: padding())
    }

    /// A frame in a VLAN of the port, for a known, unknown or group address.
    private mutating func switchedFrame(at port: PortID) -> Frame {
        var tags: [Frame.Tag] = []
        var vlan = memberVLAN(of: port)
        if random.chance(30) {
            vlan = state.port(port)?.pvid ?? vlan
            if random.chance(15) { tags = [tag(0)] }
        } else {
            tags = [tag(vlan.rawValue)]
        }
        if random.chance(8) { tags.append(tag(someVLAN().rawValue)) }
        var destination = unicastMAC()
        switch random.below(12) {
        case 0: destination = .broadcast
        case 1: destination = MACAddress(rawValue: 0x0100_5e00_0000 | UInt64(random.below(256)))
        case 2: destination = MACAddress(rawValue: 0x0180_c200_0000 | UInt64(random.below(18)))
        default:
            if let entry = random.pick(macs.filter { $0.vlan == vlan }) { destination = entry.mac }
        }
        var source = unicastMAC()
        if random.chance(3) {
            source = random.one(of: .broadcast, MACAddress(rawValue: 0), MACAddress(rawValue: 1 << 40))
        }
        let payload: Frame.Payload =
            random.chance(40)
            ? .other(
                etherType: random.one(of: EtherType.arp, 0x88cc, 0x1234), bytes: random.bytes(random.range(0...120)))
            : packet(at: nil)
        return Frame(destination: destination, source: source, tags: tags, payload: payload, padding: padding())
    }

    private mutating func packet(at station: MyStationEntry?) -> Frame.Payload {
        if random.chance(3) {
            return .other(etherType: random.one(of: EtherType.arp, 0x8847, 0x0000), bytes: random.bytes(46))
        }
        let candidates = flowKeys.filter { station == nil || $0.routerInterface == station?.routerInterface }
        if let key = random.pick(candidates), random.chance(80) { return packet(of: key) }
        return someFlowKey().map { packet(of: $0) } ?? .other(etherType: 0x0806, bytes: [])
    }

    private mutating func payloadBytes() -> [UInt8] {
        switch random.below(12) {
        case 0: random.bytes(random.range(1230...1520))
        // About the size that fits the smallest MTUs.
        case 1, 2: random.bytes(random.range(16...80))
        case 3: random.bytes(random.range(230...300))
        default: random.bytes(random.range(0...30))
        }
    }

    private mutating func transport(_ key: FlowKey) -> Transport {
        switch key.ipProtocol {
        case IPProtocol.tcp:
            .tcp(
                source: key.sourcePort, destination: key.destinationPort, flags: random.byte(), payload: payloadBytes())
        case IPProtocol.udp:
            .udp(source: key.sourcePort, destination: key.destinationPort, payload: payloadBytes())
        case key.isIPv6 ? IPProtocol.icmpv6 : IPProtocol.icmp:
            .icmp(
                type: UInt8(truncatingIfNeeded: key.sourcePort >> 8), code: UInt8(truncatingIfNeeded: key.sourcePort),
                rest: random.bytes(4) + payloadBytes())
        default: .raw(ipProtocol: key.ipProtocol, bytes: payloadBytes())
        }
    }

    private mutating func timeToLive() -> UInt8 {
        random.chance(8) ? random.one(of: 0, 1, 2) : random.one(of: 64, 255, 128, 3)
    }

    private mutating func packet(of key: FlowKey) -> Frame.Payload {
        let dscp: UInt8 = random.one(of: 0, 0, 1, 46, 63)
        var transport = transport(key)
        switch (key.sourceAddress, key.destinationAddress) {
        case (.v6(var source), .v6(let destination)):
            if random.chance(2), case .v6(let special) = specialAddress(isIPv6: true) { source = special }
            var extensions: [IPv6Packet.Extension] = []
            if random.chance(18) {
                let count = random.chance(70) ? random.range(1...3) : random.range(4...7)
                for _ in 0..<count { extensions.append(extensionHeader()) }
            }
            // What a later fragment carries is not a transport header.
            if extensions.contains(where: { if case .fragment(1..., _, _) = $0 { true } else { false } }),
                random.chance(50)
            {
                transport = .raw(ipProtocol: key.ipProtocol, bytes: random.bytes(random.below(16)))
            }
            var packet = IPv6Packet(
                source: source, destination: destination, extensions: extensions, transport: transport)
            (packet.hopLimit, packet.dscp) = (timeToLive(), dscp)
            packet.flowLabel = UInt32(random.below(1 << 20))
            return .ipv6(packet)
        case (.v4(var source), .v4(let destination)):
            if random.chance(2), case .v4(let special) = specialAddress(isIPv6: false) { source = special }
            var packet = IPv4Packet(source: source, destination: destination, transport: transport)
            (packet.timeToLive, packet.dscp, packet.identification) = (timeToLive(), dscp, random.uint16())
            packet.dontFragment = random.chance(50)
            if random.chance(6) { packet.options = random.bytes(random.range(1...40)) }
            if random.chance(6) {
                packet.moreFragments = random.chance(60)
                if random.chance(60) { packet.fragmentOffset = random.one(of: 1, 185, 0x1fff) }
                if packet.fragmentOffset > 0, random.chance(50) {
                    packet.transport = .raw(ipProtocol: key.ipProtocol, bytes: random.bytes(random.below(16)))
                }
            }
            return .ipv4(packet)
        default:
            return .other(etherType: 0x0806, bytes: [])
        }
    }

    private mutating func extensionHeader() -> IPv6Packet.Extension {
        switch random.below(8) {
        case 0: .hopByHop(random.bytes(random.range(0...14)))
        case 1, 2: .routing(random.bytes(random.range(2...22)))
        case 3: .authentication(random.bytes(random.range(8...24)))
        case 4:
            .fragment(
                offset: random.one(of: 0, 0, 1, 0x1fff), more: random.chance(50),
                identification: UInt32(random.below(1 << 30)))
        default: .destinationOptions(random.bytes(random.range(0...30)))
        }
    }

    // MARK: Mutations

    private mutating func mutate(_ bytes: inout [UInt8]) {
        guard !bytes.isEmpty else { return }
        var l3 = 14
        while l3 + 4 <= bytes.count, l3 < 22, EtherType.isTag(bytes.span.bytes.uint16(at: l3 - 2)) { l3 += 4 }
        func store(_ byte: UInt8, at offset: Int) { if offset < bytes.count { bytes[offset] = byte } }
        switch random.below(14) {
        case 0: bytes[random.below(bytes.count)] ^= 1 << UInt8(random.below(8))
        case 1: bytes[random.below(min(bytes.count, l3 + 44))] = random.byte()
        case 2: bytes.removeLast(random.below(min(bytes.count, 60)))
        case 3: bytes = Array(bytes.prefix(random.below(bytes.count + 1)))
        case 4: bytes = Array(bytes.prefix(l3 + random.below(62)))
        // Version and header length.
        case 5: store(random.chance(50) ? random.byte() : 0x40 | random.byte() & 15, at: l3)
        // Total length or payload length, near and far.
        case 6, 7:
            let offset = l3 + (bytes.span.bytes.etherType(before: l3) == EtherType.ipv6 ? 4 : 2)
            guard offset + 2 <= bytes.count else { return }
            let length = bytes.span.bytes.uint16(at: offset)
            bytes.store(
                bigEndian: random.chance(70) ? length &+ UInt16(random.below(24)) &- 12 : random.uint16(), at: offset)
        // Any bit of the IPv4 header, with its checksum left wrong or put right.
        case 8: store(random.byte(), at: l3 + random.below(20))
        case 9: store(random.one(of: 0, 43, 44, 51, 60, 59, 6, 17, 1, 58), at: l3 + (random.chance(50) ? 6 : 9))
        case 10: store(random.one(of: 0, 1, 2, 255), at: l3 + (random.chance(50) ? 7 : 8))
        // In the extension headers.
        case 11: store(random.byte(), at: l3 + 40 + random.below(24))
        case 12:
            guard bytes.count >= 14 else { return }
            bytes.insert(contentsOf: [0x81, 0x00, 0x00, random.byte()], at: 12)
        default:
            guard bytes.count >= 18, l3 > 14 else { return }
            bytes.removeSubrange(12..<16)
        }
        if random.chance(60) { bytes = Shrinker.repairedChecksum(bytes) }
    }
}

extension RawSpan {
    fileprivate func etherType(before offset: Int) -> UInt16 {
        offset >= 2 && offset <= byteCount ? uint16(at: offset - 2) : 0
    }
}
