// SPDX-License-Identifier: Apache-2.0
import Packet

/// The tag of frames between a Real-Time HAT and its host: EtherType 0x813E behind the addresses, big-endian, the first field
/// in the highest bits; the frame's own EtherType follows. Source: InnoRoute/linux `net/dsa/tag_innoroute.h`, RThat_wireshark.
/// Pure; nothing is sent here.
public enum ProcessorTag {
    public static let etherType: UInt16 = 0x813e

    public enum Version: Int, Hashable, Sendable, CaseIterable {
        case v1 = 1
        case v2, v3, v4

        /// Bytes of the tag with its EtherType.
        public var length: Int { self == .v1 || self == .v2 ? 16 : 24 }
        /// Bits of a port field. All ones as ingress: from the processor.
        var portBits: UInt16 { self == .v4 ? 5 : 6 }
        /// The reason field has 5 bits in version 4 and 3 before, which hold a reason's lower bits.
        var reasonBits: UInt16 { self == .v4 ? 5 : 3 }
        var portMask: UInt16 { 1 << portBits - 1 }
        /// A frame is padded to this, tag included, before it is sent to the card.
        public var minimumFrame: Int { 60 + length }
    }

    /// How the bits behind the ports are divided in a version 4 tag towards the card.
    public enum QueueField: Hashable, Sendable {
        /// Six bits of queue.
        case queue
        /// Five bits of queue and one that delays the frame.
        case queueAndDelay
    }

    /// On a frame from the card.
    public struct Received: Hashable, Sendable {
        public var ingress: UInt8
        public var egress: UInt8
        /// `CardReason` names it.
        public var reason: UInt8
        public var isBad: Bool
        /// The free-running clock as the frame was handed over, lower 32 bits, ns. Version 2 and later.
        public var bridgeTime: UInt32 = 0
        /// The same clock as the frame came in; 64 bits in version 1 only.
        public var receivedAt: UInt64 = 0
        /// The clock that follows PTP, at the time of `bridgeTime`. Version 2: 32 bits; later 64.
        public var controlledTime: UInt64 = 0

        public init(ingress: UInt8, egress: UInt8, reason: UInt8, isBad: Bool = false) {
            (self.ingress, self.egress, self.reason, self.isBad) = (ingress, egress, reason, isBad)
        }

        /// When the frame came in by the clock that follows PTP, ns: controlled − (bridge − received).
        public var receivedControlled: UInt64 {
            controlledTime &- UInt64(bridgeTime &- UInt32(truncatingIfNeeded: receivedAt))
        }
    }

    /// On a frame to the card.
    public struct Sent: Hashable, Sendable {
        public static let anyTime: UInt32 = 0xffff_ffff

        public var egress: UInt8
        /// Versions 1 to 3: 0...15; version 4: 0...63, or 0...31 beside `delays`.
        public var queue: UInt8
        public var delays = false
        public var transmitTime = Sent.anyTime
        /// 1...65535 asks for a confirmation with the time it left at; 0: none.
        public var confirmation: UInt32 = 0

        public init(egress: UInt8, queue: UInt8 = 0) { (self.egress, self.queue) = (egress, queue) }
    }
}

extension ProcessorTag {
    /// What the card's tag says, and the frame without it; nil if there is none, or it is cut short.
    public static func strip(_ frame: RawSpan, _ version: Version) -> (tag: Received, frame: [UInt8])? {
        guard frame.byteCount >= 12 + version.length + 2, frame.uint16(at: 12) == etherType else { return nil }
        let bits = frame.uint16(at: 14)
        var tag = Received(
            ingress: UInt8(bits >> (16 - version.portBits)),
            egress: UInt8(bits >> (16 - 2 * version.portBits) & version.portMask),
            reason: UInt8(bits >> 1 & (1 << version.reasonBits - 1)), isBad: bits & 1 != 0)
        switch version {
        case .v1: tag.receivedAt = frame.uint64(at: 16)
        case .v2:
            tag.bridgeTime = frame.uint32(at: 16)
            tag.receivedAt = UInt64(frame.uint32(at: 20))
            tag.controlledTime = UInt64(frame.uint32(at: 24))
        case .v3, .v4:
            tag.bridgeTime = frame.uint32(at: 16)
            tag.receivedAt = UInt64(frame.uint32(at: 20))
            tag.controlledTime = frame.uint64(at: 24)
        }
        let whole = frame.copied()
        return (tag, Array(whole[..<12] + whole[(12 + version.length)...]))
    }

    /// A frame as the card would hand it to the host: the other direction of `strip`.
    public static func attach(_ tag: Received, to frame: [UInt8], _ version: Version) -> [UInt8]? {
        guard frame.count >= 14 else { return nil }
        var bytes = Array(frame[..<12])
        bytes.append(bigEndian: etherType)
        var bits = UInt16(tag.ingress) & version.portMask
        bits = bits << version.portBits | UInt16(tag.egress) & version.portMask
        bits = bits << version.reasonBits | UInt16(tag.reason) & (1 << version.reasonBits - 1)
        bytes.append(bigEndian: bits << 1 | (tag.isBad ? 1 : 0))
        switch version {
        case .v1: bytes.append(bigEndian: tag.receivedAt)
        case .v2:
            bytes.append(bigEndian: tag.bridgeTime)
            bytes.append(bigEndian: UInt32(truncatingIfNeeded: tag.receivedAt))
            bytes.append(bigEndian: UInt32(truncatingIfNeeded: tag.controlledTime))
        case .v3, .v4:
            bytes.append(bigEndian: tag.bridgeTime)
            bytes.append(bigEndian: UInt32(truncatingIfNeeded: tag.receivedAt))
            bytes.append(bigEndian: tag.controlledTime)
        }
        bytes += repeatElement(0, count: 12 + version.length - bytes.count)
        return bytes + frame[12...]
    }

    /// A frame for the card to send, padded to the least it takes; nil if it has no Ethernet header.
    public static func attach(
        _ tag: Sent, to frame: [UInt8], _ version: Version, queueField: QueueField = .queue
    ) -> [UInt8]? {
        guard frame.count >= 14 else { return nil }
        var bytes = Array(frame[..<12])
        bytes.append(bigEndian: etherType)
        let ports = version.portMask << version.portBits | UInt16(tag.egress) & version.portMask
        let queueBits = 16 - 2 * version.portBits
        var queue = UInt16(tag.queue) & (1 << queueBits - 1)
        if version == .v4, queueField == .queueAndDelay { queue = UInt16(tag.queue & 31) << 1 | (tag.delays ? 1 : 0) }
        bytes.append(bigEndian: ports << queueBits | queue)
        bytes.append(bigEndian: tag.transmitTime)
        bytes.append(bigEndian: tag.confirmation)
        bytes += repeatElement(0, count: 12 + version.length - bytes.count)
        bytes += frame[12...]
        bytes += repeatElement(0, count: max(0, version.minimumFrame - bytes.count))
        return bytes
    }

    /// The other direction of that: what a tag towards the card says; nil if it is none, or cut short.
    public static func parseSent(
        _ frame: RawSpan, _ version: Version, queueField: QueueField = .queue
    ) -> (tag: Sent, frame: [UInt8])? {
        guard frame.byteCount >= 12 + version.length + 2, frame.uint16(at: 12) == etherType else { return nil }
        let bits = frame.uint16(at: 14)
        guard bits >> (16 - version.portBits) == version.portMask else { return nil }
        let queueBits = 16 - 2 * version.portBits
        var tag = Sent(
            egress: UInt8(bits >> queueBits & version.portMask), queue: UInt8(bits & (1 << queueBits - 1)))
        if version == .v4, queueField == .queueAndDelay {
            (tag.queue, tag.delays) = (tag.queue >> 1, tag.queue & 1 != 0)
        }
        tag.transmitTime = frame.uint32(at: 16)
        tag.confirmation = frame.uint32(at: 20)
        let whole = frame.copied()
        return (tag, Array(whole[..<12] + whole[(12 + version.length)...]))
    }
}

/// Why the card handed a frame over, or dropped it. Source: RThat_wireshark.
public enum CardReason: UInt8, Hashable, Sendable, CaseIterable {
    case macReceiveError = 0
    case oversize, fragment, runt
    case fcs = 6
    case receivePause
    case sixTreeSourceUpstream, sixTreeDestinationDownstream
    case addressLoopback, portLoopback, portDisabled, nocAction, dropSpecialCase, accelerationDatapath
    case trafficManagerCutThrough, notTagged, streamGateClosed, none
    case processorDefault = 26
    case processorSpecialCase, processorRule, processorSwitched, processorFlooded, processorRouted

    /// As the programs of the CPU port call it (`bpf/include/card_tag.h`).
    public var name: String {
        switch self {
        case .macReceiveError: "mac_rx_er"
        case .oversize: "oversize"
        case .fragment: "fragment"
        case .runt: "runt"
        case .fcs: "fcs"
        case .receivePause: "rx_pause"
        case .sixTreeSourceUpstream: "6t_src_addr_upstream"
        case .sixTreeDestinationDownstream: "6t_dst_addr_downstream"
        case .addressLoopback: "addr_loopback"
        case .portLoopback: "port_loopback"
        case .portDisabled: "port_disabled"
        case .nocAction: "noc_action"
        case .dropSpecialCase: "drop_special_case"
        case .accelerationDatapath: "acc_dp"
        case .trafficManagerCutThrough: "tm_ct"
        case .notTagged: "mac_not_dsa_tagged"
        case .streamGateClosed: "qci_gate_closed"
        case .none: "none"
        case .processorDefault: "proc_acc_default"
        case .processorSpecialCase: "proc_special_case"
        case .processorRule: "proc_fc_rule"
        case .processorSwitched: "proc_ethsw_switched"
        case .processorFlooded: "proc_ethsw_flood"
        case .processorRouted: "proc_mac_routed"
        }
    }
}
