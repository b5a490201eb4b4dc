// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables
import Testing

@testable import Controller

/// A file and the complaints it must draw: line, column, and words the message must have.
struct Broken: Sendable, CustomTestStringConvertible {
    var name: String
    var text: String
    var complaints: [(line: Int, column: Int, words: [String])]
    var testDescription: String { name }

    init(_ name: String, _ text: String, _ complaints: (Int, Int, [String])...) {
        (self.name, self.text) = (name, text)
        self.complaints = complaints.map { (line: $0.0, column: $0.1, words: $0.2) }
    }
}

private let twoPorts = """
    ports:
      - {name: p1, addresses: [10.0.1.1/24]}
      - {name: p2, addresses: [10.0.2.1/24]}

    """

private let broken: [Broken] = [
    Broken("an empty file", "", (1, 1, ["empty"])),
    Broken("a list in place of a mapping", "- a", (1, 1, ["a list", "ports:"])),
    Broken(
        "an unknown key with a near one", "prots: []\nports: [{name: p1}]", (1, 1, ["prots", "did you mean \"ports\""])),
    Broken("no ports", "node: {name: x}", (1, 1, ["ports"])),
    Broken("damaged YAML", "ports:\n  - {name: p1\nvlans: []\n", (3, 6, ["not YAML"])),
    Broken("a tab", "ports:\n\t- name: p1\n", (2, 1, ["not YAML"])),
    Broken(
        "a key given twice", "ports:\n  - name: p1\n    mtu: 1500\n    # no\n    mtu: 1400\n",
        (5, 5, ["mtu", "twice", "line 3"])),
    Broken(
        "ports called alike", "ports:\n  - name: p1\n  - {name: p2}\n  - name: p1\n    interface: eth1\n",
        (4, 11, ["port p1", "line 2"])),
    Broken("a bad mode", "ports:\n  - {name: p1, mode: bridged}", (2, 22, ["bridged", "routed, switched"])),
    Broken("a bad attach mode", "ports:\n  - {name: p1, attach: \"native,drv\"}", (2, 24, ["drv", "skb"])),
    Broken("an id out of range", "ports:\n  - {name: p1, id: 64}", (2, 20, ["64", "1 to 63"])),
    Broken("a multicast station", "ports:\n  - {name: p1, mac: \"01:00:00:00:00:01\"}", (2, 21, ["mac"])),
    Broken(
        "an address without prefix length", "ports:\n  - {name: p1, addresses: [10.0.0.1]}",
        (2, 28, ["10.0.0.1", "/24"])),
    Broken(
        "a network as an address", "ports:\n  - {name: p1, addresses: [10.0.0.0/24]}", (2, 28, ["the network itself"])),
    Broken("a broadcast address", "ports:\n  - {name: p1, addresses: [10.0.0.255/24]}", (2, 28, ["broadcast"])),
    Broken(
        "overlapping networks",
        "ports:\n  - {name: p1, addresses: [10.0.0.1/16]}\n  - {name: p2, addresses: [10.0.7.1/24]}",
        (3, 28, ["10.0.7.1/24", "overlaps", "10.0.0.1/16", "p1", "line 2"])),
    Broken("a long interface name", "ports:\n  - {name: a-very-long-port-name}", (2, 12, ["15", "interface"])),
    Broken("pvid at a routed port", "ports:\n  - {name: p1, pvid: 3}", (2, 22, ["pvid", "switched"])),
    Broken("a switched port without VLAN", "ports:\n  - {name: p1, mode: switched}", (2, 5, ["member of no VLAN"])),
    Broken(
        "a VLAN member that does not exist", twoPorts + "vlans:\n  - {id: 10, tagged: [p3]}",
        (5, 23, ["no port \"p3\"", "p2"])),
    Broken(
        "a routed VLAN member", twoPorts + "vlans:\n  - {id: 10, untagged: [p1]}",
        (5, 25, ["p1", "routed", "switched"])),
    Broken("a VLAN id out of range", twoPorts + "vlans:\n  - {id: 4095}", (5, 10, ["4095", "4094"])),
    Broken(
        "a next hop in no network", twoPorts + "routes:\n  - {prefix: 0.0.0.0/0, via: 10.0.9.1}",
        (5, 30, ["10.0.9.1", "no connected network", "10.0.1.0/24"])),
    Broken(
        "the node's own address as next hop", twoPorts + "routes:\n  - {prefix: 0.0.0.0/0, via: 10.0.1.1}",
        (5, 30, ["own address", "line 2"])),
    Broken(
        "a route given twice",
        twoPorts + "routes:\n  - {prefix: 10.9.0.0/16, via: 10.0.1.2}\n  - {prefix: 10.9.0.0/16, action: drop}",
        (6, 14, ["10.9.0.0/16", "twice", "line 5"])),
    Broken(
        "a route to a connected network", twoPorts + "routes:\n  - {prefix: 10.0.1.0/24, action: drop}",
        (5, 14, ["connected", "line 2"])),
    Broken(
        "bits behind the prefix", twoPorts + "routes:\n  - {prefix: 10.9.0.1/16, action: drop}",
        (5, 14, ["10.9.0.0/16"])),
    Broken("neither via nor action", twoPorts + "routes:\n  - {prefix: 10.9.0.0/16}", (5, 5, ["via", "action"])),
    Broken(
        "a next hop of another family", twoPorts + "routes:\n  - {prefix: \"fd00::/16\", via: 10.0.1.2}",
        (5, 32, ["family"])),
    Broken(
        "too much weight",
        twoPorts + "routes:\n  - {prefix: 0.0.0.0/0, via: [{address: 10.0.1.2, weight: 64}, 10.0.2.2]}",
        (5, 30, ["65", "64"])),
    Broken(
        "a link-local next hop without port", twoPorts + "routes:\n  - {prefix: \"::/0\", via: \"fe80::1\"}",
        (5, 27, ["link-local", "port"])),
    Broken(
        "a next hop where the router is not",
        "ports: [{name: p1, mode: switched}]\nvlans: [{id: 1, untagged: [p1]}]\n"
            + "routes: [{prefix: 0.0.0.0/0, via: 10.0.1.2, port: p1}]", (3, 51, ["p1", "switched", "addresses"])),
    Broken(
        "a neighbour's address that is none", twoPorts + "neighbors: [{address: 10.0.1.2, mac: nine}]",
        (4, 38, ["nine", "02:00:00:00:00:01"])),
    Broken(
        "the own address as a neighbour in its port's VRF",
        "ports: [{name: p1, vrf: 3, addresses: [10.0.1.1/24]}]\n"
            + "neighbors: [{address: 10.0.1.1, mac: none, port: p1}]", (2, 23, ["own address", "line 1"])),
    Broken(
        "an unknown VRF", twoPorts + "routes:\n  - {prefix: 10.9.0.0/16, vrf: blue, action: drop}",
        (5, 32, ["blue", "default"])),
    Broken(
        "ports in an ACL entry without protocol",
        twoPorts + "acl:\n  - {id: 1, priority: 1, match: {destination_port: 80}, action: drop}",
        (5, 52, ["destination_port", "protocol"])),
    Broken(
        "an unknown ACL action", twoPorts + "acl:\n  - {id: 1, priority: 1, action: deny}",
        (5, 34, ["deny", "permit, drop"])),
    Broken("a redirect to no port", twoPorts + "acl:\n  - {id: 1, priority: 1, action: redirect p9}", (5, 34, ["p9"])),
    Broken(
        "an ACL id given twice",
        twoPorts + "acl:\n  - {id: 1, priority: 1, action: drop}\n  - {id: 1, priority: 2, action: drop}",
        (6, 10, ["ACL id 1", "line 5"])),
    Broken("an ACL entry without id", twoPorts + "acl:\n  - {priority: 1, action: drop}", (5, 5, ["id"])),
    Broken(
        "bad flags",
        twoPorts + "acl:\n  - {id: 1, priority: 1, match: {protocol: tcp, tcp_flags: \"syn,foo\"}, action: drop}",
        (5, 60, ["syn,!ack"])),
    Broken(
        "a flow without ports",
        twoPorts + "flows:\n  - {port: p1, source: 10.0.1.2, destination: 10.0.2.2, protocol: tcp, action: drop}",
        (5, 5, ["source_port"]), (5, 5, ["destination_port"])),
    Broken("a bad time", "ageing: {tcp: 5 minutes}\nports: [{name: p1}]", (1, 15, ["5 minutes", "300s"])),
    Broken("a time too long", "ageing: {tcp: 9h}\nports: [{name: p1}]", (1, 15, ["8h"])),
    Broken(
        "several things at once", "limts: {}\nports:\n  - {name: p1, mtu: 10}\n  - {nam: p2}\nageing: {tcp: x}",
        (1, 1, ["limits"]), (3, 21, ["mtu", "68"]), (4, 5, ["needs \"name\""]), (4, 6, ["did you mean \"name\""]),
        (5, 15, ["tcp"])),
]

@Suite("The configuration file")
struct ConfigurationTests {
    @Test("every mistake is named with its line, its column and what would be right", arguments: broken)
    func complaints(_ file: Broken) throws {
        let error = try #require(throws: ConfigurationError.self) {
            try Configuration.parse(file.text, file: "node.yaml")
        }
        #expect(error.complaints.count == file.complaints.count, "\(error)")
        for (complaint, expected) in zip(error.complaints, file.complaints) {
            #expect(complaint.location == SourceLocation(line: expected.line, column: expected.column), "\(complaint)")
            #expect(complaint.description.hasPrefix("node.yaml:\(expected.line):\(expected.column): "))
            for word in expected.words { #expect(complaint.message.contains(word), "\(complaint)") }
        }
    }

    @Test("the examples of the documentation parse", arguments: [("router", 3), ("switch", 3), ("card", 2)])
    func examples(_ name: String, ports: Int) throws {
        let file = #filePath.split(separator: "/").dropLast(3).map(String.init).joined(separator: "/")
        let text = try #require(readFile("/\(file)/Docs/examples/\(name).yaml"))
        let configuration = try Configuration.parse(text, file: name)
        #expect(configuration.ports.count >= ports)
    }

    static let everything = """
        node: {name: edge1, hash_seed: 0xffffffffffffffff}
        pin_path: /run/bpf/x
        acl_default: drop
        limits: {ipv4_flows: 5000, acl: 10}
        ageing: {tcp: 5m, udp: 500ms}
        vrfs: [{name: blue, id: 7}]
        ports:
          - {name: p1, interface: veth0, id: 5, attach: skb, addresses: [10.0.1.1/24], malformed: kernel, vrf: blue,
             learn_flows: false, admit: no, mtu: 9000, mac: "02:00:00:00:00:01",
             subinterfaces: [{vlan: 10, addresses: ["fd00:1::1/64"]}]}
          - {name: p2, addresses: [10.0.1.1/24]}
          - {name: p3, mode: switched, pvid: 20, malformed: ignore}
        vlans: [{id: 20, untagged: [p3], unknown_unicast: drop, broadcast: kernel}]
        macs: [{vlan: 20, mac: "02:00:00:00:00:02", action: cpu}]
        neighbors: [{address: 10.0.1.9, mac: "02:00:00:00:00:09"}]
        routes:
          - {prefix: 10.9.0.0/16, via: [10.0.1.2, {address: 10.0.1.3, weight: 2}], vrf: blue}
          - {prefix: "::/0", via: "fe80::1", port: p1.10}
        acl:
          - {id: 3, priority: 9, match: {port: p1, protocol: 6, tcp_flags: "syn,!ack", source_port: 1-10, fragment: none}, action: redirect p2, mirror: yes}
        flows:
          - {port: p2, source: 10.0.1.2, destination: 9.9.9.9, protocol: icmp, icmp_type: 8, action: {via: 10.0.1.2}, idle_timeout: 10s}
        """

    @Test("all fields arrive")
    func fields() throws {
        let configuration = try Configuration.parse(Self.everything, file: "f")
        #expect(configuration.node.hashSeed == .max)
        #expect(configuration.pinPath == "/run/bpf/x")
        #expect(configuration.aclDefault == .drop)
        #expect(configuration.limits.ipv4Flows == 5000 && configuration.limits.ipv6Flows == 131_072)
        #expect(configuration.ageing.tcp == .seconds(300) && configuration.ageing.udp == .milliseconds(500))
        let port = try #require(configuration.ports.first)
        #expect(port.id?.rawValue == 5 && port.attach == [.skb] && port.malformed == .kernel && port.vrf.rawValue == 7)
        #expect(
            !port.learnFlows && !port.admit && port.mtu == 9000 && port.subinterfaces.first?.interface == "veth0.10")
        #expect(configuration.ports.map(\.malformed) == [.kernel, .drop, .ignore])
        guard case .via(let hops) = configuration.routes[0].action else {
            Issue.record("the route has next hops")
            return
        }
        #expect(hops.map(\.weight) == [1, 2] && hops.allSatisfy { $0.port.text == "p1" })
        guard case .via(let linkLocal) = configuration.routes[1].action else {
            Issue.record("the route has a next hop")
            return
        }
        #expect(linkLocal.first?.port.text == "p1.10")
        #expect(configuration.neighbors.first?.port.text == "p2")
        let rule = try #require(configuration.acl.first)
        #expect(rule.ingressPort == "p1" && rule.match.tcpFlags == Ternary(value: 2, mask: 18) && rule.mirror)
        #expect(rule.match.sourcePorts == 1...10 && rule.action == .redirect("p2"))
        #expect(rule.match.fragment == ACLEntry.Fragment.none)
        let flow = try #require(configuration.flows.first)
        #expect(flow.sourcePort == 0x0800 && flow.idleTimeout == .seconds(10))
    }
}
