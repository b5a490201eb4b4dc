// SPDX-License-Identifier: Apache-2.0
import Packet

// A frame's way: port, classifier, stages, then queues and headers. No allocation before the bytes that leave.
extension CardCore {
    /// What a stage says about a frame.
    struct Decision {
        var source: CardVerdict.Source
        /// A bit each; 16 and up: processor.
        var ports: UInt32 = 0
        var reason = ReasonCode.none
        var isDrop = false
        var flowID = 0
        var queue = 0
        var overwrite = 0

        static func drop(_ source: CardVerdict.Source, _ reason: ReasonCode) -> Decision {
            Decision(source: source, reason: reason, isDrop: true)
        }
    }

    /// Shortest there is something to read of.
    private static let headerLength = HeaderLength.ethernet
    private static let pauseEtherType: UInt16 = 0x8808

    mutating func receive(_ frame: [UInt8], port: Int, isFrameCheckGood: Bool) -> [CardEmission] {
        guard isPowered, heldReset == 0 else { return [] }
        guard port != configuration.hostPort else {
            return receiveFromHost(frame, isFrameCheckGood: isFrameCheckGood)
        }
        if let reason = portReason(frame, port: port, isFrameCheckGood: isFrameCheckGood) {
            return refuse(reason, port: port)
        }
        let bytes = frame.span.bytes
        let classified = classifier.classify(bytes, inPort: port, portVLAN: portVLAN[port])
        if pausePorts >> UInt32(port) & 1 != 0, bytes.uint16(at: 12) == Self.pauseEtherType {
            return refuse(.pause, port: port)
        }
        if variants.invalidSource == .dropped, FrameClassifier.isInvalidSource(classified.source) {
            return refuse(.specialCase, port: port)
        }
        let datapath = configuration.datapath(of: port)
        let switches = switchEnabled[datapath] && effective.contains(.ethernetSwitch)
        if switches {
            ethernetSwitch.frames &+= 1
            if !FrameClassifier.isInvalidSource(classified.source) {
                ethernetSwitch.learn(classified.source, port: port, at: time)
            }
        }
        if MACAddress(rawValue: classified.destination).isReservedMulticast {
            switch variants.reservedMulticast {
            case .matches: break
            case .dropped: return refuse(.specialCase, port: port)
            case .toProcessor:
                var decision = Decision(source: .reservedMulticast, reason: .processorSpecialCase)
                decision.ports = processorBit(port)
                return carryOut(decision, frame, ingress: port, classified)
            }
        }
        let decision = decide(bytes, classified, port, injected: nil, switches: switches)
        return carryOut(decision, frame, ingress: port, classified)
    }

    /// A frame by PCIe, with the port and queue of its descriptor.
    mutating func inject(_ frame: [UInt8], port: Int, queue: Int) -> [CardEmission] {
        guard isPowered, heldReset == 0 else { return [] }
        let ingress = 16 + min(max(port, 0), 15)
        guard frame.count >= Self.headerLength else { return refuse(.runt, port: ingress) }
        var injection = Decision(source: .injection)
        injection.ports = port >= 0 && port < 16 ? 1 << UInt32(port) : 0
        injection.queue = queue
        let classified = classifier.classify(frame.span.bytes, inPort: ingress, portVLAN: 0)
        let decision = decide(frame.span.bytes, classified, ingress, injected: injection, switches: false)
        return carryOut(decision, frame, ingress: ingress, classified)
    }

    /// A frame from the HAT's host, with its tag.
    mutating func receiveFromHost(_ tagged: [UInt8], isFrameCheckGood: Bool) -> [CardEmission] {
        guard isPowered, heldReset == 0 else { return [] }
        guard let port = configuration.hostPort else { return refuse(.notTagged, port: 16) }
        if let reason = portReason(
            tagged, port: port, isFrameCheckGood: isFrameCheckGood, allowance: tag.length)
        {
            return refuse(reason, port: port)
        }
        guard let (tag, frame) = tag.remove(from: tagged) else { return refuse(.notTagged, port: port) }
        guard frame.count >= configuration.minimumFrame else { return refuse(.runt, port: port) }
        var injection = Decision(source: .injection)
        switch tag.egress {
        case 0: injection.ports = 1 << 0
        case 1: injection.ports = 1 << 2
        // What other numbers mean is not public.
        default: return refuse(.specialCase, port: port)
        }
        injection.queue = tag.queue
        let classified = classifier.classify(frame.span.bytes, inPort: port, portVLAN: portVLAN[port])
        let decision = decide(frame.span.bytes, classified, port, injected: injection, switches: false)
        let emissions = carryOut(decision, frame, ingress: port, classified)
        if tag.confirmation != 0 {
            for case .port(let sent, _) in emissions { confirm(tag.confirmation, port: sent) }
        }
        return emissions
    }

    /// What the port itself finds wrong. `allowance`: bytes above the longest frame, for a tag.
    private func portReason(
        _ frame: [UInt8], port: Int, isFrameCheckGood: Bool, allowance: Int = 0
    ) -> ReasonCode? {
        guard port >= 0, port < configuration.portCount, enabledPorts >> UInt32(port) & 1 != 0 else {
            return .portDisabled
        }
        if frame.count < max(configuration.minimumFrame, Self.headerLength) {
            return isFrameCheckGood ? .runt : .fragment
        }
        if frame.count > configuration.maximumFrame + allowance { return .oversize }
        return isFrameCheckGood ? nil : .frameCheck
    }

    func processorBit(_ ingress: Int) -> UInt32 {
        if let host = configuration.hostPort { return 1 << UInt32(host) }
        return 1 << UInt32(16 + (ingress & 15))
    }
}
