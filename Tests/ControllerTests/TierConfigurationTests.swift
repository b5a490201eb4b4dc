// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables
import Testing

@testable import Controller

private let ports = "ports: [{name: p1}, {name: p2}]\n"
private let card = ports + "card:\n  bus: \"spi:/dev/spidev0.0\"\n  ports: {p1: 0}\n"

private let broken: [Broken] = [
    Broken("a card in one word", ports + "card: spi", (2, 7, ["card", "bus:"])),
    Broken("a card without a bus", ports + "card: {ports: {p1: 0}}", (2, 7, ["needs \"bus\""])),
    Broken(
        "a bus of another kind", ports + "card: {bus: usb, ports: {p1: 0}}", (2, 13, ["usb", "spi:/dev/spidev0.0"])),
    Broken("a path that is none", ports + "card: {bus: \"spi:spidev0.0\", ports: {p1: 0}}", (2, 13, ["simulated:/"])),
    Broken(
        "a PCI address that is none", ports + "card: {bus: \"pci:01:00.0\", ports: {p1: 0}}",
        (2, 13, ["pci:0000:01:00.0"])),
    Broken(
        "a clock where there is none", ports + "card: {bus: \"pci:0000:01:00.0\", speed: 50MHz, ports: {p1: 0}}",
        (2, 40, ["speed is for SPI", "pci:0000:01:00.0"])),
    Broken("a clock that is none", card + "  speed: fast\n", (5, 10, ["fast", "50MHz"])),
    Broken("a card without ports", ports + "card: {bus: \"spi:/dev/x\"}", (2, 7, ["needs \"ports\""])),
    Broken(
        "ports in a list", ports + "card: {bus: \"spi:/dev/x\", ports: [p1]}", (2, 34, ["a list", "{p1: 0, p2: 2}"])),
    Broken(
        "a port the node does not have", ports + "card: {bus: \"spi:/dev/x\", ports: {p3: 0}}",
        (2, 35, ["no port \"p3\"", "p2"])),
    Broken(
        "a port the card cannot have", ports + "card: {bus: \"spi:/dev/x\", ports: {p1: 32}}",
        (2, 39, ["32", "0 to 15"])),
    Broken(
        "a port of the card given twice", ports + "card: {bus: \"spi:/dev/x\", ports: {p1: 2, p2: 2}}",
        (2, 46, ["port 2 of the card is p1 already"])),
    Broken(
        "the port that is cabled to the host", ports + "card: {bus: \"spi:/dev/x\", ports: {p1: 1}}",
        (2, 39, ["cabled to the host", "0 and 2"])),
    Broken(
        "a cable where there is none",
        ports + "card:\n  bus: \"pci:0000:01:00.0\"\n  ports: {p1: 0}\n  cpu_port: {interface: eth0}\n",
        (5, 13, ["cpu_port is for a Real-Time HAT", "TrustNode"])),
    Broken(
        "a cable that no interface can be", card + "  cpu_port: {interface: an-interface-of-18}\n",
        (5, 25, ["an-interface-of-18", "1 to 15 characters"])),
    Broken(
        "a port for a cable", card + "  cpu_port: {interface: p2}\n", (5, 25, ["p2, which is port p2's", "cable"])),
    Broken("a mode there is not", card + "  mode: 4\n", (5, 9, ["4", "0 to 3"])),
    Broken(
        "a board that the bus does not lead to", card + "  board: trustnode\n",
        (5, 10, ["trustnode", "leads to a real-time-hat"])),
    Broken(
        "a speed that is none", ports + "card: {bus: \"spi:/dev/x\", ports: {p1: {number: 0, speed: 2Gbit}}}",
        (2, 58, ["2Gbit", "1Gbit"])),
    Broken("memory in odd bytes", card + "  packet_memory: 100\n", (5, 18, ["100", "multiple of 64"])),
    Broken(
        "a 6Tree that is elsewhere",
        card + "  six_tree: {prefix: \"fd00::/64\", source_nibble: 1, destination_nibble: 2}\n",
        (5, 22, ["fd00::/64", "af00::/8"])),
    Broken("a tenant who is not there", card + "  shares: {blue: 3%}\n", (5, 12, ["blue", "no port has"])),
    Broken("a key set there is not", card + "  hash_revision: 13\n", (5, 18, ["13", "1 to 12"])),
    Broken(
        "a trait said twice", card + "  traits: [skips_options, skips_options]\n",
        (5, 27, ["skips_options", "twice"])),
    Broken(
        "no frame at all", card + "  traits: [{minimum_frame: 100}, {maximum_frame: 99}]\n",
        (5, 11, ["minimum_frame (100)", "maximum_frame (99)"])),
    Broken("a drop bit that is the output's", card + "  quirks: {drop_bit: 0}\n", (5, 22, ["0", "6 to 7"])),
    Broken(
        "a VLAN id for frames without a tag that is a VLAN's", card + "  quirks: {untagged_vlan: 10}\n",
        (5, 27, ["10", "0 or 4095"])),
    Broken("an unknown trait", card + "  traits: [clever]\n", (5, 12, ["clever", "skips_malformed", "tags_read:"])),
    Broken("a trait out of range", card + "  traits: [{tags_read: 3}]\n", (5, 24, ["3", "0 to 2"])),
    Broken(
        "thresholds the wrong way round", card + "  promote: 100pps\n",
        (5, 12, ["demote (200pps)", "promote (100pps)"])),
    Broken("a rate that is none", card + "  demote: 3%\n", (5, 11, ["3%", "1000pps"])),
    Broken("more than the whole", card + "  share: 101%\n", (5, 10, ["101%", "1% to 100%"])),
    Broken("a word that is near", card + "  promte: 5\n", (5, 3, ["did you mean \"promote\""])),
]

@Suite("The card in the configuration file")
struct TierConfigurationTests {
    @Test("every mistake is named with its line, its column and what would be right", arguments: broken)
    func complaints(_ file: Broken) throws {
        let error = try #require(throws: ConfigurationError.self) {
            try Configuration.parse(file.text, file: "node.yaml")
        }
        #expect(error.complaints.count == file.complaints.count, "\(error)")
        for (complaint, expected) in zip(error.complaints, file.complaints) {
            #expect(complaint.location == SourceLocation(line: expected.line, column: expected.column), "\(complaint)")
            for word in expected.words { #expect(complaint.message.contains(word), "\(complaint)") }
        }
    }

    private static let everything = """
        ports:
          - {name: p1, tenant: blue}
          - {name: p2}

        card:
          bus: "simulated:/run/card.sock"
          board: trustnode
          ports: {p1: {number: 0, speed: 100Mbit}, p2: 2}
          hash_revision: 9
          traits: [skips_malformed, knows_fragments, {tags_read: 1}, {maximum_frame: 1514}]
          packet_memory: 16384
          six_tree: {prefix: "af12:3456:789a:bcde::/64", source_nibble: 3, destination_nibble: 4}
          promote: 2500pps
          demote: 1kpps
          share: 30%
          shares: {blue: 70%}

        """

    @Test("all fields arrive, and are written as they came")
    func fields() throws {
        let configuration = try Configuration.parse(Self.everything, file: "f")
        let card = try #require(configuration.card)
        #expect(card.bus == .simulated("/run/card.sock") && card.hashRevision == 9 && card.speed == nil)
        #expect(card.ports.map(\.name.value) == ["p1", "p2"] && card.ports.map(\.physical) == [0, 2])
        #expect(card.traits.skipsMalformed && card.traits.knowsFragments && !card.traits.skipsOptions)
        #expect(card.traits.tagsRead == 1 && card.traits.maximumFrame == 1514 && card.traits.minimumFrame == nil)
        #expect(card.promote == 2500 && card.demote == 1000 && card.share == 30 && card.shares == ["blue": 70])
        #expect(
            card.board == .trustNode && card.ports.map(\.speed) == [.mbps100, nil] && card.packetMemory == 16 << 10)
        #expect(card.sixTree?.sourceNibble == 3 && card.sixTree?.destinationNibble == 4)
        #expect(ConfigurationWriter.text(of: configuration) == Self.everything)
    }

    @Test("what a running node cannot follow is said")
    func fixed() throws {
        let core = Fixture.core(ReferenceDataPlane())
        _ = try core.apply(try Fixture.configuration(card), facts: HostFacts(), now: Fixture.second)
        let other =
            card.replacing("spidev0.0", with: "spidev0.1").replacing("p1: 0", with: "p1: 2") + "  promote: 9kpps\n"
        let report = try core.apply(try Fixture.configuration(other), facts: HostFacts(), now: Fixture.second)
        let late = report.notices.filter { $0.contains("next start") }
        #expect(late == ["card.bus takes effect at the next start", "card.ports takes effect at the next start"])
    }

    @Test("what a running node cannot follow stays said until the file agrees with the start again")
    func staysSaid() throws {
        let core = Fixture.core(ReferenceDataPlane())
        func file(_ text: String) throws -> ConfigurationFile { try ConfigurationFile(text: text, path: "node.yaml") }
        _ = try core.start(try file(card), facts: HostFacts(), now: Fixture.second) { Fixture.second }
        func late(_ text: String) throws -> [String] {
            try core.apply(try file(text).configuration, facts: HostFacts(), now: Fixture.second).notices
                .filter { $0.contains("next start") }
        }
        let memory = ["card.packet_memory takes effect at the next start"]
        #expect(try late(card + "  packet_memory: 32KiB\n") == memory)
        #expect(try late(card + "  packet_memory: 32KiB\n  demote: 40pps\n") == memory)
        #expect(try late(card + "  demote: 40pps\n") == [])
    }
}
