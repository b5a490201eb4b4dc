// SPDX-License-Identifier: Apache-2.0
import Tables

extension EntrySyntax {
    /// The fields of a table's entries, in the order they are printed.
    public static func fields(of table: TableID) -> [Field] {
        switch table {
        case .port: port
        case .vlan: vlan
        case .myStation: myStation
        case .mac: mac
        case .acl: acl
        case .flowCache: flow
        case .ipv4: route("10.9.0.0/16", via: "10.0.2.1")
        case .ipv6: route("2001:db8:9::/48", via: "2001:db8:2::1")
        case .nextHop: nextHop
        case .nextHopGroup: group
        case .neighbor: neighbor
        case .routerInterface: routerInterface
        }
    }

    private static func key(_ name: String, _ expected: String) -> Field {
        Field(name: name, role: .key, expected: expected)
    }
    private static func value(_ name: String, _ expected: String) -> Field {
        Field(name: name, role: .value, expected: expected)
    }
    private static func action(_ name: String, _ expected: String) -> Field {
        Field(name: name, role: .action, expected: expected)
    }
    private static func output(_ name: String) -> Field { Field(name: name, role: .output, expected: "only printed") }

    private static let portText = "a port's name or number"
    private static let flood = "flood, drop or kernel; flood if absent"

    private static let port = [
        key("port", portText), value("admit", "yes or no; yes if absent"),
        value("mode", "routed or switched; routed if absent"), value("pvid", "1...4094; 1 if absent"),
        value("malformed", "drop, kernel or ignore; drop if absent"), value("learn_flows", "yes or no; yes if absent"),
        value("learn_macs", "yes or no; yes if absent"), value("mtu", "bytes of the IP packet; 1500 if absent"),
        value("up", "yes or no; yes if absent"),
    ]

    private static let vlan = [
        key("vlan", "1...4094"), value("tagged", "ports with commas between"),
        value("untagged", "ports with commas between"), value("unknown_unicast", flood), value("broadcast", flood),
        value("multicast", flood),
    ]

    private static let myStation = [
        key("port", portText + "; any if absent"), key("vlan", "1...4094 or untagged; any if absent"),
        key("mac", "ADDRESS or ADDRESS/MASK"), key("priority", "higher wins; 1 if absent"),
        value("router_interface", "1...1023"),
    ]

    private static let mac = [
        key("vlan", "1...4094"), key("mac", "an Ethernet address"), action("port", portText + ", to send by"),
        action("action", "drop, kernel or cpu, instead of port"), value("static", "yes or no (ages); yes if absent"),
    ]

    private static let acl = [
        key("id", "a number of your choice"), value("priority", "higher wins"),
        value("port", portText + " of arrival"), value("vlan", "1...4094 or untagged"),
        value("ether_type", "a number, such as 0x0806"), value("destination_mac", "ADDRESS or ADDRESS/MASK"),
        value("source_mac", "ADDRESS or ADDRESS/MASK"), value("source", "ADDRESS or ADDRESS/LENGTH"),
        value("destination", "ADDRESS or ADDRESS/LENGTH"), value("protocol", "tcp, udp, icmp, icmpv6 or a number"),
        value("dscp", "0...63"), value("source_port", "PORT or FIRST-LAST"),
        value("destination_port", "PORT or FIRST-LAST"), value("tcp_flags", "VALUE/MASK, such as 0x02/0x12"),
        value("icmp_type", "0...255"), value("icmp_code", "0...255"),
        value("fragment", "first, later, any or none"), value("routed", "yes (only routed) or no (only switched)"),
        action("action", "permit, drop, kernel or cpu"), action("redirect", portText + ", instead of action"),
        value("mirror", "yes or no: copy to the controller as well"),
    ]

    private static let flow = [
        key("port", portText + " of arrival"), key("vlan", "of the router interface, if the port has several"),
        key("router_interface", "1...1023, instead of port"), key("source", "an address"),
        key("destination", "an address"), key("protocol", "tcp, udp, icmp, icmpv6 or a number"),
        key("source_port", "0...65535, for tcp and udp"), key("destination_port", "0...65535, for tcp and udp"),
        key("icmp_type", "0...255, for icmp and icmpv6"), key("icmp_code", "0...255, for icmp and icmpv6"),
        action("via", "the neighbour's address of a next hop there is"), action("next_hop", "a next hop's number"),
        action("out", portText + ", to send by unchanged"), action("action", "drop, kernel or cpu"),
        value("mirror", "yes or no: copy to the controller as well"), output("origin"), output("generation"),
        output("acl_done"), output("reason"),
    ]

    private static func route(_ prefix: String, via: String) -> [Field] {
        [
            key("vrf", "0...255; 0 if absent"), key("prefix", "such as \(prefix)"),
            action("via", "the neighbour's address, such as \(via)"),
            value("port", portText + " the neighbour is at; makes the next hop if there is none"),
            value("vlan", "of the router interface, if the port has several"),
            action("next_hop", "a next hop's number"), action("group", "a next-hop group's number"),
            action("action", "drop, kernel or cpu"),
        ]
    }

    private static let nextHop = [
        key("id", "a number of your choice"), value("port", portText),
        value("vlan", "of the router interface, if the port has several"),
        value("router_interface", "1...1023, instead of port"), value("neighbor", "an IPv4 or IPv6 address"),
    ]

    private static let group = [
        key("id", "a number of your choice"),
        value("members", "next hops with commas between, with weights as ID*WEIGHT"),
    ]

    private static let neighbor = [
        key("port", portText), key("vlan", "of the router interface, if the port has several"),
        key("router_interface", "1...1023, instead of port"), key("address", "an IPv4 or IPv6 address"),
        value("mac", "an Ethernet address"),
    ]

    private static let routerInterface = [
        key("id", "1...1023"), value("port", portText), value("vlan", "1...4094 or untagged; untagged if absent"),
        value("mac", "the address it sends from"), value("vrf", "0...255; 0 if absent"),
    ]
}
