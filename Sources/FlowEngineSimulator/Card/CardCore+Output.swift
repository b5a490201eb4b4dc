// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters
import Packet

// From a decision to bytes at ports, and the counters on the way.
extension CardCore {
    /// A frame that no table sees.
    mutating func refuse(_ reason: ReasonCode, port: Int) -> [CardEmission] {
        var refused = CardVerdict()
        (refused.ingress, refused.reason) = (port, reason)
        verdict = refused
        countDrop(reason, port: port)
        if port >= 0, port < statistics.badFrames.count, let place = statistics.badFrames[port] {
            registers[place: place] &+= 1
        }
        return []
    }

    mutating func carryOut(
        _ decision: Decision, _ frame: [UInt8], ingress: Int, _ classified: ClassifiedFrame
    ) -> [CardEmission] {
        var outcome = CardVerdict()
        (outcome.ingress, outcome.source, outcome.reason) = (ingress, decision.source, decision.reason)
        (outcome.flowID, outcome.queue, outcome.overwrite) = (decision.flowID, decision.queue, decision.overwrite)
        defer { verdict = outcome }
        guard !decision.isDrop else {
            countDrop(decision, decision.reason, port: ingress)
            return []
        }
        let (ports, noPort) = admissible(decision, ingress: ingress)
        guard ports != 0 else {
            outcome.reason = noPort
            countDrop(decision, noPort, port: ingress)
            return []
        }
        countGood(decision.flowID, port: ingress)
        var bytes = frame
        if case .sixTree = decision.source, variants.sixTreeCountsHops { bytes[classified.ipOffset + 7] -= 1 }
        var emissions: [CardEmission] = []
        var left = ports
        while left != 0 {
            let port = left.trailingZeroBitCount
            left &= left - 1
            guard admits(decision.flowID, bytes.count, port) else { continue }
            outcome.ports |= 1 << UInt32(port)
            count(from: ingress, to: port, decision)
            emissions.append(emission(bytes, port, ingress, decision, classified))
        }
        if outcome.ports == 0 { outcome.reason = .trafficManager }
        return emissions
    }

    /// Ports of the decision that there are; if none, why.
    private func admissible(_ decision: Decision, ingress: Int) -> (ports: UInt32, noPort: ReasonCode) {
        var ports = decision.ports
        let physical: UInt32 = (1 << UInt32(configuration.portCount)) - 1
        ports &= physical | 0xffff_0000
        guard ports != 0 else { return (0, .portDisabled) }
        if variants.loopToIngress == .dropped, ingress < 16 {
            switch decision.source {
            case .miss, .reservedMulticast, .injection: break
            case .ethernetSwitch, .flood:
                ports &= ~(1 << UInt32(ingress))
                return (ports, .addressLoopback)
            default: ports &= ~(1 << UInt32(ingress))
            }
        }
        return (ports, .portLoopback)
    }

    private mutating func admits(_ flow: Int, _ bytes: Int, _ port: Int) -> Bool {
        guard effective.contains(.trafficManager) else { return true }
        let admitted = trafficManager.admits(
            flow: flow, bytes: bytes, port: port, megabits: megabits(of: port), at: time)
        if !admitted, let place = statistics.drops { registers[place: place + flow] &+= 1 }
        return admitted
    }

    private func emission(
        _ frame: [UInt8], _ port: Int, _ ingress: Int, _ decision: Decision, _ classified: ClassifiedFrame
    ) -> CardEmission {
        let frame = overwritten(frame, by: decision.overwrite, port: port, classified)
        guard processorPorts >> UInt32(port) & 1 != 0 else { return .port(port, frame) }
        guard configuration.hostPort != nil else { return .cpu(interface: port - 16, frame) }
        let rt2 = ingress == 2 ? variants.tagNumberOfRT2 : ingress
        let now = UInt32(truncatingIfNeeded: clock.bridge(time))
        let upstream = CPUTag.Upstream(
            ingress: rt2, egress: configuration.hostPort ?? 0, reason: decision.reason, bridgeTime: now,
            receiveTime: now, controlledTime: clock.controlled(time))
        return .cpu(interface: ingress, tag.insert(upstream, into: frame))
    }

    // Counters, all in the register file; each read clears the word.

    private mutating func increment(_ base: Int?, _ index: Int) {
        if let base { registers[place: base + index] &+= 1 }
    }

    /// Ports as the statistics number them: 0...15 physical, 16...31 of the processor.
    private func datapath(_ port: Int) -> Int { port < configuration.portCount ? configuration.datapath(of: port) : 0 }

    private mutating func countDrop(_ reason: ReasonCode, port: Int) {
        guard port >= 0, port < 32 else { return }
        increment(statistics.rx[datapath(port)].badReason, port << 5 | Int(reason.rawValue))
    }

    private mutating func countDrop(_ decision: Decision, _ reason: ReasonCode, port: Int) {
        countDrop(reason, port: port)
        guard variants.droppedFrames == .counted, case .flowCache = decision.source else { return }
        increment(statistics.rx[datapath(port)].goodFlow, decision.flowID & 1023)
    }

    private mutating func countGood(_ flow: Int, port: Int) {
        let direction = statistics.rx[datapath(port)]
        increment(direction.goodFlow, flow & 1023)
        increment(direction.goodPort, port & 63)
    }

    private mutating func count(from ingress: Int, to egress: Int, _ decision: Decision) {
        increment(statistics.rx[datapath(ingress)].packets, (egress & 31) << 5 | (ingress & 31))
        let direction = statistics.tx[datapath(egress)]
        increment(direction.packets, (egress & 31) << 5 | (ingress & 31))
        increment(direction.goodFlow, decision.flowID & 1023)
        increment(direction.goodPort, egress & 63)
        if decision.reason.rawValue >= ReasonCode.processorDefault.rawValue, processorPorts >> UInt32(egress) & 1 != 0 {
            increment(
                statistics.rx[datapath(ingress)].processorReason, (ingress & 31) << 5 | Int(decision.reason.rawValue))
        }
    }
}
