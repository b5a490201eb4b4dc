// SPDX-License-Identifier: Apache-2.0
import Packet

/// What becomes of one packet, before it is written out.
private struct Decision {
    enum Output { case asReceived, routed(ResolvedNextHop), tagged(VLANID), untagged }

    var disposition: Disposition
    var reason: Reason
    var egressPort: PortID?
    var floodVLAN: VLANID?
    var output = Output.asReceived

    static func drop(_ reason: Reason) -> Self { Self(disposition: .drop, reason: reason) }
    static func kernel(_ reason: Reason) -> Self { Self(disposition: .kernel, reason: reason) }
    static func cpu(_ reason: Reason) -> Self { Self(disposition: .cpu, reason: reason) }
}

/// A packet on its way through the tables: what it is and where it arrived.
private struct Arrival {
    var fields: PacketFields
    var port: PortID
    var vlan: VLANID
    /// A copy goes to the controller, and why.
    var mirror: Reason?
}

// The sections are those of `Docs/pipeline.md`.
extension ReferenceDataPlane {
    public func process(_ frame: RawSpan, port: PortID) throws(DataPlaneError) -> PacketVerdict {
        let length = frame.byteCount
        var mirror: Reason?
        let decision: Decision
        let known = state.port(port)
        var fields: PacketFields?
        // 1. Port
        if length > singleBufferBytes {
            decision = .kernel(.multiBuffer)
        } else if let entry = known, entry.admit {
            // 2. Parse
            do throws(MalformedFrame) {
                let parsed = try PacketFields(parsing: frame)
                fields = parsed
                decision = decide(parsed, at: entry, &mirror)
            } catch {
                switch entry.malformed {
                case .ignore:
                    if let parsed = PacketFields(ethernetOf: frame) {
                        fields = parsed
                        decision = decide(parsed, at: entry, &mirror)
                    } else {
                        decision = .drop(error.reason)
                    }
                case .kernel: decision = .kernel(error.reason)
                case .drop: decision = .drop(error.reason)
                }
            }
        } else {
            decision = known == nil ? .kernel(.unknownPort) : .drop(.port)
        }

        // 8. Counters
        let countedPort = known == nil ? PortID(rawValue: 0) : port
        let slot =
            Int(countedPort.rawValue) << 8 | Int(decision.disposition.rawValue) << 6 | Int(decision.reason.rawValue)
        verdicts[slot].count(length)
        if let mirror { packetIn(frame, countedPort, mirror, isMirror: true) }
        if decision.disposition == .cpu { packetIn(frame, countedPort, decision.reason, isMirror: false) }

        let output: [UInt8]
        switch (decision.output, fields) {
        case (.routed(let nextHop), let fields?): output = Rewrite.routed(frame, fields, by: nextHop)
        case (.tagged(let vlan), let fields?): output = Rewrite.tagged(frame, fields, vlan: vlan)
        case (.untagged, let fields?): output = Rewrite.untagged(frame, fields)
        default: output = decision.disposition == .drop ? [] : frame.copied()
        }
        return PacketVerdict(
            disposition: decision.disposition, reason: decision.reason, egressPort: decision.egressPort,
            floodVLAN: decision.floodVLAN, mirrored: mirror != nil, output: output)
    }

    // MARK: 3. Where the frame belongs

    private func decide(_ fields: PacketFields, at port: PortEntry, _ mirror: inout Reason?) -> Decision {
        var vlan = fields.outerVID
        if port.mode == .switched, vlan == .untagged { vlan = port.pvid }
        if fields.destinationMAC.isReservedMulticast { return .kernel(.reservedMulticast) }

        var bridge: VLANEntry?
        if port.mode == .switched {
            guard let entry = state.vlan(vlan), entry.hasMember(port.port) else { return .drop(.vlanIngress) }
            if fields.sourceMAC.isMulticast || fields.sourceMAC.rawValue == 0 { return .drop(.sourceMAC) }
            if port.learnMACs { learn(fields.sourceMAC, vlan: vlan, port: port.port) }
            bridge = entry
        }

        var arrival = Arrival(fields: fields, port: port.port, vlan: vlan)
        defer { mirror = arrival.mirror }
        for station in state.stationLists[Int(port.port.rawValue)] where station.admits(fields.destinationMAC, vlan) {
            return route(&arrival, at: station.routerInterface, learnFlows: port.learnFlows)
        }
        return bridge.map { forward(&arrival, in: $0) } ?? reject(&arrival)
    }

    private func learn(_ source: MACAddress, vlan: VLANID, port: PortID) {
        let key = MACKey(vlan: vlan, mac: source)
        if let known = macs[key] {
            if known.entry.isStatic { return }
            if known.entry.action == .port(port) {
                macs[key]?.lastHit = now
                return
            }
        }
        events.macMiss(.init(vlan: vlan, mac: source, port: port))
    }

    // MARK: 4. Routed packets

    private func route(_ arrival: inout Arrival, at interface: RouterInterfaceID, learnFlows: Bool) -> Decision {
        // 2, 3
        let key = arrival.fields.flowKey(at: interface)
        let flow = key.flatMap { flows[$0]?.entry }.flatMap { isValid($0) ? $0 : nil }
        let decision = decide(&arrival, key: key, flow: flow)
        // 9
        if let key, flow == nil, learnFlows {
            events.flowMiss(
                FlowMiss(
                    key: key, port: arrival.port, length: UInt32(truncatingIfNeeded: arrival.fields.length),
                    time: clock(), disposition: decision.disposition, reason: decision.reason))
        }
        return decision
    }

    private func decide(_ arrival: inout Arrival, key: FlowKey?, flow: FlowEntry?) -> Decision {
        // 4
        if flow?.aclDone != true, let decision = consultACL(&arrival, routed: true) { return decision }
        // 6
        if let flow {
            flows[flow.key]?.counter.count(arrival.fields.length)
            flows[flow.key]?.lastHit = now
            if flow.mirror { arrival.mirror = .flowCache }
            return apply(flow.action, reason: flow.reason, forwardReason: .flowCache, arrival.fields)
        }
        // 7
        guard let ip = arrival.fields.ip else { return .kernel(.notIP) }
        guard let key else {
            if arrival.fields.tagCount > 1 { return .kernel(.vlanDepth) }
            if ip.hasIPv4Options { return .kernel(.ipOptions) }
            if ip.hasHopByHop { return .kernel(.hopByHop) }
            return .kernel(.fragment)
        }
        // 7 (special addresses), 8
        let decision = Classifier.route(key, state: state)
        if let route = decision.route {
            routeCounters[RouteKey(vrf: route.vrf, prefix: route.prefix), default: Counter()].count(
                arrival.fields.length)
        }
        return apply(decision.action, reason: decision.reason, forwardReason: .route, arrival.fields)
    }

    private func apply(
        _ action: ForwardingAction, reason: Reason, forwardReason: Reason, _ fields: PacketFields
    ) -> Decision {
        switch action {
        case .drop: .drop(reason)
        case .kernel: .kernel(reason)
        case .cpu: .cpu(reason)
        case .port(let port): send(by: port, reason: forwardReason)
        case .nextHop(let id): send(by: id, reason: forwardReason, fields)
        }
    }

    /// 4.5: as it came.
    private func send(by port: PortID, reason: Reason) -> Decision {
        guard state.port(port)?.up == true else { return .kernel(.egressPortDown) }
        return Decision(disposition: .forward, reason: reason, egressPort: port)
    }

    /// 4, next hop.
    private func send(by id: NextHopID, reason: Reason, _ fields: PacketFields) -> Decision {
        guard let ip = fields.ip, let nextHop = state.resolve(id) else { return .kernel(.neighborUnresolved) }
        guard nextHop.isUp else { return .kernel(.egressPortDown) }
        guard ip.timeToLive > 1 else { return .kernel(.ttlExpired) }
        guard ip.length <= Int(nextHop.mtu) else { return .kernel(.mtuExceeded) }
        return Decision(
            disposition: .forward, reason: reason, egressPort: nextHop.egressPort, output: .routed(nextHop))
    }

    // MARK: 5. Switched frames

    private func forward(_ arrival: inout Arrival, in vlan: VLANEntry) -> Decision {
        // 1
        if let decision = consultACL(&arrival, routed: false) { return decision }
        // 2
        let fields = arrival.fields
        if fields.destinationMAC == .broadcast { return flood(vlan, vlan.broadcast, .broadcast) }
        if fields.destinationMAC.isMulticast { return flood(vlan, vlan.multicast, .multicast) }
        // 3
        let key = MACKey(vlan: vlan.vlan, mac: fields.destinationMAC)
        guard let known = macs[key] else { return flood(vlan, vlan.unknownUnicast, .unknownUnicast) }
        macs[key]?.counter.count(fields.length)
        switch known.entry.action {
        case .drop: return .drop(.mac)
        case .kernel: return .kernel(.mac)
        case .cpu: return .cpu(.mac)
        case .port(let port):
            if port == arrival.port { return .drop(.samePort) }
            guard vlan.hasMember(port), let egress = state.port(port) else { return .drop(.vlanEgress) }
            guard egress.up else { return .drop(.egressPortDown) }
            // Tags are no part of what the MTU limits, however many the frame will have.
            let withoutTags = fields.length - HeaderLength.vlanTag * fields.tagCount
            guard withoutTags <= Int(egress.mtu) + HeaderLength.ethernet else { return .drop(.mtuExceeded) }
            return Decision(
                disposition: .forward, reason: .mac, egressPort: port,
                output: vlan.untagged.contains(port) ? .untagged : .tagged(vlan.vlan))
        }
    }

    private func flood(_ vlan: VLANEntry, _ policy: FloodPolicy, _ reason: Reason) -> Decision {
        switch policy {
        case .flood:
            Decision(disposition: .forward, reason: .flood, floodVLAN: vlan.vlan, output: .tagged(vlan.vlan))
        case .drop: .drop(reason)
        case .kernel: .kernel(reason)
        }
    }

    // MARK: 6. Frames at a routed port that my station does not admit

    private func reject(_ arrival: inout Arrival) -> Decision {
        if let decision = consultACL(&arrival, routed: false) { return decision }
        let destination = arrival.fields.destinationMAC
        if destination == .broadcast { return .kernel(.broadcast) }
        return .kernel(destination.isMulticast ? .multicast : .notMyStation)
    }

    // MARK: 7. ACL

    /// Nil when the ACL lets the packet go on.
    private func consultACL(_ arrival: inout Arrival, routed: Bool) -> Decision? {
        let fields = ACLFields(arrival.fields, port: arrival.port, vlan: arrival.vlan, routed: routed)
        let acl = Classifier.acl(fields, state: state)
        if let rule = acl.rule {
            aclCounters[rule.id, default: Counter()].count(arrival.fields.length)
            if rule.mirror { arrival.mirror = .acl }
        }
        switch acl.action {
        case .permit: return nil
        case .drop: return .drop(.acl)
        case .kernel: return .kernel(.acl)
        case .cpu: return .cpu(.acl)
        case .redirect(let port): return send(by: port, reason: .acl)
        }
    }

    // MARK: Events

    private func packetIn(_ frame: RawSpan, _ port: PortID, _ reason: Reason, isMirror: Bool) {
        let captured = frame.extracting(first: min(frame.byteCount, Self.packetInMaximum)).copied()
        events.append(
            .packetIn(port: port, reason: reason, mirror: isMirror, length: frame.byteCount, bytes: captured),
            port: port)
    }
}

extension MyStationEntry {
    fileprivate func admits(_ destination: MACAddress, _ vlan: VLANID) -> Bool {
        (self.vlan == nil || self.vlan == vlan) && (destination.rawValue ^ mac.rawValue) & macMask.rawValue == 0
    }
}

extension VLANEntry {
    /// Tagged or untagged.
    public func hasMember(_ port: PortID) -> Bool { tagged.contains(port) || untagged.contains(port) }
}

extension Counter {
    mutating func count(_ length: Int) {
        packets += 1
        bytes += UInt64(length)
    }
}
