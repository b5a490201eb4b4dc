// SPDX-License-Identifier: Apache-2.0
import Packet

// Which stage decides. Each says what it would do, or nothing; `overrideOrder` says whose word counts.
extension CardCore {
    mutating func decide(
        _ bytes: RawSpan, _ frame: ClassifiedFrame, _ ingress: Int, injected: Decision?, switches: Bool
    ) -> Decision {
        let cached = lookUp(frame)
        let flowDecision = cached.map { decision(of: $0) }
        switch variants.overrideOrder {
        case .manual:
            if let injected { return injected }
            if let flowDecision, flowDecision.isDecided { return flowDecision }
            if switches, let decision = decideBySwitch(frame, ingress) { return decision.carrying(flowDecision) }
            if let decision = decideBySixTree(bytes, frame, ingress) { return decision.carrying(flowDecision) }
            if flowDecision == nil, let decision = decideByDefaultFlow(ingress) { return decision }
            return missDecision(ingress).carrying(flowDecision)
        case .header:
            if flowDecision == nil, let decision = decideByDefaultFlow(ingress) { return decision }
            if switches, let decision = decideBySwitch(frame, ingress) { return decision.carrying(flowDecision) }
            if let flowDecision, flowDecision.isDecided { return flowDecision }
            if let injected { return injected }
            if let decision = decideBySixTree(bytes, frame, ingress) { return decision.carrying(flowDecision) }
            return missDecision(ingress).carrying(flowDecision)
        }
    }

    private func lookUp(_ frame: ClassifiedFrame) -> FlowCacheMatch? {
        guard !frame.matchesNoRule, cacheEnable.rawValue != 0 else { return nil }
        var enable = cacheEnable
        if !effective.contains(.exactMatch) { enable.remove(.exact) }
        if !effective.contains(.linearSearch) { enable.remove(.linear) }
        if !effective.contains(.maskedMatch) { enable.remove(.masked) }
        guard enable.rawValue != 0 else { return nil }
        return flowCache.lookup(frame.key, enable)
    }

    private func decision(of match: FlowCacheMatch) -> Decision {
        let id = flowCache.actionID(match.actionID)
        var decision = Decision(source: .flowCache(match))
        (decision.flowID, decision.queue, decision.overwrite) = (id.action, id.queue, id.overwrite)
        apply(action: id.action, to: &decision)
        return decision
    }

    private func apply(action index: Int, to decision: inout Decision) {
        let action = flowCache.actions[index]
        if action.drops {
            decision.isDrop = true
            decision.reason = .action
        } else if let port = action.port {
            decision.ports = 1 << UInt32(port)
        }
        if let replication = map.trafficManager.replicationBitmap, !action.drops,
            effective.contains(.trafficManager), decision.flowID < replication.count,
            trafficManager.replication[decision.flowID] != 0
        {
            decision.ports = trafficManager.replication[decision.flowID]
        }
        if decision.ports & processorPorts != 0 { decision.reason = .processorRule }
    }

    /// Ports behind which the host is.
    var processorPorts: UInt32 { configuration.hostPort.map { 1 << UInt32($0) | 0xffff_0000 } ?? 0xffff_0000 }

    private func decideByDefaultFlow(_ ingress: Int) -> Decision? {
        guard effective.contains(.flowCache) else { return nil }
        var decision = Decision(source: .defaultAction)
        // While the flow cache decides, it says flow 0.
        decision.flowID = cacheEnable.rawValue == 0 && ingress < defaultFlow.count ? defaultFlow[ingress] : 0
        apply(action: decision.flowID, to: &decision)
        return decision.isDecided ? decision : nil
    }

    private mutating func decideBySwitch(_ frame: ClassifiedFrame, _ ingress: Int) -> Decision? {
        if ownAddress != 0, frame.destination == ownAddress {
            var decision = Decision(source: .ownAddress, reason: .processorRouted)
            decision.ports = processorBit(ingress)
            return decision
        }
        if !MACAddress(rawValue: frame.destination).isMulticast,
            let port = ethernetSwitch.port(of: frame.destination, at: time)
        {
            var decision = Decision(source: .ethernetSwitch)
            decision.ports = 1 << UInt32(port)
            if decision.ports & processorPorts != 0 { decision.reason = .processorSwitched }
            return decision
        }
        var decision = Decision(source: .flood)
        decision.ports = enabledPorts & ((1 << UInt32(configuration.portCount)) - 1) & ~(1 << UInt32(ingress))
        if let host = configuration.hostPort { decision.ports &= ~(1 << UInt32(host)) }
        if variants.floodReachesProcessor {
            decision.ports |= processorBit(ingress)
            decision.reason = .processorFlood
        }
        return decision
    }

    private func decideBySixTree(_ bytes: RawSpan, _ frame: ClassifiedFrame, _ ingress: Int) -> Decision? {
        guard sixTreeEnabled, sixTreeConfigured, effective.contains(.sixTree), frame.isIPv6,
            bytes.byteCount >= frame.ipOffset + HeaderLength.ipv6
        else { return nil }
        let verdict = sixTree.decide(
            bytes, at: frame.ipOffset, ingress: ingress, portCount: configuration.portCount, uplinks: uplinks, variants)
        switch verdict {
        case nil: return nil
        case .dropped(let reason): return .drop(.sixTree, reason)
        case .port(let port):
            var decision = Decision(source: .sixTree)
            decision.ports = 1 << UInt32(port)
            if decision.ports & processorPorts != 0 { decision.reason = .processorDefault }
            return decision
        }
    }

    private func missDecision(_ ingress: Int) -> Decision {
        var decision = Decision(source: .miss)
        if missesGoToProcessor {
            decision.reason = .processorDefault
            decision.ports = processorBit(ingress)
        } else {
            decision.ports = 1 << UInt32(ingress)
        }
        return decision
    }
}

extension CardCore.Decision {
    /// It says where the frame goes.
    var isDecided: Bool { isDrop || ports != 0 }

    /// What a rule without a port of its own still says: flow, queue and overwrite.
    func carrying(_ rule: CardCore.Decision?) -> CardCore.Decision {
        guard let rule else { return self }
        var carried = self
        (carried.flowID, carried.queue, carried.overwrite) = (rule.flowID, rule.queue, rule.overwrite)
        return carried
    }
}
