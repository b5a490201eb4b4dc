// SPDX-License-Identifier: Apache-2.0
import CFastPath
import Packet
import Tables

/// An ACL entry as words and masks (`fp_acl_rule`). What each word holds is described there.
enum ACLCompiler {
    private static let ipv4 = UInt64(FP_ACL_IPV4) << 56
    private static let ipv6 = UInt64(FP_ACL_IPV6) << 56
    private static let ip = UInt64(FP_ACL_IP) << 56
    private static let l4 = UInt64(FP_ACL_L4) << 56
    private static let fragment = UInt64(FP_ACL_FRAGMENT) << 56
    private static let later = UInt64(FP_ACL_LATER) << 56
    private static let routed = UInt64(FP_ACL_ROUTED) << 56

    /// `counter` is the index of the entry's counter.
    static func rule(_ entry: ACLEntry, counter: UInt32) -> fp_acl_rule {
        var value: [UInt64] = Array(repeating: 0, count: 8)
        var mask = value
        func require(_ word: Int, _ bits: UInt64, of field: UInt64) {
            value[word] |= bits & field
            mask[word] |= field
        }
        let match = entry.match
        if let port = match.ingressPort { require(0, UInt64(port.rawValue), of: 0xffff) }
        if let vlan = match.vlan { require(0, UInt64(vlan.rawValue) << 16, of: 0xffff << 16) }
        if let type = match.etherType { require(0, UInt64(type) << 32, of: 0xffff << 32) }
        if let proto = match.ipProtocol {
            require(0, UInt64(proto) << 48 | ip, of: 0xff << 48 | ip)
        }
        if let mac = match.destinationMAC { require(1, mac.value, of: mac.mask & 0xffff_ffff_ffff) }
        if let mac = match.sourceMAC { require(2, mac.value, of: mac.mask & 0xffff_ffff_ffff) }
        if let dscp = match.dscp {
            require(1, UInt64(dscp) << 48, of: 0xff << 48)
            require(0, ip, of: ip)
        }
        if let flags = match.tcpFlags {
            require(1, UInt64(flags.value) << 56, of: UInt64(flags.mask) << 56)
            require(0, l4, of: l4)
        }
        if let type = match.icmpType {
            require(2, UInt64(type) << 48, of: 0xff << 48)
            require(0, l4, of: l4)
        }
        if let code = match.icmpCode {
            require(2, UInt64(code) << 56, of: 0xff << 56)
            require(0, l4, of: l4)
        }
        for (prefix, word) in [(match.source, 4), (match.destination, 6)] {
            guard let prefix else { continue }
            switch prefix.address {
            case .v4(let address):
                let bits: UInt32 = prefix.length == 0 ? 0 : ~0 << (32 - UInt32(prefix.length))
                require(word + 1, UInt64(address.rawValue), of: UInt64(bits))
                require(0, ipv4, of: ipv4)
            case .v6(let address):
                let length = UInt64(prefix.length)
                require(word, address.high, of: length == 0 ? 0 : length >= 64 ? ~0 : ~0 << (64 - length))
                require(word + 1, address.low, of: length <= 64 ? 0 : ~0 << (128 - length))
                require(0, ipv6, of: ipv6)
            }
        }
        if let which = match.fragment {
            switch which {
            case .first: require(0, fragment, of: fragment | later)
            case .later: require(0, later, of: later)
            case .any: require(0, fragment, of: fragment)
            case .none: require(0, ip, of: ip | fragment)
            }
        }
        if let isRouted = match.routed { require(0, isRouted ? routed : 0, of: routed) }
        if match.sourcePorts != nil || match.destinationPorts != nil { require(0, l4, of: l4) }

        var rule = fp_acl_rule()
        rule.value = (value[0], value[1], value[2], value[3], value[4], value[5], value[6], value[7])
        rule.mask = (mask[0], mask[1], mask[2], mask[3], mask[4], mask[5], mask[6], mask[7])
        rule.source_port_low = match.sourcePorts?.lowerBound ?? 0
        rule.source_port_high = match.sourcePorts?.upperBound ?? .max
        rule.destination_port_low = match.destinationPorts?.lowerBound ?? 0
        rule.destination_port_high = match.destinationPorts?.upperBound ?? .max
        rule.action = action(entry).rawValue
        rule.counter = counter
        rule.id = entry.id
        return rule
    }

    private static func action(_ entry: ACLEntry) -> ActionWord {
        let flags = entry.mirror ? ActionWord.mirror : 0
        return switch entry.action {
        case .permit: ActionWord(.forward, flags: flags | ActionWord.permitOrGroup)
        case .drop: ActionWord(.drop, flags: flags)
        case .kernel: ActionWord(.kernel, flags: flags)
        case .cpu: ActionWord(.cpu, flags: flags)
        case .redirect(let port): ActionWord(.forward, index: UInt32(port.rawValue), flags: flags | ActionWord.toPort)
        }
    }
}
