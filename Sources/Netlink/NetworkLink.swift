// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc

/// A network interface as rtnetlink describes it (`RTM_NEWLINK`, `rtnetlink(7)`).
public struct NetworkLink: Hashable, Sendable {
    /// Number of the interface in its namespace, from 1.
    public var index: Int32
    /// Current name, at most 15 bytes.
    public var name: String
    /// Further names the link answers to (`ip link property add altname`).
    public var alternativeNames: [String] = []
    /// MAC address; nil where the link has none of six octets.
    public var address: LinkLayerAddress?
    /// Largest packet in bytes, link-layer header not counted.
    public var mtu: UInt32 = 0
    /// `IFF_*` flags of `netdevice(7)`.
    public var flags: UInt32 = 0
    /// RFC 2863 state, what the link can do now.
    public var operationalState: OperationalState = .unknown
    /// Driver kind, such as `veth` or `bridge`; nil for hardware.
    public var kind: String?
    /// Index of the bridge or bond this link is a port of.
    public var controller: Int32?
    /// The link this one stands on; for veth the other end.
    public var peer: Peer?
    /// XDP programs on the link, one per mode.
    public var xdp: [XDPAttachment] = []
    /// Receive and transmit queues.
    public var queues = Queues(receive: 0, transmit: 0)

    /// Whether the administrator wants it up (`IFF_UP`).
    public var isAdministrativelyUp: Bool { flags & UInt32(IFF_UP) != 0 }
    /// Whether the administrator wants it to take frames for any address (`IFF_PROMISC`).
    public var isPromiscuous: Bool { flags & UInt32(IFF_PROMISC) != 0 }
    /// Whether the driver sees a carrier (`IFF_LOWER_UP`).
    public var hasCarrier: Bool { flags & 0x10000 != 0 }
    /// Whether it is the namespace's loopback (`IFF_LOOPBACK`).
    public var isLoopback: Bool { flags & UInt32(IFF_LOOPBACK) != 0 }

    /// Where the other end is.
    public struct Peer: Hashable, Sendable {
        /// Its index, in its own namespace.
        public var index: Int32
        /// The number this namespace has for the peer's namespace (`ip netns list-id`); nil if it is this one.
        public var namespaceID: Int32?

        /// Describes the other end.
        public init(index: Int32, namespaceID: Int32? = nil) {
            self.index = index
            self.namespaceID = namespaceID
        }
    }

    /// Number of hardware or driver queues.
    public struct Queues: Hashable, Sendable {
        /// Receive queues (`IFLA_NUM_RX_QUEUES`).
        public var receive: UInt32
        /// Transmit queues (`IFLA_NUM_TX_QUEUES`).
        public var transmit: UInt32

        /// Numbers of queues.
        public init(receive: UInt32, transmit: UInt32) {
            self.receive = receive
            self.transmit = transmit
        }
    }
}

/// `IF_OPER_*` of `linux/if.h`, after RFC 2863.
public enum OperationalState: UInt8, Sendable, Hashable, CustomStringConvertible {
    /// The driver does not say, as loopback and tunnels.
    case unknown
    /// Some part is missing, usually hardware.
    case notPresent
    /// No carrier, or administratively down.
    case down
    /// A link this one stands on is down.
    case lowerLayerDown
    /// In a self-test.
    case testing
    /// Waiting for an event from outside, such as 802.1X.
    case dormant
    /// Passing packets.
    case up

    /// The word `ip link` uses, in lower case.
    public var description: String {
        switch self {
        case .unknown: "unknown"
        case .notPresent: "notpresent"
        case .down: "down"
        case .lowerLayerDown: "lowerlayerdown"
        case .testing: "testing"
        case .dormant: "dormant"
        case .up: "up"
        }
    }
}

/// An XDP program on a link.
public struct XDPAttachment: Hashable, Sendable {
    /// Where in the receive path it runs.
    public var mode: Mode
    /// The kernel's id of the program, as `bpftool prog show id` takes it.
    public var programID: UInt32

    /// Describes an attachment.
    public init(mode: Mode, programID: UInt32) {
        self.mode = mode
        self.programID = programID
    }

    /// Where an XDP program runs (`XDP_ATTACHED_*`).
    public enum Mode: Sendable, Hashable, CaseIterable {
        /// In the driver, before an skb exists.
        case native
        /// In the kernel's generic receive path, after the skb is made.
        case generic
        /// On the card.
        case offloaded
    }
}

extension NetworkLink {
    /// Reads an `RTM_NEWLINK` or `RTM_DELLINK` body: `struct ifinfomsg`, then `IFLA_*`.
    ///
    /// Nil for messages of a protocol's own view of the link (`AF_BRIDGE`: a port joining or leaving a bridge), which
    /// say nothing about the link itself.
    init?(message: RawSpan) throws(NetlinkError) {
        let name = "link"
        guard try message.integer(at: 0, as: UInt8.self, in: name) == UInt8(AF_UNSPEC) else { return nil }
        self.init(
            index: try message.integer(at: 4, as: Int32.self, in: name), name: "",
            flags: try message.integer(at: 8, as: UInt32.self, in: name))
        // Closures may not capture the inout self of a throwing initializer.
        var link = self
        var lower: Int32?
        var namespaceID: Int32?
        try message.forEachAttribute(from: 16, in: name) { (type, value) throws(NetlinkError) in
            switch type {
            case IFLA_IFNAME: link.name = value.text
            case IFLA_ADDRESS: link.address = LinkLayerAddress(octets: value.copy)
            case IFLA_MTU: link.mtu = try value.integer(in: "IFLA_MTU")
            case IFLA_OPERSTATE:
                link.operationalState = OperationalState(rawValue: try value.integer(in: "IFLA_OPERSTATE")) ?? .unknown
            case IFLA_LINK: lower = try value.integer(in: "IFLA_LINK")
            case IFLA_LINK_NETNSID: namespaceID = try value.integer(in: "IFLA_LINK_NETNSID")
            case IFLA_MASTER: link.controller = try value.integer(in: "IFLA_MASTER")
            case IFLA_NUM_RX_QUEUES: link.queues.receive = try value.integer(in: "IFLA_NUM_RX_QUEUES")
            case IFLA_NUM_TX_QUEUES: link.queues.transmit = try value.integer(in: "IFLA_NUM_TX_QUEUES")
            case IFLA_LINKINFO:
                try value.forEachAttribute(in: "IFLA_LINKINFO") { (type, value) throws(NetlinkError) in
                    if type == IFLA_INFO_KIND { link.kind = value.text }
                }
            case IFLA_PROP_LIST:
                try value.forEachAttribute(in: "IFLA_PROP_LIST") { (type, value) throws(NetlinkError) in
                    if type == IFLA_ALT_IFNAME { link.alternativeNames.append(value.text) }
                }
            case IFLA_XDP: link.xdp = try XDPAttachment.all(in: value)
            default: break
            }
        }
        // A link on nothing reports itself or 0.
        if let lower, lower != 0, lower != link.index || namespaceID != nil {
            link.peer = Peer(index: lower, namespaceID: namespaceID)
        }
        self = link
    }
}

extension XDPAttachment {
    /// Reads `IFLA_XDP`: the per-mode program ids, or, from drivers that give only one, the mode and the id.
    static func all(in nest: RawSpan) throws(NetlinkError) -> [XDPAttachment] {
        var found: [XDPAttachment] = []
        var mode: Mode?
        var single: UInt32?
        try nest.forEachAttribute(in: "IFLA_XDP") { (type, value) throws(NetlinkError) in
            switch type {
            case IFLA_XDP_ATTACHED:
                switch Int(try value.integer(as: UInt8.self, in: "IFLA_XDP_ATTACHED")) {
                case XDP_ATTACHED_DRV: mode = .native
                case XDP_ATTACHED_SKB: mode = .generic
                case XDP_ATTACHED_HW: mode = .offloaded
                default: mode = nil
                }
            case IFLA_XDP_PROG_ID: single = try value.integer(in: "IFLA_XDP_PROG_ID")
            case IFLA_XDP_DRV_PROG_ID:
                found.append(XDPAttachment(mode: .native, programID: try value.integer(in: "IFLA_XDP_DRV_PROG_ID")))
            case IFLA_XDP_SKB_PROG_ID:
                found.append(XDPAttachment(mode: .generic, programID: try value.integer(in: "IFLA_XDP_SKB_PROG_ID")))
            case IFLA_XDP_HW_PROG_ID:
                found.append(XDPAttachment(mode: .offloaded, programID: try value.integer(in: "IFLA_XDP_HW_PROG_ID")))
            default: break
            }
        }
        if found.isEmpty, let mode, let single { return [XDPAttachment(mode: mode, programID: single)] }
        return found
    }
}
