// SPDX-License-Identifier: Apache-2.0
import BPF
import Netlink

/// Why a card's CPU port could not be made into ports of the node.
public enum CardPortError: Error, Sendable, CustomStringConvertible {
    case noPorts
    /// A name that an interface cannot have, or that is given twice.
    case name(String, why: String)
    /// A port number that the tag has no room for.
    case number(port: String, field: String, value: UInt8, most: UInt8)
    /// Two ports with the same number in the tag.
    case taken(field: String, value: UInt8, ports: [String])
    /// A frame of the port with its tag would not fit the CPU port. `wanted` is nil where none was asked for.
    case mtu(port: String, wanted: UInt32?, interface: String, available: UInt32, tag: Int)
    /// The CPU port's interface is not there.
    case noInterface(String)
    /// An interface of this name is there, and is not the end of this port's veth pair.
    case occupied(name: String, by: String)
    case netlink(NetlinkError)
    case kernel(BPFError)

    public var description: String {
        switch self {
        case .noPorts:
            return "a card's CPU port needs at least one port"
        case .name(let name, let why):
            return "\"\(name)\" cannot be the name of a card's port or of its inner end: \(why)"
        case .number(let port, let field, let value, let most):
            return "port \(port): \(field) cannot be \(value); the tag has room for 0 to \(most)"
        case .taken(let field, let value, let ports):
            return
                "\(field) \(value) is given to ports \(ports.joined(separator: " and ")): the tag could not tell them apart"
        case .mtu(let port, let wanted, let interface, let available, let tag):
            let what = wanted.map { "MTU \($0) of port \(port)" } ?? "port \(port)"
            let most = Int(available) - tag
            let hint = wanted.map { ", or raise that of \(interface) to \(Int($0) + tag)" } ?? ""
            return
                "\(what) does not fit: its frames cross \(interface), whose MTU is \(available), with a tag of \(tag) bytes; "
                + "at most \(max(most, 0)) is right\(hint)"
        case .noInterface(let name):
            return "there is no interface \(name) whose cable could lead to the card"
        case .occupied(let name, let found):
            return "interface \(name) is there already and is \(found), not an end of the port's veth pair: "
                + "remove it, or give the port another name"
        case .netlink(let error):
            return error.description
        case .kernel(let error):
            return error.description
        }
    }
}
