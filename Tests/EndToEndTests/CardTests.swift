// SPDX-License-Identifier: Apache-2.0
#if Northbound
import BPF
import Foundation
import Glibc
import Netlink
import TestSupport
import Testing

/// A node with a card: the card is simulated, in a process of its own; the cable between card and node is a veth pair.
private final class CardNode {
    let daemon: LiveDaemon
    private var card: RunningCommand?
    private let stations: Int

    var socket: String { "\(daemon.folder)/card.sock" }

    /// - Parameter stations: behind the second port, from 02:00:00:00:00:02 on; all of them are sent to.
    init(stations: Int = 1) throws {
        self.stations = stations
        let topology = try RouterTopology(hosts: 1)
        try topology.node.run {
            // Room for the tag.
            try Command.check(
                "ip", "link", "add", "cable0", "mtu", "1524", "type", "veth", "peer", "name", "cable1", "mtu", "1524")
            try Command.check("ip", "link", "set", "cable0", "up")
            try Command.check("ip", "link", "set", "cable1", "up")
            try Command.check("ethtool", "-K", "cable1", "gro", "on")
        }
        daemon = try LiveDaemon(topology, ports: [])
        let macs = (0..<stations).map { "  - {vlan: 10, mac: \"\(Self.mac($0))\", port: p2}" }.joined(separator: "\n")
        try daemon.configure(
            ports: [],
            portLines: """
                  - {name: p1, interface: rt0, mode: switched, malformed: ignore, learn_macs: false}
                  - {name: p2, interface: rt2, mode: switched, malformed: ignore, learn_macs: false}
                vlans:
                  - {id: 10, tagged: [p1, p2]}
                macs:
                  - {vlan: 10, mac: "02:00:00:00:00:01", port: p1}
                \(macs)
                card:
                  bus: "simulated:\(socket)"
                  ports: {p1: 0, p2: 2}
                  cpu_port: {interface: cable0}
                  promote: 100pps
                  demote: 20pps
                  traits: [{minimum_frame: 60}, {maximum_frame: 1518}]

                """)
    }

    static func mac(_ station: Int) -> String {
        let digits = String(station + 2, radix: 16)
        return "02:00:00:00:00:" + (digits.count < 2 ? "0" : "") + digits
    }

    func startCard() throws {
        card = try RunningCommand([Piccolo.path(), "card", "simulate", "--listen", socket])
        guard eventually({ access(socket, F_OK) == 0 }) else {
            throw Unexpected(description: "the simulated card does not listen: \(card?.errorOutput ?? "")")
        }
    }

    func stopCard() {
        card?.send(signal: SIGTERM)
        _ = card?.wait(timeout: 10)
        card = nil
    }

    /// Frames of VLAN 10, from the station at the card's first port to those behind the other.
    func startTraffic() throws -> CardWire {
        let frames = (0..<stations).map { station -> [UInt8] in
            [2, 0, 0, 0, 0, UInt8(station + 2), 2, 0, 0, 0, 0, 1, 0x81, 0, 0, 10, 0x88, 0xb5]
                + [UInt8](repeating: 0x5a, count: 60)
        }
        let wire = try daemon.topology.node.run {
            try CardWire(socket: socket, interface: "cable1", frames: frames)
        }
        try wire.start()
        return wire
    }

    struct Status: Decodable {
        struct Card: Decodable {
            var problem: String?
            var placed: Int
            var packets: Int
        }
        var card: Card?
        var complaints: [String]
    }

    func status() throws -> Status { try daemon.read(Status.self, "status") }

    struct Rule: Decodable {
        var place: String
        var state: String
        var match: String?
        var action: String?
        var actionId: Int?
    }

    /// By the node's memory.
    func rules() throws -> [Rule] {
        let result = try Piccolo.run(["card", "tables", "--state-dir", daemon.stateFolder, "--json"])
        guard result.isSuccess else { throw Unexpected(description: "\(result)") }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode([Rule].self, from: Data(result.output.utf8))
    }

    func audit() throws -> CommandResult {
        try Piccolo.run(["card", "audit", "--state-dir", daemon.stateFolder, "--socket", socket])
    }
}

@Suite("A node with a card", .requiresKernel)
struct CardTests {
    @Test(
        "hot traffic over the card's cable moves to the card, the card does what the node's memory says, and a killed node finds it as it was"
    )
    func hotTraffic() throws {
        let node = try CardNode()
        try node.startCard()
        try node.daemon.start()
        #expect(try node.status().card?.problem == nil)
        let wire = try node.startTraffic()
        defer { wire.stop() }
        let moved = try eventually(timeout: 60) { try node.rules().first?.state == "settled" }
        let state = try node.daemon.ask("status")
        #expect(moved, "\(state)")
        // From here on frames do not come by the node.
        let before = wire.forwarded(by: 2)
        #expect(eventually { wire.forwarded(by: 2) > before + 100 })
        let rule = try #require(try node.rules().first)
        #expect(rule.action == "forward p2" && rule.match?.contains("02:00:00:00:00:02") == true, "\(rule)")
        #expect(try node.status().card?.placed ?? 0 > 0)
        #expect(try node.daemon.port("p1").up)

        let audit = try node.audit()
        #expect(audit.isSuccess && audit.output.hasPrefix("1 rules tried, 0 wrong, 0 not tried"), "\(audit)")

        // An action that somebody else has written over: to port 0, where frames of this rule come from.
        let address = 0x89_0000 + 4 * (rule.actionId ?? 0)
        let written = try Piccolo.run([
            "card", "write", "0x\(String(address, radix: 16))", "0x1", "--card", "simulated:\(node.socket)",
        ])
        #expect(written.isSuccess, "\(written)")
        let wrong = try node.audit()
        #expect(wrong.status == 1 && wrong.output.contains("1 wrong"), "\(wrong)")

        try node.daemon.stop(SIGKILL)
        try node.daemon.start()
        #expect(try node.rules().count == 1)
        let again = try node.status()
        #expect(again.card?.problem == nil, "\(again)")
        wire.stop()
        #expect(try node.daemon.stop() == 0)
        // It leaves nothing on the card.
        #expect(try node.rules().isEmpty)
        node.stopCard()
        #expect(try node.daemon.leftovers() == [])
        let links = try node.daemon.topology.node.run { try Command.check("ip", "-o", "link") }
        #expect(!links.contains("rt0"))
    }

    /// `PICCOLO_CARD_KILLS` makes it more.
    @Test("killed at any instant, with rules coming and going, a node finds its card as its memory says")
    func killed() throws {
        let kills = getenv("PICCOLO_CARD_KILLS").flatMap { Int(String(cString: $0)) } ?? 6
        let node = try CardNode(stations: 8)
        try node.startCard()
        try node.daemon.start()
        let wire = try node.startTraffic()
        defer { wire.stop() }
        var random = SystemRandomNumberGenerator()
        var seen = 0
        for kill in 0..<kills {
            let end = Date().addingTimeInterval(Double.random(in: 0.2...2, using: &random))
            var station = 0
            // Stations come and go, so that rules do.
            while Date() < end {
                let entry = ["mac_table", "vlan=10", "mac=\(CardNode.mac(station % 8))"]
                _ = try node.daemon.ask(["entry", "delete"] + entry)
                _ = try node.daemon.ask(["entry", "add"] + entry + ["port=p2"])
                station += 1
            }
            try node.daemon.stop(SIGKILL)
            try node.daemon.start()
            let status = try node.status()
            #expect(status.card?.problem == nil && status.complaints.isEmpty, "kill \(kill): \(status)")
            let audit = try node.audit()
            #expect(audit.output.contains(" 0 wrong, 0 not tried"), "kill \(kill): \(audit)")
            seen = max(seen, try node.rules().count)
        }
        // How many rules there are at a kill is chance; that there were none at all of them is not.
        #expect(seen >= 1)
        #expect(try node.daemon.stop() == 0)
        wire.stop()
        node.stopCard()
        #expect(try node.daemon.leftovers() == [])
    }

    @Test("without its card a node forwards, and says what is missing")
    func noCard() throws {
        let node = try CardNode()
        try node.daemon.start()
        let status = try node.status()
        #expect(status.card == nil)
        #expect(status.complaints.contains { $0.contains("card.sock") && $0.contains("is not used") }, "\(status)")
        #expect(try node.daemon.port("p1").attachMode == "native")
        #expect(try node.daemon.stop() == 0)
        #expect(try node.daemon.leftovers() == [])
    }
}
#endif
