// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc

/// What an interface's driver can do with XDP now (`enum netdev_xdp_act`, include/uapi/linux/netdev.h). It changes with the
/// interface's state: a veth transmits XDP frames only while its other end has a native program or GRO.
public struct XDPFeatures: OptionSet, Hashable, Sendable {
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// Runs native programs.
    public static let basic = XDPFeatures(rawValue: 1 << 0)
    /// Native programs can redirect from here.
    public static let redirect = XDPFeatures(rawValue: 1 << 1)
    /// Frames can be redirected to here (`ndo_xdp_xmit`) by native programs elsewhere.
    public static let transmit = XDPFeatures(rawValue: 1 << 2)

    /// Asks the kernel, in the calling thread's network namespace, over generic netlink (family `netdev`).
    ///
    /// - Returns: nil where the kernel does not say (before 6.3).
    public static func of(interfaceIndex: UInt32) throws(NetlinkError) -> XDPFeatures? {
        var netlink = try NetlinkSocket(family: NETLINK_GENERIC)
        guard let family = try netlink.genericFamily(named: "netdev") else { return nil }
        var message = MessageBuilder(type: Int(family), flags: NLM_F_ACK)
        message.appendGenericHeader(command: 1)  // NETDEV_CMD_DEV_GET
        message.attribute(1, interfaceIndex)  // NETDEV_A_DEV_IFINDEX
        var features: XDPFeatures?
        let object = "link with index \(interfaceIndex)"
        try netlink.transact(message, operation: "read the XDP features of", object: object) {
            (header, payload) throws(NetlinkError) in
            guard header.type == Int(family) else { return }
            try payload.forEachAttribute(from: 4, in: "NETDEV_CMD_DEV_GET") { (type, value) throws(NetlinkError) in
                // NETDEV_A_DEV_XDP_FEATURES
                if type == 3 { features = XDPFeatures(rawValue: try value.integer(in: "NETDEV_A_DEV_XDP_FEATURES")) }
            }
        }
        return features
    }
}

extension NetlinkSocket {
    /// The number of a generic netlink family; nil if the kernel has none of this name.
    fileprivate mutating func genericFamily(named name: String) throws(NetlinkError) -> UInt16? {
        var message = MessageBuilder(type: 0x10, flags: NLM_F_ACK)  // GENL_ID_CTRL
        message.appendGenericHeader(command: 3)  // CTRL_CMD_GETFAMILY
        message.attribute(2, name)  // CTRL_ATTR_FAMILY_NAME
        var number: UInt16?
        do throws(NetlinkError) {
            try transact(message, operation: "find", object: "generic netlink family \(name)") {
                (header, payload) throws(NetlinkError) in
                guard header.type == 0x10 else { return }
                try payload.forEachAttribute(from: 4, in: "CTRL_CMD_GETFAMILY") { (type, value) throws(NetlinkError) in
                    if type == 1 { number = try value.integer(in: "CTRL_ATTR_FAMILY_ID") }
                }
            }
        } catch let .refused(_, _, error, _) where error.number == ENOENT {
            return nil
        }
        return number
    }
}

extension MessageBuilder {
    /// `struct genlmsghdr`.
    fileprivate mutating func appendGenericHeader(command: UInt8) {
        append(command)
        append(UInt8(1))
        append(UInt16(0))
    }
}
