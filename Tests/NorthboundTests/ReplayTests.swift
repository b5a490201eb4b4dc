// SPDX-License-Identifier: Apache-2.0
#if Northbound
import Foundation
import Packet
import Testing

@Suite("Replaying captures", .timeLimit(.minutes(3)))
struct ReplayTests {
    static let configuration = """
        ports:
          - {name: p1, addresses: [10.0.1.1/24]}
          - {name: p2, addresses: [10.0.2.1/24]}
        neighbors:
          - {address: 10.0.2.2, mac: "02:00:00:00:02:02", port: p2}
        acl:
          - {id: 10, priority: 5, match: {protocol: udp, destination_port: 53}, action: drop}
        """

    /// A UDP packet for 10.0.2.2, to the station address that a replay gives to p1.
    private static func packet(port: UInt8) -> [UInt8] {
        let ethernet: [UInt8] = [2, 0, 0, 0, 1, 1, 2, 0, 0, 0, 9, 9, 8, 0]
        var ip: [UInt8] = [0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 1, 2, 10, 0, 2, 2]
        var sum = stride(from: 0, to: 20, by: 2).reduce(UInt32(0)) { $0 + UInt32(ip[$1]) << 8 + UInt32(ip[$1 + 1]) }
        sum = (sum & 0xffff) + sum >> 16
        (ip[10], ip[11]) = (UInt8(~sum >> 8 & 0xff), UInt8(~sum & 0xff))
        return ethernet + ip + [0x10, 0, 0, port, 0, 8, 0, 0]
    }

    private func withFiles(_ body: (_ capture: String, _ configuration: String) async throws -> Void) async throws {
        try await withFolder { folder in
            let (capture, configuration) = (folder + "/c.pcap", folder + "/node.yaml")
            try Self.configuration.write(toFile: configuration, atomically: false, encoding: .utf8)
            let writer = try CaptureWriter(path: capture)
            for bytes in [
                Self.packet(port: 53), Self.packet(port: 80), Array(Self.packet(port: 80).prefix(20)), [1, 2, 3],
            ] {
                writer.write(CapturedPacket(timestamp: 1_000_000_000, originalLength: bytes.count, bytes: bytes))
            }
            try writer.finish()
            try await body(capture, configuration)
        }
    }

    @Test("each packet's verdict is printed, and the sums of all")
    func verdicts() async throws {
        try await withFiles { capture, configuration in
            let outcome = try await piccolo("replay", capture, "--config", configuration)
            #expect(outcome.errors == "")
            #expect(outcome.status == 0)
            #expect(
                outcome.output == """
                          1  42 bytes  drop acl
                          2  42 bytes  forward route to p2
                          3  20 bytes  drop ipv4_truncated
                          4  3 bytes  drop ethernet_truncated
                    \(capture): 4 packets, 0 differences

                    DISPOSITION  REASON              PACKETS
                    drop         acl                       1
                    forward      route                     1
                    drop         ethernet_truncated        1
                    drop         ipv4_truncated            1

                    """)
        }
    }

    @Test("at another port the packets mean something else")
    func port() async throws {
        try await withFiles { capture, configuration in
            let other = try await piccolo("replay", capture, "--config", configuration, "--port", "p2")
            #expect(other.output.contains("      2  42 bytes  kernel not_my_station\n"))
            let any = try await piccolo("replay", capture, "--config", configuration, "--port", "p2", "--any-station")
            #expect(any.output.contains("      2  42 bytes  forward route to p2\n"))
            let unknown = try await piccolo("replay", capture, "--config", configuration, "--port", "p9")
            #expect(unknown.status == 2)
            #expect(unknown.errors == "piccolo: --port cannot be \"p9\"; \(configuration) has p1, p2\n")
        }
    }

    @Test("the reference and the fast path agree; what a test run cannot take is counted")
    func compare() async throws {
        try await withFiles { capture, configuration in
            let outcome = try await piccolo(
                "replay", capture, "--config", configuration, "--through", "reference,xdp", "--compare", "--summary")
            #expect(outcome.status == 0, "\(outcome.errors)\(outcome.output)")
            #expect(outcome.output.hasPrefix("\(capture): 4 packets, 1 not put through, 0 differences\n"))
        }
    }

    @Test("JSON is an object a line, with the bytes that leave")
    func json() async throws {
        try await withFiles { capture, configuration in
            let outcome = try await piccolo("replay", capture, "--config", configuration, "--json")
            let lines = outcome.output.split(separator: "\n").map(String.init)
            try #require(lines.count == 5)
            for line in lines {
                #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: Data(line.utf8)) }
            }
            #expect(lines[1].contains("\"egress_port\": \"p2\""))
            // To the neighbour, from p2's address, with one hop less.
            #expect(lines[1].contains("\"output\": \"02000000020202000000010208004500001c000000003f11"))
            #expect(lines[4].hasPrefix("{\"type\": \"summary\""))
        }
    }

    @Test("a file that is no capture ends with 1, and the others are replayed all the same")
    func unreadable() async throws {
        try await withFiles { capture, configuration in
            let outcome = try await piccolo("replay", configuration, capture, "--config", configuration, "--summary")
            #expect(outcome.status == 1)
            #expect(outcome.errors.contains(configuration))
            #expect(outcome.output.hasPrefix("\(capture): 4 packets, 0 differences\n"))
        }
    }
}
#endif
