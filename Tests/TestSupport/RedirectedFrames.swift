// SPDX-License-Identifier: Apache-2.0
import Netlink

extension RouterTopology {
    /// A topology whose hosts take frames that XDP redirects: the kernel tells a veth's other end only when GRO is switched on while
    /// the link is up (`drivers/net/veth.c`, `veth_set_features`).
    public static func forXDP(hosts count: Int = 2, mtu: UInt32 = 1500) throws -> RouterTopology {
        let topology = try RouterTopology(hosts: count, mtu: mtu)
        for host in topology.hosts { try host.acceptRedirectedFrames() }
        return topology
    }
}

extension RouterTopology.Host {
    /// Makes the host take frames that XDP redirects to it; again after its link was down.
    public func acceptRedirectedFrames() throws {
        let netlink = try NetlinkSocket(in: namespace)
        try netlink.setOffload(.genericReceive, false, of: "eth0")
        try netlink.setOffload(.genericReceive, true, of: "eth0")
    }
}
