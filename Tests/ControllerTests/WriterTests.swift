// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables
import Testing

@testable import Controller

@Suite("Writing a configuration")
struct WriterTests {
    private func folder() -> String {
        "/" + #filePath.split(separator: "/").dropLast(3).map(String.init).joined(separator: "/")
    }

    private func check(_ configuration: Configuration) throws {
        let text = ConfigurationWriter.text(of: configuration)
        let read = try Configuration.parse(text, file: "written.yaml")
        #expect(read.unlocated == configuration.unlocated, "\(text)")
        #expect(ConfigurationWriter.text(of: read) == text)
    }

    @Test("what is written reads as what was meant, for any configuration", arguments: 0..<20)
    func random(block: UInt64) throws {
        for seed in block * 100..<(block + 1) * 100 { try check(RandomConfiguration(seed: seed).configuration) }
    }

    @Test("the examples of the documentation come back", arguments: ["router", "switch", "card"])
    func examples(name: String) throws {
        let text = try #require(readFile("\(folder())/Docs/examples/\(name).yaml"))
        try check(try Configuration.parse(text, file: name))
    }

    @Test(
        "the files of other tests come back",
        arguments: [Fixture.yaml, ApplyTests.other, ConfigurationTests.everything])
    func files(text: String) throws {
        try check(try Configuration.parse(text, file: "f"))
    }

    @Test("it is laid out as a person would")
    func layout() throws {
        let text = """
            node: {name: edge1}
            acl_default: drop
            ageing: {tcp: 10m, udp: 90s, icmp: 500ms}

            vrfs:
              - {name: blue, id: 1}

            ports:
              - {name: p1, interface: veth1, addresses: [10.0.1.1/24, "fd00:1::1/64"]}
              - {name: p2, id: 7, addresses: [10.0.2.1/24], mac: "02:00:00:00:00:01", vrf: blue, admit: false}
              - name: p3
                addresses: [10.0.3.1/24]
                subinterfaces: [{vlan: 10, addresses: [10.0.10.1/24]}, {vlan: 20, interface: vlan20}]
              - {name: trunk, mode: switched, pvid: 10, attach: skb}

            vlans:
              - {id: 10, untagged: [trunk], unknown_unicast: drop}

            macs:
              - {vlan: 10, mac: "02:00:00:00:00:aa", port: trunk}

            routes:
              - {prefix: 192.0.2.0/24, via: 10.0.1.2}
              - {prefix: 0.0.0.0/0, via: [10.0.1.2, {address: 10.0.3.2, weight: 3}]}
              - prefix: 198.51.100.0/24
                via:
                  - 10.0.1.2
                  - {address: 10.0.3.2, weight: 3}
                  - {address: 10.0.10.2, weight: 7}
                  - {address: 203.0.113.1, weight: 9, port: p3.10}
              - {prefix: "2001:db8::/32", via: "fe80::1", port: p1}
              - {prefix: 10.9.0.0/16, action: drop, vrf: blue}

            neighbors:
              - {address: 10.0.1.2, mac: "02:00:00:00:00:02"}
              - {address: 10.0.1.3, mac: none, route: false}

            acl:
              - {id: 10, priority: 100, match: {protocol: tcp, destination_port: 23}, action: drop}
              - id: 20
                priority: 90
                match: {port: p1, source: 10.0.0.0/8, protocol: tcp, tcp_flags: "syn,!ack", fragment: none}
                action: redirect p2
                mirror: true

            flows:
              - {port: p1, source: 10.0.1.2, destination: 9.9.9.9, protocol: 50, action: via 10.0.3.2}

            """
        let written = ConfigurationWriter.text(of: try Configuration.parse(text, file: "f"))
        #expect(written == text, "\(written)")
    }
}
