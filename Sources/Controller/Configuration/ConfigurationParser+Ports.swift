// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables
import Yams

extension ConfigurationParser {
    static let portKeys = [
        "name", "interface", "id", "mode", "attach", "addresses", "mac", "mtu", "pvid", "malformed", "learn_flows",
        "learn_macs", "admit", "vrf", "tenant", "subinterfaces",
    ]

    mutating func readPorts(_ file: YAMLMapping) {
        if !file.has("ports") {
            complaints.add(file.location, "the configuration needs \"ports\": a list of at least one port")
        }
        for node in file.elements("ports") {
            guard let reader = YAMLMapping(node, what: "a port", keys: Self.portKeys, complaints: complaints),
                let name = reader.requiredText("name")
            else { continue }
            let interface = reader.text("interface") ?? name
            checkInterfaceName(interface)
            var port = Configuration.Port(name: name.value, interface: interface.value, location: node.location)
            if name.value.isEmpty || name.value.contains(where: { $0.isWhitespace || $0 == "," }) {
                complaints.add(
                    name.location,
                    "a port cannot be called \"\(name.value)\"; expected a name without spaces and commas")
            }
            port.id = reader.integer("id", in: 1...Int(PortID.maximum)).map { PortID(rawValue: UInt16($0)) }
            port.mode = reader.choice("mode", Configuration.PortMode.self) ?? port.mode
            port.attach = attachModes(reader) ?? port.attach
            port.addresses = reader.elements("addresses").compactMap {
                complaints.interfaceAddress($0, what: "an address")
            }
            port.mac = reader["mac"].flatMap { complaints.stationMAC($0, what: "mac") }
            port.mtu = reader.integer("mtu", in: 68...65521).map { UInt16($0) }
            if let pvid = reader.integer("pvid", in: 1...4094) { port.pvid = VLANID(rawValue: UInt16(pvid)) }
            if port.mode == .routed, reader.has("pvid") {
                complaints.add(reader.location(of: "pvid"), "pvid is for switched ports; port \(port.name) is routed")
            }
            port.malformed = reader.choice("malformed", Configuration.Malformed.self) ?? port.malformed
            port.learnFlows = reader.boolean("learn_flows") ?? port.learnFlows
            port.learnMACs = reader.boolean("learn_macs") ?? port.learnMACs
            port.admit = reader.boolean("admit") ?? port.admit
            port.vrf = vrf(reader)
            port.tenant = reader.text("tenant").flatMap { tenant in
                if !tenant.value.isEmpty, !tenant.value.contains(where: \.isWhitespace) { return tenant.value }
                complaints.add(
                    tenant.location, "a tenant cannot be called \"\(tenant.value)\"; expected a name without spaces")
                return nil
            }
            port.subinterfaces = subinterfaces(reader, port: port)
            if let first = portIndex[port.name] {
                duplicate("port \(port.name)", at: name.location, first: result.ports[first].location)
                continue
            }
            portIndex[port.name] = result.ports.count
            result.ports.append(port)
        }
        if result.ports.count > Int(PortID.maximum) {
            complaints.add(
                result.ports[Int(PortID.maximum)].location,
                "there are \(result.ports.count) ports; a node has at most \(PortID.maximum)")
        }
    }

    private func attachModes(_ reader: YAMLMapping) -> [Configuration.AttachMode]? {
        guard let node = reader["attach"] else { return nil }
        let words: [Located<String>]
        if case .sequence(let sequence) = node {
            words = sequence.compactMap { complaints.text($0, what: "attach") }
        } else {
            guard let text = complaints.text(node, what: "attach") else { return nil }
            words = text.value.split(separator: ",").map {
                Located($0.trimmingSpaces, at: text.location)
            }
        }
        var modes: [Configuration.AttachMode] = []
        for word in words {
            guard let mode = Configuration.AttachMode(rawValue: word.value), !modes.contains(mode) else {
                complaints.add(
                    word.location,
                    "attach cannot be \"\(word.value)\"; expected native, skb, or both in the order to try: \"native,skb\""
                )
                return nil
            }
            modes.append(mode)
        }
        if modes.isEmpty { complaints.add(node.location, "attach needs at least one of native, skb") }
        return modes
    }

    private func subinterfaces(_ reader: YAMLMapping, port: Configuration.Port) -> [Configuration.Subinterface] {
        var result: [Configuration.Subinterface] = []
        for node in reader.elements("subinterfaces") {
            guard
                let sub = YAMLMapping(
                    node, what: "a subinterface", keys: ["vlan", "interface", "addresses", "mac", "vrf"],
                    complaints: complaints),
                let vlan = sub.requiredInteger("vlan", in: 1...4094)
            else { continue }
            let id = VLANID(rawValue: UInt16(vlan))
            if let first = result.first(where: { $0.vlan == id }) {
                duplicate("VLAN \(vlan) of port \(port.name)", at: sub.location(of: "vlan"), first: first.location)
                continue
            }
            let interface = sub.text("interface")
            if let interface { checkInterfaceName(interface) }
            result.append(
                .init(
                    vlan: id, interface: interface?.value ?? "\(port.interface).\(vlan)",
                    addresses: sub.elements("addresses").compactMap {
                        complaints.interfaceAddress($0, what: "an address")
                    },
                    mac: sub["mac"].flatMap { complaints.stationMAC($0, what: "mac") }, vrf: vrf(sub),
                    location: node.location))
        }
        return result
    }

    /// As the kernel's `dev_valid_name`.
    func checkInterfaceName(_ name: Located<String>) {
        let text = name.value
        let valid =
            (1...15).contains(text.utf8.count) && text != "." && text != ".."
            && !text.contains { $0 == "/" || $0 == ":" || $0.isWhitespace }
        if !valid {
            complaints.add(
                name.location,
                "an interface cannot be called \"\(text)\"; expected 1 to 15 characters without /, : and spaces"
                    + (text.utf8.count > 15 ? "; give the port a short \"interface\"" : ""))
        }
    }

    /// What is wrong between ports: shared ids and interfaces, overlapping networks.
    mutating func checkPorts() {
        var ids: [PortID: SourceLocation] = [:]
        var interfaces: [String: SourceLocation] = [:]
        for port in result.ports {
            if let id = port.id {
                if let first = ids[id] { duplicate("port id \(id.rawValue)", at: port.location, first: first) }
                ids[id] = port.location
            }
            if let first = interfaces[port.interface] {
                duplicate("interface \(port.interface)", at: port.location, first: first)
            }
            interfaces[port.interface] = port.location
            connect(port.addresses, RouterPort(port: port.name), vrf: port.vrf)
            for sub in port.subinterfaces {
                connect(sub.addresses, RouterPort(port: port.name, vlan: sub.vlan), vrf: sub.vrf)
                if port.mode == .switched, sub.vlan == port.pvid, !port.addresses.isEmpty {
                    complaints.add(
                        sub.location,
                        "VLAN \(sub.vlan.rawValue) is the pvid of port \(port.name), whose own addresses are in that VLAN; give them all in one place"
                    )
                }
            }
        }
    }

    private mutating func connect(_ addresses: [Located<InterfaceAddress>], _ port: RouterPort, vrf: VRFID) {
        for item in addresses {
            let address = item.value
            if let problem = address.problem {
                complaints.add(item.location, "\(address) \(problem)")
                continue
            }
            // Link-local networks are the same at every interface.
            guard !address.address.isLinkLocal else { continue }
            for other in connected.list where other.vrf == vrf {
                if other.address.address == address.address {
                    duplicate("address \(address.address)", at: item.location, first: other.location)
                } else if other.address.prefix.overlaps(address.prefix), other.port != port {
                    complaints.add(
                        item.location,
                        "\(address) overlaps \(other.address) of port \(other.port.text) in line \(other.location.line); networks of one VRF must not"
                    )
                }
            }
            connected.add(.init(address: address, port: port, vrf: vrf, location: item.location))
        }
    }
}

extension Configuration.RouterPort {
    /// `p1` or `p1.10`.
    public var text: String { vlan.map { "\(port).\($0.rawValue)" } ?? port }
}

extension Substring {
    var trimmingSpaces: String {
        var text = self
        while text.first == " " { text = text.dropFirst() }
        while text.last == " " { text = text.dropLast() }
        return String(text)
    }
}

extension InterfaceAddress {
    /// Why a station cannot have it; nil if it can.
    var problem: String? {
        switch address {
        case .v4(let v4):
            if v4.rawValue >> 24 == 0 || v4.rawValue >> 24 == 127 || v4.rawValue >> 28 >= 14 {
                return "is not a station's address (0/8, 127/8, multicast and above are special)"
            }
            if length < 31 {
                let hostBits = v4.rawValue & (~0 >> UInt32(length))
                if hostBits == 0 { return "is the network itself; a station's address has bits behind the prefix" }
                if hostBits == ~0 >> UInt32(length) { return "is the network's broadcast address" }
            }
        case .v6(let v6):
            if v6.high >> 56 == 0xff || (v6.high == 0 && v6.low <= 1) {
                return "is not a station's address (::, ::1 and multicast are special)"
            }
        }
        return nil
    }
}

extension IPAddress {
    /// fe80::/10.
    var isLinkLocal: Bool {
        if case .v6(let v6) = self { v6.high >> 54 == 0x3fa } else { false }
    }

    var isIPv6: Bool {
        if case .v6 = self { true } else { false }
    }
}

extension IPPrefix {
    func contains(_ other: IPAddress) -> Bool {
        other.isIPv6 == address.isIPv6 && IPPrefix(other, length: Int(length))?.address == address
    }

    func overlaps(_ other: IPPrefix) -> Bool {
        length <= other.length ? contains(other.address) : other.contains(address)
    }
}
