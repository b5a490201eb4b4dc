// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters
import Packet
import Tables

/// How a card is to be set up, apart from its rules. A value; nothing happens until a driver applies it. What is nil is left
/// as the card has it.
public struct CardSettings: Hashable, Sendable {
    /// 6Tree: hierarchical routing by nibbles of the IPv6 address.
    public struct SixTree: Hashable, Sendable {
        /// The 56 bits behind the first byte, 0xAF, of the node's /64.
        public var prefix: UInt64
        /// Nibble of the prefix for the check of sources, and for the choice by destination: 0...15.
        public var sourcePointer: Int
        public var destinationPointer: Int

        public init(prefix: UInt64, sourcePointer: Int, destinationPointer: Int) {
            (self.prefix, self.sourcePointer, self.destinationPointer) = (prefix, sourcePointer, destinationPointer)
        }
    }

    /// Ports that receive. The card's numbers, as everywhere here.
    public var enabledPorts: Set<Int>
    public var speeds: [Int: PortSpeed] = [:]
    /// Ports whose link is up, for a card that has to be told (map revision 16 and later).
    public var linkedPorts: Set<Int>?
    public var ownMAC: MACAddress?
    /// Flows that no rule knows go to the processor; else they are looped back.
    public var missesToProcessor = true
    /// Rules decide.
    public var flowCache = true
    /// The card's own MAC learning switch. It decides frames by itself, unknown to the tables: leave it off beside this driver's
    /// data plane.
    public var macSwitch = false
    /// Of addresses the switch has learned, seconds; even, at least 2.
    public var ageing: Int?
    /// Packet memory a flow may hold, bytes, in units of 64; by flow id, 0..<`flows`. What 0 means is not public.
    public var limits: [Int: Int] = [:]
    /// Flow ids that have a limit.
    public static let flows = 512
    /// nil: turned off where a program had turned it on, as far as that is public (map revision 7).
    public var sixTree: SixTree?
    /// VLAN of frames without a tag, by port (map revision 17).
    public var portVLANs: [Int: UInt16] = [:]

    public init(enabledPorts: Set<Int> = []) { self.enabledPorts = enabledPorts }
}

extension CardSettings {
    /// The words to write, in order; `last` are those with which traffic begins to flow: they belong behind the rules.
    ///
    /// - Parameter found: the speeds that the card has now.
    func words(
        _ identity: CardIdentity, _ map: FlowEngineMap, found: NETSpeed
    ) throws(CardError) -> (first: [RegisterAccess], last: [RegisterAccess]) {
        var first: [RegisterAccess] = []
        func set<Value, Access: Writable>(_ register: Register<Value, Access>, _ value: Value) {
            first.append(.write(register.address, value.rawValue))
        }
        try check(identity)
        if let mac = ownMAC {
            set(map.net.ownMACAddrL, NETOwnMACAddrL(rawValue: UInt32(truncatingIfNeeded: mac.rawValue)))
            set(map.net.ownMACAddrH, NETOwnMACAddrH(rawValue: UInt32(mac.rawValue >> 32)))
        }
        if !speeds.isEmpty {
            var value = found
            for (port, speed) in speeds { value[port: port] = speed }
            set(map.net.speed, value)
        }
        if let linked = linkedPorts {
            guard let register = map.net.link else {
                throw .missing(feature: "register to tell a link by", card: identity.title)
            }
            var value = NETLink()
            for port in linked { value[port: port] = true }
            set(register, value)
        }
        try sixTreeWords(identity, map, &first)
        for (port, vlan) in portVLANs.sorted(by: { $0.key < $1.key }) {
            guard let register = map.flowCache.vlanInt else {
                throw .missing(feature: "VLAN of a port", card: identity.title)
            }
            set(register[port], FlowCacheVLANInt(rawValue: UInt32(vlan)))
        }
        for (flow, bytes) in limits.sorted(by: { $0.key < $1.key }) {
            set(map.trafficManager.resourceLimit[flow], TrafficManagerResourceLimit(rawValue: UInt32(bytes / 64)))
        }
        for block in map.ethernetSwitch.prefix(identity.datapathCount) {
            if let ageing = ageing.flatMap({ EthernetSwitchAgeing(seconds: $0) }) { set(block.ageing, ageing) }
            var common = EthernetSwitchCommon()
            common.enabled = macSwitch
            set(block.common, common)
        }
        var last: [RegisterAccess] = []
        if identity.flowCache.isPresent {
            var features = CommonFeaturesFlowcache()
            features.defaultToProcessor = missesToProcessor
            set(map.common.featuresFlowcache, features)
            last.append(.write(map.flowCache.enable.address, enableWord(identity).rawValue))
        }
        var enable = NETEnable()
        for port in enabledPorts { enable[port: port] = true }
        last.append(.write(map.net.enable.address, enable.rawValue))
        return (first, last)
    }

    private func enableWord(_ identity: CardIdentity) -> FlowCacheEnable {
        var enable = FlowCacheEnable()
        enable.emh = flowCache && identity.flowCache.exact
        enable.linear = flowCache && identity.flowCache.linear
        enable.ema = flowCache && identity.flowCache.masked
        return enable
    }

    private func sixTreeWords(
        _ identity: CardIdentity, _ map: FlowEngineMap, _ words: inout [RegisterAccess]
    ) throws(CardError) {
        guard let tree = sixTree else {
            // Somebody had turned it on by the registers, an earlier run perhaps: it would go on sending past the tables.
            if let register = map.common.features6Tree, var value = identity.sixTree, value.enabled, value.fromRegisters
            {
                value.enabled = false
                words.append(.write(register.address, value.rawValue))
            }
            return
        }
        words.append(.write(map.net.sixTreeAddrL.address, UInt32(truncatingIfNeeded: tree.prefix)))
        words.append(.write(map.net.sixTreeAddrH.address, UInt32(tree.prefix >> 32 & 0xff_ffff)))
        words.append(.write(map.net.sixTreeSrcPtr.address, UInt32(tree.sourcePointer)))
        words.append(.write(map.net.sixTreeDstPtr.address, UInt32(tree.destinationPointer)))
        // Revision 7 has a switch for it; how later ones are told to use the prefix is not public.
        if let register = map.common.features6Tree, var value = identity.sixTree {
            (value.enabled, value.fromRegisters) = (true, true)
            words.append(.write(register.address, value.rawValue))
        }
    }

    private func check(_ identity: CardIdentity) throws(CardError) {
        let ports = "ports of the card, 0..<\(identity.portCount)"
        func check(_ numbers: some Sequence<Int>, _ setting: String) throws(CardError) {
            for number in numbers where !(0..<min(identity.portCount, 16)).contains(number) {
                throw .invalid(setting: setting, value: "\(number)", expected: ports)
            }
        }
        try check(enabledPorts, "a port to enable")
        try check(speeds.keys, "a port's speed")
        try check(linkedPorts ?? [], "a port's link")
        try check(portVLANs.keys, "a port's VLAN")
        for (flow, bytes) in limits
        where !(0..<Self.flows).contains(flow) || bytes % 64 != 0 || !(0..<(1 << 30)).contains(bytes) {
            throw .invalid(
                setting: "the limit of flow \(flow)", value: "\(bytes)",
                expected: "bytes in units of 64, of a flow in 0..<\(Self.flows)")
        }
        if let ageing, EthernetSwitchAgeing(seconds: ageing) == nil {
            throw .invalid(setting: "ageing", value: "\(ageing)", expected: "an even number of seconds, 2 or more")
        }
        if let tree = sixTree {
            guard tree.prefix >> 56 == 0, (0...15).contains(tree.sourcePointer),
                (0...15).contains(tree.destinationPointer)
            else {
                throw .invalid(
                    setting: "6Tree",
                    value: "prefix 0x\(String(tree.prefix, radix: 16)), pointers "
                        + "\(tree.sourcePointer) and \(tree.destinationPointer)",
                    expected: "a prefix of 56 bits and pointers in 0...15")
            }
        }
        if flowCache, !identity.flowCache.isPresent { throw .missing(feature: "flow cache", card: identity.title) }
    }
}
