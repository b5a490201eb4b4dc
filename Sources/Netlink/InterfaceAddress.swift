// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc

/// An address of an interface (`RTM_NEWADDR`).
public struct InterfaceAddress: Hashable, Sendable {
    /// Index of the interface.
    public var linkIndex: Int32
    /// The interface's own address with the length of the network it is on.
    public var prefix: InternetPrefix
    /// `RT_SCOPE_*`: 0 is universe, 253 link, 254 host.
    public var scope: UInt8 = 0
    /// `IFA_F_*`, such as 0x40 for an address still in duplicate detection.
    public var flags: UInt32 = 0

    /// IPv6 duplicate detection is still running or has failed: the kernel does not use the address yet.
    public var isTentative: Bool { flags & (UInt32(IFA_F_TENTATIVE) | UInt32(IFA_F_DADFAILED)) != 0 }
}

extension InterfaceAddress {
    /// Reads `struct ifaddrmsg` and `IFA_*`; nil for families that are not IPv4 or IPv6.
    init?(message: RawSpan) throws(NetlinkError) {
        let name = "address"
        guard let family = AddressFamily(byte: try message.integer(at: 0, in: name)) else { return nil }
        let length: UInt8 = try message.integer(at: 1, in: name)
        var flags = UInt32(try message.integer(at: 2, as: UInt8.self, in: name))
        let scope: UInt8 = try message.integer(at: 3, in: name)
        let index: Int32 = try message.integer(at: 4, in: name)
        var local: InternetAddress?
        var address: InternetAddress?
        try message.forEachAttribute(from: 8, in: name) { (type, value) throws(NetlinkError) in
            switch type {
            case IFA_LOCAL: local = try InternetAddress(value, family, in: "IFA_LOCAL")
            case IFA_ADDRESS: address = try InternetAddress(value, family, in: "IFA_ADDRESS")
            case IFA_FLAGS: flags = try value.integer(in: "IFA_FLAGS")
            default: break
            }
        }
        // On point-to-point links IFA_ADDRESS is the other end; IFA_LOCAL, where present, is always ours.
        guard let own = local ?? address else {
            throw .damaged(message: name, reason: "neither IFA_LOCAL nor IFA_ADDRESS is there")
        }
        guard let prefix = InternetPrefix(address: own, length: length) else {
            throw .damaged(message: name, reason: "prefix length \(length) for \(own)")
        }
        self.init(linkIndex: index, prefix: prefix, scope: scope, flags: flags)
    }
}

extension InternetAddress {
    /// An address attribute must have the size its message's family says.
    init(_ value: RawSpan, _ family: AddressFamily, in attribute: String) throws(NetlinkError) {
        guard value.byteCount * 8 == Int(family.bits), let address = InternetAddress(bytes: value.copy) else {
            throw .damaged(message: attribute, reason: "\(value.byteCount) bytes for an address of \(family)")
        }
        self = address
    }
}
