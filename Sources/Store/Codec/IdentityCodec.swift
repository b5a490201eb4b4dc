// SPDX-License-Identifier: Apache-2.0
import Controller
import Packet
import Tables

/// The numbers a node gave to names, as rows: kind, name, number. Kinds and forms of names are on disk.
enum IdentityCodec {
    enum Kind: String, CaseIterable {
        case port
        case interface
        case nextHop = "next_hop"
        case group
        /// Not given by the node: the kernel's index of the interface behind a port.
        case interfaceIndex = "interface_index"
    }

    /// Calls `body` with every number of `identities`.
    static func forEach(_ identities: Identities, _ body: (Kind, [UInt8], UInt32) throws -> Void) rethrows {
        for (name, number) in identities.ports.given { try body(.port, Array(name.utf8), number) }
        for (name, number) in identities.interfaces.given {
            var bytes: [UInt8] = []
            bytes.append(bigEndian: name.port.rawValue)
            if let vlan = name.vlan { bytes.append(bigEndian: vlan.rawValue) }
            try body(.interface, bytes, number)
        }
        for (name, number) in identities.nextHops.given {
            var bytes: [UInt8] = []
            bytes.append(bigEndian: name.routerInterface.rawValue)
            bytes.append(tagged: name.address)
            try body(.nextHop, bytes, number)
        }
        for (members, number) in identities.groups.given {
            var bytes: [UInt8] = []
            EntryCodec.append(members, to: &bytes)
            try body(.group, bytes, number)
        }
        for (name, index) in identities.interfaceIndexes { try body(.interfaceIndex, Array(name.utf8), index) }
    }

    /// Adds what a row holds.
    static func add(_ kind: Kind, _ name: RawSpan, _ number: UInt32, to identities: inout Identities) throws(BlobDamage)
    {
        var name = BlobReader(name)
        switch kind {
        case .port: identities.ports.given[try name.text("port")] = number
        case .interface:
            let port = PortID(rawValue: try name.uint16("port"))
            let vlan = name.isAtEnd ? nil : VLANID(rawValue: try name.uint16("vlan"))
            identities.interfaces.given[.init(port: port, vlan: vlan)] = number
        case .nextHop:
            let interface = RouterInterfaceID(rawValue: try name.uint16("router_interface"))
            let address = try name.address("address")
            identities.nextHops.given[.init(routerInterface: interface, address: address)] = number
        case .group: identities.groups.given[try EntryCodec.members(&name)] = number
        case .interfaceIndex: identities.interfaceIndexes[try name.text("port")] = number
        }
        try name.finish("the name")
    }
}
