// SPDX-License-Identifier: Apache-2.0

/// The node's configuration, in two variants: the second has more routes, ACL entries and flows, none of which concerns the
/// established flows' packets.
struct SoakConfiguration {
    enum Variant: String, CaseIterable { case plain, extended }

    var pinPath: String

    /// How long the passing flows, which are TCP, stay after their one packet, milliseconds.
    static let passingTimeout = 1000

    func text(_ variant: Variant) -> String {
        var lines = [
            "pin_path: \(pinPath)",
            "limits: {ipv4_flows: 65536, ipv6_flows: 16384, routes: 4096, macs: 2048}",
            "ageing: {tcp: \(Self.passingTimeout)ms, udp: 3600s, icmp: 1s, other: 1s}",
            "ports:",
        ]
        for number in 1...3 {
            lines.append("  - name: p\(number)")
            lines.append("    addresses: [\"10.0.\(number).1/24\", \"fd00:\(number)::1/64\"]")
        }
        lines += [
            "routes:",
            "  - {prefix: \(SoakRoutes.prefix4), via: 10.0.2.2}",
            "  - {prefix: \"\(SoakRoutes.prefix6)\", via: \"fd00:2::2\"}",
            "  - {prefix: 192.0.2.0/25, via: 10.0.3.2}",
            "  - {prefix: \"2001:db8:52::/64\", via: \"fd00:3::2\"}",
        ]
        let more = variant == .extended ? 1...40 : 1...1
        for number in more {
            lines.append("  - {prefix: 192.0.2.\(128 + number)/32, via: 10.0.3.2}")
            lines.append("  - {prefix: \"2001:db8:53::\(number)/128\", action: drop}")
        }
        lines.append("acl:")
        for number in variant == .extended ? 1...10 : 1...1 {
            lines.append(
                "  - {id: \(number), priority: 10, match: {source: 192.0.2.\(number)/32, protocol: udp}, action: drop}")
        }
        lines.append("flows:")
        for number in more {
            lines.append(
                "  - {port: p3, source: 10.0.3.2, destination: 192.0.2.200, protocol: udp, "
                    + "source_port: \(number), destination_port: 9, action: drop}")
        }
        return lines.joined(separator: "\n") + "\n"
    }
}
