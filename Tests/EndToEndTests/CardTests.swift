// SPDX-License-Identifier: Apache-2.0
#if Northbound
import Foundation
import Glibc
import Soak
import TestSupport
import Testing

@Suite("A node with a card", .requiresKernel)
struct CardTests {
    /// A node whose traffic has moved to its card; in the end nothing is left of it.
    private func withHotTraffic(_ body: (CardNode) throws -> Void) throws {
        let node = try CardNode()
        try node.startCard()
        try node.daemon.start()
        let traffic = try node.startTraffic()
        defer { traffic.stop() }
        #expect(try eventually(timeout: 60) { try node.rules().first?.state == "settled" })
        try body(node)
        traffic.stop()
        #expect(try node.daemon.stop() == 0)
        node.stopCard()
        #expect(try node.daemon.leftovers() == [])
    }

    @Test(
        "hot traffic over the card's cable moves to the card, the card does what the node's memory says, and a killed node finds it as it was"
    )
    func hotTraffic() throws {
        let node = try CardNode()
        try node.startCard()
        try node.daemon.start()
        #expect(try node.status().card?.problem == nil)
        let traffic = try node.startTraffic()
        defer { traffic.stop() }
        let moved = try eventually(timeout: 60) { try node.rules().first?.state == "settled" }
        let state = try node.daemon.ask("status")
        #expect(moved, "\(state)")
        // From here on frames do not come by the node.
        let handedUp = try node.handedUp()
        let before = traffic.cameOut.port2
        #expect(eventually { traffic.cameOut.port2 > before + 100 })
        #expect(try node.handedUp() - handedUp < 100)
        let rule = try #require(try node.rules().first)
        #expect(rule.action == "forward p2" && rule.match?.contains("02:00:00:00:00:02") == true, "\(rule)")
        #expect(try node.status().card?.placed ?? 0 > 0)
        #expect(try node.daemon.port("p1").up)

        let audit = try node.audit()
        #expect(audit.isSuccess && audit.output.hasPrefix("1 rules tried, 0 wrong, 0 not tried"), "\(audit)")
        #expect(audit.output.contains("word by word"), "\(audit)")
        let byWire = try node.auditByWire()
        #expect(byWire.isSuccess && byWire.output.hasPrefix("1 rules tried, 0 wrong, 0 not tried"), "\(byWire)")
        let half = try node.auditByWire(["0=far0"])
        #expect(half.status == 1 && half.output.contains("no wire was named for port 2"), "\(half)")

        // An action that somebody else has written over: to port 0, where frames of this rule come from.
        let address = 0x89_0000 + 4 * (rule.actionId ?? 0)
        let written = try Piccolo.run([
            "card", "write", "0x\(String(address, radix: 16))", "0x1", "--card", "simulated:\(node.socket)",
        ])
        #expect(written.isSuccess, "\(written)")
        let wrong = try node.audit()
        #expect(wrong.status == 1 && wrong.output.contains("1 wrong"), "\(wrong)")
        #expect(wrong.output.contains("is another on the card"), "\(wrong)")
        let wrongByWire = try node.auditByWire()
        #expect(wrongByWire.status == 1 && wrongByWire.output.contains("1 wrong"), "\(wrongByWire)")

        // All its words are written again.
        #expect(try node.daemon.ask("reconcile").isSuccess)
        let right = try node.audit()
        #expect(right.isSuccess && right.output.hasPrefix("1 rules tried, 0 wrong"), "\(right)")

        try node.daemon.stop(SIGKILL)
        try node.daemon.start()
        #expect(try node.rules().count == 1)
        let again = try node.status()
        #expect(again.card?.problem == nil, "\(again)")
        traffic.stop()
        #expect(try node.daemon.stop() == 0)
        // It leaves nothing on the card.
        #expect(try node.rules().isEmpty)
        node.stopCard()
        #expect(try node.daemon.leftovers() == [])
        let links = try node.daemon.topology.node.run { try Command.check("ip", "-o", "link") }
        #expect(!links.contains("rt0"))
    }

    /// `PICCOLO_CARD_KILLS` makes it more; the n-th is that of seed n.
    @Test("killed at any instant, with rules coming and going, a node finds its card as its memory says")
    func killed() throws {
        let kills = getenv("PICCOLO_CARD_KILLS").flatMap { UInt64(String(cString: $0)) } ?? 6
        let node = try CardNode(stations: 8)
        try node.startCard()
        try node.daemon.start()
        let traffic = try node.startTraffic()
        defer { traffic.stop() }
        var seen = 0
        for seed in 1...kills {
            var random = SeededRandom(seed: seed)
            let end = Date().addingTimeInterval(Double.random(in: 0.05...1, using: &random))
            // Stations come and go, so that rules do.
            while Date() < end {
                let station = CardNode.mac(Int.random(in: 0..<8, using: &random))
                let entry = ["mac_table", "vlan=10", "mac=\(station)"]
                _ = try node.daemon.ask(["entry", "delete"] + entry)
                if Bool.random(using: &random) { usleep(useconds_t.random(in: 0...50_000, using: &random)) }
                _ = try node.daemon.ask(["entry", "add"] + entry + ["port=p2"])
            }
            try node.daemon.stop(SIGKILL)
            try node.daemon.start()
            let status = try node.status()
            #expect(status.card?.problem == nil && status.complaints.isEmpty, "seed \(seed): \(status)")
            let audit = try node.audit()
            #expect(audit.isSuccess && audit.output.contains(" 0 wrong, 0 not tried"), "seed \(seed): \(audit)")
            // A station that was deleted when the node was killed is to be there again.
            for station in 0..<8 {
                _ = try node.daemon.ask([
                    "entry", "add", "mac_table", "vlan=10", "mac=\(CardNode.mac(station))", "port=p2",
                ])
            }
            seen = max(seen, try node.rules().count)
            // Whatever the tables were, no frame was for port 0.
            #expect(traffic.cameOut.port0 == 0, "seed \(seed)")
        }
        // How many rules there are at a kill is chance; that there were none at all of them is not.
        #expect(seen >= 1)
        #expect(traffic.cameOut.port2 > 0)
        #expect(try node.daemon.stop() == 0)
        traffic.stop()
        node.stopCard()
        #expect(try node.daemon.leftovers() == [])
    }

    @Test("a card whose process was replaced is written again, and what it complained of is forgotten on demand")
    func replaced() throws {
        try withHotTraffic { node in
            node.stopCard(SIGKILL)
            #expect(try eventually { try node.status().complaints.contains { $0.contains("no card listens at") } })
            try node.startCard()
            #expect(try eventually { try node.status().complaints.contains { $0.contains("was reset 1 times") } })
            let audit = try node.audit()
            #expect(audit.isSuccess && audit.output.hasPrefix("1 rules tried"), "\(audit)")
            let forgotten = try node.daemon.ask("card", "acknowledge")
            #expect(forgotten.isSuccess && forgotten.output.contains("forgotten: "), "\(forgotten)")
            #expect(try node.status().complaints.isEmpty)
        }
    }

    @Test("a card and a CPU port that are taken out of the configuration after a kill are left empty by the next start")
    func takenOut() throws {
        try withHotTraffic { node in
            try node.daemon.stop(SIGKILL)
            try node.daemon.configure(ports: [], portLines: "  - {name: p3, interface: far2}\n")
            try node.daemon.start()
            #expect(try node.status().complaints.isEmpty && node.rules().isEmpty)
            let audit = try node.audit()
            #expect(audit.isSuccess && audit.output.contains("word by word"), "\(audit)")
            #expect(access("\(node.daemon.pinPath)-card", F_OK) != 0)
            let links = try node.daemon.topology.node.run { try Command.check("ip", "-o", "link") }
            #expect(!links.contains("rt0") && !links.contains("rt2"), "\(links)")
        }
    }

    @Test("settings of the file arrive at the card, and hold up nothing that goes to the node")
    func settings() throws {
        let node = try CardNode(
            ports: "{p1: {number: 0, speed: 100Mbit}, p2: 2}", more: ["packet_memory: 64", "promote: 1Mpps"])
        try node.startCard()
        func speeds() throws -> UInt32 {
            let register = try Piccolo.run([
                "card", "regs", "net.speed", "--card", "simulated:\(node.socket)", "--json",
            ])
            let words = try JSONDecoder().decode([Register].self, from: Data(register.output.utf8))
            return try #require(words.first?.value)
        }
        let before = try speeds()
        try node.daemon.start()
        // Two bits a port: 1 is 100 Mb/s.
        #expect(try speeds() == before & ~3 | 1)
        let traffic = try node.startTraffic()
        defer { traffic.stop() }
        // A frame of 78 bytes is more than one rule may hold here; no rule knows it.
        #expect(try eventually { try node.handedUp() > 100 })
        #expect(eventually { traffic.cameOut.port2 > 100 })
        traffic.stop()
        #expect(try node.daemon.stop() == 0)
        node.stopCard()
        #expect(try node.daemon.leftovers() == [])
    }

    private struct Register: Decodable { var value: UInt32? }

    @Test("a simulated TrustNode is reached word by word, and is not taken for a Real-Time HAT")
    func trustNode() throws {
        let folder = "/tmp/piccolo-test-trustnode-\(getpid())"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let socket = "\(folder)/card.sock"
        var card = try RunningCommand([
            Piccolo.path(), "card", "simulate", "--listen", socket, "--board", "trustnode",
        ])
        #expect(eventually { access(socket, F_OK) == 0 })
        let place = "simulated:\(socket)"
        let info = try Piccolo.run(["card", "info", "--card", place])
        #expect(info.isSuccess && info.output.contains("trustnode"), "\(info)")
        let selftest = try Piccolo.run(["card", "selftest", "--card", place])
        #expect(selftest.isSuccess, "\(selftest)")
        let clocked = try Piccolo.run(["card", "info", "--card", place, "--speed", "1000"])
        #expect(!clocked.isSuccess && clocked.errorOutput.contains("--speed is for SPI"), "\(clocked)")
        card.send(signal: SIGTERM)
        #expect(card.wait(timeout: 10) == 0)
        #expect(access(socket, F_OK) != 0)
    }

    @Test("without its card a node forwards, and says what is missing; when the card answers it is used")
    func noCard() throws {
        let node = try CardNode()
        try node.daemon.start()
        let status = try node.status()
        #expect(status.card == nil)
        #expect(status.complaints.contains { $0.contains("card.sock") && $0.contains("is not used") }, "\(status)")
        #expect(try node.daemon.port("p1").attachMode == "native")
        let before = try node.daemon.status().pid
        try node.startCard()
        let traffic = try node.startTraffic()
        defer { traffic.stop() }
        #expect(try eventually(timeout: 60) { try (try? node.rules())?.first?.state == "settled" })
        let after = try node.daemon.status()
        #expect(after.pid == before && after.complaints.isEmpty && after.start?.tables == "adopted", "\(after)")
        traffic.stop()
        #expect(try node.daemon.stop() == 0)
        node.stopCard()
        #expect(try node.daemon.leftovers() == [])
    }

    @Test("a card that hangs holds nobody up for long, and is used again when it goes on")
    func hangs() throws {
        try withHotTraffic { node in
            node.signalCard(SIGSTOP)
            let isLeftAlone = try eventually {
                try node.status().complaints.contains { $0.contains("left alone for a while") }
            }
            #expect(isLeftAlone)
            node.signalCard(SIGCONT)
            let isWell = try eventually(timeout: 40) {
                try node.status().complaints.allSatisfy { !$0.contains("left alone") }
            }
            #expect(isWell)
            // It may have left meanwhile, since nothing was counted of it.
            let isRight = try eventually(timeout: 60) {
                try node.audit().output.hasPrefix("1 rules tried, 0 wrong, 0 not tried")
            }
            #expect(isRight)
        }
    }
}
#endif
