// SPDX-License-Identifier: Apache-2.0
import BPF
import CFastPath
import Netlink

/// Which tag a card puts on frames at its CPU port (`bpf/include/card_tag.h`).
public enum CardTagVersion: UInt32, Sendable, Hashable, CaseIterable {
    /// Only the length of 1 and 2 is public; what is assumed of their fields stands in `card_tag.h`.
    case one = 1
    case two, three, four

    /// Bytes a tagged frame is longer.
    public var bytes: Int { Int(card_tag_bytes(rawValue)) }
    /// The largest number the tag can give a port.
    public var largestPort: UInt8 { UInt8(truncatingIfNeeded: (1 << card_tag_port_bits(rawValue)) - 1) }
    /// All ones in the ingress field says "from the CPU" on the way out, and cannot be a port on the way in.
    public var largestIngress: UInt8 { largestPort - 1 }
}

/// A port of the card that is a port of the node.
public struct CardLogicalPort: Sendable, Hashable {
    /// The outer end's name, such as `rt0`: where the node's programs are attached and the kernel has its addresses.
    public var name: String
    /// What the tag calls the port on the way out, 0...31 (0 is RT0, 1 is RT2). Counters are kept by it.
    public var egress: UInt8
    /// What the tag calls it on the way in. For RT2 this is 1 or 2, depending on the card's version.
    public var ingress: Set<UInt8>
    /// The outer end's MAC address; nil leaves the one it has, or gets at random.
    public var address: LinkLayerAddress?
    /// Largest packet in bytes; nil: what the CPU port's MTU leaves.
    public var mtu: UInt32?

    public init(
        name: String, egress: UInt8, ingress: Set<UInt8>, address: LinkLayerAddress? = nil, mtu: UInt32? = nil
    ) {
        (self.name, self.egress, self.ingress, self.address, self.mtu) = (name, egress, ingress, address, mtu)
    }

    /// Name of the veth's other end, of which nothing but the programs makes use.
    public var innerName: String { "\(name)-cpu" }
}

/// What becomes of frames without a tag that arrive at the CPU port.
public enum CardUntaggedPolicy: Sendable, Hashable {
    /// They are dropped and counted, as the card drops untagged frames from the Pi (its reason 17): an answer would not get through.
    case drop
    /// The kernel gets them as frames of the CPU port itself. Of use only where the cable leads to something else than a card alone,
    /// such as a switch on a bench.
    case kernel
}

/// How a card's CPU port is made into ports of the node.
public struct CardPortConfiguration: Sendable {
    /// The interface whose cable leads to the card, such as `eth0`.
    public var interface: String
    public var version: CardTagVersion
    public var ports: [CardLogicalPort]
    public var untagged = CardUntaggedPolicy.drop
    /// What PTP frames (EtherType 0x88F7) get as confirmation id; 0 asks for none.
    public var confirmation: UInt16 = 0
    /// The queue field of version 4 has five bits and a delay flag, which is 0, behind it ("another revision").
    public var hasDelayFlag = false
    /// How the receiving program is attached. A driver without native XDP (that of the Pi's Ethernet, for one) needs `skb`.
    public var receives = XDPAttachPolicy.nativeThenSKB
    /// How the sending programs are attached at the inner ends; nil: native if the CPU port's driver transmits XDP frames, else
    /// skb. A native program's frames vanish at a driver that does not.
    public var sends: XDPAttachPolicy?
    /// Directory on a BPF file system where programs, maps and links are pinned, and found again; nil pins nothing, and then all
    /// links go with the process.
    public var pinDirectory: String?

    public init(interface: String, version: CardTagVersion, ports: [CardLogicalPort]) {
        (self.interface, self.version, self.ports) = (interface, version, ports)
    }

    /// Everything that can be wrong without looking at the machine.
    func check() throws(CardPortError) {
        guard !ports.isEmpty else { throw .noPorts }
        let most = min(version.largestPort, UInt8(CARD_MAX_PORTS) - 1)
        var egresses: [UInt8: String] = [:]
        var ingresses: [UInt8: String] = [:]
        var names: Set<String> = [interface]
        for port in ports {
            for name in [port.name, port.innerName] {
                guard !name.isEmpty, name.utf8.count <= 15, !name.contains("/") else {
                    throw .name(name, why: "an interface's name has 1 to 15 bytes and no slash")
                }
                guard names.insert(name).inserted else { throw .name(name, why: "it is given twice") }
            }
            guard port.egress <= most else {
                throw .number(port: port.name, field: "egress", value: port.egress, most: most)
            }
            if let other = egresses.updateValue(port.name, forKey: port.egress) {
                throw .taken(field: "egress", value: port.egress, ports: [other, port.name])
            }
            for value in port.ingress.sorted() {
                guard value <= version.largestIngress else {
                    throw .number(port: port.name, field: "ingress", value: value, most: version.largestIngress)
                }
                if let other = ingresses.updateValue(port.name, forKey: value) {
                    throw .taken(field: "ingress", value: value, ports: [other, port.name])
                }
            }
        }
    }

    /// The MTU of each port, by name.
    /// - Parameter available: the CPU port's.
    func mtus(available: UInt32) throws(CardPortError) -> [String: UInt32] {
        let tag = UInt32(version.bytes)
        var result: [String: UInt32] = [:]
        for port in ports {
            // 68: RFC 791's least.
            guard available >= tag + 68, port.mtu ?? 68 <= available - tag else {
                throw .mtu(
                    port: port.name, wanted: port.mtu, interface: interface, available: available, tag: version.bytes)
            }
            result[port.name] = port.mtu ?? (available - tag)
        }
        return result
    }
}
