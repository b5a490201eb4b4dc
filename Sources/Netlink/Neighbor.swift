// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc

/// An entry of the neighbour table: which MAC address an address on the link has (`RTM_NEWNEIGH`, `arp(7)`).
public struct Neighbor: Hashable, Sendable {
    /// Index of the interface.
    public var linkIndex: Int32
    /// The neighbour's IPv4 or IPv6 address.
    public var address: InternetAddress
    /// Its MAC address; nil while it is not resolved.
    public var linkLayerAddress: LinkLayerAddress?
    /// What the kernel knows about reachability.
    public var state: State

    /// Describes an entry.
    public init(
        linkIndex: Int32, address: InternetAddress, linkLayerAddress: LinkLayerAddress?, state: State = .permanent
    ) {
        self.linkIndex = linkIndex
        self.address = address
        self.linkLayerAddress = linkLayerAddress
        self.state = state
    }

    /// `NUD_*` of `linux/neighbour.h`; the kernel uses one bit at a time.
    public struct State: OptionSet, Hashable, Sendable, CustomStringConvertible {
        /// The bits as the kernel sends them.
        public let rawValue: UInt16

        /// Takes the kernel's bits.
        public init(rawValue: UInt16) { self.rawValue = rawValue }

        /// Asked for, no answer yet.
        public static let incomplete = State(rawValue: 0x01)
        /// Confirmed a short time ago.
        public static let reachable = State(rawValue: 0x02)
        /// Once confirmed, to be checked on next use.
        public static let stale = State(rawValue: 0x04)
        /// Used while stale, waiting for a hint from above.
        public static let delay = State(rawValue: 0x08)
        /// Being asked again by unicast.
        public static let probe = State(rawValue: 0x10)
        /// Did not answer.
        public static let failed = State(rawValue: 0x20)
        /// Needs no resolution, as multicast.
        public static let noARP = State(rawValue: 0x40)
        /// Set by hand, never ages.
        public static let permanent = State(rawValue: 0x80)

        /// Whether packets may be sent to the MAC address (`NUD_VALID`).
        public var isUsable: Bool {
            !isDisjoint(with: [.permanent, .noARP, .reachable, .probe, .stale, .delay])
        }

        /// The words `ip neigh` uses, in lower case.
        public var description: String {
            let names: [(State, String)] = [
                (.incomplete, "incomplete"), (.reachable, "reachable"), (.stale, "stale"), (.delay, "delay"),
                (.probe, "probe"), (.failed, "failed"), (.noARP, "noarp"), (.permanent, "permanent"),
            ]
            let present = names.filter { contains($0.0) }.map(\.1)
            return present.isEmpty ? "none" : present.joined(separator: ",")
        }
    }
}

extension Neighbor {
    /// Reads `struct ndmsg` and `NDA_*`; nil for entries that are not of IPv4 or IPv6, such as a bridge's table.
    init?(message: RawSpan) throws(NetlinkError) {
        let name = "neighbour"
        guard let family = AddressFamily(byte: try message.integer(at: 0, in: name)) else { return nil }
        let index: Int32 = try message.integer(at: 4, in: name)
        let state = State(rawValue: try message.integer(at: 8, in: name))
        var address: InternetAddress?
        var linkLayerAddress: LinkLayerAddress?
        try message.forEachAttribute(from: 12, in: name) { (type, value) throws(NetlinkError) in
            switch type {
            case NDA_DST: address = try InternetAddress(value, family, in: "NDA_DST")
            case NDA_LLADDR: linkLayerAddress = LinkLayerAddress(octets: value.copy)
            default: break
            }
        }
        guard let address else { throw .damaged(message: name, reason: "NDA_DST is missing") }
        self.init(linkIndex: index, address: address, linkLayerAddress: linkLayerAddress, state: state)
    }
}
